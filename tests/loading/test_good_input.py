"""Good input arrives exactly: schemas, names and rows that hypothesis makes up are loaded, read back and compared."""

import itertools
import json
import struct
import tempfile
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from ipaddress import ip_interface
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import sql
from seeding import load, query, write

# What other loaders have stumbled over.
NASTY = [
    "", " ", "NULL", "null", "\\N", "\\", "\\\\", "\\.", '"', '""', "'", "''", "%", "%s", "%%", "%(a)s", "{}", "{", "}",
    "{NULL}", "a,b", ",", "\t", "\n", "\r\n", "\x01", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffd", "\U0010ffff",
    "e\u0301", "😀", "👩‍👩‍👧", "שלום", "a\\", "\\x41", "\\u0041", "$1", "--", ";", "(a)", "[1]", "true", "1", " a ",
    "a" * 5_000,
]  # fmt: skip
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.sampled_from(NASTY) | st.text(CHARACTERS, max_size=20)


def identity(value: Any) -> Any:
    return value


class Kind(NamedTuple):
    """A column's type, the values of a fixture for it, and what makes a value of file and database comparable."""

    type: str
    values: st.SearchStrategy[Any]
    from_file: Callable[[Any], Any] = identity
    from_database: Callable[[Any], Any] = identity


def integers(bits: int) -> st.SearchStrategy[Any]:
    """Integers as programs write them: also as text, with decimals that are 0, and with an exponent."""
    values = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return values | st.builds(lambda value, spell: spell(value), values, st.sampled_from(SPELLINGS))


SPELLINGS: list[Callable[[int], Any]] = [
    str, "{}.00".format, "{}e0".format, lambda value: Decimal(f"{value}.0"), lambda value: Decimal(value).normalize()
]  # fmt: skip


def as_integer(value: Any) -> int:
    return int(Decimal(value))


UUID_SPELLINGS: list[Callable[[uuid.UUID], str]] = [
    str, lambda value: str(value).upper(), lambda value: value.hex, "{{{}}}".format, "urn:uuid:{}".format
]  # fmt: skip


def decimals(whole: int, places: int) -> st.SearchStrategy[Any]:
    """Decimals of at most so many digits before and after the point, some written with an exponent."""
    limit = 10 ** (whole + places)
    digits = st.integers(1 - limit, limit - 1).map(lambda number: Decimal(f"{number}E-{places}"))
    values = digits | st.sampled_from(["0E-10", "-0.0", "0.1000000000", f"1E+{whole - 1}" if whole else "1E-1"]).map(
        Decimal
    )
    return values | values.map(str)


def stripped(text: str) -> str:
    return text.rstrip(" ")


def half(value: Any) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def moment(text: str) -> datetime:
    """Read a timestamp of a file; Python 3.10 does so only with a zone written +00:00 and six decimals."""
    text = text.upper().replace(" UTC", "Z").replace("+0000", "Z")
    text = text if len(text) > 10 else f"{text}T00:00:00"
    text, zone = (text[:-6], text[-6:]) if text[-6] in "+-" else (text.removesuffix("Z"), "+00:00")
    whole, _, fraction = text.partition(".")
    sign = -1 if zone[0] == "-" else 1
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return datetime.fromisoformat(f"{whole}.{fraction:0<6}").replace(tzinfo=timezone.utc) - sign * offset


def span(text: str) -> timedelta:
    days, _, clock = text.split()
    sign = -1 if clock[0] == "-" else 1
    hours, minutes, seconds = clock.lstrip("-").split(":")
    return timedelta(int(days)) + sign * timedelta(
        hours=int(hours), minutes=int(minutes), microseconds=int(Decimal(seconds) * 1_000_000)
    )


