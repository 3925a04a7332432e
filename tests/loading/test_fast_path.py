"""JSON Lines that look alike are read in one go; what comes of it is what checks.py makes of each line."""

import re
import tempfile
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seeding import query, write

from toolkit.database import Database, catalog, run_transaction
from toolkit.database.tables import Table
from toolkit.exact_json import DECODER
from toolkit.loading import fast_path
from toolkit.loading.batch import Batch
from toolkit.loading.check.rows import check
from toolkit.loading.check.values import reader_for
from toolkit.loading.fast_path import LineMatcher
from toolkit.loading.problems import Problem
from toolkit.loading.read.input_stream import file_stream
from toolkit.loading.read.json_lines import BLOCK_BYTES, JsonLines

# Type -> values as JSON Lines files have them, which are to be read in one go.
USUAL = {
    "BOOLEAN": ["true", "false"],
    "DATE": ["2024-01-31", "2024-02-28", "2023-12-30"],
    "DECIMAL": ["0", "-12", "9.99", "-0.5", "123456789012345678901234567890.123456789"],
    "DECIMAL(5, 2)": ["0", "100", "99.99", "0.1", "-0.01"],
    "DECIMAL(4, 0)": ["0", "-9999"],
    "FLOAT4": ["0", "1.5", "-0.001", "1234567.25"],
    "FLOAT8": ["0", "52.52000659999999", "-13.404954", "123456789012345"],
    "INT2": ["0", "-9999"],
    "INT4": ["1", "-999999999"],
    "INT8": ["1", "-1", "999999999999999999"],
    "TEXT": ["", "a b", 'It is \\"good\\", C:\\\\ 100%', "NULL", "null", "{1,2}", "é 😀", "\\\\u0041"],
    "TIMESTAMP": ["2024-02-28T23:59:59", "2024-12-31 00:00:00.123456"],
    "TIMESTAMPTZ": ["2024-01-01T00:00:00Z", "2024-10-31 12:30:00.5+00:00", "2024-05-29T12:30:00-03:30",
                    "2024-05-30 12:30"],
    "TIMESTAMPTZ(3)": ["2024-01-01T00:00:00.123Z"],
    "UUID": ["6f1c2a30-0000-4000-8000-00000000000a"],
    "VARCHAR": ["a"],
    "VARCHAR(3)": ["", "abc", "éèê"],
    "colour": ["red", 'a \\"b\\"', "c\\\\"],
}  # fmt: skip
# Type -> values in rarer spellings, as JSON has them, which are to be read in one go as well.
RARER = {
    "DATE": ['"2024-01-31T00:00:00.000Z"', '"2024-02-28T00:00:00"', '"2024-02-28T00:00:00+00:00"'],
    "DECIMAL": ['"0"', '"-12"', '"9.99"', '"123456789012345678901234567890.123456789"'],
    "DECIMAL(5, 2)": ['"100"', '"99.99"', '"-0.01"'],
    "INT2": ['"-9999"', "12.0"],
    "INT4": ['"1"', "-999999999.00", '"7.0"'],
    "INT8": ['"1"', '"-1"', '"999999999999999999"', "5.0", "0.0"],
    "TIMESTAMP": ['"2024-02-28T23:59:59.000Z"', '"2024-02-28T23:59:59+00"', '"2024-02-28 23:59:59 UTC"', '"2024-02-28"',
                  '"2024-12-31 00:00:00.123456000"', '"2024-02-28T23:59:59+00:00"', '"2024-02-28T23:59Z"'],
    "TIMESTAMPTZ": ['"2024-02-28 23:59:59 UTC"', '"2024-02-28"', '"2024-12-31T00:00:00.123456000Z"'],
    "TIMESTAMPTZ(3)": ['"2024-01-01T00:00:00.123000Z"'],
}  # fmt: skip
KINDS = {f"c{number}": kind for number, kind in enumerate(USUAL)}
COLUMNS = list(KINDS)
# Values that JSON can write in several ways, that are not JSON, or that no column or not every column takes.
UNUSUAL = [
    "null", "nulL", "-0", "-0.0", "00", "01", "+1", "1.", ".5", "1e2", "1E-2", "0.10000000000000000000001", "1.23456",
    '12"', '"12', '1.5"', '"1.5', "12.0\"", "1.00000", "-0.0", "0.00",
    "32768", "99999", "2147483648", "9223372036854775807", "9223372036854775808", "100000000000000000000", "16777217",
    "9007199254740993", "1" + "0" * 400, "NaN", "-Infinity", "True", "TRUE", "[]", "[1]", "{}", '{"a": 1}', "",
    *(f'"{text}"' for text in [
        "\\u0041", "\\u00e9", "\\ud800", "\\ud83d\\ude00", "\\u0000", "\\n", "\\t", "\\/", "a/b", "\\x41", "a\tb",
        "\x7f", "\u2028", "\x85", "\\", '"', "abcd", "  ", "red ", "e\\", '\\"\\"\\"', "\\\\\\\\", "true", "1", "1.5",
        "6F1C2A30-0000-4000-8000-000000000001", "6f1c2a30000040008000-00000000000a", "2024-02-29", "2023-02-29",
        "2024-02-30", "2024-04-31", "2024-13-01", "2024-1-1", "٢٠٢٤-01-01", "0000-01-01", "0001-01-01", "9999-12-31",
        "0001-01-01T00:00:00+15:00", "9999-12-31T23:59:59-15:59", "2024-01-01T24:00:00Z", "2024-01-01T23:60:00",
        "2024-01-01T23:59:60Z", "2024-01-01T23:59:59.1234567Z", "2024-01-01T23:59:59.1234560Z",
        "2024-01-01T23:59:59.1234Z", "2024-01-01T23:59:59+16:00", "2024-01-01T23:59:59+0100", "2024-01-01T23:59:59+01",
        "2024-01-01T23:59:59z", "2024-01-01  23:59:59", "2024-01-01T00:00:00.001Z", "2024-01-01T00:00:00+02:00", "01",
        "2024-01-01Z", "2024-01-01 UTC", "2024-01-01T23:59:59Z UTC", "2024-01-01T23:59:59+01:00 UTC",
        "20240101T235959Z",
        "2024-01-01T23:59:59-00:00", "2024-01-01T23:59:59 Z", "2024-01-01T23:59:59 +02", "20240101", "infinity", "NaN",
        "-infinity", "Infinity", "+1", "1e2", " 1", "1 ", "1.0", "1.50", "9223372036854775808", "-0", "00", "-", "1.",
        "1234567890123456789", "99999", "0.001",
    ]),
]  # fmt: skip


