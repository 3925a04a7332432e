"""Numbers, days and months as a reader has them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

DASH = "–"  # where there is no figure


def number(value: Any) -> str:
    """Write a count, or a number as exact as it is given."""
    return f"{value:,}"


def money(value: Any) -> str:
    """Write an amount, in the currency of the plans' prices."""
    return f"{value:,.2f}"


def percent(value: Any) -> str:
    return DASH if value is None else f"{value:,.1f} %"


def month(value: date) -> str:
    return f"{value:%B %Y}"


def months(values: list[date]) -> list[str]:
    """Write the months of an axis: their names, and the year where it begins or changes."""
    labels = []
    for i, value in enumerate(values):
        changes = i == 0 or values[i - 1].year != value.year
        labels.append(f"{value:%b} ’{value:%y}" if changes else f"{value:%b}")
    return labels


def day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def cell(value: Any) -> str:
    """Write a value of a table."""
    if value is None:
        return DASH
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return number(value)
    return str(value)


def plural(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
