"""What to write instead of a value that was refused, where it can be seen what was meant but not be known.

0 may be false, 1704067200 a moment and "" NULL; a loader that decides so is wrong for somebody. It can say what to do.
"""

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from toolkit.database.tables import Column
from toolkit.exact_json import NonFiniteNumber, Number, number_parts
from toolkit.loading.check.times import INFINITE, TIMESTAMP, matches
from toolkit.loading.check.values import INTEGERS, TEXTS

DATE_TYPES = ("date", "timestamp", "timestamptz")
NUMBERS = (*INTEGERS, "numeric", "float4", "float8")
YES = ("1", "t", "true", "y", "yes", "on")
NO = ("0", "f", "false", "n", "no", "off")
# Seconds since 1970 in the years 1973 to 2286, and the units in which they are counted.
EPOCH_SECONDS = (10**8, 10**10)
UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
# Excel's day 1 is the first of 1900, and it has a 29 February 1900; so from 1 March 1900 on this is its day 0.
EXCEL = date(1899, 12, 30)
EXCEL_DAYS = (18_000, 80_000)  # the years 1949 to 2119
DAY_AND_MONTH = re.compile(r"\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d\d)(?!\d)").match
SLASHES = re.compile(r"\d{4}/\d{1,2}/\d{1,2}").match


def hint(column: Column, value: Any) -> str:
    """Return what to write instead of this value, which the column's reader refused; "" if that cannot be said."""
    kind = column.kind.removeprefix("_") if column.is_array else column.kind
    if value == "" and kind not in TEXTS:
        return 'for no value write null, or leave the column out; "" is a text'
    if isinstance(value, NonFiniteNumber):
        return f'JSON has no {value}: write "{value}", if the column can hold it, or null'
    if column.is_array and type(value) is not list:
        return _of_array(value)
    if kind == "bool":
        return _of_boolean(value)
    if kind in DATE_TYPES:
        return _of_moment(kind, value)
    if kind in NUMBERS:
        return _of_number(kind, value)
    if kind == "bytea" and type(value) is str:
        return r"""in Python "\\x" + data.hex() writes it"""
    if (kind in TEXTS or kind == "uuid") and isinstance(value, (int, Number)) and type(value) is not bool:
        return f'a text stands in quotation marks: "{value}"' if kind in TEXTS else ""
    return ""


def _of_array(value: Any) -> str:
    if type(value) is str and value[:1] + value[-1:] == "{}":
        return 'write the elements as a JSON list: [1, 2], ["a", "b"]'
    return "a single element stands in a list, too" if type(value) is not tuple else ""


def _of_boolean(value: Any) -> str:
    text = str(value).lower()
    if text in YES + NO and type(value) is not bool:
        return f"write {'true' if text in YES else 'false'}, without quotation marks, if that is meant"
    return ""


def _of_moment(kind: str, value: Any) -> str:
    if type(value) is str:
        if number_parts(value) and len(value) != len("20241231"):
            value = Number(value)
        elif DAY_AND_MONTH(value):
            return "it can be day and month or month and day: write year-month-day"
        elif value in INFINITE:
            return "this server knows no infinite moments in such a column"
        elif SLASHES(value):
            return "write the date with hyphens"
        elif kind == "date" and (match := matches(TIMESTAMP, value)) and match["hour"]:
            return "only midnight in UTC is a date, as the time would be lost"
        elif kind == "timestamp" and re.search(r"[+-]\d\d:?(?:\d\d)?$", value):
            return "the column has no zone: give the moment in UTC, if that is what the column holds"
        else:
            return ""
    if type(value) is bool or not isinstance(value, (int, Number)):
        return ""
    return _of_moment_as_number(kind, float(str(value)))  # of an integer, float() may be an OverflowError


def _of_moment_as_number(kind: str, number: float) -> str:
    for unit, count in UNITS.items():
        if EPOCH_SECONDS[0] <= number / count < EPOCH_SECONDS[1]:
            moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=number / count)
            return f'if it counts {unit} since 1970 in UTC, write "{_as_text(kind, moment)}"'
    if EXCEL_DAYS[0] <= number < EXCEL_DAYS[1]:
        moment = datetime(EXCEL.year, EXCEL.month, EXCEL.day, tzinfo=timezone.utc) + timedelta(days=number)
        return f'if it counts days as Excel does, write "{_as_text(kind, moment)}"'
    try:
        day = datetime.strptime(str(int(number)), "%Y%m%d").replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return "numbers do not say since when they count, and in what: write the date as text"
    return f'if these are year, month and day, write "{_as_text(kind, day)}"'


def _as_text(kind: str, moment: datetime) -> str:
    if kind == "date":
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}" + ("Z" if kind == "timestamptz" else "")


def _of_number(kind: str, value: Any) -> str:
    if type(value) is not str:
        return ""
    if kind in ("float4", "float8"):
        return "write the number without quotation marks" if number_parts(value) else ""
    if number_parts(value) or not re.search(r"\d", value):
        return ""
    return "text is read as a number if it is one of JSON: no spaces, +, leading zeros, separators, units or 0x"
