"""Bad input in a small load: what is wrong, where, and what was expected is told; the database stays as it was."""

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from seeding import load, query, run, snapshot, write

from toolkit.console import UserError
from toolkit.loading.problems import BadInput

# What CockroachDB v20.2 and PostgreSQL both understand; {generated} is what they write differently.
SCHEMA = """
    CREATE TYPE colour AS ENUM ('red', 'green', '100%');
    CREATE TABLE things (
        thing_id INT8 NOT NULL PRIMARY KEY,
        small INT2, medium INT4, large INT8,
        price DECIMAL(5, 2), whole DECIMAL(3), exact DECIMAL,
        ratio FLOAT8, half FLOAT4,
        name TEXT NOT NULL DEFAULT 'nameless', code VARCHAR(5), fixed CHAR(3),
        flag BOOL,
        moment TIMESTAMPTZ, local_moment TIMESTAMP, to_the_second TIMESTAMPTZ(0),
        day DATE, clock TIME, span INTERVAL,
        uid UUID, doc JSONB, numbers INT8[], words TEXT[], prices DECIMAL(5, 2)[],
        moments TIMESTAMPTZ[], clocks TIME[],
        data BYTEA, address INET, paint colour,
        doubled INT8 {generated}
    );
    CREATE TABLE shops (
        city TEXT NOT NULL, number INT8 NOT NULL, email TEXT NOT NULL, floor INT8, upper_floor INT8,
        CONSTRAINT shops_pkey PRIMARY KEY (city, number),
        CONSTRAINT shops_email_key UNIQUE (email),
        CONSTRAINT shops_floors_key UNIQUE (floor, upper_floor),
        CONSTRAINT shops_floors_order CHECK (floor <= upper_floor)
    );
    CREATE TABLE sales (
        sale_id INT8 NOT NULL PRIMARY KEY, city TEXT, number INT8, thing_id INT8, amount DECIMAL(9, 2) NOT NULL,
        CONSTRAINT sales_shop_fkey FOREIGN KEY (city, number) REFERENCES shops (city, number),
        CONSTRAINT sales_thing_fkey FOREIGN KEY (thing_id) REFERENCES things (thing_id),
        CONSTRAINT sales_amount_positive CHECK (amount > 0)
    );
    CREATE TABLE people (
        person_id INT8 NOT NULL PRIMARY KEY, boss_id INT8, age INT8,
        CONSTRAINT people_boss_fkey FOREIGN KEY (boss_id) REFERENCES people (person_id),
        CONSTRAINT people_age CHECK (age >= 0)
    );
    CREATE TABLE keyless (a INT8);
    CREATE TABLE chicken (chicken_id INT8 NOT NULL PRIMARY KEY, egg_id INT8);
    CREATE TABLE egg (egg_id INT8 NOT NULL PRIMARY KEY, chicken_id INT8 REFERENCES chicken (chicken_id));
    CREATE TABLE nest (nest_id INT8 NOT NULL PRIMARY KEY, egg_id INT8 REFERENCES egg (egg_id));
    CREATE VIEW thing_names AS SELECT thing_id, name FROM things;
    INSERT INTO things (thing_id, name) VALUES (1, 'here before');
    INSERT INTO shops (city, number, email, floor, upper_floor)
        VALUES ('Oslo', 1, 'oslo@example.com', 0, 1), ('Rome', 2, 'rome@example.com', NULL, 4)"""
TABLES = ("things", "shops", "sales", "people", "keyless", "chicken", "egg", "nest")


@pytest.fixture(scope="module")
def server(module_url: str) -> str:
    """The URL of a database with the tables."""
    ((version,),) = query(module_url, "SELECT version()")
    cockroachdb = version.startswith("CockroachDB")
    query(module_url, SCHEMA.format(generated="AS (large * 2) STORED" if cockroachdb else GENERATED))
    query(
        module_url, "ALTER TABLE chicken ADD CONSTRAINT chicken_egg_fkey FOREIGN KEY (egg_id) REFERENCES egg (egg_id)"
    )
    return module_url


GENERATED = "GENERATED ALWAYS AS (large * 2) STORED"


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """The URL of the database, which has to be afterwards as it was before."""
    before = snapshot(server, TABLES)
    yield server
    assert snapshot(server, TABLES) == before


def problems(url: str, *files: Path, **options: Any) -> list[str]:
    """Load bad fixtures, and return the lines of the error, without the folder of the first file."""
    with pytest.raises(UserError) as caught:
        load(url, *files, **options)
    return str(caught.value).replace(f"{files[0].parent}/", "").split("\n  ")


# One value of one column: the JSON text of it, what was expected, and how it is quoted if not as it is.
INTEGER = "expected an integer from -{0} to {1}"
INT2 = INTEGER.format(2**15, 2**15 - 1)
INT4 = INTEGER.format(2**31, 2**31 - 1)
INT8 = INTEGER.format(2**63, 2**63 - 1)
PRICE = "expected a number of at most 3 digits before the point and 2 after it"
WHOLE = "expected a number of at most 3 digits before the point and 0 after it"
EXACT = "expected a number of at most 131072 digits before the point and 16383 after it"
FLOAT8 = "expected a number in the range of float8"
FLOAT4 = "expected a number in the range of float4"
CODE = "expected text of at most 5 characters (varchar(5))"
FIXED = "expected text of at most 3 characters (char(3))"
NUL = "expected text without the character NUL, which no column can hold"
SURROGATE = "expected text without half a surrogate pair, which is no character"
MOMENT = "expected a timestamp like 2024-12-31T23:59:59Z"
LOCAL = "expected a timestamp like 2024-12-31T23:59:59"
ZONELESS = "expected a timestamp without a zone (timestamp), like 2024-12-31T23:59:59"
CALENDAR = "expected a day that the calendar has, in the years 0001 to 9999"
MICROSECONDS = "expected at most 6 decimals of a second: the rest would be rounded away"
DATE = "expected a date like 2024-12-31"
TIME = "expected a time like 23:59:59"
UUID = "expected a UUID like 6f1c2a30-0000-4000-8000-000000000001"
BYTES = r"expected bytes as \x and hex digits, like \x00ff"
ADDRESS = "expected an IP address like 192.0.2.1, 192.0.2.0/24 or 2001:db8::1"
DEEP = "expected JSON that is not nested so deeply"

