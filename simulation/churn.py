"""Why subscribers cancel: tenure, how much they watched lately, a higher price, a failed payment, their origin."""

from functools import cache
from math import sqrt
from random import Random

from simulation.portable_math import approximately_normal, power
from simulation.profile import Profile

MEAN_ACTIVITY = 1 / 3 + 0.02  # This is the mean activity of the subscribers, see Subscriber.
TENURE_HALF_LIFE = 2.0  # What the first months of a subscription add to churn halves in this many months.

# How much somebody watches goes up and down from month to month: by their level, a number of steps.
STEPS_PER_DOUBLING = 8  # This many steps up, somebody watches twice as much.
MIDDLE = 3 * STEPS_PER_DOUBLING  # Levels lie about this one, and go from 0 to twice as many.
LEVEL_DECAY = 0.75  # This share of a month's distance from the middle is left in the next month.
LEVEL_NOISE_SD = 5.0  # Each month adds noise of this standard deviation, in steps.
MEAN_FACTOR = 1.21  # This is the mean of 2 ** ((level - MIDDLE) / STEPS_PER_DOUBLING) over all months.
# For each level, how much somebody watches in a month as a multiple of their own average.
LEVEL_FACTORS = tuple(power(2, step / STEPS_PER_DOUBLING) / MEAN_FACTOR for step in range(-MIDDLE, MIDDLE + 1))
SAMPLES = 128  # The next month's level is drawn from this many samples for each level.


class Churn:
    """The chance that a subscriber cancels at the end of a month. scale: makes the average what the profile says."""

    def __init__(self, profile: Profile, scale: float = 1.0) -> None:
        self._inactivity, self._price = profile.churn.inactivity, profile.churn.price
        self._failure = profile.churn.failure * profile.subscribers.churn
        self._base = profile.subscribers.churn * scale
        months = int(24 * TENURE_HALF_LIFE)
        self._tenure = [1 + profile.churn.first_months * power(2, -month / TENURE_HALF_LIFE) for month in range(months)]
        users, revenue = 0.0, 0.0
        for plan in profile.plans:
            users += plan.share
            revenue += plan.share * float(plan.prices[0])
        # A rise counts more where the plan is cheap: those who pay little look at prices.
        self._care = [sqrt(revenue / users / float(plan.prices[0])) for plan in profile.plans]

    def probability(self, month: int, watched: float, plan: int, rise: float, failed: bool, origin: float) -> float:
        """Return the probability that somebody cancels, from 0 to 1.

        month: of their subscription, 0 is the first. watched: how much they did in it, next to the average of all.
        rise: of the price from the next month on, as a share of it. failed: whether that month's payment has failed.
        origin: how much more those cancel who joined as they did.
        """
        tenure = self._tenure
        chance = self._base * self.inactivity(watched) * origin
        if month < len(tenure):
            chance *= tenure[month]
        if rise > 0:
            chance *= 1 + self._price * rise * self._care[plan]
        if failed:
            chance += self._failure  # whatever they watch: they may not even know
        return chance if chance < 1 else 1.0

    def inactivity(self, watched: float) -> float:
        """Return the factor of churn of those who watch this much, next to the average of all, for which it is 1."""
        factor = 1 + self._inactivity * (0.75 / (0.5 + watched) - 0.5)
        return factor if factor > 0.05 else 0.05


@cache
def next_levels() -> list[list[int]]:
    """Return, for each level, samples of the level of the month after."""
    rng = Random("levels")
    return [
        [_next_level(level - MIDDLE, approximately_normal(rng.random())) + MIDDLE for _ in range(SAMPLES)]
        for level in range(2 * MIDDLE + 1)
    ]


def _next_level(level: int, noise: float) -> int:
    return max(-MIDDLE, min(MIDDLE, int(level * LEVEL_DECAY + LEVEL_NOISE_SD * noise)))
