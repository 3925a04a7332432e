"""The plans that a run adds for its own users, and the prices that each had: workers change them all the time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

import services
from services.row_types import Subscription
from simulation.traffic.audience import Audience
from simulation.traffic.history import FAIL, INFO, OK, Call
from simulation.traffic.run_ids import RunId
from simulation.traffic.user_histories import possible_states
from toolkit.database import Database


class Plan:
    """A plan of the run. price: the present one, which only the worker knows that changes it."""

    __slots__ = ("features", "name", "price", "subscription_id")

    def __init__(self, row: Subscription) -> None:
        self.subscription_id = row["subscription_id"]
        self.name = row["name"]
        self.price = row["price"]
        self.features = row["features"]


def add_plans(database: Database, audience: Audience, run_id: RunId) -> list[Plan]:
    """Add the plans of the model's profile for a run, and return them. Raises UserError."""
    return [
        Plan(services.add_subscription(database, name=run_id.plan(plan.name), price=plan.prices[0]))
        for plan in audience.profile.plans
    ]


class PriceHistory:
    """The prices that a plan had, and the time in which each may have been in force.

    last: what the latest calls have sent that may have set the price it has now.
    """

    def __init__(self, first: Decimal, calls: Iterable[Call]) -> None:
        """first: the price before the calls, which are the changes of one plan by one worker, in their order."""
        calls = [call for call in calls if call.outcome != FAIL]
        confirmed = [call for call in calls if call.outcome == OK]
        self.last = possible_states(calls, [str(first)])
        self._values = [first, *(Decimal(call.sent[0]) for call in confirmed)]
        self._begins = [float("-inf"), *(call.begin for call in confirmed)]
        self._ends = [*(call.end for call in confirmed), float("inf")]  # of the next change
        self._uncertain = [(call.begin, Decimal(call.sent[0])) for call in calls if call.outcome == INFO]

    def between(self, begin: float, end: float) -> list[Decimal]:
        """Return the prices that may have been in force at some moment between these two."""
        known = self._values[bisect_left(self._ends, begin) : bisect_right(self._begins, end)]
        return known + [price for since, price in self._uncertain if since <= end]
