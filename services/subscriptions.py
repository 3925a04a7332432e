"""Plans, to which users subscribe: the table subscriptions."""

from decimal import Decimal
from typing import Any

from services.arguments import service
from services.removals import remove
from services.rows import NOT_GIVEN, Entity, Row, fetch
from toolkit.database import ONLY_READS, Cursor, Database, run_transaction

PLANS = Entity(
    "subscriptions",
    "subscription_id",
    "SELECT t.subscription_id, t.name, t.price, t.features FROM {source} t",
)
ALL_PLANS = PLANS.of(PLANS.table) + " ORDER BY t.price, t.subscription_id"


@service
def list_subscriptions(database: Database) -> list[Row]:
    """Return all plans, the cheapest first, each with the number of users who have it as subscribers.

    >>> [(plan["name"], plan["subscribers"]) for plan in list_subscriptions(database)]
    [('Free', 0), ('Basic', 1), ('Premium', 0)]
    """

    # Two statements: for one that joins plans with users CockroachDB would read the whole table of users. Given the
    # keys of the plans, it counts in the index on users (subscription_id), one part of it for each plan.
    def work(cursor: Cursor) -> list[Row]:
        plans = fetch(cursor, ALL_PLANS, {})
        subscribers = fetch(cursor, _SUBSCRIBERS, {"plans": plan_keys(plans)})
        counts = {row["subscription_id"]: row["subscribers"] for row in subscribers}
        return [{**plan, "subscribers": counts.get(plan["subscription_id"], 0)} for plan in plans]

    return run_transaction(database, work, ONLY_READS)


_SUBSCRIBERS = """
    SELECT subscription_id, count(*) AS subscribers FROM users
    WHERE subscription_id IN %(plans)s GROUP BY subscription_id"""


def plan_keys(plans: list[Row]) -> tuple[int | None, ...]:
    """Return the keys of the plans for `IN %(plans)s`. SQL has no empty list, but one of NULL, which nothing is in."""
    return tuple(plan["subscription_id"] for plan in plans) or (None,)


@service
def get_subscription(database: Database, *, subscription_id: int) -> Row:
    """Return a plan. Raises NotFound.

    >>> get_subscription(database, subscription_id=1)["price"]
    Decimal('8.99')
    """
    return PLANS.get(database, subscription_id=subscription_id)


@service
def add_subscription(
    database: Database,
    *,
    name: str,
    price: Decimal | int,
    features: dict[str, Any] = NOT_GIVEN,
    subscription_id: int | None = None,
) -> Row:
    """Add a plan and return it. price: for a month; features: what the plan includes, whatever JSON can say.

    With a subscription_id of the caller's, the same call again returns the same plan. Raises AlreadyExists if the name
    is taken, or the subscription_id by another plan.

    >>> plan = add_subscription(database, name="Family", price=Decimal("19.99"), features={"streams": 6})
    >>> plan["features"]["streams"]
    6
    """
    return PLANS.create(database, subscription_id, name=name, price=price, features=features)


@service
def update_subscription(
    database: Database,
    *,
    subscription_id: int,
    price: Decimal | int = NOT_GIVEN,
    features: dict[str, Any] = NOT_GIVEN,
) -> Row:
    """Change a plan's price or features, and return it; features replace the old ones. Raises NotFound.

    >>> update_subscription(database, subscription_id=1, price=Decimal("9.49"))["price"]
    Decimal('9.49')
    """
    return PLANS.update(database, subscription_id, price=price, features=features)


@service
def remove_subscription(database: Database, *, subscription_id: int) -> Row:
    """Remove a plan that no user has and nobody has paid for, and return it as it was. Raises NotFound, StillInUse.

    >>> remove_subscription(database, subscription_id=1)
    Traceback (most recent call last):
    services.errors.StillInUse: subscriptions with subscription_id = 1 is still in use: payment_history = 1, users = 1
    """
    return remove(database, PLANS, subscription_id=subscription_id)