DAYS = st.dates().map(str) | st.sampled_from(["0001-01-01", "9999-12-31", "2024-02-29"])
DATES = st.tuples(DAYS, st.sampled_from(["", "", "T00:00:00.000Z", " 00:00:00", "t00:00Z"])).map("".join)
# A day less at both ends leaves room for the zones.
LOCAL = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(datetime.isoformat) | st.sampled_from(
    ["0001-01-02 00:00:00", "9999-12-30T23:59:59.999999", "2024-02-29 12:30:00.5", "1970-01-01T00:00:00"]
)
ANY_LOCAL = st.tuples(LOCAL, st.sampled_from(["", "", "Z", " UTC", "+00:00", "+0000"])).map("".join) | DAYS
ZONED = st.tuples(LOCAL, st.sampled_from(["", "Z", "z", " UTC", "+0000", "+00:00", "-11:30", "+14:00"])).map(
    "".join
) | st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
JSON = st.recursive(
    st.none() | st.booleans() | TEXT | st.integers(-(10**40), 10**40) | decimals(30, 30) | st.just(Decimal("1E+300")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, max_size=5)


def each(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function that does the same with the elements of a list, but for nulls."""
    return lambda value: [item if item is None else form(item) for item in value]


KINDS = [
    Kind("INT2", integers(16), as_integer),
    Kind("INT4", integers(32), as_integer),
    Kind("INT8", integers(64), as_integer),
    Kind("DECIMAL", decimals(60, 60) | st.sampled_from([Decimal("1E+400"), Decimal("-1E-400"), Decimal("9" * 5_000)]),
         Decimal),
    Kind("DECIMAL(10, 2)", decimals(8, 2), Decimal),
    Kind("DECIMAL(4, 4)", decimals(0, 4), Decimal),
    Kind("FLOAT8", st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
         | st.sampled_from(["Infinity", "-Infinity"]), float),
    Kind("FLOAT4", st.floats(allow_nan=False, allow_infinity=False, width=32), from_database=half),
    Kind("BOOL", st.booleans()),
    Kind("TEXT", TEXT),
    Kind("VARCHAR(6)", TEXT.filter(lambda text: len(text) <= 6)),
    Kind("CHAR(6)", TEXT.filter(lambda text: len(text) <= 6), stripped, stripped),
    Kind("TIMESTAMPTZ", ZONED, moment, lambda value: value.astimezone(timezone.utc)),
    Kind("TIMESTAMP", ANY_LOCAL, moment, lambda value: value.replace(tzinfo=timezone.utc)),
    Kind("DATE", DATES, lambda text: text[:10], str),
    Kind("TIME", st.times().map(str), from_database=str),
    Kind("INTERVAL", st.timedeltas(timedelta(-9_999), timedelta(9_999)).map(
        lambda value: f"{value.days} days {timedelta(seconds=value.seconds)}.{value.microseconds:06}"), span),
    Kind("UUID", st.builds(lambda value, spell: spell(value), st.uuids(), st.sampled_from(UUID_SPELLINGS)),
         lambda text: str(uuid.UUID(text))),
    Kind("BYTEA", st.binary(max_size=30).map(lambda value: f"\\x{value.hex()}"),
         lambda text: bytes.fromhex(text[2:]), bytes),
    Kind("INET", (st.ip_addresses(v=4) | st.ip_addresses(v=6, network="2001:db8::/32")).map(str)
         | st.sampled_from(["192.0.2.7/24", "2001:DB8::1/64"]), ip_interface, ip_interface),
    Kind("JSONB", JSON.filter(lambda value: value is not None)),
    Kind("INT8[]", lists(integers(64)), each(as_integer)),
    Kind("TEXT[]", lists(TEXT)),
    Kind("DECIMAL[]", lists(decimals(40, 40)), each(Decimal)),
    Kind("BOOL[]", lists(st.booleans())),
    Kind("TIMESTAMPTZ[]", lists(ZONED), lambda value: [item and moment(item) for item in value],
         lambda value: [item and item.astimezone(timezone.utc) for item in value]),
    Kind("TIMESTAMP[]", lists(LOCAL), lambda value: [item and moment(item) for item in value],
         lambda value: [item and item.replace(tzinfo=timezone.utc) for item in value]),
    Kind("TIME[]", lists(st.times().map(str)), from_database=lambda value: [item and str(item) for item in value]),
    Kind("FLOAT8[]", lists(st.floats(allow_nan=False, allow_infinity=False))),
    Kind("VARCHAR(6)[]", lists(TEXT.filter(lambda text: len(text) <= 6))),
    Kind("BYTEA[]", lists(st.binary(max_size=9).map(lambda value: f"\\x{value.hex()}")),
         lambda value: [item if item is None else bytes.fromhex(item[2:]) for item in value],
         lambda value: [item if item is None else bytes(item) for item in value]),
    Kind("DATE[]", lists(DATES), lambda value: [item and item[:10] for item in value],
         lambda value: [item and str(item) for item in value]),
]  # fmt: skip
KEYS = [
    kind for kind in KINDS if kind.type in ("INT8", "TEXT", "UUID", "DATE", "DECIMAL(10, 2)", "BYTEA", "TIMESTAMPTZ")
]

# Any name of up to 63 bytes.
NAMES = (
    st.text(CHARACTERS, min_size=1, max_size=15)
    | st.sampled_from(['users"; DROP TABLE users; --', "%s", "100%", "select", "Order", "fixture", "excluded", "there"])
).filter(lambda name: len(name.encode()) <= 63)


class Case(NamedTuple):
    """A table and its rows. columns: name -> kind, the first is the key. rows: what a fixture says."""

    table: str
    columns: dict[str, Kind]
    rows: list[dict[str, Any]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kinds = [draw(st.sampled_from(KEYS)), *draw(st.lists(st.sampled_from(KINDS), max_size=8))]
    names = draw(st.lists(NAMES, min_size=len(kinds), max_size=len(kinds), unique=True))
    columns = dict(zip(names, kinds, strict=True))
    key, *others = names
    keys = draw(st.lists(kinds[0].values, max_size=6, unique_by=lambda value: kinds[0].from_file(value)))
    rows = []
    for value in keys:
        given = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        rows.append({key: value, **{name: draw(st.none() | columns[name].values) for name in given}})
    return Case(draw(NAMES), columns, rows)


def as_json(value: Any) -> str:
    """Return the text of a value, decimals digit by digit."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{as_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def read_back(url: str, case: Case) -> dict[Any, dict[str, Any]]:
    """Return the rows of the table by key, in comparable form."""
    names = sql.SQL(", ").join(map(sql.Identifier, case.columns))
    statement = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(case.table))
    connection = psycopg2.connect(url)
    try:
        psycopg2.extras.register_default_jsonb(connection, loads=partial(json.loads, parse_float=Decimal))
        with connection.cursor() as cursor:
            cursor.execute("SET timezone TO 'UTC'")
            cursor.execute("SET extra_float_digits TO 3")  # CockroachDB shows 15 digits otherwise
            cursor.execute(statement)
            return by_key(case, [dict(zip(case.columns, row, strict=True)) for row in cursor], "from_database")
    finally:
        connection.close()


def by_key(case: Case, rows: list[dict[str, Any]], form: str) -> dict[Any, dict[str, Any]]:
    key = next(iter(case.columns))
    comparable = [
        {name: None if row.get(name) is None else getattr(kind, form)(row[name]) for name, kind in case.columns.items()}
        for row in rows
    ]
    return {row[key]: row for row in comparable}


RUNS = itertools.count()


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(), as_lines=st.booleans())
def test_what_is_in_the_file_is_in_the_database(module_url: str, case: Case, as_lines: bool) -> None:
    if as_lines:
        case = case._replace(table=f"lines{next(RUNS)}")  # the name of a file
    columns = [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind.type)) for name, kind in case.columns.items()]
    table, key = sql.Identifier(case.table), sql.Identifier(next(iter(case.columns)))
    create = sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(table, sql.SQL(", ").join(columns), key)
    query(module_url, create)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if as_lines:
                content = "".join(as_json(row) + "\n" for row in case.rows)
                file = write(Path(folder), content, f"{case.table}.jsonl")
            else:
                file = write(Path(folder), as_json({case.table: case.rows}))
            first = load(module_url, file)
            there = read_back(module_url, case)
            second = load(module_url, file)
        assert there == by_key(case, case.rows, "from_file")
        if case.rows and case.table.isprintable():
            name = case.table.split("  ")[0].rstrip()
            assert first[name] == {"new": len(case.rows), "changed": 0, "unchanged": 0}
            assert second[name] == {"new": 0, "changed": 0, "unchanged": len(case.rows)}
    finally:
        query(module_url, sql.SQL("DROP TABLE {}").format(table))


