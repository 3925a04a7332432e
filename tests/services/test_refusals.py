"""What the services refuse, each in its own error that names the fault, and without any change to the rows."""

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sample import CALLS, dump

import services
from services import (
    AlreadyExists,
    InvalidValue,
    NotFound,
    change_plan,
    continue_watching,
    list_payments,
    list_reviews,
    process_payment,
    watch_history,
)
from toolkit.database import Database

UTC = timezone.utc


RULES: list[tuple[str, dict[str, Any], str, str]] = [
    ("add_subscription", {"price": Decimal("9.999")}, "price", r"must fit DECIMAL\(10, 2\)"),
    ("add_subscription", {"price": Decimal("1E-99")}, "price", "must fit"),
    ("add_subscription", {"price": 10**8}, "price", "must fit"),
    ("add_subscription", {"price": Decimal("-0.01")}, "price", "subscriptions_price_range.*price >= "),
    ("update_subscription", {"price": -1}, "price", "subscriptions_price_range"),
    ("update_subscription", {"features": {"a": Decimal("1E+999999")}}, "features", "too large"),
    ("add_subscription", {"name": "N" * 50, "features": {"a": [Decimal("-1E+999999")]}}, "features", "too large"),
    ("add_content", {"content_type": "podcast"}, "content_type", "content_type_known"),
    ("add_content", {"rating": Decimal("10.1")}, "rating", "content_rating_range"),
    ("add_content", {"rating": Decimal("7.55")}, "rating", r"must fit DECIMAL\(3, 1\)"),
    ("update_content", {"rating": -1}, "rating", "content_rating_range"),
    ("add_content", {"rating": 7.55}, "rating", r"must fit DECIMAL\(3, 1\)"),
    ("add_content", {"rating": 0.1 + 0.2}, "rating", "must fit"),
    ("review_content", {"rating": float("nan")}, "rating", "must be a number"),
    ("review_content", {"rating": float("inf")}, "rating", "must be a number"),
    ("find_content", {"min_rating": float("nan")}, "min_rating", "must be a number"),
    ("log_progress", {"progress": 33.333}, "progress", r"must fit DECIMAL\(5, 2\)"),
    ("add_subscription", {"price": 8.5}, "price", "not float"),
    ("add_content", {"duration_minutes": 0}, "duration_minutes", "content_duration_minutes_positive"),
    ("update_content", {"episodes": -1}, "episodes", "content_episodes_positive"),
    ("start_watching", {"episode": 0}, "episode", "watch_history_episode_positive"),
    ("create_user", {"country": "eg"}, "country", "users_country_code"),
    ("update_user", {"country": "EGY"}, "country", "users_country_code"),
    ("log_progress", {"progress": Decimal("100.01")}, "progress", "watch_history_progress_range"),
    ("log_progress", {"progress": 101}, "progress", "watch_history_progress_range"),
    ("log_progress", {"progress": -1}, "progress", "watch_history_progress_range"),
    ("log_progress", {"progress": Decimal("33.333")}, "progress", r"must fit DECIMAL\(5, 2\)"),
    ("review_content", {"rating": Decimal("10.1")}, "rating", "reviews_rating_range"),
    ("review_content", {"rating": Decimal("-0.1")}, "rating", "reviews_rating_range"),
    ("process_payment", {"user_id": 2}, "subscription_id", "user 2 has no plan to pay for"),
    ("list_users", {"limit": 0}, "limit", "1 to 1000"),
    ("continue_watching", {"limit": 1001}, "limit", "1 to 1000"),
    ("revenue", {"until": datetime(2026, 1, 1, tzinfo=UTC)}, "until", "later than since"),
    ("list_users", {"after": "7"}, "after", "`next`"),
    ("list_users", {"after": '["x"]'}, "after", "`next`"),
    ("list_users", {"after": "[1]"}, "after", "`next`"),
    ("find_content", {"after": '["A\\u0000", "7"]'}, "after", "`next`"),
    ("watch_history", {"after": '["7"]'}, "after", "`next`"),
    ("watch_history", {"after": '["2026-01-01", "7"]'}, "after", "`next`"),
    ("watch_history", {"after": "'; DROP TABLE users; --"}, "after", "`next`"),
]


