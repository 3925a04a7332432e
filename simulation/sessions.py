"""When people watch: evenings and weekends, seasons and holidays, and how much in a row."""

from bisect import bisect_right
from itertools import accumulate
from random import Random

from simulation.locales import LOCALES
from simulation.popularity import Popularity
from simulation.portable_math import approximately_normal
from simulation.profile import Profile, ViewingFigures
from simulation.subscribers import Subscriber
from simulation.window import DAY, HOLIDAYS, HOUR, SATURDAY, Window

EVENING_SD = 75  # Evening sessions begin about the user's habit, with this standard deviation in minutes.
# The weight of each hour of the user's day, from midnight: the other sessions begin in an hour as often as that says.
WEEKDAY_HOURS = (4, 2, 1, 1, 1, 2, 4, 6, 6, 5, 5, 6, 9, 9, 8, 8, 10, 12, 14, 14, 14, 13, 11, 8)
WEEKEND_HOURS = (6, 4, 2, 1, 1, 1, 2, 4, 8, 11, 13, 14, 15, 16, 16, 16, 16, 16, 15, 14, 13, 12, 11, 9)
SAMPLES = 4_096  # When a session begins is drawn from this many samples.
LENGTHS = 256  # How many viewings it has is drawn from this many lengths; each of them goes with each of the samples.
FRIDAY = 1.15  # A Friday has this many times as many viewings as a Monday.
ENTRIES_PER_DAY = 40  # A day of average weight is this many times in the list from which days are drawn.
WATCH_AT_ONCE = 0.8  # This share of the users watches as soon as they have signed up, or come back.

# The moment at which a session begins, the number of its viewings, and the moment from which no viewing begins.
Session = tuple[int, int, int]


class Sessions:
    """When people watch, and how much in a row."""

    def __init__(self, profile: Profile, window: Window, popularity: Popularity) -> None:
        figures = profile.viewings
        self._lengths = _lengths(figures.per_session)
        # Local days begin a day before the window's and end a day after. Each has as many entries as its weight.
        days = [(day, _weight(figures, window, popularity, day)) for day in range(-1, window.days + 1)]
        # One more entry follows, which a rounding may reach.
        self._days = [day for day, share in days for _ in range(share)] + [window.days]
        # Where each local day begins in that list, and where the last one ends.
        self._first = [0, *accumulate(share for _, share in days)]
        self._ahead = {locale.summer: window.ahead(locale.summer) for locale in LOCALES}
        # Samples of when sessions begin: first seconds from somebody's habit, then seconds of the day.
        rng = Random("evenings")
        self._evenings = int(SAMPLES * figures.evening)
        evenings = [int(EVENING_SD * 60 * approximately_normal(rng.random())) for _ in range(self._evenings)]
        weekday = evenings + _seconds(WEEKDAY_HOURS, SAMPLES - self._evenings, rng)
        weekend = evenings + _seconds(WEEKEND_HOURS, SAMPLES - self._evenings, rng)
        self._seconds = [weekend if window.weekday(day) >= SATURDAY else weekday for day in range(-1, window.days + 1)]

    def weight(self, subscriber: Subscriber) -> float:
        """Return how much somebody watches, next to others, in all their time: more in seasons when all do."""
        weight = 0.0
        entries, offset = self._first, subscriber.offset + DAY
        for begin, end, level in subscriber.membership.periods:
            weight += (entries[(end - 1 + offset) // DAY + 1] - entries[(begin + offset) // DAY]) * level
        return weight * subscriber.activity

    def sessions(self, subscriber: Subscriber, count: int, rng: Random) -> list[Session]:
        """Return sessions for this many viewings. Most users begin with one when they have signed up, or come back."""
        random, lengths, seconds = rng.random, self._lengths, self._seconds
        evenings, all_samples = self._evenings, SAMPLES * LENGTHS
        days, habit, offset = self._days, subscriber.habit * 60, subscriber.offset
        ahead = self._ahead[subscriber.locale.summer]
        periods, ends, sessions = [], [], []
        whole, gone = 0.0, -1
        entries, day_before = self._first, offset + DAY
        for begin, end, level in subscriber.membership.periods:
            first = entries[(begin + day_before) // DAY]
            periods.append((begin, end, first, whole, level))
            whole += (entries[(end - 1 + day_before) // DAY + 1] - first) * level
            ends.append(whole)
            if begin != gone and count > 0 and random() < WATCH_AT_ONCE:
                length = min(count, lengths[int(random() * LENGTHS)])
                sessions.append((begin + 120 + int(random() * 1500), length, end))
                count -= length
            gone = end
        last, missed = len(ends) - 1, 0
        while count > 0:
            draw = random() * whole
            begin, end, first, before, level = periods[bisect_right(ends, draw, 0, last)]
            day = days[first + int((draw - before) / level)]
            both = int(random() * all_samples)
            sample = both // LENGTHS
            moment = day * DAY + seconds[day + 1][sample] - offset - ahead[day + 1]
            if sample < evenings:
                moment += habit
            if not begin <= moment < end:
                missed += 1
                if missed % 4:
                    continue
                # There may be no such hour in so short a time: they watch right away.
                moment = begin + int(random() * min(end - begin, DAY // 6))
            length = lengths[both % LENGTHS]
            if length > count:
                length = count
            count -= length
            sessions.append((moment, length, end))
        sessions.sort()
        return sessions


def _weight(figures: ViewingFigures, window: Window, popularity: Popularity, day: int) -> int:
    """Return how much is watched on a day of the week and the year, and with the new titles of that day."""
    weekday = window.weekday(day)
    weight = ENTRIES_PER_DAY * window.season(day, figures.winter)
    if weekday >= SATURDAY:
        weight *= figures.weekend
    elif weekday == SATURDAY - 1:
        weight *= FRIDAY
    if window.is_within(day, *HOLIDAYS):
        weight *= 1 + figures.holidays
    weight *= 1 + figures.releases * popularity.novelty(max(0, min(window.days - 1, day)))
    return max(1, int(weight))


def _seconds(hours: tuple[int, ...], count: int, rng: Random) -> list[int]:
    """Return samples of seconds of a day. hours: how many of them lie in each hour, next to the others."""
    ends = list(accumulate(hours))
    draws = ((number + 0.5) * ends[-1] / count for number in range(count))
    return [bisect_right(ends, int(draw)) * HOUR + int(rng.random() * HOUR) for draw in draws]


def _lengths(mean: float) -> list[int]:
    """Return lengths of sessions that are equally frequent: a geometric distribution."""
    lengths: list[int] = []
    goes_on = 1 - 1 / mean
    longer, length = goes_on, 1  # the share of sessions that are longer
    for number in range(LENGTHS):
        while longer > 1 - (number + 0.5) / LENGTHS and length < 20:
            longer *= goes_on
            length += 1
        lengths.append(length)
    return lengths
