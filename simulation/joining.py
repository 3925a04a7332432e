"""When people sign up: a rush at first, then by the season, the weekday, campaigns, new titles, and chance."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, repeat
from math import fsum, sqrt
from operator import mul
from random import Random

from simulation.portable_math import WHOLE, approximately_normal, power
from simulation.profile import CampaignFigures, Profile
from simulation.window import SATURDAY, Window

RUSH_HALF_LIFE = 20.0  # The rush of the first weeks halves in this many days.
AT_THE_ENDS = 0.6  # On its first and last day a campaign draws more people than on another, by this share.
ON_FRIDAYS = 0.8  # On its Fridays it draws more people than on another day, by this share.
# A share of those who would come on the day after a campaign come in it: near this one if the campaign draws many. It
# falls to nothing in as many days as the campaign has.
BROUGHT_FORWARD = 0.25


class Joining:
    """How many sign up on each day of a window.

    users: how many in all. novelty: for each day, how much of the attention new titles have, next to what lasts of all.
    Empty: not known. chance: makes days differ; None: they do not.
    """

    def __init__(
        self,
        profile: Profile,
        window: Window,
        users: int,
        novelty: Sequence[float] = (),
        chance: Random | None = None,
    ) -> None:
        self._users = users
        figures, days = profile.subscribers, window.days
        rush = list(accumulate(repeat(power(2, -1 / RUSH_HALF_LIFE), days - 1), mul, initial=1.0))
        whole = fsum(rush)
        # How many come for a new title, for each of the others.
        self._for_a_title = [figures.releases * new for new in novelty] or [0.0] * days
        # For each day the factor of churn of those who sign up in a campaign; 1: there is none.
        self.campaigns: list[float] = []
        shares = []
        for day in range(days):
            begun = [(campaign, window.since(day, campaign.begins)) for campaign in profile.campaigns]
            self.campaigns.append(next((campaign.churn for campaign, since in begun if since < campaign.days), 1.0))
            share = window.season(day, profile.viewings.winter) * (1 + self._for_a_title[day])
            if window.weekday(day) >= SATURDAY:
                share *= figures.weekend
            for campaign, since in begun:
                share *= _pull(campaign, since, window.weekday(day))
            shares.append(share)
        rest = fsum(shares)
        for day in range(days):
            share = figures.launch * rush[day] / whole + (1 - figures.launch) * (
                shares[day] / rest if rest else 1 / days
            )
            if chance:  # as many as by chance alone, and what else there is that nobody knows
                deviation = sqrt(1 / max(1.0, share * users) + figures.noise * figures.noise)
                share *= max(0.05, 1 + deviation * approximately_normal(chance.random()))
            shares[day] = share
        self._so_far = list(accumulate(int(WHOLE * share) + 1 for share in shares))

    def day(self, quantile: float) -> int:
        """Return the day on which somebody signs up. quantile: the share of all who do so before them, from 0 to 1."""
        return min(bisect_right(self._so_far, int(quantile * self._so_far[-1])), len(self._so_far) - 1)

    def share_for_a_title(self, day: int) -> float:
        """Return the share of those who sign up on a day that come for a new title."""
        return self._for_a_title[day] / (1 + self._for_a_title[day])

    def subscribers(self, churn: float) -> list[float]:
        """Return about how many subscribers there are on each day."""
        there, before, stay = 0.0, 0, 1 - churn / 30
        counts = []
        for so_far in self._so_far:
            there = there * stay + (so_far - before) / self._so_far[-1] * self._users
            before = so_far
            counts.append(there)
        return counts


def _pull(campaign: CampaignFigures, since: int, weekday: int) -> float:
    """Return how many times as many as usual sign up on a day. since: the number of days since a campaign began."""
    if since < campaign.days:
        of_day = 1 + AT_THE_ENDS * (since in (0, campaign.days - 1)) + ON_FRIDAYS * (weekday == SATURDAY - 1)
        average = 1 + AT_THE_ENDS * min(2, campaign.days) / campaign.days + ON_FRIDAYS / 7
        return max(0.0, 1 + (campaign.sign_ups - 1) * of_day / average)
    if since < 2 * campaign.days and campaign.sign_ups > 1:
        return 1 - BROUGHT_FORWARD * (2 - since / campaign.days) * (1 - 1 / campaign.sign_ups)
    return 1.0