@pytest.fixture(scope="module")
def table(module_url: str) -> Table:
    """A table with a key and a column of each type, of which every second may be NULL."""
    query(module_url, """CREATE TYPE colour AS ENUM ('red', 'a "b"', E'c\\\\', E'e\\nf')""")
    columns = [
        f"{name} {kind} {null}" for (name, kind), null in zip(KINDS.items(), cycle(["NULL", "NOT NULL"]), strict=False)
    ]
    query(module_url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, {', '.join(columns)})")
    return read(module_url, "t")


def read(url: str, name: str) -> Table:
    database = Database(url)
    try:
        return run_transaction(database, catalog.read)[name]
    finally:
        database.close()


def as_value(kind: str, text: str) -> str:
    return text if kind.startswith(("BOOL", "DEC", "FLOAT", "INT")) else f'"{text}"'


@pytest.mark.parametrize("name", COLUMNS)
def test_what_matches_is_what_the_reader_takes(table: Table, name: str) -> None:
    column = table.columns[name]
    expression = fast_path.pattern(column)
    assert expression
    usual = [as_value(KINDS[name], text) for text in USUAL[KINDS[name]]]
    usual += RARER.get(KINDS[name], [])
    others = [as_value(kind, text) for kind, texts in USUAL.items() for text in texts]
    others += [text for texts in RARER.values() for text in texts]
    for text in (*usual, *others, *UNUSUAL, '"e\nf"'):
        # What follows a value in a line tells whether it is complete.
        matches = [re.fullmatch(f"{expression}{end}", f"{text}{end}", re.ASCII) for end in (", ", "}", " }")]
        assert len({match and match[1] for match in matches}) == 1
        match = matches[0]
        assert match or text not in usual, text
        if match:
            value = DECODER.decode(text)
            assert match[1] == (None if value is None else reader_for(column)(value)), text
            assert value is not None or column.nullable


# Columns -> a line, as different writers of JSON Lines would have it.
STYLES = ["{{{}}}", "{{ {} }}", "{{{}}}\r", "{{{}}} \t"]
TAMPERED = [
    "",
    " ",
    "\r",
    '{"id": 1} {"id": 2}',
    '\ufeff{"id": 3}',
    "{}",
    "[]",
    "null",
    "{",
    "}",
    "x",
    '{"id": 1, "id": 1}',
    '{"id": 1, "c99": 1}',
    '{"id": 1}}',
]