NESTED = "expected lists of the same length in a list, and none that is empty (int8[])"

VALUES = [
    ("small", "32768", INT2),
    ("small", "-32769", INT2),
    ("medium", "2147483648", INT4),
    ("large", "9223372036854775808", INT8),
    ("large", "-9223372036854775809", INT8),
    ("large", "1" * 5_000, INT8, "1" * 57 + "..."),
    ("large", "1.5", INT8),
    ("large", "1e19", INT8),
    ("large", "1e-1", INT8),
    ("large", "1e99999999999999999999", INT8),
    ("large", '"12.5"', INT8),
    ("large", '"9223372036854775808"', INT8),
    ("large", '"+12"', INT8),
    ("large", '" 12"', INT8),
    ("large", '"012"', INT8),
    ("large", '"0x0C"', INT8),
    ("large", '"1_000"', INT8),
    ("large", '"1,000"', INT8),
    ("large", '"١٢"', INT8),
    ("large", '""', INT8),
    ("large", '"NaN"', INT8),
    ("large", "true", INT8),
    ("large", "NaN", INT8),
    ("large", '[1, {"a": 1.50}]', INT8),
    ("price", "9.999", PRICE),
    ("price", "1000", PRICE),
    ("price", "1000.5", PRICE),
    ("price", "1e400", PRICE),
    ("price", "1e-400", PRICE),
    ("price", "1e99999999999999999999", PRICE),
    ("price", '"9.999"', PRICE),
    ("price", '"9,99"', PRICE),
    ("price", '"$9.99"', PRICE),
    ("price", '"Infinity"', PRICE),
    ("price", "Infinity", PRICE),
    ("price", "-Infinity", PRICE),
    ("price", "false", PRICE),
    ("whole", "1.5", WHOLE),
    ("exact", "1e131072", EXACT),
    ("exact", "1e-16384", EXACT),
    ("exact", "-1e99999999999999999999", EXACT),
    ("exact", "NaN", EXACT),
    ("ratio", "1e400", FLOAT8),
    ("ratio", "-1e400", FLOAT8),
    ("ratio", "1e-400", FLOAT8),
    ("ratio", "1e-99999999999999999999", FLOAT8),
    ("ratio", "9007199254740993", "expected an integer that float8 holds exactly"),
    ("ratio", "NaN", FLOAT8),
    ("ratio", '"1.5"', FLOAT8),
    ("ratio", '"nan"', FLOAT8),
    ("half", "3.5e38", FLOAT4),
    ("half", "1e-50", FLOAT4),
    ("half", "16777217", "expected an integer that float4 holds exactly"),
    ("name", "null", "expected a value: the column may not be NULL", None),
    ("name", "7", "expected text"),
    ("name", r'"a\u0000b"', NUL),
    ("name", r'"a\ud800b"', SURROGATE),
    ("code", '"abcdef"', CODE),
    ("code", '"' + "ä" * 1_000 + '"', CODE, '"' + "ä" * 56 + "..."),
    ("fixed", '"abcd"', FIXED),
    ("flag", "1", "expected true or false"),
    ("flag", "0", "expected true or false"),
    ("flag", '"no"', "expected true or false"),
    ("flag", '""', "expected true or false"),
    ("flag", '"true"', "expected true or false"),
    ("moment", "1704067200", MOMENT),
    ("moment", "1704067200000", MOMENT),
    ("moment", '"1704067200"', MOMENT),
    ("moment", "45292.5", MOMENT),
    ("moment", '"08/18/2023"', MOMENT),
    ("moment", '"18.08.2023 12:00"', MOMENT),
    ("moment", '"2023/08/18"', MOMENT),
    ("moment", '""', MOMENT),
    ("moment", "false", MOMENT),
    ("moment", '"yesterday"', MOMENT),
    ("moment", '"2024-02-30T00:00:00Z"', CALENDAR),
    ("moment", '"0000-01-01T00:00:00Z"', CALENDAR),
    ("moment", '"-0044-03-15T00:00:00Z"', MOMENT),
    ("moment", '"12024-01-01T00:00:00Z"', MOMENT),
    ("moment", '"2024-01-01T24:00:00Z"', MOMENT),
    ("moment", '"2016-12-31T23:59:60Z"', MOMENT),
    ("moment", '"2024-01-01T00:00:00.1234567Z"', MICROSECONDS),
    ("moment", '"2024-01-01T00:00:00+99:00"', MOMENT),
    ("moment", '"2024-01-01T00:00:00+16:00"', MOMENT),
    ("moment", '"2024-01-01T00:00:00 Europe/Rome"', MOMENT),
    ("moment", '"9999-12-31T23:59:59-01:00"', "expected a moment in the years 0001 to 9999 (UTC)"),
    ("moment", '"0001-01-01T00:00:00+01:00"', "expected a moment in the years 0001 to 9999 (UTC)"),
    ("moment", '"٢٠٢٤-01-01T00:00:00Z"', MOMENT),
    ("moment", r'"2024-01-01T00:00:00Z\n"', MOMENT),
    ("local_moment", '"2024-01-01T00:00:00+02"', ZONELESS),
    ("local_moment", '"2024-01-01T00:00:00-00:30"', ZONELESS),
    ("local_moment", "2024", LOCAL),
    ("to_the_second", '"2024-01-01T00:00:00.5Z"', MICROSECONDS.replace("6", "0")),
    ("day", '"2024-02-30"', CALENDAR),
    ("day", '"2023-02-29"', CALENDAR),
    ("day", '"20240230"', CALENDAR),
    ("day", '"2024-0101"', DATE),
    ("day", '"2024-01-01T00:00:01"', DATE),
    ("day", '"2024-01-01T00:00:00+02:00"', DATE),
    ("day", '"2024-01-01T02:00:00+02:00"', DATE),
    ("day", '"2024-W01-1"', DATE),
    ("day", '"2024-001"', DATE),
    ("day", "45292", DATE),
    ("day", '"0044-03-15 BC"', DATE),
    ("day", "20240101", DATE),
    ("clock", '"24:00:01"', TIME),
    ("clock", '"1200"', TIME),
    ("clock", "120000", TIME),
    ("clock", '"23:59:60"', TIME),
    ("clock", '"12:00:00Z"', "expected a time without a zone, like 23:59:59"),
    ("clock", '"12:00:00.1234567"', MICROSECONDS),
    ("span", "5", "expected an interval like 1 day 02:03:04"),
    ("span", '"0.1234567 s"', MICROSECONDS),
    ("uid", '"6f1c2a30"', UUID),
    ("uid", "1", UUID),
    ("doc", '{"a": 1, "a": 2}', "expected an object in which each name occurs once"),
    ("doc", '[{"b": [{"a": 1, "a": 1}]}]', "expected an object in which each name occurs once"),
    ("doc", '{"a": NaN}', "expected JSON, which has no NaN"),
    ("doc", "-Infinity", "expected JSON, which has no -Infinity"),
    ("doc", r'{"a": ["\u0000"]}', NUL),
    ("doc", r'{"\udfff": 1}', SURROGATE),
    (
        "doc",
        '{"a": [1E+999999]}',
        "expected JSON whose numbers have at most 131072 digits before the point and 16383 after it",
        '{"a": [1E+999999]}',
    ),
    ("doc", "1e-16384", "expected JSON whose numbers have at most 131072 digits before the point and 16383 after it"),
    ("doc", "[" * 2_000 + "]" * 2_000, DEEP, None),
    ("numbers", "1", "expected a list (int8[])"),
    ("numbers", '"{1}"', "expected a list (int8[])"),
    ("numbers", "[1, 2.5]", INT8),
    ("numbers", "[[1], [2, 3]]", NESTED),
    ("numbers", "[[1], 2]", NESTED),
    ("numbers", "[[1], null]", NESTED),
    ("numbers", "[[]]", NESTED),
    ("numbers", "[[[[[[[1]]]]]]]", "expected lists in at most 6 dimensions (int8[])"),
    ("numbers", "[" * 200 + "]" * 200, "expected lists in at most 6 dimensions (int8[])", "[" * 57 + "..."),
    ("words", '["a", 1]', "expected text"),
    ("words", '{"a": "b"}', "expected a list (text[])"),
    ("prices", "[9.999]", PRICE),
    ("moments", '["2024-01-01T00:00Z", "2024-02-30T00:00Z"]', CALENDAR),
    ("clocks", '["10:00:00Z"]', "expected a time without a zone, like 23:59:59"),
    ("data", '"ff"', BYTES),
    ("data", r'"\\xf"', BYTES),
    ("data", r'"\\xgg"', BYTES),
    ("address", '"192.0.2.256"', ADDRESS),
    ("address", '"fe80::1%eth0"', ADDRESS),
    ("address", "3221225985", ADDRESS),
    ("paint", '"blue"', "expected one of red, green, 100%"),
    ("paint", "1", "expected one of red, green, 100%"),
    ("doubled", "2", "the server makes this column's values (GENERATED): leave it out", None),
]


