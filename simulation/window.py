"""The time that is simulated: days of UTC, and the seconds since the first of them began."""

from calendar import monthrange
from datetime import date, timedelta

DAY = 86_400  # seconds
HOUR = 3_600  # seconds
SATURDAY = 5  # as a weekday() of a Window
HOLIDAYS = (12, 24), 9  # The winter's holidays begin on this month and day, and last this many days.
# By each rule summer time begins and ends on a Sunday, given as the month and its number in it; -1 is the last one.
SUMMER = {"EU": ((3, -1), (10, -1)), "US": ((3, 2), (11, 1))}


class Window:
    """The days before a date. Moments are whole seconds since midnight of the first day, in UTC.

    end: the first moment that is no longer in it.
    """

    def __init__(self, until: date, days: int) -> None:
        self.until = until
        self.days = days
        self.begin = until - timedelta(days)
        self.end = days * DAY
        self._anniversaries: dict[int, list[int]] = {}
        self._months: list[tuple[int, int]] = []  # the day on which each begins, and its length
        year, month, first = self.begin.year, self.begin.month, 1 - self.begin.day
        while first < days:
            length = monthrange(year, month)[1]
            self._months.append((first, length))
            first += length
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)

    def date(self, day: int) -> date:
        """Return the date of a day, which may lie outside."""
        return self.begin + timedelta(day)

    def weekday(self, day: int) -> int:
        """Return 0 for a Monday to 6 for a Sunday."""
        return (self.begin.weekday() + day) % 7

    def is_within(self, day: int, begins: tuple[int, int], days: int) -> bool:
        """Whether a day is one of this many days, the first of which is a month and day of any year."""
        return self.since(day, begins) < days

    def since(self, day: int, begins: tuple[int, int]) -> int:
        """Return how many days ago a month and day was last."""
        today = self.date(day)
        begin = _date(today.year, begins)
        if begin > today:
            begin = _date(today.year - 1, begins)
        return (today - begin).days

    def season(self, day: int, winter: float) -> float:
        """Return the season of a day: 1 + winter in the middle of January, 1 - winter in the middle of July."""
        today = self.date(day)
        from_winter = (today.timetuple().tm_yday - 15) % 365
        return 1 + winter * (1 - 4 * min(from_winter, 365 - from_winter) / 365)

    def ahead(self, rule: str) -> list[int]:
        """Return how many seconds clocks are ahead by a rule, from the day before the window to the one after it."""
        days = [self.date(day) for day in range(-1, self.days + 1)]
        if not rule:
            return [0] * len(days)
        begins, ends = SUMMER[rule]
        return [HOUR if _sunday(day.year, *begins) <= day < _sunday(day.year, *ends) else 0 for day in days]

    def anniversaries(self, day: int) -> list[int]:
        """Return a day, and the same day of each later month; of a shorter month the last day."""
        if day not in self._anniversaries:
            month = next(number for number, (first, length) in enumerate(self._months) if day < first + length)
            of_month = day - self._months[month][0]
            days = [first + min(of_month, length - 1) for first, length in self._months[month:]]
            self._anniversaries[day] = [day for day in days if day < self.days]
        return self._anniversaries[day]


def _date(year: int, month_and_day: tuple[int, int]) -> date:
    month, day = month_and_day
    return date(year, month, min(day, monthrange(year, month)[1]))


def _sunday(year: int, month: int, number: int) -> date:
    """Return a Sunday of a month: the first is 1, and the last -1."""
    if number < 0:
        last = date(year, month, monthrange(year, month)[1])
        return last - timedelta((last.weekday() + 1) % 7)
    first = date(year, month, 1)
    return first + timedelta(6 - first.weekday() + 7 * (number - 1))
