"""Schemas unlike the six tables load without a change in Python."""

import json
import random
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extras, sql
from seeding import load, query, run, write

from toolkit import schema
from toolkit.console import UserError
from toolkit.database import Database
from toolkit.database.catalog import is_cockroachdb

PROJECT = Path(__file__).resolve().parents[2]
SCHEMAS = Path(__file__).with_name("schemas")


def as_in_a_file(value: Any) -> Any:
    """Return a value of the database as the fixtures of these tests write it."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value).replace(",", "")
    if isinstance(value, memoryview):
        return f"\\x{value.hex()}"
    return value


def rows_of(url: str, table: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the rows of a table, in any order; arrays of enums as lists."""
    connection = psycopg2.connect(url)
    try:
        extras.register_default_jsonb(connection, loads=partial(json.loads, parse_float=Decimal))
        with connection.cursor() as cursor:
            names = [sql.Identifier(name) for name in columns]
            values = [
                sql.SQL("{}::TEXT[]" if name.as_string(cursor) == '"moods"' else "{}").format(name) for name in names
            ]
            cursor.execute(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(values), sql.Identifier(table)))
            return [dict(zip(columns, map(as_in_a_file, row), strict=True)) for row in cursor]
    finally:
        connection.close()


def on_cockroachdb(url: str) -> bool:
    """Whether the tests run on CockroachDB."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            return is_cockroachdb(cursor)
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["company", "hostile"])
def test_another_schema_loads_exactly_and_twice(url: str, name: str) -> None:
    query(url, (SCHEMAS / f"{name}.sql").read_text("utf-8"))
    file = SCHEMAS / f"{name}.json"
    first = load(url, file)
    fixture = json.loads(file.read_text("utf-8"), parse_float=Decimal)
    for table, rows in fixture.items():
        assert first[table] == {"new": len(rows), "changed": 0, "unchanged": 0}
        for columns in {tuple(row) for row in rows}:
            there = rows_of(url, table, columns)
            for row in rows:
                assert tuple(row) != columns or row in there
        assert query(url, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))) == [(len(rows),)]
    second = load(url, file)
    for table, rows in fixture.items():
        assert second[table] == {"new": 0, "changed": 0, "unchanged": len(rows)}


def test_a_terminal_that_does_not_know_the_letters_of_a_table(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query(url, 'CREATE TABLE "映画" (id INT8 NOT NULL PRIMARY KEY)')
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    result = run(url, write(tmp_path, {"映画": [{"id": 1}]}))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(r"\u6620\u753b")


def test_defaults_fill_the_columns_that_are_left_out(url: str) -> None:
    query(url, (SCHEMAS / "company.sql").read_text("utf-8"))
    load(url, SCHEMAS / "company.json")
    assert query(url, "SELECT grade::TEXT, salary, lucky_numbers, profile FROM employees WHERE name = 'Cleo'") == [
        ("junior", Decimal("1000.50"), [], {"theme": "dark"})
    ]
    assert query(url, "SELECT open_days FROM departments WHERE code = 'R&D'") == [([True, True],)]


def test_names_stay_names_in_messages_of_the_server(url: str, tmp_path: Path) -> None:
    query(url, (SCHEMAS / "hostile.sql").read_text("utf-8"))
    load(url, SCHEMAS / "hostile.json")
    table = 'users"; DROP TABLE users; --'
    file = write(tmp_path, {table: [{"select": "a", "%s": "bad"}, {"select": "b", "100%": 1}]})
    with pytest.raises(UserError) as caught:
        load(url, file)
    check, unique = str(caught.value).splitlines()[1:]
    place = rf"{file}, table users\"; DROP TABLE users; --, row"
    assert check.strip().startswith(f'{place} 1 (select "a"), column %s: breaks not "%s": CHECK ((')
    assert unique.strip().startswith(f'{place} 2 (select "b"), column 100%: breaks one 100%: ')
    assert unique.endswith("in the row with select *")


@pytest.mark.parametrize("order", ["forward", "backward", "random"])
def test_a_chain_of_thousands_in_one_table_loads_in_any_order(url: str, tmp_path: Path, order: str) -> None:
    query(url, "CREATE TABLE staff (id INT8 NOT NULL PRIMARY KEY, boss INT8 REFERENCES staff (id), name TEXT)")
    # Of every third row the name is left out, so that the rows cannot all go in one statement.
    rows = [{"id": n, "boss": n - 1 or None, **({"name": f"n{n}"} if n % 1_000 else {})} for n in range(1, 5_001)]
    if order == "backward":
        rows.reverse()
    if order == "random":
        random.Random(7).shuffle(rows)
    file = write(tmp_path, {"staff": rows})
    assert load(url, file) == {"staff": {"new": 5_000, "changed": 0, "unchanged": 0}}
    assert query(url, "SELECT count(*), count(boss), count(name), max(id - boss) FROM staff") == [
        (5_000, 4_999, 4_995, 1)
    ]
    assert load(url, file) == {"staff": {"new": 0, "changed": 0, "unchanged": 5_000}}


def test_a_seventh_table_beside_the_six(database: Database, url: str, tmp_path: Path) -> None:
    statements = (PROJECT / "schema.sql").read_text("utf-8")
    seventh = """
        CREATE TABLE IF NOT EXISTS watch_lists (
            user_id INT8 NOT NULL REFERENCES users (user_id),
            content_id INT8 NOT NULL REFERENCES content (content_id),
            note VARCHAR(20),
            PRIMARY KEY (user_id, content_id)
        );"""
    file = write(tmp_path, statements + seventh, "schema.sql")
    schema.apply(database, file)
    rows = [{"user_id": 1, "content_id": 2, "note": "tonight"}, {"user_id": 1, "content_id": 1}]
    sample = PROJECT / "test_data.json"
    assert load(url, sample, write(tmp_path, {"watch_lists": rows}))["watch_lists"]["new"] == 2
    assert query(url, "SELECT * FROM watch_lists ORDER BY content_id") == [(1, 1, None), (1, 2, "tonight")]


COUNTERS = {
    "serial": "id SERIAL NOT NULL PRIMARY KEY",
    "a sequence": "id INT8 NOT NULL PRIMARY KEY DEFAULT nextval('numbers')",
    "identity": "id INT8 GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
}


@pytest.mark.parametrize("kind", COUNTERS)
@pytest.mark.parametrize("ids", [[1], [3, 1], [1, 2, 70_000], [-5], [-5, 0, 1]], ids=str)
def test_the_next_row_gets_a_new_number(url: str, tmp_path: Path, kind: str, ids: list[int]) -> None:
    query(url, "CREATE SEQUENCE numbers")
    try:
        query(url, f'CREATE TABLE "t%s" ({COUNTERS[kind]}, a TEXT)')
    except psycopg2.errors.SyntaxError:
        assert on_cockroachdb(url)
        pytest.skip("this CockroachDB has no identity columns")
    file = write(tmp_path, {"t%s": [{"id": number, "a": "given"} for number in ids]})
    for _ in range(2):
        load(url, file)
        for _ in range(2):
            query(url, """INSERT INTO "t%s" (a) VALUES ('by itself')""")
    assert query(url, """SELECT count(*), count(DISTINCT id) FROM "t%s" """) == [(len(ids) + 4,) * 2]
    assert query(url, """SELECT id FROM "t%s" WHERE a = 'given' ORDER BY id""") == [(number,) for number in sorted(ids)]


def test_a_column_with_a_sequence_may_be_null_or_no_integer(url: str, tmp_path: Path) -> None:
    query(url, "CREATE SEQUENCE numbers")
    cast = "::DECIMAL" if on_cockroachdb(url) else ""  # which has no implicit one here
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a INT8 DEFAULT nextval('numbers'),"
               f" b DECIMAL DEFAULT nextval('numbers'){cast})")  # fmt: skip
    load(url, write(tmp_path, '{"t": [{"id": 1, "a": null, "b": 1.5}, {"id": 2, "a": 9, "b": 2}, {"id": 3}]}'))
    assert query(url, "SELECT id, a, b FROM t WHERE id < 3 ORDER BY id") == [(1, None, Decimal("1.5")), (2, 9, 2)]


def test_keys_left_out_are_positions_over_the_documents_of_the_load(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT4 NOT NULL PRIMARY KEY, a TEXT)")
    query(url, "CREATE TABLE u (id UUID NOT NULL PRIMARY KEY, a TEXT)")
    first = write(tmp_path, {"t": [{"a": "1"}, {"a": "2"}], "u": [{"a": "1"}]}, "1.json")
    second = write(tmp_path, {"t": [{"a": "3"}, {"id": 40, "a": "40"}, {"a": "5"}], "u": [{"a": "2"}]}, "2.json")
    for what in ("new", "unchanged"):
        counts = load(url, first, second)
        assert (counts["t"][what], counts["u"][what]) == (5, 2)
    assert query(url, "SELECT id, a FROM t ORDER BY id") == [(1, "1"), (2, "2"), (3, "3"), (5, "5"), (40, "40")]
    ids = dict(query(url, "SELECT a, id::TEXT FROM u"))
    assert len(set(ids.values())) == 2
    assert {key[14] for key in ids.values()} == {"5"}  # UUIDs of version 5


def test_a_key_of_text_or_of_two_columns_cannot_be_left_out(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (code TEXT NOT NULL PRIMARY KEY)")
    query(url, "CREATE TABLE u (a INT8 NOT NULL DEFAULT 1, b INT8 NOT NULL, PRIMARY KEY (a, b))")
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, {"t": [{}], "u": [{"b": 1}]}))
    lines = str(caught.value).splitlines()
    assert lines[1].endswith("column code: missing: the column has no default and may not be NULL")
    assert lines[2].endswith("column a: missing: a row is known by its primary key")


def test_stored_generated_columns_are_left_to_the_server(url: str, tmp_path: Path) -> None:
    generated = "AS (a + b) STORED" if on_cockroachdb(url) else "GENERATED ALWAYS AS (a + b) STORED"
    query(url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a INT8, b INT8, total INT8 {generated})")
    load(url, write(tmp_path, {"t": [{"id": 1, "a": 2, "b": 3}]}))
    assert query(url, "SELECT total FROM t") == [(5,)]


# Tables of PostgreSQL only, with rows, and what is then in them, column by column in the order of their names.
POSTGRESQL = {
    "a virtual generated column": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8, b INT8 GENERATED ALWAYS AS (a * 2) VIRTUAL)",
        {"id": 1, "a": 2},
        ("2", "4", "1"),
    ),
    "an identity that cannot be given beside the key": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, n INT8 GENERATED ALWAYS AS IDENTITY)",
        {"id": 7},
        ("7", "1"),
    ),
    "domains": (
        "CREATE DOMAIN small AS DECIMAL(4, 2) CHECK (VALUE < 50); CREATE DOMAIN word AS VARCHAR(5);"
        "CREATE TABLE t (id INT8 PRIMARY KEY, a small, b word)",
        {"id": 1, "a": 49.5, "b": "%s"},
        ("49.50", "%s", "1"),
    ),
    "a domain with a default": (
        "CREATE DOMAIN five AS INT8 DEFAULT 5 NOT NULL; CREATE TABLE t (id INT8 PRIMARY KEY, a five)",
        {"id": 1},
        ("5", "1"),
    ),
    "a domain over an enum": (
        "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN humour AS mood;"
        "CREATE TABLE t (id INT8 PRIMARY KEY, a humour)",
        {"id": 1, "a": "bad"},
        ("bad", "1"),
    ),
    "an array of domains": (
        "CREATE DOMAIN word AS TEXT CHECK (VALUE <> ''); CREATE TABLE t (id INT8 PRIMARY KEY, a word[])",
        {"id": 1, "a": ["x", None]},
        ("{x,NULL}", "1"),
    ),
    "a range, a point, bits, money": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INT4RANGE, b POINT, c BIT(3), d VARBIT, e MONEY, f MACADDR)",
        {"id": 1, "a": "[1,5)", "b": "(1,2)", "c": "101", "d": "11", "e": "1.50", "f": "08:00:2b:01:02:03"},
        ("[1,5)", "(1,2)", "101", "11", "$1.50", "08:00:2b:01:02:03", "1"),
    ),
    "a partitioned table": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a TEXT) PARTITION BY RANGE (id);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        {"id": 1, "a": "x"},
        ("x", "1"),
    ),
    "constraints judged at COMMIT": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8 UNIQUE DEFERRABLE INITIALLY DEFERRED,"
        " b INT8 REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)",
        {"id": 1, "a": 1, "b": 1},
        ("1", "1", "1"),
    ),
    "json, which cannot be compared": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a JSON, b JSONB[])",
        {"id": 1, "a": {"b": 1, "a": [1.5]}, "b": [{"a": None}, None]},
        ('{"b": 1, "a": [1.5]}', '{"{\\"a\\": null}",NULL}', "1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", POSTGRESQL)
def test_what_only_postgresql_has(url: str, tmp_path: Path, name: str) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB, or some of its versions, has no such thing")
    statements, row, expected = POSTGRESQL[name]
    query(url, statements)
    file = write(tmp_path, {"t": [row]})
    assert load(url, file) == {"t": {"new": 1, "changed": 0, "unchanged": 0}}
    names = query(url, "SELECT column_name FROM information_schema.columns WHERE table_name = 't' ORDER BY 1")
    assert query(url, f"SELECT {', '.join(f'{name}::TEXT' for (name,) in names)} FROM t") == [expected]
    assert load(url, file) == {"t": {"new": 0, "changed": 0, "unchanged": 1}}


# Tables of PostgreSQL only, a row for t, and why it cannot be loaded.
REFUSED = {
    "a virtual generated column": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8 GENERATED ALWAYS AS (id * 2) VIRTUAL)",
        {"id": 1, "a": 2},
        "column a: the server makes this column's values (GENERATED): leave it out",
    ),
    "a domain's constraint": (
        "CREATE DOMAIN small AS INT8 CHECK (VALUE < 50); CREATE TABLE t (id INT8 PRIMARY KEY, a small)",
        {"id": 1, "a": 50},
        "the server says: value for domain small violates check constraint",
    ),
    "a domain's limit": (
        "CREATE DOMAIN word AS VARCHAR(5); CREATE TABLE t (id INT8 PRIMARY KEY, a word)",
        {"id": 1, "a": "123456"},
        "column a: expected text of at most 5 characters",
    ),
    "a name of too many bytes": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a NAME)",
        {"id": 1, "a": "é" * 32},
        "column a: expected text of at most 63 bytes",
    ),
    "an exclusion constraint": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INT4RANGE, EXCLUDE USING gist (a WITH &&));"
        "INSERT INTO t VALUES (2, '[1,5)')",
        {"id": 1, "a": "[4,6)"},
        "row 1 (id 1): the server says: conflicting key value violates exclusion constraint",
    ),
    "a trigger": (
        "CREATE TABLE t (id INT8 PRIMARY KEY);"
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not on a Monday'; END $$;"
        "CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()",
        {"id": 1},
        "row 1 (id 1): the server says: not on a Monday",
    ),
    "a foreign key judged at COMMIT": (
        "CREATE TABLE s (id INT8 PRIMARY KEY, a INT8 UNIQUE);"
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8 DEFAULT 9 CONSTRAINT judged REFERENCES s (a) DEFERRABLE INITIALLY"
        " DEFERRED)",
        {"id": 1},
        "row 1 (id 1), column a: breaks judged: Key (a)=(9) is not present in table",
    ),
    "bits that do not fit": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a BIT(3))",
        {"id": 1, "a": "10"},
        "the server says: bit string length 2 does not match type bit(3)",
    ),
    "more digits than an interval keeps": (
        "CREATE TABLE t (id INT8 PRIMARY KEY, a INTERVAL(2)[])",
        {"id": 1, "a": ["1 s", "1.125 s"]},
        "column a: expected at most 2 decimals of a second",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_only_postgresql_refuses(url: str, tmp_path: Path, name: str) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB, or some of its versions, has no such thing")
    statements, row, expected = REFUSED[name]
    query(url, statements)
    before = query(url, "SELECT * FROM t")
    for dry_run in (True, False):
        with pytest.raises(UserError) as caught:
            load(url, write(tmp_path, {"t": [row]}), dry_run=dry_run)
        assert expected in str(caught.value)
        assert query(url, "SELECT * FROM t") == before


def test_references_between_different_types_are_left_to_the_server(url: str, tmp_path: Path) -> None:
    try:
        query(url, "CREATE TABLE p (id DECIMAL NOT NULL PRIMARY KEY);"
                   "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, p INT8 REFERENCES p (id))")  # fmt: skip
    except psycopg2.Error:
        assert on_cockroachdb(url)
        pytest.skip("this CockroachDB wants the same types")
    load(url, write(tmp_path, '{"t": [{"id": 1, "p": 5}], "p": [{"id": 5.0}]}'))
    with pytest.raises(UserError, match=r"row 1 \(id 2\), column p: "):
        load(url, write(tmp_path, '{"t": [{"id": 2, "p": 6}], "p": [{"id": 5.0}]}'))


def test_a_unique_index_is_as_good_as_a_constraint(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a TEXT, b INT8)")
    query(url, "CREATE UNIQUE INDEX t_a_b_idx ON t (a, b)")
    query(url, "INSERT INTO t VALUES (7, 'x', 1)")
    rows = [{"id": 1, "a": "y", "b": 1}, {"id": 2, "a": "y", "b": 1}, {"id": 3, "a": "x", "b": 1}]
    with pytest.raises(UserError, match=r'row 2 \(id 2\), column a, b: a "y", b 1 is in row 1 already'):
        load(url, write(tmp_path, {"t": rows}))
    with pytest.raises(UserError, match=r"row 2 \(id 3\), column a, b: breaks t_a_b_idx: .*, in the row with id 7"):
        load(url, write(tmp_path, {"t": rows[1:]}))


def test_a_unique_index_over_an_expression_or_some_rows_is_left_to_the_server(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a INT8, b INT8)")
    query(url, "CREATE UNIQUE INDEX t_a_idx ON t (a) WHERE b > 0")
    load(url, write(tmp_path, {"t": [{"id": 1, "a": 1, "b": 0}, {"id": 2, "a": 1, "b": 0}, {"id": 3, "a": 1, "b": 1}]}))
    with pytest.raises(UserError, match=r"row 1 \(id 4\).*t_a_idx"):
        load(url, write(tmp_path, {"t": [{"id": 4, "a": 1, "b": 1}]}))


def test_a_reference_that_the_server_cannot_read_is_told_with_its_row(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE p (id INTERVAL NOT NULL PRIMARY KEY);"
               "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, p INTERVAL REFERENCES p (id))")  # fmt: skip
    rows = [{"id": 1, "p": "1 day"}, {"id": 2, "p": "one fortnite"}]
    with pytest.raises(UserError, match=r"row 2 \(id 2\), column p: the server says: "):
        load(url, write(tmp_path, {"t": rows, "p": [{"id": "1 day"}]}))


def test_a_database_without_tables(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no tables: run `python streaming_services\.py` first"):
        load(url, write(tmp_path, {"users": [{"user_id": 1}]}))


def test_a_hash_sharded_key(url: str, tmp_path: Path) -> None:
    if not on_cockroachdb(url):
        pytest.skip("PostgreSQL has no such keys")
    key = "PRIMARY KEY (id) USING HASH WITH BUCKET_COUNT = 4"
    query(url, "SET experimental_enable_hash_sharded_indexes = on;"
               f"CREATE TABLE t (id INT8 NOT NULL, a INT8 UNIQUE, {key})")  # fmt: skip
    rows = [{"id": number, "a": number} for number in range(1, 2_001)]
    assert load(url, write(tmp_path, {"t": rows}))["t"]["new"] == 2_000
    rows[0]["a"] = 0
    assert load(url, write(tmp_path, {"t": rows})) == {"t": {"new": 0, "changed": 1, "unchanged": 1_999}}
    assert load(url, write(tmp_path, {"t": [{"id": 1}]}))["t"]["unchanged"] == 1
    with pytest.raises(UserError, match=r"row 1 \(id 9999\), column a: breaks .*in the row with id 5"):
        load(url, write(tmp_path, {"t": [{"id": 9999, "a": 5}]}))
    many = [{"id": number, "a": number} for number in range(5_000, 16_000)]
    for what in ("new or changed", "unchanged"):
        assert load(url, write(tmp_path, {"t": many}))["t"][what] == 11_000


PARTITIONED = """
    CREATE TABLE p (id INT8, area TEXT, PRIMARY KEY (id, area)) PARTITION BY LIST (area);
    CREATE TABLE p_north PARTITION OF p FOR VALUES IN ('north') PARTITION BY RANGE (id);
    CREATE TABLE p_north_1 PARTITION OF p_north FOR VALUES FROM (0) TO (100);
    CREATE TABLE p_south PARTITION OF p FOR VALUES IN ('south');
    CREATE TABLE t (id INT8 PRIMARY KEY, p_id INT8, area TEXT, FOREIGN KEY (p_id, area) REFERENCES p (id, area))"""


def test_references_to_a_partitioned_table(url: str, tmp_path: Path) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB's partitions are no tables")
    query(url, PARTITIONED)
    parents = [{"id": 1, "area": "north"}, {"id": 1, "area": "south"}]
    rows = [{"id": 1, "p_id": 1, "area": "north"}, {"id": 2, "p_id": 1, "area": "south"}, {"id": 3, "p_id": None}]
    file = write(tmp_path, {"t": rows, "p": parents})
    for what, number in (("new", 3), ("unchanged", 3)):
        assert load(url, file)["t"][what] == number
    assert load(url, write(tmp_path, {"t": rows}))["t"]["unchanged"] == 3
    assert load(url, write(tmp_path, {"p_south": [{"id": 5, "area": "south"}]}))["p_south"]["new"] == 1
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, {"t": [{"id": 4, "p_id": 2, "area": "south"}]}))
    assert str(caught.value).count("refers to no row of p,") == 1
    many = [{"id": number, "p_id": 1, "area": "south"} for number in range(11_000)]
    assert load(url, write(tmp_path, {"t": many}))["t"]["new or changed"] == 10_999