# What is added to the message, where it can be seen what was meant.
NO_VALUE = 'for no value write null, or leave the column out; "" is a text'
NO_NUMBER = "text is read as a number if it is one of JSON: no spaces, +, leading zeros, separators, units or 0x"
WHICH = "it can be day and month or month and day: write year-month-day"
MIDNIGHT = "only midnight in UTC is a date, as the time would be lost"
HINTS = {
    ("large", '"+12"'): NO_NUMBER,
    ("large", '" 12"'): NO_NUMBER,
    ("large", '"012"'): NO_NUMBER,
    ("large", '"0x0C"'): NO_NUMBER,
    ("large", '"1_000"'): NO_NUMBER,
    ("large", '"1,000"'): NO_NUMBER,
    ("large", '"١٢"'): NO_NUMBER,
    ("large", '""'): NO_VALUE,
    ("large", "NaN"): 'JSON has no NaN: write "NaN", if the column can hold it, or null',
    ("price", '"9,99"'): NO_NUMBER,
    ("price", '"$9.99"'): NO_NUMBER,
    ("price", "Infinity"): 'JSON has no Infinity: write "Infinity", if the column can hold it, or null',
    ("price", "-Infinity"): 'JSON has no -Infinity: write "-Infinity", if the column can hold it, or null',
    ("exact", "NaN"): 'JSON has no NaN: write "NaN", if the column can hold it, or null',
    ("ratio", "NaN"): 'JSON has no NaN: write "NaN", if the column can hold it, or null',
    ("ratio", '"1.5"'): "write the number without quotation marks",
    ("doc", "-Infinity"): 'JSON has no -Infinity: write "-Infinity", if the column can hold it, or null',
    ("name", "7"): 'a text stands in quotation marks: "7"',
    ("flag", "1"): "write true, without quotation marks, if that is meant",
    ("flag", "0"): "write false, without quotation marks, if that is meant",
    ("flag", '"true"'): "write true, without quotation marks, if that is meant",
    ("flag", '"no"'): "write false, without quotation marks, if that is meant",
    ("flag", '""'): NO_VALUE,
    ("moment", "1704067200"): 'if it counts seconds since 1970 in UTC, write "2024-01-01T00:00:00Z"',
    ("moment", "1704067200000"): 'if it counts milliseconds since 1970 in UTC, write "2024-01-01T00:00:00Z"',
    ("moment", '"1704067200"'): 'if it counts seconds since 1970 in UTC, write "2024-01-01T00:00:00Z"',
    ("moment", "45292.5"): 'if it counts days as Excel does, write "2024-01-01T12:00:00Z"',
    ("moment", '"08/18/2023"'): WHICH,
    ("moment", '"18.08.2023 12:00"'): WHICH,
    ("moment", '"2023/08/18"'): "write the date with hyphens",
    ("moment", '""'): NO_VALUE,
    ("local_moment", '"2024-01-01T00:00:00+02"'): "the column has no zone: give the moment in UTC, if that is what the "
    "column holds",
    ("local_moment", '"2024-01-01T00:00:00-00:30"'): "the column has no zone: give the moment in UTC, if that is what "
    "the column holds",
    ("local_moment", "2024"): "numbers do not say since when they count, and in what: write the date as text",
    ("day", '"2024-01-01T00:00:01"'): MIDNIGHT,
    ("day", '"2024-01-01T00:00:00+02:00"'): MIDNIGHT,
    ("day", '"2024-01-01T02:00:00+02:00"'): MIDNIGHT,
    ("day", "45292"): 'if it counts days as Excel does, write "2024-01-01"',
    ("day", "20240101"): 'if these are year, month and day, write "2024-01-01"',
    ("numbers", "1"): "a single element stands in a list, too",
    ("numbers", '"{1}"'): 'write the elements as a JSON list: [1, 2], ["a", "b"]',
    ("data", '"ff"'): r'in Python "\\x" + data.hex() writes it',
    ("data", r'"\\xf"'): r'in Python "\\x" + data.hex() writes it',
    ("data", r'"\\xgg"'): r'in Python "\\x" + data.hex() writes it',
}


