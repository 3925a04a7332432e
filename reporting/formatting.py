"""Numbers, days and months as a reader has them: one precision for one kind of number, everywhere."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

DASH = "–"  # where there is no figure
# The columns of amounts of money; those of one decimal end in these words.
AMOUNTS = {
    *("price", "price_before", "amount", "average_amount", "revenue", "revenue_so_far", "revenue_per_payer", "a_month"),
    *("recurring_revenue", "new", "reactivated", "expansion", "contraction", "churned", "revenue_per_subscriber"),
    *("paid", "paid_so_far", "paid_a_month", "lifetime_value"),
}
NO_COUNTS = ("_id", "_year")  # numbers that are names


def number(value: Any) -> str:
    """Write a count, or a number as exact as it is given."""
    return f"{value:,}"


def money(value: Any) -> str:
    """Write an amount, in the currency of the plans' prices."""
    return f"{value:,.2f}"


def percent(value: Any) -> str:
    return DASH if value is None else f"{value:,.1f} %"


def span(values: Iterable[Any], write: Any = percent) -> str:
    """Write between which values some lie; None is none of them."""
    known = [value for value in values if value is not None]
    low, high = write(min(known)), write(max(known))
    return low if low == high else f"between {low.removesuffix(' %')} and {high}"


def month(value: date) -> str:
    return f"{value:%B %Y}"


def months(values: Sequence[date | str]) -> list[str]:
    """Write the months of an axis: their names, and the year where it begins or changes."""
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
    """Write a day; a time that Python has none for is text, and stays as it is."""
    return value if isinstance(value, str) else f"{value.day} {value:%B} {value.year}"


def cell(column: str, value: Any) -> str:
    """Write a value of a table."""
    if value is None:
        return DASH
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool) or column.endswith(NO_COUNTS):
        return str(value)
    return money(value) if column in AMOUNTS else number(value)


def plural(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
