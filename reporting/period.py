"""The period that figures are of."""

from datetime import date, timedelta
from typing import NamedTuple

from reporting.formatting import day


class Period(NamedTuple):
    """Begins with the day `since` and ends before the day `until`, in UTC."""

    since: date
    until: date

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a named query, in the form that queries.sql has them in."""
        return {"since": f"{self.since} 00:00Z", "until": f"{self.until} 00:00Z"}

    @property
    def last(self) -> date:
        return self.until - timedelta(1)

    def __str__(self) -> str:
        first, last = day(self.since), day(self.last)
        if self.since == self.last:
            return last
        if self.since.year != self.last.year:
            return f"{first} to {last}"
        return f"{self.since.day}{f' {self.since:%B}' if self.since.month != self.last.month else ''} to {last}"
