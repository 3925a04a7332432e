"""toolkit/queries.py: what a .sql file of named queries may look like, and what is bound to its parameters."""

from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest

from toolkit.console import UserError
from toolkit.queries import Query, read_queries

FILE = """-- Words about the file.

-- A heading

-- name: first
-- It answers v1.5 of a question. It shows
-- two lines.
SELECT 'it''s' /* :text */ AS a, 2 /* :number */ + 2 /*:number*/ AS b, -1.50 /* :negative */ AS c, '50%' AS d,
       NULL /* :anything */::TEXT AS e;


-- Another heading

-- name: second
SELECT 1, ';' AS semicolon, /* no mark: it is a comment */ 2; -- with words behind it
"""


def queries_of(tmp_path: Path, text: str) -> dict[str, Query]:
    (tmp_path / "my.sql").write_text(text)
    return read_queries(tmp_path / "my.sql")


@pytest.fixture
def queries(tmp_path: Path) -> dict[str, Query]:
    return queries_of(tmp_path, FILE)


def test_names_comments_and_parameters(queries: dict[str, Query]) -> None:
    first, second = queries.values()
    assert list(queries) == [first.name, second.name] == ["first", "second"]
    assert first.description == "It answers v1.5 of a question. It shows two lines."
    assert first.summary == "It answers v1.5 of a question."
    assert first.defaults == {"text": "it's", "number": Decimal(2), "negative": Decimal("-1.50"), "anything": None}
    assert first.text.startswith("SELECT 'it''s' /* :text */")
    assert "heading" not in first.text
    assert (second.description, second.summary, second.defaults) == ("", "", {})


def test_what_is_bound_is_what_the_server_gets(queries: dict[str, Query], server_url: str) -> None:
    connection = psycopg2.connect(server_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(*queries["first"].bind({}))
        assert cursor.fetchone() == ("it's", 4, Decimal("-1.50"), "50%", None)
        cursor.execute(*queries["first"].bind({"number": 5, "text": "'; DROP TABLE users; --", "anything": "50"}))
        assert cursor.fetchone() == ("'; DROP TABLE users; --", 10, Decimal("-1.50"), "50%", "50")
        cursor.execute(*queries["second"].bind({}))
        assert cursor.fetchone() == (1, ";", 2)
    connection.close()


def test_what_was_sent_can_be_pasted_and_read_again(queries: dict[str, Query], server_url: str, tmp_path: Path) -> None:
    connection = psycopg2.connect(server_url)
    with connection.cursor() as cursor:
        sent = cursor.mogrify(*queries["first"].bind({"number": 7, "text": "it is"})).decode()
    connection.close()
    again = queries_of(tmp_path, f"-- name: again\n{sent};\n")["again"]
    expected = {"text": "it is", "number": Decimal(7), "negative": Decimal("-1.50"), "anything": None}
    assert again.defaults == expected


def test_a_parameter_that_a_query_has_not_is_an_error_that_names_those_it_has(queries: dict[str, Query]) -> None:
    with pytest.raises(UserError, match="first has no parameter nmber; it has: text, number, negative, anything"):
        queries["first"].bind({"nmber": 3})
    with pytest.raises(UserError, match="it has: none"):
        queries["second"].bind({"number": 3})


def test_what_a_person_types_is_a_number_where_the_default_is_one(queries: dict[str, Query]) -> None:
    assert queries["first"].value("text", "12") == "12"
    assert queries["first"].value("number", "12") == Decimal(12)
    assert queries["first"].value("number", "-0.5") == Decimal("-0.5")
    for text in ("", "ten", "1 OR 1=1", "nan", "Infinity"):
        with pytest.raises(UserError, match="parameter number of the query first is a number, not"):
            queries["first"].value("number", text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n", 3, "there is a query a above already"),
        ("\n-- name:\nSELECT 1;\n", 2, "expected one word as the name of the query, got ''"),
        ("-- name: two words\nSELECT 1;\n", 1, "expected one word as the name of the query, got 'two words'"),
        ("-- name: a\n-- Only words.\n\n-- name: b\nSELECT 1;\n", 1, "the query a has no SQL"),
        ("-- name: a\nSELECT x /* :y */ FROM z;\n", 1, "a mark /* :... */ of the query a stands behind no literal"),
        ("-- name: a\nSELECT 1 /* :x */, 2 /* :x */;\n", 1, "the parameter x of the query a has two defaults"),
    ],
)
def test_a_file_that_cannot_be_meant(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(UserError) as caught:
        queries_of(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'my.sql'}, line {line}: {message}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.sql cannot be read: "):
        read_queries(tmp_path / "none.sql")
    (tmp_path / "latin.sql").write_bytes(b"-- name: a\nSELECT '\xe9';\n")
    with pytest.raises(UserError, match=r"latin\.sql cannot be read: "):
        read_queries(tmp_path / "latin.sql")
