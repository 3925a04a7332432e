"""When people watch, what they do then: evenings and weekends, sessions, how far they get."""

from bisect import bisect_right
from itertools import accumulate
from random import Random

import services
from simulation.popularity import EPISODES, NEXT_EPISODE, Favourites, Popularity
from simulation.portable_math import approximately_normal
from simulation.profile import Profile, ViewingFigures
from simulation.subscribers import Subscriber
from simulation.titles import MEAN_QUALITY, Title
from simulation.window import DAY, SATURDAY, Window

WIDTH = 75  # minutes: how far the beginnings of somebody's evening sessions are spread about their habit
# How many of the other sessions begin in each hour of somebody's day, from midnight.
WEEKDAY = (4, 2, 1, 1, 1, 2, 4, 6, 6, 5, 5, 6, 9, 9, 8, 8, 10, 12, 14, 14, 14, 13, 11, 8)
WEEKEND = (6, 4, 2, 1, 1, 1, 2, 4, 8, 11, 13, 14, 15, 16, 16, 16, 16, 16, 15, 14, 13, 12, 11, 9)
SAMPLES, LENGTHS = 4_096, 256
FRIDAY = 1.15  # times as many viewings as on a Monday
MOST_PER_DAY = 12  # viewings of one user, on average

# In hundredths of a percent: who got so far has seen it, and who got less far has given it up at once.
FINISHED, GIVEN_UP = 100 * services.FINISHED, 500
PATIENCE = (1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6)  # times as often: a title is given up, by its quality
CREDITS = 0.07  # of those who see a title to its end leave in the last minutes
BREAK = 220  # seconds between the viewings of a session, at most, and 20 at least


# A title, the moment at which somebody began to watch it, and how far they got, in hundredths of a percent.
Viewing = tuple[int, int, int]


