"""The plans of a run, which nobody else has: its users are on them, and it changes their prices."""

import services
from services.row_types import Subscription
from simulation.traffic.audience import Audience
from simulation.traffic.run_ids import RunId
from toolkit.database import Database


class Plan:
    """A plan as it was added, but for its price: that of now, as the one worker knows who changes it."""

    __slots__ = ("features", "name", "price", "subscription_id")

    def __init__(self, row: Subscription) -> None:
        self.subscription_id = row["subscription_id"]
        self.name = row["name"]
        self.price = row["price"]
        self.features = row["features"]


def add_plans(database: Database, audience: Audience, run_id: RunId) -> list[Plan]:
    """Add the plans of a run, after those of the model's profile, and return them. Raises UserError."""
    return [
        Plan(services.add_subscription(database, name=run_id.plan(plan.name), price=plan.prices[0]))
        for plan in audience.profile.plans
    ]
