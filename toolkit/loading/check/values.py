"""One value of a fixture -> the text of it that the server reads, or the reason why the column cannot hold it.

Nothing is adjusted: a value is taken exactly or refused. The text is an element of an array literal, {1,NULL,"a b"},
because that is how rows travel: one array a column, which the server parses in one go.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from toolkit.console import clipped
from toolkit.database.tables import TIMES, Column
from toolkit.exact_json import NonFiniteNumber, Number, json_text, storable, storable_number
from toolkit.loading.check import numbers, times

# Takes a JSON value, as exact_json.decode() returns it, and returns the element of an array literal. Raises ValueError,
# whose text says what was expected.
ValueReader = Callable[[Any], str]

# The element of an array literal that stands for NULL; the text "NULL" has quotation marks.
NULL = "NULL"

INTEGERS = {"int2": 2**15, "int4": 2**31, "int8": 2**63}
TEXTS = ("text", "varchar", "bpchar", "name")

MOST_DIMENSIONS = 6  # of an array, in PostgreSQL

UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
# Compiled when they are needed, as most loads do without.
OTHER_UUID = r"(?:urn:uuid:)?([0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\2){3}[0-9a-fA-F]{12})"
BYTES = r"\\x(?:[0-9a-fA-F]{2})*"


def reader_for(column: Column) -> ValueReader:
    """Return the function that reads a value (not null) for this column."""
    if column.is_array:
        kind = column.kind[1:]
        return _array(_scalar(kind, column), column.type, may_nest=kind not in ("json", "jsonb"))
    return _scalar(column.kind, column)


def quoted(text: str) -> str:
    """Return a text as an element of an array literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shortened_text(element: str) -> str:
    """Return the text of an element for an error message, at most 60 characters of it."""
    return clipped(element.replace('\\"', '"').replace("\\\\", "\\") if element.startswith('"') else element)


def comparable(column: Column) -> Callable[[str], Any]:
    """Return the function that makes equal values of a key column equal: 1.0 and 1.00, one moment in two zones."""
    return COMPARABLE.get(column.kind, str)


def _scalar(kind: str, column: Column) -> ValueReader:
    if kind in INTEGERS:
        return numbers.integer(INTEGERS[kind])
    if kind == "numeric":
        return numbers.decimal(column.precision, column.scale)
    if kind == "bpchar":
        return _padded_text(column.length, column.type)
    if kind in TEXTS:
        return _name if kind == "name" else _text(column.length, column.type)
    if kind in ("timestamptz", "timestamp"):
        return times.timestamp(kind, column)
    if kind in ("time", "timetz"):
        return times.time(kind, column)
    if kind == "interval":
        return _interval(column)
    if kind in ("json", "jsonb"):
        return _json(_check_jsonb if kind == "jsonb" else _check_json)
    if column.labels:
        return _enum(column.labels)
    if kind in OTHERS:
        return OTHERS[kind]
    return _left_to_the_server(column.type)