@st.composite
def a_file(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """Columns, and a file of lines that give them; some values and lines are not as they should be."""
    columns = draw(st.lists(st.sampled_from(COLUMNS), max_size=5, unique=True))
    order = draw(st.permutations(["id", *columns]))
    comma, colon = draw(st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : "), (",  ", ": ")]))
    style = draw(st.sampled_from(STYLES))
    rarely = st.integers(0, 29).map(lambda number: number == 0)
    has_rarer = draw(st.booleans())

    def value(name: str, number: int) -> str:
        if draw(rarely):
            return draw(st.sampled_from(UNUSUAL))
        if name == "id":
            return f'"{number}"' if has_rarer and number % 4 else str(number)
        values = [as_value(KINDS[name], text) for text in USUAL[KINDS[name]]]
        return draw(st.sampled_from(values + RARER.get(KINDS[name], []) if has_rarer else values))

    def line(number: int) -> str:
        if draw(rarely):
            return draw(st.sampled_from(TAMPERED))
        return style.format(comma.join(f'"{name}"{colon}{value(name, number)}' for name in order))

    written = "\n".join(line(number) for number in range(draw(st.integers(1, 12))))
    mark = draw(st.sampled_from(["", "", "", "\ufeff"]))
    end = draw(st.sampled_from(["\n", "", "\n\n"]))
    return columns, (mark + written + end).encode() + draw(st.sampled_from([b"", b"", b"", b'{"id": "\xff"}\n']))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=a_file(), block=st.sampled_from([1, 100, BLOCK_BYTES]))
def test_whatever_is_in_a_file_is_read_as_line_by_line(table: Table, file: tuple[list[str], bytes], block: int) -> None:
    columns, content = file
    table = table._replace(columns={name: table.columns[name] for name in ["id", *columns]})
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.loading.read.json_lines.BLOCK_BYTES", block)
        # Lines that are no JSON are told together as far as they are read together.
        patch.setattr("toolkit.loading.check.rows.group_alike", lambda problems, **_: problems)
        path = write(Path(folder), content, "t.jsonl")
        assert in_one_go(table, path) == line_by_line(table, path)


def test_usual_lines_are_not_read_one_by_one(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {name: [as_value(kind, text) for text in USUAL[kind]] for name, kind in KINDS.items()}
    values = {name: RARER.get(kind, []) + values[name] for name, kind in KINDS.items()}
    rows = [{"id": f'"{number}"' if number % 2 else str(number)} for number in range(50)]
    for number, row in enumerate(rows):
        row |= {name: texts[number % len(texts)] for name, texts in values.items()}
    rows.append({"id": "50", **{name: "null" if table.columns[name].nullable else rows[0][name] for name in COLUMNS}})
    content = "".join("{" + ", ".join(f'"{name}": {text}' for name, text in row.items()) + "}\n" for row in rows)
    file = write(tmp_path, content + "\n \n\r\n", "t.jsonl")
    expected = line_by_line(table, file)
    monkeypatch.delattr(JsonLines, "parse_block")
    monkeypatch.delattr(JsonLines, "_parse_line")
    assert in_one_go(table, file) == expected
    assert len(expected[0]) == len(rows)
    assert expected[1] == []


Found = tuple[list[tuple[int, dict[str, str]]], list[Problem]]


def in_one_go(table: Table, file: Path) -> Found:
    problems: list[Problem] = []
    rows = JsonLines(file_stream(file), "t")
    return found([batch for batches in LineMatcher(table).check(rows, problems) for batch in batches], problems)


def line_by_line(table: Table, file: Path) -> Found:
    problems: list[Problem] = []
    rows = JsonLines(file_stream(file), "t")
    return found(check(table, rows.read_whole(), problems), problems)


def found(batches: list[Batch], problems: list[Problem]) -> Found:
    """Return the rows with their numbers, in their order, and what is wrong with them."""
    rows: list[tuple[int, dict[str, str]]] = []
    for batch in batches:
        texts = [{name: batch.column(name)[index] for name in batch.columns} for index in range(batch.size)]
        assert all(sum(map(len, row.values())) <= batch.max_row_bytes for row in texts)
        rows += zip([number for _, number in batch.origins], texts, strict=True)
    return sorted(rows, key=str), sorted(problems)


def test_lines_that_give_a_column_twice(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY)")
    _, problems = in_one_go(read(url, "t"), write(tmp_path, '{"id": 1, "id": 1}\n' * 3, "t.jsonl"))
    assert [problem.number for problem in problems] == [1, 2, 3]


def test_types_that_are_read_line_by_line(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TYPE odd AS ENUM (E'a\\nb')")
    kinds = ["odd", "INT8[]", "JSONB", "CHAR(3)", "BYTEA", "TIME", "INTERVAL", "INET", "VARBIT"]
    for number, kind in enumerate(kinds):
        query(url, f"CREATE TABLE t{number} (id INT8 NOT NULL PRIMARY KEY, a {kind})")
        table = read(url, f"t{number}")
        assert fast_path.pattern(table.columns["a"]) is None, kind
        file = write(tmp_path, '{"id": 1, "a": null}\n{"id": 2, "a": }\n{"id": 3, "a": }\n', f"t{number}.jsonl")
        assert in_one_go(table, file) == line_by_line(table, file)


def test_a_table_of_one_column(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY)")
    file = write(tmp_path, '{"id": "abc"}\n{"id": "de"}\n', "t.jsonl")
    rows, problems = in_one_go(read(url, "t"), file)
    assert (rows, problems) == ([(1, {"id": '"abc"'}), (2, {"id": '"de"'})], [])
