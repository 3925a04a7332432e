"""When people watch, what they do then: evenings and weekends, sessions, episodes, how far they get."""

from bisect import bisect_right
from itertools import accumulate
from random import Random

import services
from simulation.attention import NEXT_EPISODE
from simulation.popularity import NO_TASTES, Popularity, Tastes
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
REACHED = 512  # samples of how far people get: few, because all of them fit into a fast cache
FRIDAY = 1.15  # times as many viewings as on a Monday
HOLIDAYS = (12, 24), 9  # the day on which they begin, and how many there are
FINE = 40  # a day of average weight stands so often in the list from which days are drawn

# In hundredths of a percent: who got so far has seen it, and who got less far has given it up at once.
FINISHED, GIVEN_UP = 100 * services.FINISHED, 500
# Times as often: a title is given up, by its quality; by its type; and the first episode of a series, and later ones.
PATIENCE = (1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6)
QUITS = {"movie": 1.2, "series": 0.8, "documentary": 1.35, "other": 1.0}
PILOT = 2.2
CREDITS = 0.07  # of those who see a title to its end leave in the last minutes
BREAK = 220  # seconds between the viewings of a session, at most, and 20 at least

AT_ONCE = 0.8  # of the users watch as soon as they have signed up, or come back
TRIES = 20  # to find something that somebody does not know yet, before they leave it for the day
BY_TASTE = 3  # of these, the first ones, are for something that they like
MOST_TIMES = 5  # nobody sees what has no episodes more often
TRIED_AGAIN = 0.25  # of the picks of what somebody has not seen to its end, though not of a series, are taken
# Which share of profile.viewings.rewatch it is for other types, and for titles of a quality that makes no favourite.
REWATCHED = {"movie": 1.0, "series": 0.25, "documentary": 0.2, "other": 0.5}
FAVOURITE = 7.5
NO_FAVOURITE = 0.25
OWED = 2_000  # viewings that were not made would let the others make twice as many

# A title, the moment at which somebody began to watch it, how far they got, in hundredths of a percent, and the
# episode; 0: it has none.
Viewing = tuple[int, int, int, int]

# The moment at which a session begins, the number of its viewings, and the moment from which it cannot go on.
Session = tuple[int, int, int]


