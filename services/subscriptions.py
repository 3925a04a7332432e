"""Plans, to which users subscribe: the table subscriptions."""

from decimal import Decimal
from typing import Any, cast

from services.arguments import service
from services.removals import remove
from services.row_types import Subscription, SubscriptionInUse
from services.rows import NOT_GIVEN, Entity, Row, fetch
from services.transactions import Queryable, transact_read
from toolkit.database import Cursor

PLANS: Entity[Subscription] = Entity(
    "subscriptions",
    "subscription_id",
    "SELECT t.subscription_id, t.name, t.price, t.features FROM {source} t",
    identity=("name",),
)
ALL_PLANS = PLANS.select_from(PLANS.table) + " ORDER BY t.price, t.subscription_id"


@service
def list_subscriptions(database: Queryable, *, as_of: str | None = None) -> list[SubscriptionInUse]:
    """Return all plans, the cheapest first, each with the number of users who have it as subscribers.

    >>> [(plan["name"], plan["subscribers"]) for plan in list_subscriptions(database)]
    [('Basic', 2), ('Standard', 3), ('Premium', 2), ('Family', 2)]
    """

    # Two statements: for one that joins plans with users CockroachDB would read the whole table of users. Given the
    # keys of the plans, it counts in the index on users (subscription_id), one part of it for each plan.
    def work(cursor: Cursor) -> list[Row]:
        plans = fetch(cursor, ALL_PLANS, {})
        subscribers = fetch(cursor, _SUBSCRIBERS, {"plans": plan_keys(plans)})
        counts = {row["subscription_id"]: row["subscribers"] for row in subscribers}
        return [{**plan, "subscribers": counts.get(plan["subscription_id"], 0)} for plan in plans]

    return cast(list[SubscriptionInUse], transact_read(database, work, as_of))


_SUBSCRIBERS = """
    SELECT subscription_id, count(*) AS subscribers FROM users
    WHERE subscription_id IN %(plans)s GROUP BY subscription_id"""


def plan_keys(plans: list[Row]) -> tuple[int | None, ...]:
    """Return the keys of the plans for `IN %(plans)s`; without plans (NULL), as SQL does not allow an empty list."""
    return tuple(plan["subscription_id"] for plan in plans) or (None,)


@service
def get_subscription(database: Queryable, *, subscription_id: int, as_of: str | None = None) -> Subscription:
    """Return a plan. Raises NotFound.

    >>> get_subscription(database, subscription_id=1)["price"]
    Decimal('5.99')
    """
    return PLANS.get(database, as_of, subscription_id=subscription_id)


@service
def add_subscription(
    database: Queryable,
    *,
    name: str,
    price: Decimal | int,
    features: dict[str, Any] = NOT_GIVEN,
    subscription_id: int | None = None,
) -> Subscription:
    """Add a plan and return it. price: for a month; features: what the plan includes, whatever JSON can say.

    With a subscription_id given, the same call again returns the same plan, even if its price and features were changed
    since. Raises AlreadyExists if the name is taken, or the subscription_id by a plan of another name.

    >>> plan = add_subscription(database, name="Student", price=Decimal("4.99"), features={"streams": 1})
    >>> plan["features"]["streams"]
    1
    """
    return PLANS.create(database, subscription_id, name=name, price=price, features=features)


@service
def update_subscription(
    database: Queryable,
    *,
    subscription_id: int,
    price: Decimal | int = NOT_GIVEN,
    features: dict[str, Any] = NOT_GIVEN,
) -> Subscription:
    """Change a plan's price or features, and return it; features replace the old ones. Raises NotFound.

    >>> update_subscription(database, subscription_id=1, price=Decimal("6.49"))["price"]
    Decimal('6.49')
    """
    return PLANS.update(database, subscription_id, price=price, features=features)


@service
def remove_subscription(database: Queryable, *, subscription_id: int) -> Subscription:
    """Remove a plan that no user has and nobody has paid for, and return it as it was. Raises NotFound, StillInUse.

    >>> remove_subscription(database, subscription_id=1)
    Traceback (most recent call last):
    services.errors.StillInUse: subscriptions with subscription_id = 1 is still in use: payment_history = 12, users = 2
    """
    return cast(Subscription, remove(database, PLANS, subscription_id=subscription_id))
