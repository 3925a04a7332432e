"""What is said to write instead of a refused value: something, or nothing, for every value that JSON can say."""

import pytest

from toolkit.database.tables import Column
from toolkit.exact_json import NonFiniteNumber, Number
from toolkit.loading.check.hints import hint

KINDS = [
    "bool", "int2", "int8", "numeric", "float4", "float8", "text", "varchar", "date", "timestamp", "timestamptz",
    "time", "uuid", "bytea", "jsonb", "inet", "money",
]  # fmt: skip
VALUES = [
    None, True, False, 0, 1, -1, 10**400, -(10**400), 1704067200, 1704067200000, 45292, 20240101, 99999999, 10**10 - 1,
    -62135596800, 253402300800, Number("1e400"), Number("-1e400"), Number("1e-400"), Number("45292.5"),
    Number("1e" + "9" * 50), NonFiniteNumber("NaN"), "", "x", "1e400", "9" * 5_000, "{1}", "08/18/2023", "infinity",
    "\0",
    "2024-01-01T00:00:01", "\ud800", "٢", [], [1], [[1]], (), (("a", 1),),
]  # fmt: skip


def a_column(kind: str, written: str) -> Column:
    return Column("a", kind, written, "pg_catalog", None, None, None, True, None, None, False, False, (), "", "")


@pytest.mark.parametrize("is_array", [False, True], ids=["value", "array"])
@pytest.mark.parametrize("kind", KINDS)
def test_there_is_a_hint_or_none(kind: str, is_array: bool) -> None:
    name, written = (f"_{kind}", f"{kind}[]") if is_array else (kind, kind)
    column = a_column(name, written)
    hints = [hint(column, value) for value in VALUES]
    assert all(isinstance(text, str) and text.isprintable() for text in hints)
    assert any(hints) or kind in ("text", "jsonb"), "no value is an empty text"


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_the_unit_of_an_epoch_is_seen(power: int) -> None:
    unit = ["seconds", "milliseconds", "microseconds", "nanoseconds"][power]
    number = 1_704_067_200 * 1_000**power
    for value in (number, str(number), Number(f"{number}.0")):
        told = hint(a_column("timestamptz", "timestamptz"), value)
        assert told == f'if it counts {unit} since 1970 in UTC, write "2024-01-01T00:00:00Z"'
