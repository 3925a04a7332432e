"""When people sign up: a rush at first, then by the season, the weekday, campaigns and new titles."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import fsum

from simulation.portable_math import power
from simulation.profile import Profile
from simulation.window import SATURDAY, Window

RUSH = 20.0  # days in which the rush of the first weeks halves
FINE = 2**40  # sign-ups are counted in whole numbers, so that sums are exact


class Joining:
    """How many sign up on each day of a window.

    novelty: for each day, how much of the attention new titles have, next to what lasts of all. Empty: not known.
    """

    def __init__(self, profile: Profile, window: Window, novelty: Sequence[float] = ()) -> None:
        figures, days = profile.subscribers, window.days
        rush = [power(2, -day / RUSH) for day in range(days)]
        whole = fsum(rush)
        # How many come for a new title, for each of the others.
        self._for_a_title = [figures.releases * new for new in novelty] or [0.0] * days
        # For each day the factor of churn of those who sign up in a campaign; 1: there is none.
        self.campaigns: list[float] = []
        shares = []
        for day in range(days):
            running = [
                campaign for campaign in profile.campaigns if window.is_within(day, campaign.begins, campaign.days)
            ]
            self.campaigns.append(running[0].churn if running else 1.0)
            share = window.season(day, profile.viewings.winter) * (1 + self._for_a_title[day])
            if window.weekday(day) >= SATURDAY:
                share *= figures.weekend
            if running:
                share *= running[0].sign_ups
            shares.append(share)
        rest = fsum(shares)
        self._so_far = list(
            accumulate(
                int(
                    FINE
                    * (figures.launch * early / whole + (1 - figures.launch) * (share / rest if rest else 1 / days))
                )
                + 1
                for early, share in zip(rush, shares, strict=True)
            )
        )

    def day(self, place: float) -> int:
        """Return the day on which somebody signs up. place: among all who do, from 0 to 1."""
        return min(bisect_right(self._so_far, int(place * self._so_far[-1])), len(self._so_far) - 1)

    def share_for_a_title(self, day: int) -> float:
        """Return the share of those who sign up on a day that come for a new title."""
        return self._for_a_title[day] / (1 + self._for_a_title[day])

    def subscribers(self, users: int, churn: float) -> list[float]:
        """Return about how many subscribers there are on each day."""
        there, before, stay = 0.0, 0, 1 - churn / 30
        counts = []
        for so_far in self._so_far:
            there = there * stay + (so_far - before) / self._so_far[-1] * users
            before = so_far
            counts.append(there)
        return counts
