"""Somebody's months as a subscriber: the trial, what is paid for, changes of the plan, the end, and coming back."""

from bisect import bisect_right
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple

from simulation.churn import LEVELS, MEAN_ACTIVITY, MIDDLE, SAMPLES, Churn, next_levels
from simulation.profile import Profile
from simulation.window import DAY, Window

# The beginning of a month that is paid for, and the plan's place in the profile.
Bill = tuple[int, int]

# From and until when somebody could watch, and how much they did, next to their own average.
Period = tuple[int, int, float]


class Membership(NamedTuple):
    """bills: the months that are paid for. plan: the one at the end; None: they have none.

    decisions: how often they could have cancelled. expected: how often that was expected of them.
    """

    bills: list[Bill]
    periods: list[Period]
    plan: int | None
    decisions: int
    expected: float


class Memberships:
    """How subscriptions go on in a window."""

    def __init__(self, profile: Profile, window: Window, churn: Churn) -> None:
        self._figures = profile.subscribers
        self._payments = profile.payments
        self._fading = profile.churn.fading
        self._window = window
        self._churn = churn
        self._plans = list(accumulate(int(plan.share * 1_000_000) for plan in profile.plans))
        year = min(window.days, 365)
        rises = (int(year * self._figures.price_rise) + start for start in range(0, window.days, 365))
        self._rises = [day * DAY for day in rises if 0 < day < window.days]
        more = len(self._rises) + 1
        prices = [(*plan.prices, *[plan.prices[-1]] * more) for plan in profile.plans]
        self._prices = [[str(price) for price in of_plan] for of_plan in prices]
        self._steps = [[float(after / before - 1) for before, after in pairwise(of_plan)] for of_plan in prices]

    def price(self, plan: int, moment: int) -> str:
        """Return what a month of a plan costs at a moment."""
        return self._prices[plan][bisect_right(self._rises, moment)]

    def membership(self, joined: int, activity: float, less: float, origin: float, rng: Random) -> Membership:
        """Return the months of somebody.

        activity: how much they watch in a day. less: the share of people who watch less. origin: how much more those
        cancel who joined as they did.
        """
        random, end, levels, figures = rng.random, self._window.end, next_levels(), self._figures
        place = less if random() < figures.plan_by_activity else random()
        plan = bisect_right(self._plans, int(place * self._plans[-1]))
        trial = random() < self._payments.trials
        if not trial and random() < self._payments.unpaid:
            return Membership([], [], None, 0, 0.0)
        bills: list[Bill] = []
        periods: list[Period] = []
        month = decisions = 0
        expected = 0.0
        gone = 0  # months since they cancelled; 0: they have not
        level = levels[MIDDLE][int(random() * SAMPLES)]
        day, time = divmod(joined, DAY)
        moments = [billed * DAY + time for billed in self._window.anniversaries(day)]
        rises, risen = self._rises, bisect_right(self._rises, joined + DAY)
        for moment, until in zip(moments, [*moments[1:], end], strict=True):
            place = random()
            rise = 0.0
            if risen < len(rises) and rises[risen] <= moment:
                rise = self._steps[plan][risen]
                risen += 1
            if gone:
                if place < (figures.comeback if gone <= 3 else figures.comeback / 4):
                    gone = month = 0
                    level = levels[MIDDLE][int(random() * SAMPLES)]
                else:
                    gone += 1
                    continue
            elif moment > joined:
                watched = activity * LEVELS[level] / MEAN_ACTIVITY
                if trial and not bills:
                    leaves = min(1.0, (1 - self._payments.conversion) * self._churn.inactivity(watched))
                else:
                    leaves = self._churn.probability(month, watched, plan, rise, origin)
                    decisions += 1
                    expected += leaves
                if place < leaves:
                    gone = 1
                    begin, last, much = periods[-1]
                    periods[-1] = begin, last, much * (1 - self._fading)
                    continue
                month += 1
                level = levels[level][int(random() * SAMPLES)]
                if place > 1 - figures.plan_changes:
                    plan = self._other(plan, rng)
            if moment > joined or not trial:
                bills.append((moment, plan))
            periods.append((moment, until, LEVELS[level]))
        return Membership(bills, periods, None if gone else plan, decisions, expected)

    def _other(self, plan: int, rng: Random) -> int:
        """Return the plan to which somebody changes: mostly one up or down, up more often, now and then another."""
        random, last = rng.random, len(self._plans) - 1
        if last and random() < 0.15:
            return (plan + 1 + int(random() * last)) % (last + 1)
        return min(plan + 1, last) if (random() < 0.6 and plan < last) or plan == 0 else plan - 1