class Watching:
    """When and how people watch titles."""

    def __init__(self, profile: Profile, window: Window, popularity: Popularity) -> None:
        figures = profile.viewings
        self._popularity = popularity
        self._lengths = _lengths(figures.per_session)
        # Local days begin a day before the window's and end a day after. Each is there as often as it is watched on.
        shares = (20, 20, 20, 20, int(20 * FRIDAY), weekend := int(20 * figures.weekend), weekend)
        days = [(day, shares[window.weekday(day)]) for day in range(-1, window.days + 1)]
        self._days = [day for day, share in days for _ in range(share)]
        self._first = [0, *accumulate(share for _, share in days)]
        self._weekends = {day for day, _ in days if window.weekday(day) >= SATURDAY}
        # Samples of when sessions begin: first seconds from somebody's habit, then seconds of the day.
        rng = Random("evenings")
        self._evenings = int(SAMPLES * figures.evening)
        evenings = [int(WIDTH * 60 * approximately_normal(rng.random())) for _ in range(self._evenings)]
        self._weekday = evenings + _seconds(WEEKDAY, SAMPLES - self._evenings, rng)
        self._weekend = evenings + _seconds(WEEKEND, SAMPLES - self._evenings, rng)
        self._seconds = [title.minutes * 60 for title in popularity.titles]
        self._more = [EPISODES - 1 if title.content_type == "series" else 0 for title in popularity.titles]
        # Samples of how far somebody gets, for grades of patience. A weak title is given up more often.
        grades = [_progress(figures, patience) for patience in PATIENCE]
        self._progress = [grades[_grade(title)] for title in popularity.titles]

    def start(self, habit: int, weekend: bool, rng: Random) -> int:
        """Return the second at which a session of somebody begins, about that of their day. habit: in seconds, too."""
        place = int(rng.random() * SAMPLES)
        second = self._weekend[place] if weekend else self._weekday[place]
        return habit + second if place < self._evenings else second

    def progress(self, title: int, place: float) -> int:
        """Return how far somebody gets with a title, in hundredths of a percent. place: a random()."""
        return self._progress[title][int(place * SAMPLES)]

    def viewings(self, subscriber: Subscriber, count: int, rng: Random) -> tuple[list[Viewing], dict[int, int]]:
        """Return some viewings of a subscriber, in the order of time, and when each title was first seen to its end."""
        viewings: list[Viewing] = []
        finished: dict[int, int] = {}
        active = sum(end - begin for begin, end in subscriber.spans)
        passed = done = 0
        for begin, end in subscriber.spans:
            passed += end - begin
            until = count * passed // active
            sessions = self._sessions(subscriber, begin, end, until - done, rng)
            self._watch(sessions, end, subscriber.favourites, viewings, finished, rng)
            done = until
        return viewings, finished

    def _watch(
        self,
        sessions: list[tuple[int, int]],
        end: int,
        favourites: Favourites,
        viewings: list[Viewing],
        finished: dict[int, int],
        rng: Random,
    ) -> None:
        """Add the viewings of some sessions, up to an end."""
        random, pick, progress = rng.random, self._popularity.pick, self._progress
        all_seconds, more = self._seconds, self._more
        free = title = episodes = 0
        for moment, length in sessions:
            moment = max(moment, free)
            day = moment // DAY
            for _ in range(length):
                if moment >= end:
                    return
                if episodes and random() < NEXT_EPISODE:
                    episodes -= 1
                else:
                    title = pick(day, favourites, rng)
                    episodes = more[title]
                    if not episodes and title in finished:  # few see a film twice
                        title = pick(day, favourites, rng)
                        episodes = more[title]
                place = random()
                reached = progress[title][int(place * SAMPLES)]
                viewings.append((title, moment, reached))
                moment += all_seconds[title] * reached // 10_000 + 20 + int(place * BREAK)
                if reached >= FINISHED:
                    if title not in finished:
                        finished[title] = moment
                elif reached < GIVEN_UP:
                    episodes = 0
            free = moment

    def _sessions(self, subscriber: Subscriber, begin: int, end: int, count: int, rng: Random) -> list[tuple[int, int]]:
        """Return the moments at which sessions for so many viewings begin, and the number of viewings of each."""
        random, start, lengths = rng.random, self.start, self._lengths
        days, weekends, habit, offset = self._days, self._weekends, subscriber.habit * 60, subscriber.offset
        first = self._first[(begin + offset) // DAY + 1]  # the days begin with the one before the window
        width = self._first[(end - 1 + offset) // DAY + 2] - first
        sessions = []
        while count > 0:
            length = lengths[int(random() * LENGTHS)]
            count -= length
            for _ in range(4):
                day = days[first + int(random() * width)]
                moment = day * DAY + start(habit, day in weekends, rng) - offset
                if begin <= moment < end:
                    break
            else:  # there is no such hour in so short a time: they watch right away
                moment = begin + int(random() * min(end - begin, DAY // 6))
            sessions.append((moment, length if count >= 0 else length + count))
        sessions.sort()
        return sessions


def _seconds(hours: tuple[int, ...], count: int, rng: Random) -> list[int]:
    """Return samples of seconds of a day, of which so many lie in each hour."""
    ends = list(accumulate(hours))
    places = ((number + 0.5) * ends[-1] / count for number in range(count))
    return [bisect_right(ends, int(place)) * 3600 + int(rng.random() * 3600) for place in places]


def _grade(title: Title) -> int:
    """Return the place in PATIENCE of people's patience with a title."""
    return max(0, min(len(PATIENCE) - 1, int(len(PATIENCE) / 2 + (title.quality - MEAN_QUALITY) * 2)))


def _progress(figures: ViewingFigures, patience: float) -> list[int]:
    """Return samples of how far people get, in hundredths of a percent."""
    early = int(SAMPLES * figures.early_quits * patience)
    later = int(SAMPLES * figures.later_quits * patience)
    leaving = int((SAMPLES - early - later) * CREDITS)
    at_once = [10 + number * 488 // early for number in range(early)]
    on_the_way = [500 + number * number * 8_400 // (later * later) for number in range(later)]
    at_the_end = [9_300 + number * 699 // leaving for number in range(leaving)]
    return (at_once + on_the_way + at_the_end + [10_000] * SAMPLES)[:SAMPLES]


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