@pytest.mark.parametrize("case", VALUES, ids=lambda case: f"{case[0]}={case[1][:40]}")
def test_a_bad_value(url: str, tmp_path: Path, case: tuple[str, ...]) -> None:
    column, value, expected, *quoted = case
    got = "" if quoted == [None] else f", got {quoted[0] if quoted else value}"
    rows = f'{{"thing_id": 6, "name": "fine"}}, {{"thing_id": 7, "{column}": {value}}}'
    found = problems(url, write(tmp_path, f'{{"things": [{rows}]}}'))
    assert found[0] == "1 problem in the fixtures. Nothing was written."
    if expected == DEEP:  # how deep is too deep depends on Python
        assert found[1].startswith("fixture.json")
        assert "deeply" in found[1]
    else:
        hint = f" ({HINTS[column, value]})" if (column, value) in HINTS else ""
        assert found[1:] == [f"fixture.json, table things, row 2 (thing_id 7), column {column}: {expected}{got}{hint}"]


# The names of the JSON types, each with a value, and the columns that take it.
KINDS = {
    "12": "small medium large price whole exact ratio half doc",
    "1.5": "price exact ratio half doc",
    '"x"': "name code fixed doc span",
    "true": "flag doc",
    "[1]": "doc numbers prices",
    '{"a": 1}': "doc",
}


def test_every_wrong_json_type_for_every_column_is_told_at_once(url: str, tmp_path: Path) -> None:
    columns = [
        name
        for name, *_ in query(
            url,
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'things' ORDER BY ordinal_position",
        )
    ]
    columns = [name for name in columns if name not in ("thing_id", "doubled", "rowid")]
    wrong = [(column, value) for value, fine in KINDS.items() for column in columns if column not in fine.split()]
    rows = [f'{{"thing_id": {number}, "{column}": {value}}}' for number, (column, value) in enumerate(wrong, 100)]
    with pytest.raises(BadInput) as caught:
        load(url, write(tmp_path, f'{{"things": [{", ".join(rows)}]}}'))
    assert [problem.column for problem in caught.value.problems] == [column for column, _ in wrong]
    for problem, (_, value) in zip(caught.value.problems, wrong, strict=True):
        assert "expected " in problem.text
        assert f"{problem.text} (".partition(f", got {value}")[2].startswith(" (")
    assert str(caught.value).splitlines()[-1] == f"  ... and {len(wrong) - 20} more"
    assert len(str(caught.value).splitlines()) == 22


SHOP = {"city": "Bonn", "number": 9, "email": "bonn@example.com"}
HOSTILE = 'users"; DROP TABLE users; --'

