"""Format the rows of a query: as a table for a person, as CSV or JSON for programs."""

import csv
import io
from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from toolkit.console import printable
from toolkit.exact_json import json_text
from toolkit.terminal import width

Rows = Sequence[Sequence[Any]]


def as_table(columns: Sequence[str], rows: Rows) -> str:
    """Return the rows in aligned columns, numbers to the right. NULL is empty, as in psql."""
    lines = [[printable(column) for column in columns], *([printable(_text(value)) for value in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    to_the_right = [_is_numbers(column) for column in zip(*rows, strict=True)] or [False] * len(columns)
    head, *body = [
        " | ".join(
            _padding(cell, wide) + cell if right else cell + _padding(cell, wide)
            for cell, wide, right in zip(line, widths, to_the_right, strict=True)
        ).rstrip()
        for line in lines
    ]
    count = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
    return "\n".join([head, "-+-".join("-" * wide for wide in widths), *body, f"({count})"])


def as_csv(columns: Sequence[str], rows: Rows) -> str:
    """Return the rows as CSV (RFC 4180, but lines end with a line feed) with a header line. NULL is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)
    return text.getvalue().removesuffix("\n")


def as_json(columns: Sequence[str], rows: Rows) -> str:
    """Return the rows as an array of objects, each on a line of its own. Numbers are exact, times ISO 8601."""
    objects = [json_text(dict(zip(columns, map(_json_value, row), strict=True))) for row in rows]
    return "[" + ",\n ".join(objects) + "]"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list, bool)):
        return json_text(_json_value(value))
    return str(value)


def _json_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, (timedelta, UUID)) or (isinstance(value, Decimal) and not value.is_finite()):
        return str(value)
    return value


def _is_numbers(column: Sequence[Any]) -> bool:
    return all(value is None or (isinstance(value, (int, float, Decimal)) and value is not True) for value in column)


def _padding(cell: str, columns: int) -> str:
    return " " * (columns - width(cell))
