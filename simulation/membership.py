"""Somebody's months as a subscriber: the trial, what is paid for, changes of the plan, the end, and coming back."""

from bisect import bisect_right
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple

from simulation.churn import LEVEL_FACTORS, MEAN_ACTIVITY, MIDDLE, SAMPLES, Churn, next_levels
from simulation.portable_math import approximately_normal
from simulation.profile import Profile
from simulation.window import DAY, Window

# Who is about to cancel watches less in their last months, this many: less by churn.fading of the profile in the last
# one, and by half as much in each month before.
FADING_MONTHS = 3
PRONE = 0.15  # The payments of this share of the people fail more often than those of the others.
MORE_FAILURES = 4.0  # Their payments fail this many times as often as the average of all.
FEWER_FAILURES = (1 - PRONE * MORE_FAILURES) / (1 - PRONE)  # The payments of the others fail this many times as often.
COMEBACK_SD = 9_000  # People come back about their evening, with this standard deviation in seconds.
HONEYMOON = 14 * DAY  # At first people watch more, by viewings.honeymoon of the profile, for this many seconds.

# The moment at which a month begins that is paid for, the number of the plan, and whether the payment fails at first.
Bill = tuple[int, int, bool]

# The moments from and until which somebody can watch, and how much they do, as a multiple of their own average.
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
        self._honeymoon = 1 + profile.viewings.honeymoon
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

    def membership(
        self, joined: int, evening: int, activity: float, less: float, origin: float, rng: Random
    ) -> Membership:
        """Return the months of somebody.

        evening: the second of the day, in UTC, about which they are at home. activity: how much they watch in a day.
        less: the share of people who watch less. origin: how much more those cancel who joined as they did.
        """
        random, end, levels, figures = rng.random, self._window.end, next_levels(), self._figures
        quantile = less if random() < figures.plan_by_activity else random()
        plan = bisect_right(self._plans, int(quantile * self._plans[-1]))
        trial = random() < self._payments.trials
        if not trial and random() < self._payments.unpaid:
            return Membership([], [], None, 0, 0.0)
        bills: list[Bill] = []
        periods: list[Period] = []
        month = decisions = number = 0
        expected = 0.0
        gone = 0  # months since they cancelled; 0: they have not
        level = levels[MIDDLE][int(random() * SAMPLES)]
        failures = self._payments.failures * (MORE_FAILURES if random() < PRONE else FEWER_FAILURES)
        moments = self._months(joined)
        rises, risen = self._rises, bisect_right(self._rises, joined + DAY)
        while number < len(moments):
            moment = moments[number]
            number += 1
            draw = random()
            failed = False
            rise = 0.0
            if risen < len(rises) and rises[risen] <= moment:
                rise = self._steps[plan][risen]
                risen += 1
            if gone:
                back = self._evening_after(moment, evening, rng)
                if back >= end or draw >= (figures.comeback if gone <= 3 else figures.comeback / 4):
                    gone += 1
                    continue
                gone = month = 0
                level = levels[MIDDLE][int(random() * SAMPLES)]
                moments, moment, number = self._months(back), back, 1  # from now on they pay on this day
            elif moment > joined:
                watched = activity * LEVEL_FACTORS[level] / MEAN_ACTIVITY
                if trial and not bills:
                    leaves = min(1.0, (1 - self._payments.conversion) * self._churn.inactivity(watched))
                else:
                    failed = random() < failures
                    leaves = self._churn.probability(month, watched, plan, rise, failed, origin)
                    decisions += 1
                    expected += leaves
                if draw < leaves:
                    gone = 1
                    if not failed:  # they did not mean to
                        self._fade(periods, month)
                    continue
                month += 1
                level = levels[level][int(random() * SAMPLES)]
                if draw > 1 - figures.plan_changes:
                    plan = self._other(plan, rng)
                elif rise > 0 and plan and random() < figures.trade_down:
                    plan -= 1
            if moment > joined or not trial:
                bills.append((moment, plan, failed))
            periods.append((moment, moments[number] if number < len(moments) else end, LEVEL_FACTORS[level]))
        return Membership(bills, self._with_honeymoon(periods), None if gone else plan, decisions, expected)

    def _with_honeymoon(self, periods: list[Period]) -> list[Period]:
        """Return periods in which somebody watches more in the first two weeks."""
        (begin, end, much), *later = periods
        settled = min(end, begin + HONEYMOON)
        at_first = (begin, settled, much * self._honeymoon)
        return [at_first, (settled, end, much), *later] if settled < end else [at_first, *later]

    def _months(self, begin: int) -> list[int]:
        """Return the moments at which the months begin of somebody who signs up, or comes back."""
        day, time = divmod(begin, DAY)
        return [billed * DAY + time for billed in self._window.anniversaries(day)]

    def _evening_after(self, moment: int, evening: int, rng: Random) -> int:
        """Return when somebody comes back: on any day of the month that begins, at about the time of their evenings."""
        day = moment // DAY + 1 + int(rng.random() * 27)
        return day * DAY + (evening + int(COMEBACK_SD * approximately_normal(rng.random()))) % DAY

    def _fade(self, periods: list[Period], months: int) -> None:
        """Let somebody have watched less and less in their last months. months: how many of them there are at most."""
        missing = self._fading
        for back in range(1, min(FADING_MONTHS, months + 1) + 1):
            begin, end, much = periods[-back]
            periods[-back] = begin, end, much * (1 - missing)
            missing /= 2

    def _other(self, plan: int, rng: Random) -> int:
        """Return the plan to which somebody changes: mostly one up or down, up more often, now and then another."""
        random, last = rng.random, len(self._plans) - 1
        if last and random() < 0.15:
            return (plan + 1 + int(random() * last)) % (last + 1)
        return min(plan + 1, last) if (random() < 0.6 and plan < last) or plan == 0 else plan - 1