# A document (or its text), and what is told of it.
DOCUMENTS: dict[str, tuple[Any, ...]] = {
    "empty": ("", "fixture.json: the file is empty"),
    "only spaces": (" \n ", "fixture.json: the file is empty"),
    "no JSON": ('{"things": [\n{thing_id: 1}]}', "fixture.json: not JSON at line 2 column 2: "
                "Expecting property name enclosed in double quotes"),
    "cut off": ('{"things": [{"thing_id": 1},\n', "fixture.json: not JSON at line 2 column 1: it ends too early"),
    "cut off in a string": ('{"things": [{"name": "a', "fixture.json: not JSON at line 1 column 22: "),
    "two documents, and more": ('{"things": []}\n{}x', "fixture.json: not JSON at line 2 column 3: Expecting value"),
    "a document and a row": ('{"things": []}\n{"thing_id": 1}', "fixture.json, table thing_id: expected a list"),
    "line feed in a string": ('{"things": [{"name": "a\nb"}]}', "fixture.json: not JSON at line 1 column 24: "
                              r"Invalid control character at this place: in a text, a line feed is written \n"),
    "not UTF-8": (b'{"things": [\n{"name": "\xe4"}]}', "fixture.json: not UTF-8: the byte 0xe4 in line 2"),
    "UTF-16 without its mark": ('{"things": []}'.encode("utf-16-le"), "fixture.json: this is UTF-16 without its mark"),
    "nested 10,000 deep": ("[" * 10_000 + "]" * 10_000, "fixture.json: "),
    "a list of no rows": ([1, 2], "fixture.json: expected an object, got [1, 2]; a list at the top is one of rows"),
    "a list of lists": ([["thing_id"], [1]], 'fixture.json: expected an object, got [["thing_id"], [1]]; a list at'),
    "null at the top": (None, "fixture.json: expected an object, table name -> list of rows, at the top"),
    "a table that is no list": ({"things": {"thing_id": 1}},
                                'fixture.json, table things: expected a list of rows, got {"thing_id": 1}'),
    "a table twice": ('{"things": [], "things": []}', "fixture.json, table things: the table is given more than once"),
    "a row that is no object": ({"things": [{"thing_id": 2}, [1]]},
                                "fixture.json, table things, row 2: expected an object, got [1]"),
    "a row that is null": ({"things": [None]}, "fixture.json, table things, row 1: expected an object, got null"),
    "a column twice": ('{"things": [{"thing_id": 2, "code": "a", "code": "b"}]}',
                       "fixture.json, table things, row 1 (thing_id 2), column code: "
                       "the column is given more than once"),
    "unknown table": ({"thing": []}, 'fixture.json, table thing: the database has no table "thing"; '
                      'did you mean "things"?'),
    "unlike any table": ({"qqq": []}, 'fixture.json, table qqq: the database has no table "qqq"; if it is to be one, '
                         "run `python streaming_services.py` first, which creates it"),
    "hostile table": ({HOSTILE: [{"a": 1}]}, r'fixture.json, table users\"; DROP TABLE users; --: '
                      r'the database has no table "users\"; DROP TABLE users; --"'),
    "hostile column": ({"things": [{"thing_id": 2, HOSTILE: 1}]},
                       r"fixture.json, table things, row 1 (thing_id 2), column users\"; DROP TABLE users; --: "
                       "the table has no such column"),
    "unknown column": ({"things": [{"thing_id": 2, "nmae": "x"}]},
                       "fixture.json, table things, row 1 (thing_id 2), column nmae: the table has no such column; "
                       'did you mean "name"?'),
    "column in other letters": ({"things": [{"thing_id": 2, "Name": "x"}]},
                                "column Name: the table has no such column; did you mean \"name\"?"),
    "endless names": ({"things": [{"thing_id": 2, "x" * 10_000: 1}]}, "column " + "x" * 50),
    "missing column": ({"sales": [{"sale_id": 3}]}, "fixture.json, table sales, row 1 (sale_id 3), column amount: "
                       "missing: the column has no default and may not be NULL"),
    "missing part of a key": ({"shops": [{"city": "Bonn", "email": "x"}]},
                              'fixture.json, table shops, row 1 (city "Bonn"), column number: missing: '
                              "the column has no default and may not be NULL"),
    "NULL as key": ({"things": [{"thing_id": None}]}, "fixture.json, table things, row 1 (thing_id null), "
                    "column thing_id: expected a value: the column may not be NULL"),
    "a key twice": ({"things": [{"thing_id": 5}, {"thing_id": 6}, {"thing_id": 5}]},
                    "fixture.json, table things, row 3 (thing_id 5), column thing_id: thing_id 5 is in row 1 already"),
    "a key given and counted": ({"things": [{"thing_id": 2}, {}]}, "fixture.json, table things, row 2, "
                                "column thing_id: thing_id 2 is in row 1 already"),
    "a composite key twice": ({"shops": [SHOP, {**SHOP, "email": "b"}]}, 'row 2 (city "Bonn", number 9), '
                              'column city, number: city "Bonn", number 9 is in row 1 already'),
    "a unique value twice": ({"shops": [SHOP, {**SHOP, "number": 10}]}, 'row 2 (city "Bonn", number 10), '
                             'column email: email "bonn@example.com" is in row 1 already'),
    "dangling": ({"sales": [{"sale_id": 1, "amount": 1, "thing_id": 99}]},
                 "fixture.json, table sales, row 1 (sale_id 1), column thing_id: thing_id 99 refers to no "
                 "row of things, in the load or in the database (sales_thing_fkey)"),
    "dangling, two columns": ({"sales": [{"sale_id": 1, "amount": 1, "city": "Oslo", "number": 2}],
                               "shops": [SHOP]},
                              'column city, number: city "Oslo", number 2 refers to no row of shops, '
                              "in the load or in the database (sales_shop_fkey)"),
    "dangling in its own table": ({"people": [{"person_id": 1, "boss_id": 2}, {"person_id": 3, "boss_id": 1}]},
                                  "fixture.json, table people, row 1 (person_id 1), column boss_id: "
                                  "boss_id 2 refers to no row of people"),
    "CHECK": ({"sales": [{"sale_id": 1, "amount": 1}, {"sale_id": 2, "amount": -0.5}]},
              "fixture.json, table sales, row 2 (sale_id 2), column amount: breaks sales_amount_positive: CHECK ((",
              ", got amount -0.5"),
    "CHECK over two columns": ({"shops": [{**SHOP, "floor": 3, "upper_floor": 2}]},
                               'row 1 (city "Bonn", number 9), column floor, upper_floor: breaks shops_floors_order: ',
                               ", got floor 3, upper_floor 2"),
    "UNIQUE": ({"shops": [{**SHOP, "email": "rome@example.com"}]},
               'fixture.json, table shops, row 1 (city "Bonn", number 9), column email: breaks shops_email_key: '
               "Key (email)=(", "in the row with city Rome, number 2"),
    "UNIQUE over two columns": ({"shops": [{**SHOP, "floor": 0, "upper_floor": 1}]},
                                "column floor, upper_floor: breaks shops_floors_key: ", "row with city Oslo, number 1"),
    "what only the server reads": ({"things": [{"thing_id": 2, "span": "1 fortnite"}]},
                                   "fixture.json, table things, row 1 (thing_id 2), column span: the server says: ",
                                   "1 fortnite"),
    "a view": ({"thing_names": [{"thing_id": 2}]}, 'fixture.json, table thing_names: "thing_names" is a view, and rows '
               "are loaded into tables only"),
    "a system table": ({"pg_class": [{"oid": 2}]}, 'the database has no table "pg_class"'),
    "a system table with its schema": ({"information_schema.tables": []}, "the database has no table"),
    "a system table that has a key": ({"pg_catalog.pg_class": [{"oid": 2}]}, "the database has no table"),
    "no primary key": ({"keyless": [{"a": 1}]}, 'fixture.json, table keyless: the table "keyless" has no primary key, '
                       "so its rows could not be told apart"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"shops": [SHOP, {**SHOP, "number": "x"}]}, 'row 2 (city "Bonn"), column email: '),
        ({"sales": [{"sale_id": "x", "amount": 1, "thing_id": 99}]}, "row 1, column thing_id: "),
    ],
    ids=["twice", "dangling"],
)
def test_a_wrong_key_is_not_shown_with_another_problem(url: str, tmp_path: Path, content: Any, told: str) -> None:
    assert told in problems(url, write(tmp_path, content))[2]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_bad_document(url: str, tmp_path: Path, name: str) -> None:
    content, *expected = DOCUMENTS[name]
    found = problems(url, write(tmp_path, content))
    assert found[0] == "1 problem in the fixtures. Nothing was written."
    for part in expected:
        assert part in found[1]
    assert len(found) == 2
    assert len(found[1]) < 400


