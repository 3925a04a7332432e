"""The people: when and from where they join, what they like, how much they watch, and their time as subscribers."""

from collections.abc import Iterator
from math import sqrt
from operator import attrgetter
from random import Random
from typing import NamedTuple

from simulation.churn import Churn
from simulation.joining import Joining
from simulation.locales import LOCALES, Locale
from simulation.membership import Membership, Memberships
from simulation.popularity import Popularity, Tastes
from simulation.portable_math import approximately_normal
from simulation.profile import Profile
from simulation.window import DAY, HOUR, Window

CHURN_SAMPLE = 400  # With this many subscribers it is found out how often people cancel.
CHURN_ROUNDS = 3  # In this many rounds churn is brought nearer to the profile's.
MOST_REMEMBERED = 20_000  # Up to this many subscribers are made once and remembered; more would take too much memory.
IN_THE_EVENING = 0.65  # This share of the sign-ups is in the user's evening; the others are at any time of their day.


class Subscriber(NamedTuple):
    """Somebody who signs up, and their time with the service.

    joined: the moment of sign-up. came_for: the new title for which they did. offset: from UTC, in seconds. habit: the
    minute of their day about which their evenings begin. activity: how much they watch in a day, next to others.
    rating_bias: how much higher than the average they rate. review_rate: how many reviews they write for each viewing,
    as a multiple of the average.
    """

    joined: int
    came_for: int | None
    locale: Locale
    offset: int
    habit: int
    tastes: Tastes
    activity: float
    rating_bias: float
    review_rate: float
    membership: Membership


JOINED = attrgetter("joined")


class Population:
    """The subscribers of a window. subscribers() returns the same each time."""

    def __init__(self, profile: Profile, window: Window, users: int, seed: int, popularity: Popularity) -> None:
        self._profile = profile
        self._window = window
        self._users = users
        self._seed = seed
        self._popularity = popularity
        novelty = [popularity.novelty(day) for day in range(window.days)]
        self._joining = Joining(profile, window, users, novelty, Random(f"{seed}/sign-ups"))
        self._ahead = {locale.summer: window.ahead(locale.summer) for locale in LOCALES}
        # Each locale and offset is in the list as often as its share says.
        self._locales = [
            (locale, int(HOUR * offset))
            for locale in LOCALES
            for offset, share in locale.offsets.items()
            for _ in range(int(locale.share * share))
        ]
        self._memberships = self._scaled()
        self._kept: list[Subscriber] = []
        self.price = self._memberships.price

    def subscribers(self) -> Iterator[Subscriber]:
        """Return all subscribers, in the order in which they joined."""
        if self._users > MOST_REMEMBERED:
            return self._made(self._users, self._memberships)
        self._kept = self._kept or list(self._made(self._users, self._memberships))
        return iter(self._kept)

    def _scaled(self) -> Memberships:
        """Return memberships of which the share that the profile says is cancelled in a month, whatever the reasons."""
        scale, wanted = 1.0, self._profile.subscribers.churn
        for _ in range(CHURN_ROUNDS):
            memberships = Memberships(self._profile, self._window, Churn(self._profile, scale))
            sample = [subscriber.membership for subscriber in self._made(CHURN_SAMPLE, memberships)]
            expected, decisions = 0.0, 0
            for membership in sample:
                expected += membership.expected
                decisions += membership.decisions
            if not expected:
                break
            scale *= min(4.0, wanted / (expected / decisions))
        return Memberships(self._profile, self._window, Churn(self._profile, scale))

    def _made(self, users: int, memberships: Memberships) -> Iterator[Subscriber]:
        rng = Random(f"{self._seed}/subscribers")
        random, joining = rng.random, self._joining
        of_day: list[Subscriber] = []
        last_day = 0
        for number in range(users):
            day = joining.day((number + random()) / users)
            if day != last_day:
                yield from sorted(of_day, key=JOINED)
                of_day.clear()
                last_day = day
            came_for = self._popularity.talked_about(day, rng) if random() < joining.share_for_a_title(day) else None
            locale, offset = self._locales[int(random() * len(self._locales))]
            habit = 19 * 60 + 40 + int(60 * approximately_normal(random()))
            # A sign-up is an evening's work too, for many, with a wider spread.
            if random() < IN_THE_EVENING:
                minute = habit - 30 + int(150 * approximately_normal(random()))
            else:
                minute = 7 * 60 + int(random() * 15 * 60)
            second = minute * 60 + int(random() * 60) - offset - self._ahead[locale.summer][day + 1]
            joined = day * DAY + second % DAY
            review_rate = max(0.0, random() - 0.4) / 0.18  # of 10 people 4 never write a review
            # A Lomax distribution with shape 4: many watch little, a few very much.
            less = random()
            activity = 1 / sqrt(sqrt(1 - less)) - 1 + 0.02
            rating_bias = 0.7 * approximately_normal(random())
            tastes = self._popularity.tastes(locale.language, rng)
            origin = joining.campaigns[day] * (self._profile.churn.title if came_for is not None else 1.0)
            membership = memberships.membership(joined, habit * 60 - offset, activity, less, origin, rng)
            of_day.append(
                Subscriber(
                    joined, came_for, locale, offset, habit, tastes, activity, rating_bias, review_rate, membership
                )
            )
        yield from sorted(of_day, key=JOINED)
