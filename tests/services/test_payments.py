"""Payments: paid once at the price of the moment, and summed up as revenue."""

from datetime import datetime, timezone
from decimal import Decimal
from uuid import uuid4

import pytest
from sample import PAYMENT, all_pages, execute

from services import (
    AlreadyExists,
    change_plan,
    delete_user,
    list_payments,
    process_payment,
    revenue,
    update_subscription,
)
from toolkit.database import Database

UTC = timezone.utc


def test_a_payment_is_of_the_price_of_now(db: Database) -> None:
    update_subscription(db, subscription_id=1, price=Decimal("9.49"))
    payment = process_payment(db, user_id=1, method="card")
    assert (payment["amount"], payment["subscription_id"], payment["plan"]) == (Decimal("9.49"), 1, "Basic")
    assert list_payments(db, user_id=1, limit=1)["items"] == [payment]
    assert [len(page) for page in all_pages(list_payments, db, user_id=1, limit=1)] == [1, 1]


@pytest.mark.parametrize(
    "since", ["the price changed", "the plan became free", "the plan changed", "the plan was left"]
)
def test_a_payment_id_pays_once(db: Database, since: str) -> None:
    key = uuid4()
    first = process_payment(db, user_id=1, method="card", payment_id=key)
    if since == "the price changed":
        update_subscription(db, subscription_id=1, price=1)
    elif since == "the plan became free":
        update_subscription(db, subscription_id=1, price=0)
    else:
        change_plan(db, user_id=1, subscription_id=2 if since == "the plan changed" else None)
    assert process_payment(db, user_id=1, method="card", payment_id=key) == first
    assert execute(db, "SELECT count(*) FROM payment_history") == [(2,)]
    delete_user(db, user_id=1)
    assert process_payment(db, user_id=1, method="card", payment_id=key) == {**first, "user_id": None}


def test_a_payment_id_of_somebody_else(db: Database) -> None:
    change_plan(db, user_id=2, subscription_id=1)
    for user_id, method in ((2, "card"), (1, "paypal")):
        with pytest.raises(AlreadyExists) as raised:
            process_payment(db, payment_id=PAYMENT, user_id=user_id, method=method)
        assert raised.value.key == {"payment_id": PAYMENT}


def test_a_payment_of_a_deleted_user_is_nobody_elses(db: Database) -> None:
    key = uuid4()
    first = process_payment(db, user_id=1, method="card", payment_id=key)
    delete_user(db, user_id=1)
    change_plan(db, user_id=2, subscription_id=1)
    for somebody_else in (2, 99):
        with pytest.raises(AlreadyExists):
            process_payment(db, user_id=somebody_else, method="card", payment_id=key)
    assert process_payment(db, user_id=1, method="card", payment_id=key) == {**first, "user_id": None, "payer_id": 1}


def test_revenue_without_dates_is_of_all_times(db: Database) -> None:
    execute(
        db,
        """INSERT INTO payment_history (user_id, subscription_id, amount, method, payment_date) VALUES
           (2, 2, 5.00, 'card', '1970-01-01 00:00:00+00'), (2, 2, 5.50, 'card', '2200-12-31 00:00:00+00')""",
    )
    middle = datetime(2026, 1, 1, tzinfo=UTC)
    assert [str(row["month"]) for row in revenue(db)] == ["1970-01-01", "2026-02-01", "2200-12-01"]
    assert revenue(db, until=middle) == revenue(db)[:1]
    assert revenue(db, since=middle) == revenue(db)[1:]


def test_revenue_by_month_and_plan(db: Database) -> None:
    execute(
        db,
        """INSERT INTO payment_history (user_id, subscription_id, amount, method, payment_date) VALUES
           (NULL, 1, 1.01, 'card', '2026-01-31 23:59:59.999999+00'), (2, 2, 5.00, 'card', '2026-02-01 00:00:00+00'),
           (2, 2, 5.50, 'card', '2026-02-28 23:00:00-00:30'), (2, 2, 7.00, 'card', '2026-03-01 00:00:00+00')""",
    )
    rows = revenue(db, since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))
    assert [(str(r["month"]), r["plan"], r["payments"], r["revenue"]) for r in rows] == [
        ("2026-01-01", "Basic", 1, Decimal("1.01")),
        ("2026-02-01", "Basic", 1, Decimal("8.99")),
        ("2026-02-01", "Premium", 2, Decimal("10.50")),
    ]