# A JSON Lines file of things, and what is told of it.
LINES: dict[str, tuple[Any, ...]] = {
    "no JSON": ('{"thing_id": 2}\n{"thing_id" 3}\n', "things.jsonl, table things, line 2: not JSON at column 13: "
                "Expecting ':' delimiter"),
    "cut off": ('{"thing_id": 2}\n{"thing_id": 3, "na', "things.jsonl, table things, line 2: not JSON at column 17: "),
    "cut off after a comma": ('{"thing_id": 2,', "things.jsonl, table things, line 1: not JSON at column 16: "
                              "it ends too early (cut off?)"),
    "more in a line": ('{"thing_id": 2} "thing_id": 3}\n', "line 1: not JSON at column 17: Extra data"),
    "a key twice in a line": ('{"thing_id": 3}{"thing_id": 3}', "line 1 (thing_id 3), column thing_id: "
                              "thing_id 3 is in line 1 already"),
    "not UTF-8": (b'\n{"thing_id": 2}\n{"name": "\xff"}\n', "line 3: not UTF-8: the byte 0xff"),
    "no object": ("\n\n[2]\n", "things.jsonl, table things, line 3: expected an object, got [2]"),
    "a key left out": ('{"name": "a"}\n', "things.jsonl, table things, line 1, column thing_id: missing: "),
    "a wrong value": ('\n{"thing_id": 2}\n\n{"thing_id": 3, "small": 1.5}\n',
                      "things.jsonl, table things, line 4 (thing_id 3), column small: " + INT2 + ", got 1.5"),
    "a column twice": ('{"thing_id": 3, "small": 1, "small": 1}\n',
                       "line 1 (thing_id 3), column small: the column is given more than once"),
    "a key twice": ('{"thing_id": 3}\n\n{"thing_id": 3, "name": "b"}\n', "line 3 (thing_id 3), column thing_id: "
                    "thing_id 3 is in line 1 already"),
    "nested 10,000 deep": ('{"thing_id": 2, "doc": ' + "[" * 10_000 + "]" * 10_000 + "}", "line 1", "deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
def test_a_bad_json_lines_file(url: str, tmp_path: Path, name: str, compressed: bool) -> None:
    content, *expected = LINES[name]
    file = write(tmp_path, content, "things.jsonl")
    if compressed:
        file = write(tmp_path, gzip.compress(file.read_bytes()), "things.jsonl.gz")
    found = problems(url, file)
    assert found[0] == "1 problem in the fixtures. Nothing was written."
    for part in expected:
        assert part.replace("jsonl", file.name.partition(".")[2]) in found[1]
    assert len(found) == 2


def test_a_key_in_two_files_is_told_with_both(url: str, tmp_path: Path) -> None:
    first = write(tmp_path, {"things": [{"thing_id": 7}]}, "first.json")
    second = write(tmp_path, '\n{"thing_id": 7}\n', "things.1.jsonl")
    assert problems(url, first, second)[1:] == [
        "things.1.jsonl, table things, line 2 (thing_id 7), column thing_id: "
        "thing_id 7 is in row 1 of first.json already"
    ]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("price DECIMAL", "1.0 1.00"),
        ("price FLOAT8", "0.1 0.10000000000000001"),
        ("price FLOAT4", "0.1 0.100000001"),
        ("moment TIMESTAMPTZ", '"2024-01-01T00:00Z" "2024-01-01T01:00:00.0+01:00"'),
        ("moment TIMESTAMP", '"2024-01-01T00:00" "2024-01-01T00:00:00"'),
        ("clock TIME", '"10:00" "10:00:00.000"'),
        ("id UUID", '"6F1C2A30-0000-4000-8000-000000000001" "6f1c2a30-0000-4000-8000-000000000001"'),
        ("data BYTEA", r'"\\xAB" "\\xab"'),
        ("address INET", '"192.0.2.1" "192.0.2.1/32"'),
        ("name CHAR(5)", '"ab" "ab  "'),
    ],
    ids=lambda case: case,
)
def test_equal_keys_written_differently_are_the_same(empty_url: str, tmp_path: Path, column: str, values: str) -> None:
    name = column.split()[0]
    query(empty_url, f"CREATE TABLE t ({column} NOT NULL PRIMARY KEY, a INT8)")
    first, second = values.split(" ", 1) if '" "' not in values else values.replace('" "', '"|"').split("|")
    found = problems(empty_url, write(tmp_path, f'{{"t": [{{"{name}": {first}}}, {{"{name}": {second}}}]}}'))
    assert found[1].endswith("is in row 1 already")
    assert f"fixture.json, table t, row 2 ({name} " in found[1]


