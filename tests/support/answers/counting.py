"""What the answers are counted with: groups, calendars in UTC, and the servers' way of rounding."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from platform_year import Row

from services import FINISHED

Answer = list[tuple[Any, ...]]
Parameters = dict[str, Any]


def rounded(number: Decimal, places: int = 1) -> Decimal:
    """Round as both servers do: half away from zero."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return rounded(Decimal(100) * part / whole) if whole else None


def average(numbers: Iterable[Decimal], places: int = 1) -> Decimal | None:
    found = list(numbers)
    return rounded(sum(found, Decimal(0)) / len(found), places) if found else None


def by(rows: Iterable[Row], *columns: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns) if len(columns) > 1 else row[columns[0]]].append(row)
    return groups


def one(rows: Iterable[Row], column: str) -> dict[Any, Row]:
    return {row[column]: row for row in rows}


def month(at: datetime) -> date:
    return at.date().replace(day=1)


def next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def months(p: Parameters) -> list[date]:
    """The first days of the months that a period touches."""
    if p["since"] is None:
        return []
    found = [month(p["since"])]
    while midnight(next_month(found[-1])) < p["until"]:
        found.append(next_month(found[-1]))
    return found


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


def is_whole(first: date, p: Parameters) -> bool:
    """Whether a month is over when the period ends."""
    return bool(midnight(next_month(first)) <= p["until"])


def whole_months(p: Parameters) -> list[date]:
    return [first for first in months(p) if is_whole(first, p)]


def a_month_before(at: datetime) -> datetime:
    return by_months(at, -1)


def by_months(at: datetime, months: int) -> datetime:
    """So many calendar months later; on the last day of a month that has no such day."""
    year, month_ = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month_ + 1, day=min(at.day, monthrange(year, month_ + 1)[1]))


def within(rows: Iterable[Row], column: str, p: Parameters) -> list[Row]:
    return [row for row in rows if p["since"] is not None and p["since"] <= row[column] < p["until"]]


def period_before(p: Parameters) -> Parameters:
    """Of a month the month before, else as many days."""
    if p["since"] is None:
        return p
    before = a_month_before(p["since"]) if by_months(p["since"], 1) == p["until"] else None
    return {**p, "since": before or p["since"] - (p["until"] - p["since"]), "until": p["since"]}


YEAR, MONTH, DAYS = "a year", "a month", "thirty days"
# What a query is about that is given no period: up to the last row of a table, the last twelve months of it.
ENDS = {
    "payment_history": {
        *("revenue_by_month", "revenue_by_month_and_plan", "recurring_revenue_by_month", "payment_methods"),
        *("price_changes", "price_rises", "plan_changes", "overdue_payments", "subscribers_by_month"),
        *("churn_by_tenure", "churn_by_plan", "retention_cohorts", "countries"),
    },
    "users": {"sign_ups_by_month"},
}
SPANS = {
    "headline_figures": MONTH,
    "titles_rising_and_falling": MONTH,
    "viewings_by_day": DAYS,
    "idle_subscribers": DAYS,
}
TIMES = {"users": "created_at", "watch_history": "watched_at", "payment_history": "payment_date"}


def with_period(name: str, rows: dict[str, list[Row]], p: Parameters) -> Parameters:
    """Return the parameters with the period that a query takes where it is given none."""
    if p.get("until", p.get("since", "")) is not None:
        return p
    table = next((table for table, names in ENDS.items() if name in names), "watch_history")
    last = max((row[TIMES[table]] for row in rows[table]), default=None)
    if last is None:
        return p
    first = midnight(month(last))
    if SPANS.get(name) == MONTH:
        return {**p, "since": a_month_before(first), "until": first}
    since = midnight(last.date() - timedelta(days=29))
    if name not in SPANS:
        since = by_months(first, -11)
    return {**p, "since": since, "until": last + timedelta(seconds=1)}


def finished(rows: Iterable[Row]) -> int:
    return sum(row["progress"] >= FINISHED for row in rows)


def distinct(rows: Iterable[Row], column: str) -> int:
    return len({row[column] for row in rows} - {None})


def total(rows: Iterable[Row]) -> Decimal:
    return sum((row["amount"] for row in rows), Decimal(0))


def latest(rows: Iterable[Row], time: str, key: str) -> list[Row]:
    return sorted(rows, key=lambda row: (row[time], row[key]), reverse=True)


def of(rows: Iterable[Row], **values: Any) -> list[Row]:
    return [row for row in rows if all(row[column] == value for column, value in values.items())]
