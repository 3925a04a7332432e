"""The people: when and from where they join, what they like, what they pay for, when they cancel and come back."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from math import sqrt
from random import Random
from typing import NamedTuple

from simulation.popularity import Favourites, Popularity
from simulation.portable_math import approximately_normal, power
from simulation.profile import Profile
from simulation.window import DAY, Window

RUSH = 20.0  # days in which the rush of the first weeks halves

HOUR = 60


class Locale(NamedTuple):
    """Where people live.

    code: as in names.json. share: in percent of all. offsets: from UTC, in minutes, each with its share in percent.
    """

    code: str
    share: float
    language: str
    offsets: dict[int, int]


# North America 30 %, Europe, Middle East and Africa 33 %, Latin America 18 %, Asia and Pacific 19 %.
LOCALES = (
    Locale("en_US", 27, "en", {-5 * HOUR: 47, -6 * HOUR: 29, -7 * HOUR: 7, -8 * HOUR: 17}),
    Locale("fr_CA", 3, "fr", {-5 * HOUR: 100}),
    Locale("en_GB", 7, "en", {0: 100}),
    Locale("de_DE", 6, "de", {1 * HOUR: 100}),
    Locale("fr_FR", 5, "fr", {1 * HOUR: 100}),
    Locale("it_IT", 3, "it", {1 * HOUR: 100}),
    Locale("es_ES", 3, "es", {1 * HOUR: 100}),
    Locale("pl_PL", 2, "en", {1 * HOUR: 100}),
    Locale("nl_NL", 1.5, "en", {1 * HOUR: 100}),
    Locale("sv_SE", 1.5, "en", {1 * HOUR: 100}),
    Locale("tr_TR", 1.5, "en", {3 * HOUR: 100}),
    Locale("ar_SA", 1, "en", {3 * HOUR: 100}),
    Locale("uk_UA", 1, "en", {2 * HOUR: 100}),
    Locale("yo_NG", 0.5, "en", {1 * HOUR: 100}),
    Locale("pt_BR", 8, "pt", {-3 * HOUR: 92, -4 * HOUR: 8}),
    Locale("es_MX", 6, "es", {-6 * HOUR: 90, -7 * HOUR: 10}),
    Locale("es_CO", 4, "es", {-5 * HOUR: 100}),
    Locale("ja_JP", 5, "ja", {9 * HOUR: 100}),
    Locale("ko_KR", 4, "ko", {9 * HOUR: 100}),
    Locale("hi_IN", 6, "hi", {5 * HOUR + 30: 100}),
    Locale("id_ID", 2, "en", {7 * HOUR: 82, 8 * HOUR: 18}),
    Locale("zh_TW", 2, "en", {8 * HOUR: 100}),
)

# In percent of the users.
METHODS = {"card": 62, "paypal": 22, "bank_transfer": 10, "gift_card": 6}


# A month that is paid for: the moment of the payment, and the plan's place in the profile.
Bill = tuple[int, int]


class Subscriber(NamedTuple):
    """Somebody who signs up, and their time with the service.

    joined: the moment of sign-up. offset: from UTC, in seconds. habit: the minute of their day about which their
    evenings begin. activity: how much they watch in a day, next to others. rating_bias: how much higher than the
    average they rate. review_rate: how many reviews they write for each viewing, as a multiple of the average. bills:
    the months they paid for. spans: the moments from and until when they could watch. plan: the one they have at the
    end; None: they have cancelled.
    """

    joined: int
    locale: Locale
    offset: int
    habit: int
    favourites: Favourites
    activity: float
    rating_bias: float
    review_rate: float
    method: str
    bills: list[Bill]
    spans: list[tuple[int, int]]
    plan: int | None


class Population:
    """So many subscribers in a window. subscribers() returns the same each time."""

    def __init__(self, profile: Profile, window: Window, users: int, seed: int) -> None:
        self._figures = profile.subscribers
        self._window = window
        self._users = users
        self._seed = seed
        self._plans = list(accumulate(int(plan.share * 1_000_000) for plan in profile.plans))
        days = window.days
        launch, rest = self._figures.launch, 1 - self._figures.launch
        rush = [power(2, -day / RUSH) for day in range(days)]
        *_, whole = accumulate(rush)
        self._joining = list(accumulate(int(2**40 * (launch * part / whole + rest / days)) + 1 for part in rush))
        year = min(days, 365)
        rises = (int(year * self._figures.price_rise) + start for start in range(0, days, 365))
        self._rises = [day * DAY for day in rises if 0 < day < days]
        times = len(self._rises) + 1
        self._prices = [[str(price) for price in (*plan.prices, *[plan.prices[-1]] * times)] for plan in profile.plans]
        # Each as often as its share says.
        self._locales = [
            (locale, 60 * offset)
            for locale in LOCALES
            for offset, share in locale.offsets.items()
            for _ in range(int(locale.share * share))
        ]
        self._methods = [method for method, share in METHODS.items() for _ in range(share)]

    def expected(self) -> list[float]:
        """Return about how many subscribers there are on each day."""
        there, before, stay = 0.0, 0, 1 - self._figures.churn / 30
        counts = []
        for so_far in self._joining:
            there = there * stay + (so_far - before) / self._joining[-1] * self._users
            before = so_far
            counts.append(there)
        return counts

    def price(self, plan: int, moment: int) -> str:
        """Return what a month of a plan costs at a moment."""
        return self._prices[plan][bisect_right(self._rises, moment)]

    def subscribers(self, popularity: Popularity) -> Iterator[Subscriber]:
        """Return all subscribers, in the order in which they joined, by days."""
        rng = Random(f"{self._seed}/lives")
        random = rng.random
        for number in range(self._users):
            place = int((number + random()) / self._users * self._joining[-1])
            day = min(bisect_right(self._joining, place), self._window.days - 1)
            locale, offset = self._locales[int(random() * len(self._locales))]
            habit = 19 * HOUR + 40 + int(40 * approximately_normal(random()))
            # A sign-up is an evening's work too, with a wider spread.
            minute = habit - 30 + int(150 * approximately_normal(random()))
            joined = day * DAY + (minute * 60 + int(random() * 60) - offset) % DAY
            review_rate = max(0.0, random() - 0.4) / 0.18  # of 10 people 4 never write a review
            # A Lomax distribution with shape 4: many watch little, a few very much.
            activity = 1 / sqrt(sqrt(1 - random())) - 1 + 0.02
            rating_bias = 0.7 * approximately_normal(random())
            favourites = popularity.favourites(rng)
            method = self._methods[int(random() * len(self._methods))]
            bills, spans, plan = self._months(joined, random() * self._plans[-1], rng)
            yield Subscriber(
                joined,
                locale,
                offset,
                habit,
                favourites,
                activity,
                rating_bias,
                review_rate,
                method,
                bills,
                spans,
                plan,
            )

    def _months(self, joined: int, place: float, rng: Random) -> tuple[list[Bill], list[tuple[int, int]], int | None]:
        """Return the months paid for, when they could watch, and the plan at the end."""
        figures, end, random = self._figures, self._window.end, rng.random
        plan = bisect_right(self._plans, place)
        bills: list[Bill] = []
        spans: list[tuple[int, int]] = []
        gone = 0  # months since they cancelled; 0: they have not
        begin = joined
        day, time = divmod(joined, DAY)
        for billed in self._window.anniversaries(day):
            moment = billed * DAY + time
            place = random()
            if moment == joined:
                pass
            elif gone:
                if place < (figures.comeback if gone <= 3 else figures.comeback / 4):
                    gone, begin = 0, moment
                else:
                    gone += 1
            elif place < figures.churn:
                gone = 1
                spans.append((begin, moment))
            elif place < figures.churn + figures.plan_changes:
                plan = self._other(plan, random())
            if not gone:  # they are charged some minutes later, on the same day
                late = moment + 15 + int(random() * 240)
                bills.append((min(late, billed * DAY + DAY - 1, end - 1), plan))
        if not gone:
            spans.append((begin, end))
        return bills, spans, None if gone else plan

    def _other(self, plan: int, place: float) -> int:
        """Return the plan to which somebody changes: one up, more often than one down."""
        last = len(self._plans) - 1
        return min(plan + 1, last) if (place < 0.6 and plan < last) or plan == 0 else plan - 1