def test_every_nasty_text_in_every_type_that_holds_text(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, a TEXT, b VARCHAR(5000), c TEXT[], d JSONB)")
    rows = [
        {"id": text, "a": text, "b": text, "c": [text, None, text], "d": {text: [text]}}
        for text in dict.fromkeys(text[:600] for text in NASTY)
    ]
    for file in (
        write(tmp_path, {"t": rows}),
        write(tmp_path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "t.jsonl"),
    ):
        load(url, file)
        there = {row[0]: row for row in query(url, "SELECT id, a, b, c, d FROM t")}
        assert there == {row["id"]: tuple(row.values()) for row in rows}
        query(url, "DELETE FROM t")


def test_the_digits_of_a_decimal_are_kept(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, price DECIMAL, doc JSONB)")
    digits = "12345678901234567890.123456789012345678901234567890"
    load(url, write(tmp_path, f'{{"t": [{{"id": 1, "price": {digits}, "doc": {{"a": [{digits}, 1.10, 0.1]}}}}]}}'))
    assert query(url, "SELECT price::TEXT, doc::TEXT FROM t") == [(digits, f'{{"a": [{digits}, 1.10, 0.1]}}')]


def test_null_is_null_also_for_jsonb_and_inside_it_is_null_of_json(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, doc JSONB, words TEXT[])")
    rows = '{"id": 1, "doc": null, "words": null}, {"id": 2, "doc": [null], "words": [null]}, {"id": 3, "words": []}'
    load(url, write(tmp_path, f'{{"t": [{rows}]}}'))
    found = query(url, "SELECT doc IS NULL, doc::TEXT, words IS NULL, words FROM t ORDER BY id")
    assert found == [(True, None, True, None), (False, "[null]", False, [None]), (True, None, False, [])]


