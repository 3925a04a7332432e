"""Dates, times, timestamps and intervals of fixtures: read strictly, and compared as the moments that they mean."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

from toolkit.database.tables import Column
from toolkit.exact_json import storable
from toolkit.loading.elements import quoted

TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.(?P<fraction>\d+))?)?"
ZONE = r"(?P<zone>Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?"
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
CLOCK = re.compile(TIME + ZONE, re.ASCII).fullmatch
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]" + TIME + ZONE, re.ASCII).fullmatch
# Days that need no further look, whatever the zone.
PLAIN_DATE = (
    r"(?!000[01]|9999)\d{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
FRACTIONS = re.compile(r"\.(\d+)").findall


def day(value: Any) -> str:
    """Read a value of a date column."""
    if type(value) is str and DATE(value):
        return _calendar_day(value)
    raise ValueError("expected a date like 2024-12-31")


def _calendar_day(text: str) -> str:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError("expected a day that the calendar has, in the years 0001 to 9999") from None
    return text


def plain_timestamp(kind: str, column: Column) -> str:
    """Return the regular expression for timestamps that need no further look."""
    fraction = rf"(?:\.\d{{1,{precision}}})?" if (precision := _precision(column)) else ""
    zone = r"(?:Z|[+-](?:0\d|1[0-5]):[0-5]\d)?" if kind == "timestamptz" else ""
    return rf"{PLAIN_DATE}[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d{fraction})?{zone}"


def _precision(column: Column) -> int:
    """Return how many decimals of a second a column keeps."""
    return 6 if column.precision is None else column.precision


def timestamp(kind: str, column: Column) -> Callable[[Any], str]:
    """Return the reader for a column of type timestamptz or timestamp."""
    zoned = kind == "timestamptz"
    form = "2024-12-31T23:59:59Z" if zoned else "2024-12-31T23:59:59"
    precision = _precision(column)
    plain = re.compile(plain_timestamp(kind, column), re.ASCII).fullmatch

    def read(value: Any) -> str:
        if type(value) is str and plain(value):
            return value
        match = TIMESTAMP(value) if type(value) is str else None
        if not match:
            raise ValueError(f"expected a timestamp like {form}")
        _calendar_day(value)
        fraction, zone = match.groups()
        if zone and not zoned:
            raise ValueError(f"expected a timestamp without a zone ({column.type}), like {form}")
        if fraction and len(fraction) > precision:
            _check_fraction(fraction, precision)
        if zone and value[:4] in ("0001", "9999"):
            moment(value)
        return str(value)

    return read


def time(kind: str, column: Column) -> Callable[[Any], str]:
    """Return the reader for a column of type time or timetz."""
    precision = _precision(column)

    def read(value: Any) -> str:
        match = CLOCK(value) if type(value) is str else None
        if not match:
            raise ValueError("expected a time like 23:59:59")
        fraction, zone = match.groups()
        if zone and kind == "time":
            raise ValueError("expected a time without a zone, like 23:59:59")
        if fraction and len(fraction) > precision:
            _check_fraction(fraction, precision)
        return str(value)

    return read


def _check_fraction(fraction: str, precision: int) -> None:
    if fraction[precision:].strip("0"):
        raise ValueError(f"expected at most {precision} decimals of a second: the rest would be rounded away")


def moment(text: str) -> datetime:
    """Return the moment that a timestamp means; without a zone it is UTC. Raises ValueError outside years 1 to 9999."""
    match = TIMESTAMP(text)
    assert match  # noqa: S101 - only called with what timestamp() has accepted
    fraction, zone = match.groups()
    found = datetime.fromisoformat(text[:10]) + timedelta(
        hours=int(text[11:13]),
        minutes=int(text[14:16]),
        seconds=int(text[17:19] if text[16:17] == ":" else 0),
        microseconds=int((fraction or "")[:6].ljust(6, "0")),
    )
    if zone and zone != "Z":
        sign, digits = (-1 if zone[0] == "-" else 1), zone[1:].replace(":", "").ljust(4, "0")
        try:
            found -= sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        except OverflowError:
            raise ValueError("expected a moment in the years 0001 to 9999 (UTC)") from None
    return found.replace(tzinfo=timezone.utc)


def interval(column: Column) -> Callable[[Any], str]:
    """Return the reader for an interval column: text that the server reads, with no decimals to round away."""
    precision = _precision(column)

    def read(value: Any) -> str:
        if type(value) is not str:
            raise ValueError("expected an interval like 1 day 02:03:04")
        for fraction in FRACTIONS(value):
            _check_fraction(fraction, precision)
        return quoted(storable(value))

    return read


def clock(element: str) -> datetime:
    """Return what makes equal times of day equal."""
    return moment(f"2000-01-01 {element}")
