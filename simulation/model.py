"""The model: who joins, watches what and when, reviews and pays, and where each figure comes from.

The model's docstring.
"""

from collections.abc import Iterator
from datetime import date
from random import Random

from simulation.catalogue import Catalogue, attention
from simulation.critics import Critics
from simulation.evenings import MOST_PER_DAY, Evenings
from simulation.profile import Profile
from simulation.subscribers import Life, Subscribers
from simulation.titles import hit_title, make_titles
from simulation.window import DAY, Window
from toolkit.console import Failure

TITLES_AT_LEAST = 50
USERS_PER_TITLE = 20


class Model:
    """A platform: its titles, its subscribers, and what they do. Each part says how it can be used by itself.

    The same arguments make the same platform on every machine and every Python.
    """

    def __init__(self, profile: Profile, *, users: int, until: date, days: int, seed: int) -> None:
        self.profile = profile
        self.users = users
        self.window = Window(until, days)
        for number, hit in enumerate(profile.hits, 1):
            if hit.day > days:
                raise Failure(f"hits[{number}].day: {hit.day} is after the last day, {days}")
        self._seed = seed
        self.subscribers = Subscribers(profile, self.window, users, seed)
        self.catalogue = self._catalogue(Random(f"{seed}/titles"))
        self.evenings = Evenings(profile, self.window, self.catalogue)
        self.critics = Critics(profile, self.window, self.catalogue)

    def lives(self) -> Iterator[Life]:
        """Return everybody's life, in the order in which they joined. It is the same each time."""
        return self.subscribers.lives(self.catalogue)

    def chance(self) -> Random:
        """Return the chance by which people do what they do."""
        return Random(f"{self._seed}/doings")

    def viewings_expected(self, life: Life, activity: float) -> float:
        """Return how many viewings are expected of a life. activity: what watching() is for all lives together."""
        expected = self.profile.viewings.per_user * self.users * watching(life) / activity
        return min(expected, MOST_PER_DAY * seconds(life) / DAY)

    def reviews_expected(self, life: Life, viewings: float) -> float:
        """Return how many reviews are expected of a life with so many viewings."""
        share = self.profile.reviews.per_user / (self.profile.viewings.per_user or 1)
        return viewings * share * life.pen

    def _catalogue(self, chance: Random) -> Catalogue:
        count = self.profile.titles.count or max(TITLES_AT_LEAST, self.users // USERS_PER_TITLE)
        titles = make_titles(count, self.profile.titles.new, self.window, chance)
        given = attention(self.profile, titles, self.subscribers.expected(), chance)
        hits = [hit_title(hit, self.window) for hit in self.profile.hits]
        places = range(count, count + len(hits))
        return Catalogue(self.profile, self.window, titles + hits, given + [0] * len(hits), places)


def seconds(life: Life) -> int:
    """Return for how long somebody could watch."""
    return sum(end - begin for begin, end in life.spans)


def watching(life: Life) -> float:
    """Return how much somebody watches, next to others, in all their time."""
    return life.activity * seconds(life)
