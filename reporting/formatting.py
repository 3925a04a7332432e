"""Format numbers, days and months, each kind the same everywhere."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

DASH = "–"  # where there is no figure
# The columns with amounts of money.
AMOUNTS = {
    *("price", "price_before", "amount", "average_amount", "revenue", "revenue_so_far", "revenue_per_payer", "a_month"),
    *("recurring_revenue", "new", "reactivated", "expansion", "contraction", "churned", "revenue_per_subscriber"),
    *("paid", "paid_so_far", "paid_a_month", "lifetime_value"),
}
NO_COUNTS = ("_id", "_year")  # endings of columns whose numbers get no thousands separators


def number(value: Any) -> str:
    """Format a number with thousands separators, and all of its decimals."""
    return f"{value:,}"


def money(value: Any) -> str:
    """Format an amount of money, without a currency."""
    return f"{value:,.2f}"


def percent(value: Any) -> str:
    return DASH if value is None else f"{value:,.1f} %"


def value_range(values: Iterable[Any], write: Any = percent) -> str:
    """Format the range of some values, without None."""
    known = [value for value in values if value is not None]
    low, high = write(min(known)), write(max(known))
    return low if low == high else f"between {low.removesuffix(' %')} and {high}"


def month(value: date) -> str:
    return f"{value:%B %Y}"


def months(values: Sequence[date | str]) -> list[str]:
    """Format months as labels of an axis, with the year where it changes."""
    labels = []
    for i, value in enumerate(values):
        if isinstance(value, str):
            labels.append(value[:4])
            continue
        before = values[i - 1]
        changes = i == 0 or isinstance(before, str) or before.year != value.year
        labels.append(f"{value:%b} ’{value:%y}" if changes else f"{value:%b}")
    return labels


def day(value: date | str) -> str:
    """Format a day. A time that Python cannot hold is text already."""
    return value if isinstance(value, str) else f"{value.day} {value:%B} {value.year}"


def cell(column: str, value: Any) -> str:
    """Format a value of a table."""
    if value is None:
        return DASH
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool) or column.endswith(NO_COUNTS):
        return str(value)
    return money(value) if column in AMOUNTS else number(value)


def plural(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