@pytest.fixture
def empty_url(server: str) -> Iterator[str]:
    """The URL of the database, where a table t may be made."""
    yield server
    query(server, "DROP TABLE t")


def test_rows_at_fault_are_found_in_a_batch_of_a_thousand(url: str, tmp_path: Path) -> None:
    bad = {3: -1, 500: 0, 999: -0.5}
    rows = [{"sale_id": number, "amount": bad.get(number, 1)} for number in range(1, 1_001)]
    found = problems(url, write(tmp_path, {"sales": rows}))
    assert found[0] == "3 problems in the fixtures. Nothing was written."
    for number, line in zip(bad, found[1:], strict=True):
        where = f"fixture.json, table sales, row {number} (sale_id {number}), column amount: "
        assert line.startswith(f"{where}breaks sales_amount_positive: CHECK ((amount > ")


def test_the_server_refuses_ten_thousand_rows_and_says_so_soon(url: str, tmp_path: Path) -> None:
    file = write(tmp_path, {"sales": [{"sale_id": number, "amount": -1} for number in range(10_000)]})
    begin = time.monotonic()
    found = problems(url, file)
    assert time.monotonic() - begin < 60  # PostgreSQL: 2 s
    assert found[0] == (
        "1000 problems in the fixtures. Nothing was written. There may be more: these were looked for no further."
    )
    assert found[-1] == "... and 980 more"


def test_ten_thousand_bad_rows_are_counted_soon(url: str, tmp_path: Path) -> None:
    file = write(tmp_path, {"things": [{"thing_id": 7, "small": "x", f"a{number}": 1} for number in range(10_000)]})
    begin = time.monotonic()
    found = problems(url, file)
    assert time.monotonic() - begin < 20  # 2 s
    assert found[0] == "29999 problems in the fixtures. Nothing was written."
    assert found[-1] == "... and 29979 more"
    assert len(found) == 22


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_files(url: str, tmp_path: Path) -> None:
    first = write(tmp_path, {
        "sales": [{"sale_id": 1, "amount": "x", "thing_id": 98}, {"sale_id": 2, "amount": 1, "thing_id": 99}],
        "thigs": [],
        "shops": [{**SHOP, "colour": 1}, SHOP],
    })  # fmt: skip
    second = write(tmp_path, '{"thing_id": 2, "small": true, "name": null}\n', "things.jsonl")
    found = [line.split(":")[0] for line in problems(url, first, second)[1:]]
    assert found == [
        "fixture.json, table sales, row 1 (sale_id 1), column amount",
        "fixture.json, table sales, row 1 (sale_id 1), column thing_id",
        "fixture.json, table sales, row 2 (sale_id 2), column thing_id",
        "fixture.json, table thigs",
        'fixture.json, table shops, row 1 (city "Bonn", number 9), column colour',
        'fixture.json, table shops, row 2 (city "Bonn", number 9), column city, number',
        'fixture.json, table shops, row 2 (city "Bonn", number 9), column email',
        "things.jsonl, table things, line 1 (thing_id 2), column small",
        "things.jsonl, table things, line 1 (thing_id 2), column name",
    ]


