"""Which title somebody picks on a day: by its popularity, by how new it is, and by their tastes."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import fsum, sqrt
from random import Random
from typing import NamedTuple

from simulation.portable_math import power
from simulation.profile import Profile
from simulation.titles import BEFORE, Title
from simulation.window import Window

FAVOURITES = (0.55, 0.3, 0.15)  # of what is watched by taste falls to each of somebody's favourites

EPISODES = 8  # of a series are watched as one story
NEXT_EPISODE = 0.75  # of those who have seen an episode see the next before anything else

NEW_FOR = 8  # half-lives after which the attention for a title does not fall any more
SCALE = 1 << 30  # attention is counted in whole numbers, so that sums are exact

Favourites = tuple[int, int, int]


class Shelf(NamedTuple):
    """The titles of a genre and style on a day.

    total: the attention for all of them. lasting: of that for all that are out, without what they get for being new,
    new: those that are new, with sums of that.
    """

    total: int
    lasting: int
    new: list[int]
    new_sums: list[int]


def power_law(count: int, exponent: float) -> list[float]:
    """Return the popularity of so many titles, the most popular first: 1 / rank ** exponent."""
    return [power(rank, -exponent) for rank in range(1, count + 1)]


class Popularity:
    """Titles, and the attention for each on the days of a window.

    attention: for each title, as it is on the day on which it comes out. After that it falls by half in each half-life,
    down to what lasts. What came out before has only what lasts. hits: the titles that are hits of the profile, which
    everybody watches, whatever their tastes.
    """

    def __init__(
        self, profile: Profile, window: Window, titles: list[Title], attention: list[int], hits: Sequence[int] = ()
    ) -> None:
        self.titles = titles
        # Of a random(): where what is chosen by the first, the second and the third favourite ends.
        self._ends = [profile.tastes.strength * end for end in (FAVOURITES[0], FAVOURITES[0] + FAVOURITES[1], 1.0)]
        self._attention = attention
        self._lasting = profile.titles.lasting
        self._decay = _decay(profile)
        places = sorted({(title.genre, title.style) for title in titles})
        by_release = sorted(range(len(titles)), key=lambda title: titles[title].released)
        self._ids = [
            [title for title in by_release if (titles[title].genre, titles[title].style) == place] for place in places
        ]
        self._sums = [list(accumulate(1 + int(self._lasting * attention[title]) for title in ids)) for ids in self._ids]
        by_shelf = [self._shelves(ids, sums, window.days) for ids, sums in zip(self._ids, self._sums, strict=True)]
        self._days: list[tuple[Shelf, ...]] = list(zip(*by_shelf, strict=True))
        self._totals: list[list[int]] = [list(accumulate(shelf.total for shelf in day)) for day in self._days]
        self._hits: list[list[tuple[float, int]]] = [[] for _ in range(window.days)]
        for hit, title in zip(profile.hits, hits, strict=True):
            for day in range(hit.day - 1, window.days):
                self._hits[day].append((hit.share * self._freshness(day - hit.day + 1), title))
        self._tastes = list(accumulate(sum(shelf.total for shelf in days) for days in by_shelf))

    def favourites(self, rng: Random) -> Favourites:
        """Return somebody's three favourites among the genres and their styles; two may be the same.

        They are favourites as often as they are watched, so that tastes change nothing of what is popular over all.
        """
        first, second, third = (bisect_right(self._tastes, int(rng.random() * self._tastes[-1])) for _ in range(3))
        return first, second, third

    def pick(self, day: int, favourites: Favourites, rng: Random) -> int:
        """Return the title that somebody picks on a day."""
        random = rng.random
        for share, title in self._hits[day]:
            if random() < share:
                return title
        shelves = self._days[day]
        place = random()
        first, second, third = self._ends
        if place < second:
            shelf = favourites[place >= first]
        elif place < third:
            shelf = favourites[2]
        else:
            shelf = -1
        if shelf < 0 or not shelves[shelf].total:  # not by taste, or nothing of that kind has come out so far
            totals = self._totals[day]
            shelf = bisect_right(totals, int(random() * totals[-1]))
        total, lasting, new, new_sums = shelves[shelf]
        attention = int(random() * total)
        if attention < lasting:
            return self._ids[shelf][bisect_right(self._sums[shelf], attention)]
        return new[bisect_right(new_sums, attention - lasting)]

    def _freshness(self, age: int) -> float:
        """Return the attention for a title so many days after it came out, as a share of that on its first day."""
        return self._lasting + (self._decay[age] if age < len(self._decay) else 0.0)

    def _shelves(self, ids: list[int], sums: list[int], days: int) -> list[Shelf]:
        """Return a shelf for each day. ids: its titles as they come out, sums: of what lasts of their attention."""
        shelves = []
        first = end = 0  # the first title that is still new, and the first that is not out
        while end < len(ids) and self.titles[ids[end]].released == BEFORE:
            first = end = end + 1
        for day in range(days):
            while end < len(ids) and self.titles[ids[end]].released <= day:
                end += 1
            while first < end and day - self.titles[ids[first]].released >= len(self._decay):
                first += 1
            new = ids[first:end]
            extra = (int(self._decay[day - self.titles[title].released] * self._attention[title]) for title in new)
            new_sums = list(accumulate(extra))
            lasting = sums[end - 1] if end else 0
            shelves.append(Shelf(lasting + (new_sums[-1] if new else 0), lasting, new, new_sums))
        return shelves


def attention(profile: Profile, titles: list[Title], subscribers: list[float], rng: Random) -> list[int]:
    """Return the attention for each title, such that the viewings of the window follow the power law.

    subscribers: about how many there are on each day of the window. So what comes out late, when little of it is left,
    has a lower rank for the same attention.
    """
    exposures = _exposures(profile, titles, subscribers)
    popularity = power_law(len(titles), profile.titles.exponent)
    ranking = sorted(range(len(titles)), key=_by_chance(titles, rng))
    appeal = dict(zip(ranking, popularity, strict=True))
    reached = sorted(appeal, key=lambda title: (-appeal[title] * exposures[title], title))
    found = [0] * len(titles)
    for title, share in zip(reached, popularity, strict=True):
        found[title] = 1 + int(share / exposures[title] * SCALE)
    return found


def _by_chance(titles: list[Title], rng: Random) -> Callable[[int], tuple[float, int]]:
    """Return the key of an order by chance, in which what is new, and series, are more often among the first."""
    keys = []
    for number, title in enumerate(titles):
        place = rng.random()
        if title.released != BEFORE:
            place = sqrt(place)
        if title.content_type == "series":
            place = sqrt(sqrt(place))
        keys.append((-place, number))
    return keys.__getitem__


def _exposures(profile: Profile, titles: list[Title], subscribers: list[float]) -> list[float]:
    """Return the viewings that follow from each unit of attention: 1 for a film that was there on all days."""
    decay, lasting = _decay(profile), profile.titles.lasting
    so_far = [0.0, *accumulate(subscribers)]
    goes_on = NEXT_EPISODE * (1 - profile.viewings.early_quits)
    episodes, goes_so_far = 0.0, 1.0
    for _ in range(EPISODES):
        episodes += goes_so_far
        goes_so_far *= goes_on
    exposures = []
    for title in titles:
        day = max(title.released, 0)
        exposure = lasting * (so_far[-1] - so_far[day])
        if title.released != BEFORE:
            exposure += fsum(map(float.__mul__, subscribers[day : day + len(decay)], decay))
        exposures.append(exposure * (episodes if title.content_type == "series" else 1.0) / (lasting * so_far[-1]))
    return exposures


def _decay(profile: Profile) -> list[float]:
    """Return, for each day since its release, what a title gets beside what lasts."""
    half_life = profile.titles.half_life
    return [(1 - profile.titles.lasting) * power(2, -day / half_life) for day in range(int(NEW_FOR * half_life))]
