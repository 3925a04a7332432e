"""What the answers are counted with: groups, calendars in UTC, and the servers' way of rounding."""

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
    found = [month(p["since"])]
    while midnight(next_month(found[-1])) < p["until"]:
        found.append(next_month(found[-1]))
    return found


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


def a_month_before(at: datetime) -> datetime:
    """A calendar month earlier, for moments whose day every month has."""
    return at.replace(year=at.year - (at.month == 1), month=at.month - 1 or 12)


def within(rows: Iterable[Row], column: str, p: Parameters) -> list[Row]:
    return [row for row in rows if p["since"] <= row[column] < p["until"]]


def period_before(p: Parameters) -> Parameters:
    return {**p, "since": p["since"] - (p["until"] - p["since"]), "until": p["since"]}


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
