"""toolkit/results.py: rows as a table, as CSV and as JSON."""

import csv
import io
import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from toolkit.console import printable
from toolkit.results import as_csv, as_json, as_table

COLUMNS = ["text", "number", "moment", "day", "others"]
MOMENT = datetime(2024, 2, 6, 21, 48, 10, tzinfo=timezone.utc)
ROWS = [
    ('Amélie, "the" 夜の電車', Decimal("12.50"), MOMENT, date(2024, 2, 29), {"a": [1, None, Decimal("0.10")]}),
    (None, None, None, None, None),
    ("two\nlines \x1b[31mred", Decimal("1E+3"), MOMENT, date(1, 1, 1), [True, UUID(int=1), timedelta(hours=30)]),
]


def test_a_table_is_aligned_and_cannot_steer_the_terminal() -> None:
    assert as_table(["name", "n"], [("夜の電車", 5), ("é̂t", None), ("a\x1b[31m", 1234)]).splitlines() == [
        "name      |    n",
        "----------+-----",
        "夜の電車  |    5",
        "é̂t        |",
        "a\\x1b[31m | 1234",
        "(3 rows)",
    ]


def test_a_table_without_rows() -> None:
    assert as_table(["one", "two"], []).splitlines() == ["one | two", "----+----", "(0 rows)"]


def test_csv_can_be_read_again() -> None:
    read = list(csv.reader(io.StringIO(as_csv(COLUMNS, ROWS))))
    assert read[0] == COLUMNS
    assert read[1] == [ROWS[0][0], "12.50", "2024-02-06 21:48:10+00:00", "2024-02-29", '{"a": [1, null, 0.10]}']
    assert read[2] == [""] * 5
    assert read[3][0] == ROWS[2][0]


def test_json_is_exact() -> None:
    text = as_json(COLUMNS, ROWS)
    first, second, third = json.loads(text, parse_float=Decimal)
    assert first == {
        "text": ROWS[0][0],
        "number": Decimal("12.50"),
        "moment": "2024-02-06T21:48:10+00:00",
        "day": "2024-02-29",
        "others": {"a": [1, None, Decimal("0.10")]},
    }
    assert second == dict.fromkeys(COLUMNS)
    assert third["others"] == [True, "00000000-0000-0000-0000-000000000001", "1 day, 6:00:00"]
    assert '"number": 12.50' in text
    assert len(text.splitlines()) == 3
    assert as_json(COLUMNS, []) == "[]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[2J\r\n\x9b\x7f", r"\x1b[2J\r\n\x9b\x7f"),
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
        ("half \ud800", r"half \ud800"),
        # Harmless, though str.isprintable() says no: a family of one picture, a space, a hyphen, marks of direction, a
        # letter of people's own, one that this Python does not know.
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("a\u00a0b\u00adc\u2028d\u3000e", "a\u00a0b\u00adc\u2028d\u3000e"),
        ("\u200fשלום\u200e", "\u200fשלום\u200e"),
        ("\ue000 \U000e0fff", "\ue000 \U000e0fff"),
    ],
)
def test_only_what_steers_a_terminal_is_made_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_columns_are_aligned_with_what_a_terminal_shows() -> None:
    rows = [("日本", 1), ("e\u0301te\u0301", 2), ("a\u200db", 3), ("plain", 4)]
    lines = as_table(["name", "number"], rows).splitlines()
    assert lines[2:6] == ["日本  |      1", "e\u0301te\u0301   |      2", "a\u200db    |      3", "plain |      4"]