def _boolean(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise ValueError("expected true or false")


def _text(length: int | None, name: str) -> ValueReader:
    expected = "expected text" if length is None else f"expected text of at most {length} characters ({name})"

    def read(value: Any) -> str:
        if type(value) is not str or (length is not None and len(value) > length):
            raise ValueError(expected)
        return quoted(storable(value))

    return read


def _name(value: Any) -> str:
    # The length is that of PostgreSQL's names in bytes.
    if type(value) is not str or len(storable(value).encode()) > 63:
        raise ValueError("expected text of at most 63 bytes (name)")
    return quoted(value)


def _padded_text(length: int | None, name: str) -> ValueReader:
    """Read values of char(n), for which spaces at the end do not count."""
    read = _text(length, name)
    return lambda value: read(value.rstrip(" ") if type(value) is str else value)


def _uuid(value: Any) -> str:
    if type(value) is str:
        if UUID(value):
            return value.lower()
        match = re.fullmatch(OTHER_UUID, value[1:-1] if value[:1] + value[-1:] == "{}" else value)
        if match:
            digits = match[1].replace("-", "").lower()
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    raise ValueError("expected a UUID like 6f1c2a30-0000-4000-8000-000000000001")


def _bytes(value: Any) -> str:
    if type(value) is str and re.fullmatch(BYTES, value):
        return quoted(value)
    raise ValueError(r"expected bytes as \x and hex digits, like \x00ff")


def _json(check: Callable[[Any], None]) -> ValueReader:
    def read(value: Any) -> str:
        try:
            return quoted(json_text(value, check))
        except RecursionError:
            raise ValueError("expected JSON that is not nested so deeply") from None

    return read


def _check_jsonb(value: Any) -> None:
    if isinstance(value, Number):
        storable_number(value)
    else:
        _check_json(value)


def _check_json(value: Any) -> None:
    if isinstance(value, NonFiniteNumber):
        raise ValueError(f"expected JSON, which has no {value}")
    if isinstance(value, str):
        storable(value)
    elif isinstance(value, tuple) and len(dict(value)) < len(value):
        raise ValueError("expected an object in which each name occurs once")


def _inet(value: Any) -> str:
    try:
        if type(value) is str and "%" not in value:
            _address(value)
            return value
    except ValueError:
        pass
    raise ValueError("expected an IP address like 192.0.2.1, 192.0.2.0/24 or 2001:db8::1")


def _enum(labels: tuple[str, ...]) -> ValueReader:
    known = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")

    def read(value: Any) -> str:
        if type(value) is str and value in labels:
            return quoted(value)
        raise ValueError(f"expected one of {known}")

    return read


def _interval(column: Column) -> ValueReader:
    """Read values of an interval column: text that the server reads, with no decimals to round away."""
    precision = times.precision_of(column)

    def read(value: Any) -> str:
        if type(value) is not str:
            raise ValueError("expected an interval like 1 day 02:03:04")
        for fraction in re.findall(r"\.(\d+)", value):
            times.check_fraction(fraction, precision)
        return quoted(storable(value))

    return read


def _left_to_the_server(name: str) -> ValueReader:
    def read(value: Any) -> str:
        if type(value) is not str:
            raise ValueError(f"expected text that the server reads as {name}")
        return quoted(storable(value))

    return read


def _address(element: str) -> Any:
    import ipaddress  # 1 ms, and seldom needed

    return ipaddress.ip_interface(element)


def _array(read_item: ValueReader, name: str, *, may_nest: bool) -> ValueReader:
    """Read lists, and lists of lists for arrays of several dimensions, if a list cannot be an element itself."""

    def read(value: Any) -> str:
        if type(value) is not list:
            raise ValueError(f"expected a list ({name})")
        return quoted(literal(value, 1)[0])

    def literal(items: list[Any], dimension: int) -> tuple[str, tuple[int, ...]]:
        """Return the text of an array, and how many elements it has in each dimension."""
        if may_nest and list in map(type, items):
            if dimension == MOST_DIMENSIONS:
                raise ValueError(f"expected lists in at most {MOST_DIMENSIONS} dimensions ({name})")
            if set(map(type, items)) == {list}:
                texts, sizes = zip(*[literal(item, dimension + 1) for item in items], strict=True)
                if len(set(sizes)) == 1 and 0 not in sizes[0]:
                    return "{" + ",".join(texts) + "}", (len(items), *sizes[0])
            raise ValueError(f"expected lists of the same length in a list, and none that is empty ({name})")
        return "{" + ",".join([NULL if item is None else read_item(item) for item in items]) + "}", (len(items),)

    return read


OTHERS: dict[str, ValueReader] = {
    "bool": _boolean,
    "bytea": _bytes,
    "date": times.day,
    "float4": numbers.floating("f", "float4"),
    "float8": numbers.floating("d", "float8"),
    "inet": _inet,
    "uuid": _uuid,
}

# How equal values of a type, written differently, become equal.
COMPARABLE: dict[str, Callable[[str], Any]] = {
    "bytea": str.lower,
    "float4": numbers.equal_numbers(numbers.float4),
    "float8": numbers.equal_numbers(float),
    "inet": _address,
    "numeric": numbers.equal_numbers(Decimal),
    "time": times.clock,
    "timestamp": times.moment,
    "timestamptz": times.moment,
}

# The types whose values need no cast of their own and compare by themselves; others travel as text.
NATIVE_ARRAYS = {*INTEGERS, *OTHERS, *TIMES, "numeric"}
