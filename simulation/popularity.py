"""Which title somebody picks on a day: by its popularity, how new it is, their market and their tastes."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple

from simulation.attention import Attention
from simulation.locales import LOCALES
from simulation.portable_math import WHOLE
from simulation.profile import Profile
from simulation.titles import Title
from simulation.window import Window

FAVOURITES = (0.55, 0.3, 0.15)  # These shares of the picks by taste go to the first, second and third favourite.
MOST_TALKED_ABOUT = 20  # Those who sign up for a new title come for one of this many of the day, the most popular ones.

# Somebody's three favourites among the genres and their styles, and the number of their market, 0: they have none.
Tastes = tuple[int, int, int, int]
NO_TASTES: Tastes = (-1, -1, -1, 0)  # Who has these picks whatever is popular in all the world.
Picker = Callable[[int], int]  # Called with a day, it returns the title that somebody picks on it.
NO_ENDS = (0.0, 0.0, 0.0)  # With these ends nothing is picked by taste.


class Shelf(NamedTuple):
    """The titles of a market, genre and style on a day, and the attention for them.

    Attention is counted in whole numbers, so that sums are exact, as floats, in which a random number is found at once.
    """

    total: float  # the attention for all titles that are out
    lasting: float  # the part of it that lasts: what they get for being new is the rest
    titles: list[int]  # all titles, also those that are yet to come, in the order in which they come out
    sums: list[float]  # for each of these, the attention that lasts for it and those before it
    new: list[int]  # the titles that are new, or have a new season
    new_sums: list[float]  # for each of these, what it and those before it get for being new


EMPTY = Shelf(0.0, 0.0, [], [], [], [])


class Popularity:
    """Titles, and how often each is picked on the days of a window.

    hits: the titles that are hits of the profile, which everybody watches, whatever their tastes.
    """

    def __init__(
        self, profile: Profile, window: Window, titles: list[Title], attention: Attention, hits: Sequence[int] = ()
    ) -> None:
        self.titles = titles
        # A random() below these ends means a pick by the first, the second or the third favourite.
        strength = profile.tastes.strength
        self._ends = strength * FAVOURITES[0], strength * (FAVOURITES[0] + FAVOURITES[1]), strength
        self._attention = attention
        self._home = profile.titles.home
        self._days: list[list[tuple[Shelf, ...]]] = []  # for each market and day, a shelf for each genre and style
        self._totals: list[list[list[float]]] = []  # for each market and day, the totals of these shelves, summed up
        self.less_popular: list[int | None] = [None] * len(titles)  # the next one of the market, genre and style
        languages = sorted({locale.language for locale in LOCALES}) if self._home else []
        self._markets = {language: number for number, language in enumerate(languages, 1)}
        kinds = sorted({(title.genre, title.style) for title in titles})
        on_shelf: dict[tuple[int, str, int], list[int]] = {}
        for number in sorted(range(len(titles)), key=lambda number: titles[number].released):
            title = titles[number]
            on_shelf.setdefault((self._markets.get(title.market, 0), title.genre, title.style), []).append(number)
        self._tastes: list[list[int]] = []  # for each market, how much of each kind is watched there, summed up
        # For each market and kind, the share of it that is made for the market, and the shelves of it and of the world.
        self._by_taste: list[list[tuple[float, list[Shelf], list[Shelf]]]] = []
        world: list[float] = []
        of_world: list[list[Shelf]] = []
        for market in range(len(languages) + 1):
            of_kinds = [on_shelf.get((market, *kind), []) for kind in kinds]
            shelves = [self._shelves(of_kind, window.days) for of_kind in of_kinds]
            self._days.append(list(zip(*shelves, strict=True)))
            self._totals.append([list(accumulate(shelf.total for shelf in day)) for day in self._days[-1]])
            watched = [sum(shelf.total for shelf in days) for days in shelves]
            world, of_world = world or watched, of_world or shelves
            self._by_taste.append(list(zip(self._find_tastes(watched, world), shelves, of_world, strict=True)))
        self._of_markets = [list(accumulate(day[-1] for day in days)) for days in zip(*self._totals, strict=True)]
        # For each day, the hits with their shares; an empty list if there are none at all, so nobody looks for them.
        self._hits: list[list[tuple[float, int]]] = [[] for _ in range(window.days)] if hits else []
        for hit, number in zip(profile.hits, hits, strict=True):
            for day in range(hit.day - 1, window.days):
                self._hits[day].append((hit.share * attention.freshness(day - hit.day + 1), number))
        self._talked_about = [self._most_talked_about(day) for day in range(window.days)]

    def tastes(self, language: str, rng: Random) -> Tastes:
        """Return the tastes of somebody who speaks a language. Two of the favourites may be the same.

        They are favourites as often as they are watched, so that tastes change nothing of what is popular over all.
        """
        market = self._markets.get(language, 0)
        sums = self._tastes[market]
        if not sums[-1]:  # there is nothing for them, and nothing for all the world
            return -1, -1, -1, market
        random, whole = rng.random, sums[-1]
        first, second = bisect_right(sums, int(random() * whole)), bisect_right(sums, int(random() * whole))
        return first, second, bisect_right(sums, int(random() * whole)), market

    def pick(self, day: int, tastes: Tastes, rng: Random) -> int:
        """Return the title that somebody picks on a day."""
        return self.picker(tastes, rng)(day)

    def picker(self, tastes: Tastes, rng: Random) -> Picker:
        """Return a function that returns the title that somebody picks on a day, which saves time if they pick many."""
        random, hits, any_shelf = rng.random, self._hits, self._any_shelf
        favourite, another, one_more, market = tastes
        first_end, second_end, third_end = self._ends if favourite >= 0 else NO_ENDS
        by_taste = self._by_taste[market]
        first, second, third = by_taste[favourite], by_taste[another], by_taste[one_more]

        def pick(day: int) -> int:
            if hits:
                for share, title in hits[day]:
                    if random() < share:
                        return title
            draw = random()
            shelf = EMPTY
            if draw < third_end:
                at_home, home, world = first if draw < first_end else second if draw < second_end else third
                if at_home and random() < at_home:
                    shelf = home[day]
                if not shelf.total:
                    shelf = world[day]
            if not shelf.total:  # not by taste, or nothing of that kind has come out so far
                shelf = any_shelf(day, market, random)
            attention = random() * shelf.total
            if attention < shelf.lasting:
                return shelf.titles[bisect_right(shelf.sums, attention)]
            return shelf.new[bisect_right(shelf.new_sums, attention - shelf.lasting)]

        return pick

    def _any_shelf(self, day: int, market: int, random: Callable[[], float]) -> Shelf:
        """Return a shelf from which somebody picks whatever their tastes."""
        # In some markets there is nothing yet.
        if market and (random() >= self._home or not self._totals[market][day][-1]):
            market = 0
        if not market:  # it may be of any market: some titles travel
            sums = self._of_markets[day]
            market = bisect_right(sums, random() * sums[-1])
        totals = self._totals[market][day]
        return self._days[market][day][bisect_right(totals, random() * totals[-1])]

    def novelty(self, day: int) -> float:
        """Return the attention that titles get on a day for being new, as a multiple of what lasts of all."""
        lasting = sum(shelf.lasting for shelf in self._days[0][day])
        return (self._totals[0][day][-1] - lasting) / lasting if lasting else 0.0

    def talked_about(self, day: int, rng: Random) -> int | None:
        """Return one of the new titles for which people sign up on a day."""
        titles, sums = self._talked_about[day]
        return titles[bisect_right(sums, rng.random() * sums[-1])] if titles else None

    def _find_tastes(self, watched: list[float], world: list[float]) -> list[float]:
        """Find the tastes of a market, and return how much of each kind is made for it.

        What is made for it has the share that the profile says, of all and by kinds.
        """
        there, everywhere = sum(watched) or 1, sum(world) or 1
        at_home = self._home if any(watched) and self._tastes else 0.0  # the first market is the world
        home = [at_home * of_kind / there for of_kind in watched]
        rest = [(1 - at_home) * of_world / everywhere for of_world in world]
        shares = [one + other for one, other in zip(home, rest, strict=True)]
        self._tastes.append(list(accumulate(int(share * WHOLE) for share in shares)))
        return [one / share if share else 0.0 for one, share in zip(home, shares, strict=True)]

    def _most_talked_about(self, day: int) -> tuple[list[int], list[float]]:
        new = [
            (after - before, title)
            for shelf in self._days[0][day]
            for title, before, after in zip(shelf.new, [0, *shelf.new_sums], shelf.new_sums, strict=False)
            if after > before
        ]
        new.sort(reverse=True)
        del new[MOST_TALKED_ABOUT:]
        return [title for _, title in new], list(accumulate(share for share, _ in new))

    def _shelves(self, ids: list[int], days: int) -> list[Shelf]:
        """Return the shelf of some titles, which are given as they come out, for each day."""
        if not ids:
            return [EMPTY] * days
        for title, following in pairwise(sorted(ids, key=self._attention.lasting, reverse=True)):
            self.less_popular[title] = following
        released = [self.titles[title].released for title in ids]
        sums = list(accumulate(float(self._attention.lasting(title)) for title in ids))
        premieres = sorted((day, title) for title in ids for day in self.titles[title].premieres)
        shelves: list[Shelf] = []
        first = last = 0  # the first premiere that is still new, and the first that is yet to come
        for day in range(days):
            while last < len(premieres) and premieres[last][0] <= day:
                last += 1
            while first < last and day - premieres[first][0] >= self._attention.new_for:
                first += 1
            if first == last and shelves and not shelves[-1].new:
                shelves.append(shelves[-1])
                continue
            new = [title for _, title in premieres[first:last]]
            new_sums = list(
                accumulate(float(self._attention.of_new(t, day - begun)) for begun, t in premieres[first:last])
            )
            end = bisect_right(released, day)
            lasting = sums[end - 1] if end else 0.0
            shelves.append(Shelf(lasting + (new_sums[-1] if new else 0.0), lasting, ids, sums, new, new_sums))
        return shelves