class Watching:
    """When and how people watch titles."""

    def __init__(self, profile: Profile, window: Window, popularity: Popularity) -> None:
        figures = profile.viewings
        self._popularity = popularity
        self._lengths = _lengths(figures.per_session)
        # Local days begin a day before the window's and end a day after. Each is there as often as it is watched on.
        days = [(day, _weight(figures, window, popularity, day)) for day in range(-1, window.days + 1)]
        self._days = [day for day, share in days for _ in range(share)]
        self._first = [0, *accumulate(share for _, share in days)]
        self._weekends = {day for day, _ in days if window.weekday(day) >= SATURDAY}
        # Samples of when sessions begin: first seconds from somebody's habit, then seconds of the day.
        rng = Random("evenings")
        self._evenings = int(SAMPLES * figures.evening)
        evenings = [int(WIDTH * 60 * approximately_normal(rng.random())) for _ in range(self._evenings)]
        self._weekday = evenings + _seconds(WEEKDAY, SAMPLES - self._evenings, rng)
        self._weekend = evenings + _seconds(WEEKEND, SAMPLES - self._evenings, rng)
        titles = popularity.titles
        self._seconds = [title.minutes * 60 for title in titles]
        self._released = [title.released for title in titles]
        self._episodes = [title.episodes for title in titles]
        self._renewed = {
            number: (title.renewed, title.episodes_before)
            for number, title in enumerate(titles)
            if title.renewed is not None
        }
        # Samples of how far somebody gets, for each type and grade of patience.
        samples = {
            (kind, part): [_progress(figures, patience * QUITS[kind] * part) for patience in PATIENCE]
            for kind in QUITS
            for part in (1.0, PILOT)
        }
        self._progress = [samples[title.content_type, 1.0][_grade(title)] for title in titles]
        self._first_progress = [
            samples[title.content_type, PILOT if title.episodes else 1.0][_grade(title)] for title in titles
        ]
        self._again = [
            figures.rewatch * REWATCHED[title.content_type] * (1.0 if title.quality > FAVOURITE else NO_FAVOURITE)
            for title in titles
        ]
        self._owed = 0.0  # viewings that were expected and not made

    def progress(self, title: int, episode: int | None, place: float) -> int:
        """Return how far somebody gets with a title, or an episode, in hundredths of a percent. place: a random()."""
        return (self._progress if (episode or 0) > 1 else self._first_progress)[title][int(place * REACHED)]

    def weight(self, subscriber: Subscriber) -> float:
        """Return how much somebody watches, next to others, in all their time: more in seasons when all do."""
        weight = 0.0
        for begin, end, level in subscriber.membership.periods:
            _, width = self._range(begin, end, subscriber.offset)
            weight += width * level
        return weight * subscriber.activity

    def viewings(self, subscriber: Subscriber, expected: float, rng: Random) -> tuple[list[Viewing], dict[int, int]]:
        """Return about so many viewings of a subscriber, in the order of time, and when they had seen each title.

        Of a series it is the moment when they had seen all episodes. Who finds too little that they do not know leaves
        more for the next ones to watch.
        """
        count = int(expected * max(0.5, min(1.5, 1 + self._owed / OWED)) + rng.random())
        viewings: list[Viewing] = []
        finished: dict[int, int] = {}
        if count and subscriber.membership.periods:
            self._watch(self._sessions(subscriber, count, rng), subscriber, viewings, finished, rng)
        self._owed = min(float(OWED), self._owed + expected - len(viewings))
        return viewings, finished

    def _watch(
        self,
        sessions: list[Session],
        subscriber: Subscriber,
        viewings: list[Viewing],
        finished: dict[int, int],
        rng: Random,
    ) -> None:
        """Add the viewings of some sessions."""
        random, tastes, pick, goes_on, samples = (
            rng.random,
            subscriber.tastes,
            self._popularity.pick,
            NEXT_EPISODE,
            REACHED,
        )
        progress, first_progress = self._progress, self._first_progress
        all_seconds, all_episodes, renewed = self._seconds, self._episodes, self._renewed
        following: dict[int, int] = {}  # title -> the next episode; of what has none: how often they have seen it
        beyond: dict[int, int] = {}
        found = subscriber.came_for
        title = -1 if found is None else found
        episode = available = 0  # of the series that they are in the middle of
        free = 0
        for moment, length, end in sessions:
            if moment < free:
                moment = free
            day = moment // DAY
            for _ in range(length):
                if moment >= end:
                    break
                if not 0 < episode <= available or random() >= goes_on:
                    if title < 0 or viewings:
                        title = pick(day, tastes, rng)
                        if title in following and not self._goes_on(title, day, following, finished, rng):
                            found = self._something(title, day, tastes, following, beyond, rng)
                            if found is None:
                                episode = 0
                                break
                            title = found
                    episode = available = all_episodes[title]
                    if episode:
                        if title in renewed and day < renewed[title][0]:
                            available = renewed[title][1]
                        episode = following.get(title, 1)
                place = random()
                reached = (progress if episode > 1 else first_progress)[title][int(place * samples)]
                viewings.append((title, moment, reached, episode))
                moment += all_seconds[title] * reached // 10_000 + 20 + int(place * BREAK)
                if reached >= FINISHED:
                    if episode == available:
                        finished.setdefault(title, moment)
                    if episode:
                        episode += 1
                following[title] = episode or following.get(title, 0) + 1
                if reached < GIVEN_UP:
                    episode = 0
            free = moment

    def _something(
        self, known: int, day: int, tastes: Tastes, following: dict[int, int], beyond: dict[int, int], rng: Random
    ) -> int | None:
        """Return what somebody picks who knows a title: one of its kind, one they like, or any; None: nothing.

        beyond: for titles that they knew before what they found then, so that the way there is gone once only.
        """
        less_popular, released = self._popularity.less_popular, self._released
        title: int | None = beyond.get(known, less_popular[known])
        for number in range(TRIES):
            if title is None:
                title = self._popularity.pick(day, tastes if number < BY_TASTE else NO_TASTES, rng)
            if title not in following and released[title] <= day:
                beyond[known] = title
                return title
            title = less_popular[title]
        return None

    def _goes_on(self, title: int, day: int, following: dict[int, int], finished: dict[int, int], rng: Random) -> bool:
        """Whether somebody who picks what they have begun goes on with it, or likes to see it again."""
        episodes = self._episodes[title]
        if not episodes:
            again = self._again[title] if title in finished else TRIED_AGAIN
            return following[title] < MOST_TIMES and rng.random() < again
        if title in self._renewed and day < self._renewed[title][0]:
            episodes = self._renewed[title][1]
        if following[title] <= episodes:
            return True
        if rng.random() < self._again[title]:
            following[title] = 1
            return True
        return False

    def _range(self, begin: int, end: int, offset: int) -> tuple[int, int]:
        """Return which part of the list of days lies between two moments: its first place, and how many there are."""
        first = self._first[(begin + offset) // DAY + 1]  # the days begin with the one before the window
        return first, self._first[(end - 1 + offset) // DAY + 2] - first

    def _sessions(self, subscriber: Subscriber, count: int, rng: Random) -> list[Session]:
        """Return sessions for so many viewings. For most the first one is when they sign up, or come back."""
        random, lengths, weekday, weekend = rng.random, self._lengths, self._weekday, self._weekend
        samples, evenings = SAMPLES, self._evenings
        days, weekends, habit, offset = self._days, self._weekends, subscriber.habit * 60, subscriber.offset
        periods = [
            (*self._range(begin, end, offset), begin, end, level) for begin, end, level in subscriber.membership.periods
        ]
        shares = list(accumulate(width * level for _, width, _, _, level in periods))
        last, whole = len(shares) - 1, shares[-1]
        sessions = []
        gone = -1
        for _, _, begin, end, _ in periods:
            if begin != gone and count > 0 and random() < AT_ONCE:
                length = min(count, lengths[int(random() * LENGTHS)])
                sessions.append((begin + 120 + int(random() * 1500), length, end))
                count -= length
            gone = end
        while count > 0:
            length = lengths[int(random() * LENGTHS)]
            count -= length
            first, width, begin, end, _ = periods[bisect_right(shares, random() * whole, 0, last)]
            for _ in range(4):
                day = days[first + int(random() * width)]
                place = int(random() * samples)
                second = weekend[place] if day in weekends else weekday[place]
                moment = day * DAY + second - offset + (habit if place < evenings else 0)
                if begin <= moment < end:
                    break
            else:  # there is no such hour in so short a time: they watch right away
                moment = begin + int(random() * min(end - begin, DAY // 6))
            sessions.append((moment, length if count >= 0 else length + count, end))
        sessions.sort()
        return sessions


def _weight(figures: ViewingFigures, window: Window, popularity: Popularity, day: int) -> int:
    """Return how much is watched on a day of the week and the year, and with the new titles of that day."""
    weekday = window.weekday(day)
    weight = FINE * window.season(day, figures.winter)
    if weekday >= SATURDAY:
        weight *= figures.weekend
    elif weekday == SATURDAY - 1:
        weight *= FRIDAY
    if window.is_within(day, *HOLIDAYS):
        weight *= 1 + figures.holidays
    weight *= 1 + figures.releases * popularity.novelty(max(0, min(window.days - 1, day)))
    return max(1, int(weight))


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
    early = int(REACHED * figures.early_quits * patience)
    later = int(REACHED * figures.later_quits * patience)
    leaving = int((REACHED - early - later) * CREDITS)
    at_once = [10 + number * 488 // early for number in range(early)]
    on_the_way = [500 + number * number * 8_400 // (later * later) for number in range(later)]
    at_the_end = [9_300 + number * 699 // leaving for number in range(leaving)]
    return (at_once + on_the_way + at_the_end + [10_000] * REACHED)[:REACHED]


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