def test_rules_are_named(db: Database) -> None:
    before = dump(db)
    for name, changes, column, rule in RULES:
        with pytest.raises(InvalidValue, match=rule) as raised:
            getattr(services, name)(db, **{**CALLS[name], **changes})
        assert raised.value.column == column
        assert dump(db) == before, name


def test_a_free_plan_cannot_be_paid(db: Database) -> None:
    change_plan(db, user_id=1, subscription_id=3)
    with pytest.raises(InvalidValue, match="payment_history_amount_range") as raised:
        process_payment(db, user_id=1, method="card")
    assert raised.value.column == "amount"


UNKNOWN = UUID(int=5)


NOT_THERE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("get_subscription", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("update_subscription", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("remove_subscription", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("create_user", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("change_plan", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("change_plan", {"user_id": 99}, "users", {"user_id": 99}),
    ("get_user", {"user_id": 99}, "users", {"user_id": 99}),
    ("get_user_by_email", {"email": "' OR 1=1 --"}, "users", {"email": "' OR 1=1 --"}),
    ("update_user", {"user_id": 99}, "users", {"user_id": 99}),
    ("delete_user", {"user_id": 99}, "users", {"user_id": 99}),
    ("get_content", {"content_id": -1}, "content", {"content_id": -1}),
    ("update_content", {"content_id": 99}, "content", {"content_id": 99}),
    ("remove_content", {"content_id": 99}, "content", {"content_id": 99}),
    ("start_watching", {"user_id": 99}, "users", {"user_id": 99}),
    ("start_watching", {"content_id": 99}, "content", {"content_id": 99}),
    ("log_progress", {"watch_id": UNKNOWN}, "watch_history", {"watch_id": UNKNOWN}),
    ("review_content", {"user_id": 99}, "users", {"user_id": 99}),
    ("review_content", {"content_id": 99}, "content", {"content_id": 99}),
    ("content_rating", {"content_id": 99}, "content", {"content_id": 99}),
    ("remove_review", {"user_id": 99}, "reviews", {"user_id": 99, "content_id": 1}),
    ("process_payment", {"user_id": 99}, "users", {"user_id": 99}),
]


def test_what_is_not_there_is_named(db: Database) -> None:
    before = dump(db)
    for name, changes, table, key in NOT_THERE:
        with pytest.raises(NotFound) as raised:
            getattr(services, name)(db, **{**CALLS[name], **changes})
        assert (raised.value.table, raised.value.key) == (table, key)
        assert dump(db) == before, name


THERE_ALREADY: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("add_subscription", {"name": "Basic"}, "subscriptions", {"name": "Basic"}),
    ("create_user", {"email": "ann@example.com"}, "users", {"email": "ann@example.com"}),
    ("create_user", {"user_id": 1}, "users", {"user_id": 1}),
    ("update_user", {"email": "ben@example.com"}, "users", {"email": "ben@example.com"}),
]


def test_what_is_there_already_is_named(db: Database) -> None:
    before = dump(db)
    for name, changes, table, key in THERE_ALREADY:
        with pytest.raises(AlreadyExists) as raised:
            getattr(services, name)(db, **{**CALLS[name], **changes})
        assert (raised.value.table, raised.value.key) == (table, key)
        assert dump(db) == before, name


def test_lists_of_nobody_are_empty(db: Database) -> None:
    nothing: dict[str, Any] = {"items": [], "next": None}
    pages: list[Any] = [watch_history(db, user_id=99), list_payments(db, user_id=99), list_reviews(db, content_id=99)]
    assert pages == [nothing] * 3
    assert continue_watching(db, user_id=99) == []
