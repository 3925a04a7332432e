"""Plans: added, changed, removed, and counted."""

from decimal import Decimal
from typing import Any

import pytest
from psycopg2 import extensions
from psycopg2.extras import Json
from sample import CALLS

from services import (
    NotFound,
    StillInUse,
    add_subscription,
    change_plan,
    get_subscription,
    list_subscriptions,
    process_payment,
    remove_subscription,
    revenue,
    update_subscription,
)
from toolkit.database import Database


def test_plans_are_added_changed_and_removed(db: Database) -> None:
    features = {"quality": "4K", "price per screen": Decimal("1.10"), "streams": 6, "extras": [None, True, {"a": "ü"}]}
    plan = add_subscription(db, name="Family", price=20, features=features)
    assert plan == {
        "subscription_id": plan["subscription_id"],
        "name": "Family",
        "price": Decimal("20.00"),
        "features": features,
    }
    assert get_subscription(db, subscription_id=plan["subscription_id"]) == plan
    assert isinstance(plan["features"]["price per screen"], Decimal)
    key = plan["subscription_id"]
    assert update_subscription(db, subscription_id=key, price=Decimal("21.50")) == {**plan, "price": Decimal("21.50")}
    assert update_subscription(db, subscription_id=key, features={})["features"] == {}
    assert update_subscription(db, subscription_id=key)["price"] == Decimal("21.50")
    assert remove_subscription(db, subscription_id=key)["name"] == "Family"
    with pytest.raises(NotFound):
        get_subscription(db, subscription_id=key)


def test_features_are_kept_whatever_an_application_tells_psycopg2_of_dicts(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most tell it Json, which cannot write a Decimal."""
    adapters: Any = extensions.adapters
    monkeypatch.setitem(adapters, (dict, extensions.ISQLQuote), Json)
    features = {"price per screen": Decimal("1.10")}
    assert add_subscription(db, name="Family", price=20, features=features)["features"] == features
    with db.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s::JSONB", ({"streams": 6},))
        assert cursor.fetchall() == [({"streams": 6},)]
    connection.close()


def test_a_plan_without_features_takes_the_default(db: Database) -> None:
    assert add_subscription(db, name="Bare", price=1)["features"] == {}


def test_plans_come_with_their_subscribers(db: Database) -> None:
    change_plan(db, user_id=2, subscription_id=1)
    assert [(plan["name"], plan["subscribers"]) for plan in list_subscriptions(db)] == [
        ("Free", 0),
        ("Basic", 2),
        ("Premium", 0),
    ]


def test_no_plans(database: Database) -> None:
    assert list_subscriptions(database) == []
    assert revenue(database, **CALLS["revenue"]) == []


def test_a_plan_in_use_says_by_how_many(db: Database) -> None:
    process_payment(db, user_id=1, method="card")
    with pytest.raises(StillInUse) as raised:
        remove_subscription(db, subscription_id=1)
    assert raised.value.uses == {"users": 1, "payment_history": 2}
    change_plan(db, user_id=1, subscription_id=None)
    with pytest.raises(StillInUse, match="payment_history = 2"):
        remove_subscription(db, subscription_id=1)
    assert get_subscription(db, subscription_id=1)["name"] == "Basic"
