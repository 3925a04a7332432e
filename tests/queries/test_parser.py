"""toolkit/queries.py: what a .sql file of named queries may look like, and what is bound to its parameters."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

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


# Queries that are not what they look like when their text is searched, each with its default parameters and its row.
TRICKY: dict[str, tuple[str, dict[str, Any], tuple[Any, ...]]] = {
    "a semicolon in a comment": ("SELECT 1 AS a -- first;\n, 2 AS b;", {}, (1, 2)),
    "a semicolon at the end of a line of a string": ("SELECT 'one;\ntwo';", {}, ("one;\ntwo",)),
    "a semicolon at the end of a line of a dollar quote": ("SELECT $x$one;\ntwo$x$;", {}, ("one;\ntwo",)),
    "a semicolon in a comment in a comment": ("SELECT /* a /* b;\n */ c;\n */ 3;", {}, (3,)),
    "a name in a string": ("SELECT '\n-- name: b\n';", {}, ("\n-- name: b\n",)),
    "a name in a comment": ("SELECT /*\n-- name: b\n*/ 4;", {}, (4,)),
    "a mark in a string": ("SELECT '5 /* :x */';", {}, ("5 /* :x */",)),
    "a mark in a comment": ("SELECT 6 /* 7 /* :x */ */;", {}, (6,)),
    "a mark in a line comment": ("SELECT 6 -- 7 /* :x */\n;", {}, (6,)),
    "a mark in a quoted name": ('SELECT "8 /* :x */" FROM (SELECT 8 AS "8 /* :x */") AS t;', {}, (8,)),
    "a colon in a quoted name": ('SELECT "a:b" + 1 /* :x */ FROM (SELECT 8 AS "a:b") AS t;', {"x": Decimal(1)}, (9,)),
    "a quotation mark in a quoted name": (
        """SELECT "it's" FROM (SELECT 9 /* :x */ AS "it's") AS t;""",
        {"x": Decimal(9)},
        (9,),
    ),
    "a minus that is an operator": ("SELECT 10-3 /* :x */;", {"x": Decimal(3)}, (7,)),
    "a minus after a parenthesis": ("SELECT (10) -3 /* :x */;", {"x": Decimal(3)}, (7,)),
    "a minus after a name": ("SELECT a -3 /* :x */ FROM (SELECT 10 AS a) AS t;", {"x": Decimal(3)}, (7,)),
    "a minus that is a sign": ("SELECT 10 * -3 /* :x */;", {"x": Decimal(-3)}, (-30,)),
    "a minus after a word": ("SELECT CASE WHEN true THEN -3 /* :x */ END;", {"x": Decimal(-3)}, (-3,)),
    "a number beside an operator": ("SELECT 10<3/* :x */;", {"x": Decimal(3)}, (False,)),
    "a number that ends a name": ("SELECT t1.a1 FROM (SELECT 1 /* :x */ AS a1) AS t1;", {"x": Decimal(1)}, (1,)),
    "a number with an exponent": ("SELECT 1.5e1 /* :x */ = 15;", {"x": Decimal(15)}, (True,)),
    "a string beside an operator": ("SELECT 'a'||'b'/* :x */||'c';", {"x": "b"}, ("abc",)),
    "a cast of a string": ("SELECT '1' /* :x */::INT8 + 1;", {"x": "1"}, (2,)),
    "a type before a string": (
        "SELECT DATE '2024-01-31' /* :x */ = '2024-01-31'::DATE;",
        {"x": "2024-01-31"},
        (True,),
    ),
    "a string with backslashes": (r"SELECT '\d' /* :x */, E'\\d' /* :y */;", {"x": r"\d", "y": r"\d"}, (r"\d", r"\d")),
    "a dollar quote": ("SELECT $$it's$$ /* :x */;", {"x": "it's"}, ("it's",)),
    "a percent sign": ("SELECT 5 % 3 /* :x */, '%s', '%(y)s';", {"x": Decimal(3)}, (2, "%s", "%(y)s")),
}


@pytest.mark.parametrize("case", TRICKY)
def test_what_a_query_says_is_what_the_server_reads(case: str, tmp_path: Path, server_url: str) -> None:
    sql, defaults, row = TRICKY[case]
    queries = queries_of(tmp_path, f"-- name: a\n{sql}\n\n-- name: c\nSELECT 1;\n")
    assert list(queries) == ["a", "c"]
    assert queries["a"].defaults == defaults
    with closing(psycopg2.connect(server_url)) as connection, connection.cursor() as cursor:
        cursor.execute(*queries["a"].bind({}))
        assert cursor.fetchall() == [row]


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "my.sql").write_text("-- name: a\nSELECT 1;\n", encoding="utf-8-sig")
    assert list(read_queries(tmp_path / "my.sql")) == ["a"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n", 3, "there is a query a above already"),
        ("\n-- name:\nSELECT 1;\n", 2, "expected one word as the name of the query, got ''"),
        ("-- name: two words\nSELECT 1;\n", 1, "expected one word as the name of the query, got 'two words'"),
        ("-- name: a\n-- Only words.\n\n-- name: b\nSELECT 1;\n", 1, "the query a has no SQL"),
        ("-- name: a\nSELECT 1;\nSELECT 2;\n", 1, "the query a has more than one statement"),
        ("-- name: a\nSELECT x'ff' /* :x */;\n", 1, "a mark /* :... */ of the query a stands behind no literal"),
        ("-- name: a\nSELECT U&'a' /* :x */;\n", 1, "a mark /* :... */ of the query a stands behind no literal"),
        ("-- name: a\nSELECT 'a'\n'b' /* :x */;\n", 1, "a mark /* :... */ of the query a stands behind no literal"),
        ("-- name: a\nSELECT 1::INT8 /* :x */;\n", 1, "a mark /* :... */ of the query a stands behind no literal"),
        ("-- name: a\nSELECT 1 /* :x */ /* :y */;\n", 1, "a mark /* :... */ of the query a stands behind no literal"),
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
    with pytest.raises(UserError, match=r"latin\.sql is not text in UTF-8: byte 20"):
        read_queries(tmp_path / "latin.sql")