def test_bad_documents_are_told_at_once(url: str, tmp_path: Path) -> None:
    files = [write(tmp_path, content, f"{content[:1]}.json") for content in ("[5]", "{", '"x"')]
    assert problems(url, *files)[0] == "3 problems in the fixtures. Nothing was written."


def test_rows_that_refer_to_refused_rows_are_not_told(url: str, tmp_path: Path) -> None:
    rows = [
        {"person_id": 1, "boss_id": 3, "age": 1},  # in a cycle with 2 and 3
        {"person_id": 2, "boss_id": 1, "age": 1},
        {"person_id": 3, "boss_id": 2, "age": 1},
        {"person_id": 4, "boss_id": 1, "age": -1},
        {"person_id": 5, "boss_id": 4, "age": 1},
    ]
    found = problems(url, write(tmp_path, {"people": rows}))
    assert [line.split(":")[0] for line in found[1:]] == ["fixture.json, table people, row 4 (person_id 4), column age"]
    shops = {"shops": [{**SHOP, "floor": 2, "upper_floor": 1}]}
    sale = {"sale_id": 1, "city": "Bonn", "number": 9, "amount": -1}
    found = problems(url, write(tmp_path, {"sales": [sale], **shops}))
    assert [line.split(",")[1] for line in found[1:]] == [" table shops"]


def test_a_bom_is_accepted(url: str, tmp_path: Path) -> None:
    for name, content in (("a.json", '{"things": []}'), ("things.jsonl", '{"thing_id": 1, "name": "here before"}')):
        file = write(tmp_path, b"\xef\xbb\xbf" + content.encode(), name)
        assert load(url, file)["things"].get("changed", 0) == 0


def test_nothing_that_steers_a_terminal_is_printed(url: str, tmp_path: Path) -> None:
    steering = "\x1b[2J\x9b\u202e\r\x07"
    folder = tmp_path / steering
    folder.mkdir()
    file = write(folder, {
        "shops": [{"city": steering, "number": 1, "email": steering, "floor": steering, steering: steering},
                  {"city": steering, "number": 1, "email": "x"}],
        steering: [],
    })  # fmt: skip
    row = {"city": f"a\n{steering}", "number": 1, "email": "oslo@example.com"}
    server_says = write(folder, {"shops": [row]}, "b.json")
    for path, count in ((file, 5), (server_says, 2), (folder / "none.json", 1), (folder, 5)):
        result = run(url, path)
        assert result.returncode == 1
        assert all(line.isprintable() for line in result.stderr.split("\n"))
        assert len(result.stderr.splitlines()) == count
        assert r"\x1b[2J\x9b\u202e\r\x07" in result.stderr


def test_what_the_server_says_is_shortened(url: str, tmp_path: Path) -> None:
    city = "y" * 2_000
    query(url, "INSERT INTO shops (city, number, email) VALUES (%s, 1, %s)", (city, "z" * 2_000))
    try:
        found = problems(url, write(tmp_path, {"shops": [{"city": "x" * 2_000, "number": 2, "email": "z" * 2_000}]}))
    finally:
        query(url, "DELETE FROM shops WHERE city = %s", (city,))
    assert len(found[1]) < 1_000
    assert "breaks shops_email_key: Key (email)=(" in found[1]
    assert "in the row with city yyyyyyy" in found[1]


# What is on the command line, and what the script says. {folder} is the test's.
FILES = {
    "missing.json": "cannot be read: No such file or directory",
    "x" * 300 + ".json": "cannot be read: File name too long",
    "empty": "no fixtures in this folder (files that end in .json, .json.gz, .jsonl, .jsonl.gz, .ndjson, .ndjson.gz)",
    "data.csv": "the name of a fixture ends in .json, .json.gz, .jsonl, .jsonl.gz, .ndjson, .ndjson.gz",
    "data.csv/deeper.json": "cannot be read: Not a directory",
    "loop.json": "cannot be read: Too many levels of symbolic links",
    "zipped.json": "is compressed: only gzip is unpacked here",
    "cut.json.gz": "cannot be read: Compressed file ended before the end-of-stream marker was reached",
    "cut.jsonl.gz": "cannot be read: Compressed file ended before the end-of-stream marker was reached",
    "damaged.json.gz": "cannot be read: ",
    "bad.json": "fixture.json, table things, row 1 (thing_id 7), column small: expected an integer",
    "refused.json": "fixture.json, table sales, row 1 (sale_id 1), column amount: breaks sales_amount_positive",
}


@pytest.mark.parametrize("name", FILES, ids=lambda name: name[:30])
def test_the_script_says_why_and_exits_with_1(url: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop.json").symlink_to("loop.json")
    compressed = gzip.compress(json.dumps({"things": [{"thing_id": n} for n in range(2, 500)]}).encode())
    damaged = compressed[:200] + bytes(byte ^ 0xFF for byte in compressed[200:260]) + compressed[260:]
    write(tmp_path, "a,b", "data.csv")
    write(tmp_path, b"PK\x03\x04\x14\x00", "zipped.json")
    write(tmp_path, compressed[:-30], "cut.json.gz")
    write(tmp_path, compressed[:-30], "cut.jsonl.gz")
    write(tmp_path, damaged, "damaged.json.gz")
    write(tmp_path, {"things": [{"thing_id": 7, "small": "x"}]}, "bad.json")
    write(tmp_path, {"sales": [{"sale_id": 1, "amount": -1}]}, "refused.json")
    result = run(url, tmp_path / name)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert FILES[name].replace("fixture.json", name) in result.stderr
    assert "Traceback" not in result.stderr
