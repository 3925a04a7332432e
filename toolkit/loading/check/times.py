"""Dates, times, timestamps and intervals of fixtures: read strictly, and compared as the moments that they mean.

A value is taken if the column holds just that moment, in whichever way ISO 8601, PostgreSQL, JavaScript or BigQuery
write it. What the server is given is a form that PostgreSQL and every version of CockroachDB read.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

from toolkit.database.tables import Column

# Written with separators, or compactly without any of them: 20241231T235959Z.
DATE = r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
TIME = (
    r"(?P<hour>[01]\d|2[0-4])(?P<colon>:?)(?P<minute>[0-5]\d)"
    r"(?:(?P=colon)(?P<second>[0-5]\d)(?:[.,](?P<fraction>\d+))?)?"
)
# Offsets of seconds are those of local times before there were time zones.
OFFSET = r"(?P<sign>[+-])(?P<hours>0\d|1[0-5])(?::?(?P<minutes>[0-5]\d)(?::?(?P<seconds>[0-5]\d))?)?"
ZONE = f"(?: ?(?P<zone>[Zz]|UTC|{OFFSET}))?"
CLOCK = f"[Tt]?{TIME}{ZONE}"
TIMESTAMP = f"{DATE}(?:[Tt ]{TIME}{ZONE})?"
# Values that need no further look, whatever the zone.
PLAIN_DATE = (
    r"(?!000[01]|9999)\d{4}-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
# The same as an expression with one group, the date, which may also be JavaScript's midnight in UTC.
PLAIN_DAY = rf"({PLAIN_DATE})(?:T00:00:00(?:\.0+)?(?:Z|\+00:00)?)?"
PLAIN_HOUR = r"(?:[01]\d|2[0-3]):[0-5]\d"
PLAIN_OFFSET = r"[+-](?:0\d|1[0-5]):[0-5]\d"
# As PostgreSQL writes days and moments before and after all others.
INFINITE = ("infinity", "-infinity")


def matches(expression: str, text: str) -> "re.Match[str] | None":
    """Match one of the expressions of this module, which are compiled when they are needed: that takes a while."""
    return re.fullmatch(expression, text, re.ASCII)


def plain_timestamp(kind: str, column: Column) -> str:
    """Return the regular expression, with one group, for timestamps that need no further look: the group is the text
    for the server.

    It also takes a date alone, UTC as JavaScript and BigQuery write it, and zeros after the last decimal that the
    column keeps.
    """
    precision = precision_of(column)
    fraction = rf"(?:\.\d{{1,{precision}}}0*)?" if precision else r"(?:\.0+)?"
    clock = rf"[T ]{PLAIN_HOUR}(?::[0-5]\d{fraction})?"
    # A date alone has no zone; a lookbehind that comes last costs only those that have one.
    if kind == "timestamptz":
        return rf"({PLAIN_DATE}(?:{clock}(?:(?:Z|{PLAIN_OFFSET})(?! ))?)?)(?: UTC(?<!-\d\d UTC))?"
    return rf"({PLAIN_DATE}(?:{clock})?)(?:(?<!-\d\d)(?:Z|\+00(?::?00)?| UTC))?"


def precision_of(column: Column) -> int:
    """Return how many decimals of a second a column keeps."""
    return 6 if column.precision is None else column.precision


class Clock(NamedTuple):
    """A time of day as a fixture gives it. zone: as the server reads it; "" if there is none."""

    text: str
    zone: str
    is_utc: bool


def _clock(match: "re.Match[str]", precision: int) -> Clock:
    """Return the time of day that was found. Raises ValueError if the column would round it."""
    fraction = match["fraction"] or ""
    check_fraction(fraction, precision)
    decimals = fraction[:precision].rstrip("0")
    text = f"{match['hour'] or '00'}:{match['minute'] or '00'}:{match['second'] or '00'}"
    zone = match["zone"] or ""
    if match["sign"]:
        zone = f"{match['sign']}{match['hours']}:{match['minutes'] or '00'}"
        zone += f":{match['seconds']}" if match["seconds"] else ""
    is_utc = bool(zone) and not zone.strip("ZzUTC+-0:")
    return Clock(f"{text}.{decimals}" if decimals else text, "Z" if is_utc else zone, is_utc)


def check_fraction(fraction: str, precision: int) -> None:
    if fraction[precision:].strip("0"):
        raise ValueError(f"expected at most {precision} decimals of a second: the rest would be rounded away")


def _calendar_day(match: "re.Match[str]") -> str:
    text = f"{match['year']}-{match['month']}-{match['day']}"
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("expected a day that the calendar has, in the years 0001 to 9999") from None
    return text


def day(value: Any) -> str:
    """Read a value of a date column: a date, or midnight of one without a zone or in UTC."""
    if type(value) is str:
        if matches(PLAIN_DATE, value) or value in INFINITE:
            return value
        match = matches(TIMESTAMP, value)
        if match and (clock := _clock(match, 6)).text == "00:00:00" and (clock.is_utc or not clock.zone):
            return _calendar_day(match)
    raise ValueError("expected a date like 2024-12-31")


def timestamp(kind: str, column: Column) -> Callable[[Any], str]:
    """Return the reader for a column of type timestamptz or timestamp."""
    zoned = kind == "timestamptz"
    form = "2024-12-31T23:59:59Z" if zoned else "2024-12-31T23:59:59"
    precision = precision_of(column)
    plain = re.compile(plain_timestamp(kind, column), re.ASCII).fullmatch

    def read(value: Any) -> str:
        if type(value) is str:
            if found := plain(value):
                return found[1]
            if value in INFINITE and column.has_infinity:
                return value
        match = matches(TIMESTAMP, value) if type(value) is str else None
        if not match or match["hour"] == "24":
            raise ValueError(f"expected a timestamp like {form}")
        calendar_day = _calendar_day(match)
        clock = _clock(match, precision)
        if clock.zone and not zoned and not clock.is_utc:
            raise ValueError(f"expected a timestamp without a zone ({column.type}), like {form}")
        text = f"{calendar_day} {clock.text}{clock.zone if zoned else ''}"
        if clock.zone and match["year"] in ("0001", "9999"):
            moment(text)
        return text

    return read


def time(kind: str, column: Column) -> Callable[[Any], str]:
    """Return the reader for a column of type time or timetz."""
    precision = precision_of(column)

    def read(value: Any) -> str:
        match = matches(CLOCK, value) if type(value) is str else None
        # 1200 alone could be a number of seconds as well.
        if not match or (not match["colon"] and not match["second"]):
            raise ValueError("expected a time like 23:59:59")
        clock = _clock(match, precision)
        if match["hour"] == "24" and clock.text != "24:00:00":
            raise ValueError("expected a time like 23:59:59")
        if clock.zone and kind == "time":
            raise ValueError("expected a time without a zone, like 23:59:59")
        return clock.text + clock.zone

    return read


def moment(text: str) -> Any:
    """Return the moment that a timestamp means, which is UTC without a zone; infinite ones are themselves.

    Raises ValueError outside of the years 1 to 9999.
    """
    if text in INFINITE:
        return text
    match = matches(TIMESTAMP, text)
    assert match  # noqa: S101 - only called with what timestamp() has accepted
    return _instant(match, f"{match['year']}-{match['month']}-{match['day']}")


def clock(element: str) -> datetime:
    """Return what makes equal times of day equal."""
    match = matches(CLOCK, element)
    assert match  # noqa: S101 - only called with what time() has accepted
    return _instant(match, "2000-01-01")


def _instant(match: "re.Match[str]", calendar_day: str) -> datetime:
    found = datetime.fromisoformat(calendar_day) + timedelta(
        hours=int(match["hour"] or 0),
        minutes=int(match["minute"] or 0),
        seconds=int(match["second"] or 0),
        microseconds=int((match["fraction"] or "")[:6].ljust(6, "0")),
    )
    if match["sign"]:
        offset = timedelta(
            hours=int(match["hours"]), minutes=int(match["minutes"] or 0), seconds=int(match["seconds"] or 0)
        )
        try:
            found = found + offset if match["sign"] == "-" else found - offset
        except OverflowError:
            raise ValueError("expected a moment in the years 0001 to 9999 (UTC)") from None
    return found.replace(tzinfo=timezone.utc)
