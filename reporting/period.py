"""The period of the page's figures."""

from datetime import date, timedelta
from typing import NamedTuple

from reporting.formatting import day


def first_of_month(day: date) -> date:
    return day.replace(day=1)


def months_later(month: date, months: int) -> date:
    """Return the first day of the month this many months after this one; date.min, if that is before year 1."""
    index = month.year * 12 + month.month - 1 + months
    return date(index // 12, index % 12 + 1, 1) if index >= 12 else date.min


class Period(NamedTuple):
    """The days from `since` to before `until`, in UTC."""

    since: date
    until: date

    @property
    def parameters(self) -> dict[str, str]:
        """The period as parameters of the queries in queries.sql."""
        return {"since": f"{self.since} 00:00Z", "until": f"{self.until} 00:00Z"}

    def is_whole(self, month: date) -> bool:
        """Whether all days of a month are in the period."""
        return self.since <= month and months_later(month, 1) <= self.until

    def note(self, month: date) -> str:
        """Return which part of a month is in the period, as text; "" for a whole month."""
        if self.is_whole(month):
            return ""
        first, last = max(self.since, month), min(self.last, months_later(month, 1) - timedelta(1))
        return f" (until the {_ordinal(last.day)})" if first == month else f" ({first.day} to {last.day})"

    @property
    def before(self) -> str:
        """The name of the period before, with which queries compare: a month, or as many days."""
        if self.since.day == 1 and months_later(self.since, 1) == self.until:
            return f"{months_later(self.since, -1):%B}"
        return f"the {(self.until - self.since).days:,} days before"

    @property
    def last(self) -> date:
        return self.until - timedelta(1)

    def __str__(self) -> str:
        if self.since.day == 1 and months_later(self.since, 1) == self.until:
            return f"{self.since:%B %Y}"
        first, last = day(self.since), day(self.last)
        if self.since == self.last:
            return last
        if self.since.year != self.last.year:
            return f"{first} to {last}"
        return f"{self.since.day}{f' {self.since:%B}' if self.since.month != self.last.month else ''} to {last}"


def _ordinal(number: int) -> str:
    ending = "th" if 11 <= number <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
