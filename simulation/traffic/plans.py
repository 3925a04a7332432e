"""The plans of a run, which nobody else has: its users are on them, and it changes their prices."""

from decimal import Decimal

import services
from simulation.traffic.audience import Audience
from simulation.traffic.run_ids import RunId
from toolkit.database import Database


class Plan:
    """A plan and its price, which one worker changes."""

    __slots__ = ("price", "subscription_id")

    def __init__(self, subscription_id: int, price: Decimal) -> None:
        self.subscription_id, self.price = subscription_id, price


def add_plans(database: Database, audience: Audience, run_id: RunId) -> list[Plan]:
    """Add the plans of a run, after those of the model's profile, and return them. Raises UserError."""
    rows = (
        services.add_subscription(database, name=run_id.plan(plan.name), price=plan.prices[0])
        for plan in audience.profile.plans
    )
    return [Plan(row["subscription_id"], row["price"]) for row in rows]