def test_json_nested_three_hundred_deep(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, doc JSONB)")
    deep = "[" * 300 + "]" * 300
    load(url, write(tmp_path, f'{{"t": [{{"id": 1, "doc": {deep}}}]}}'))
    assert query(url, "SELECT doc::TEXT FROM t") == [(deep,)]


def test_two_hundred_columns(url: str, tmp_path: Path) -> None:
    names = [f"column_{number}" for number in range(200)]
    query(url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, {', '.join(f'{name} TEXT' for name in names)})")
    rows = [{"id": number, **{name: f"{number} {name}" for name in names}} for number in range(20)]
    file = write(tmp_path, {"t": rows})
    assert load(url, file) == {"t": {"new": 20, "changed": 0, "unchanged": 0}}
    assert query(url, "SELECT * FROM t ORDER BY id") == [tuple(row.values()) for row in rows]
    assert load(url, file) == {"t": {"new": 0, "changed": 0, "unchanged": 20}}


def test_rows_larger_than_a_batch(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a TEXT)")
    rows = [
        {"id": number, "a": chr(97 + number) * size} for number, size in enumerate((10, 1_500_000, 400_000, 800_000, 0))
    ]
    load(url, write(tmp_path, {"t": rows}))
    assert query(url, "SELECT id, a FROM t ORDER BY id") == [tuple(row.values()) for row in rows]
