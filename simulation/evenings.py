"""When people watch, what they do then: evenings and weekends, sessions, how far they get."""

from bisect import bisect_right
from itertools import accumulate
from random import Random
from typing import NamedTuple

from simulation.catalogue import EPISODES, NEXT_EPISODE, Catalogue
from simulation.exact import bell
from simulation.profile import Profile
from simulation.subscribers import Life
from simulation.titles import MEAN_QUALITY
from simulation.window import DAY, SATURDAY, Window

WIDTH = 75  # minutes: how far the beginnings of somebody's evening sessions are spread about their habit
# How many sessions of other times begin in each hour of the day, from midnight.
OTHER_HOURS = {
    "weekday": (4, 2, 1, 1, 1, 2, 4, 6, 6, 5, 5, 6, 9, 9, 8, 8, 10, 12, 14, 14, 14, 13, 11, 8),
    "weekend": (6, 4, 2, 1, 1, 1, 2, 4, 8, 11, 13, 14, 15, 16, 16, 16, 16, 16, 15, 14, 13, 12, 11, 9),
}
FRIDAY = 1.15  # times as many viewings as on a Monday
MOST_PER_DAY = 12  # viewings of one user, on average

FINISHED = 9_000  # hundredths of a percent: who got so far has seen it
CREDITS = 0.07  # of those who see a title to its end leave in the last minutes
BREAK = (20, 240)  # seconds between the viewings of a session


class Viewing(NamedTuple):
    """moment: when it began. progress: in hundredths of a percent."""

    title: int
    moment: int
    progress: int


class Evenings:
    """When and how people watch the titles of a catalogue."""

    def __init__(self, profile: Profile, window: Window, catalogue: Catalogue) -> None:
        figures = profile.viewings
        self._window = window
        self._catalogue = catalogue
        self._evening = figures.evening
        weekend = int(100 * figures.weekend)
        shares = (100, 100, 100, 100, int(100 * FRIDAY), weekend, weekend)
        # Local days begin a day before the window's and end a day after.
        self._days = [0, *accumulate(shares[window.weekday(day)] for day in range(-1, window.days + 1))]
        self._hours = {kind: list(accumulate(hours)) for kind, hours in OTHER_HOURS.items()}
        self._lengths = _lengths(figures.per_session)
        # A weak title is given up more often.
        self._early: list[float] = []
        self._later: list[float] = []  # with those before
        for title in catalogue.titles:
            patience = max(0.4, min(1.8, 1 - 0.2 * (title.quality - MEAN_QUALITY)))
            self._early.append(figures.early_quits * patience)
            self._later.append((figures.early_quits + figures.later_quits) * patience)

    def start(self, habit: int, weekend: bool, chance: Random) -> int:
        """Return the second of somebody's day at which a session of theirs begins."""
        place = chance.random()
        if place < self._evening:
            return (habit * 60 + int(WIDTH * 60 * bell(place / self._evening))) % DAY
        ends = self._hours["weekend" if weekend else "weekday"]
        return bisect_right(ends, int(chance.random() * ends[-1])) * 3600 + int(chance.random() * 3600)

    def progress(self, title: int, place: float) -> int:
        """Return how far somebody gets with a title, in hundredths of a percent. place: a random()."""
        early, later = self._early[title], self._later[title]
        if place < early:
            return 10 + int(place / early * 488)
        if place < later:
            place = (place - early) / (later - early)
            return 500 + int(place * place * 8_400)
        place = (place - later) / (1 - later)
        return 9_300 + int(place / CREDITS * 699) if place < CREDITS else 10_000

    def viewings(self, life: Life, count: int, chance: Random) -> tuple[list[Viewing], dict[int, int]]:
        """Return some viewings of a life, in the order of time, and when each title was first seen to its end."""
        viewings: list[Viewing] = []
        finished: dict[int, int] = {}
        active = sum(end - begin for begin, end in life.spans)
        passed = done = 0
        for begin, end in life.spans:
            passed += end - begin
            until = count * passed // active
            self._watch(life, begin, end, until - done, viewings, finished, chance)
            done = until
        return viewings, finished

    def _watch(
        self,
        life: Life,
        begin: int,
        end: int,
        count: int,
        viewings: list[Viewing],
        finished: dict[int, int],
        chance: Random,
    ) -> None:
        random, pick, progress = chance.random, self._catalogue.pick, self.progress
        titles, favourites = self._catalogue.titles, life.favourites
        pause, longer = BREAK[0], BREAK[1] - BREAK[0]
        free = begin
        title, episodes = -1, 0
        for moment, length in self._sessions(life, begin, end, count, chance):
            moment = max(moment, free)
            if moment >= end:
                break
            day = moment // DAY
            for _ in range(length):
                if episodes and random() < NEXT_EPISODE:
                    episodes -= 1
                else:
                    title = pick(day, favourites, chance)
                    if titles[title].content_type == "series":
                        episodes = EPISODES - 1
                    else:
                        episodes = 0
                        if title in finished:  # few see a film twice
                            title = pick(day, favourites, chance)
                            episodes = EPISODES - 1 if titles[title].content_type == "series" else 0
                place = random()
                reached = progress(title, place)
                viewings.append(Viewing(title, moment, reached))
                moment += titles[title].minutes * reached * 60 // 10_000 + pause + int(place * longer)
                if reached >= FINISHED:
                    if title not in finished:
                        finished[title] = moment
                elif reached < 500:
                    episodes = 0
                if moment >= end:
                    break
            free = moment

    def _sessions(self, life: Life, begin: int, end: int, count: int, chance: Random) -> list[tuple[int, int]]:
        """Return the moments at which sessions for so many viewings begin, and the number of viewings of each."""
        lengths = []
        while count > 0:
            length = min(count, self._lengths[int(chance.random() * len(self._lengths))])
            lengths.append(length)
            count -= length
        moments = sorted(self._moment(life, begin, end, chance) for _ in lengths)
        return list(zip(moments, lengths, strict=True))

    def _moment(self, life: Life, begin: int, end: int, chance: Random) -> int:
        first = (begin + life.offset) // DAY + 1  # counted from the day before the window
        last = (end - 1 + life.offset) // DAY + 1
        for _ in range(4):
            place = self._days[first] + int(chance.random() * (self._days[last + 1] - self._days[first]))
            day = bisect_right(self._days, place, first, last + 1) - 2
            weekend = self._window.weekday(day) >= SATURDAY
            moment = day * DAY + self.start(life.habit, weekend, chance) - life.offset
            if begin <= moment < end:
                return moment
        # There is no such hour in so short a time: they watch right away.
        return begin + int(chance.random() * min(end - begin, DAY // 6))


def _lengths(mean: float) -> list[int]:
    """Return lengths of sessions that are equally frequent: a geometric distribution."""
    lengths: list[int] = []
    goes_on = 1 - 1 / mean
    longer, length = goes_on, 1  # the share of sessions that are longer
    for number in range(256):
        while longer > 1 - (number + 0.5) / 256 and length < 20:
            longer *= goes_on
            length += 1
        lengths.append(length)
    return lengths
