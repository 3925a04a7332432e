"""A first try that the network brings to the server only after its repeat and a later call were confirmed.

docs/services.md ("What is done once") says what it does then.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from relay import END_OF_TRANSACTION, Relay
from sample import VIEWING, dump

import services
from toolkit.database import Database

KEY = UUID(int=7)
CLEO: dict[str, Any] = {"user_id": 7, "name": "Cleo", "email": "cleo@example.com"}

# Of each: the call whose first try is late, and the later call.
Calls = tuple[Callable[[Database], Any], Callable[[Database], Any]]
WITHOUT_EFFECT: dict[str, Calls] = {
    "a payment, and another price": (
        lambda db: services.process_payment(db, user_id=1, method="card", payment_id=KEY),
        lambda db: services.update_subscription(db, subscription_id=1, price=1),
    ),
    "a payment, and its payer is deleted": (
        lambda db: services.process_payment(db, user_id=1, method="card", payment_id=KEY),
        lambda db: services.delete_user(db, user_id=1),
    ),
    "a viewing, and its progress": (
        lambda db: services.start_watching(db, user_id=1, content_id=1, watch_id=KEY),
        lambda db: services.log_progress(db, watch_id=KEY, progress=50),
    ),
    "a new user, and another name": (
        lambda db: services.create_user(db, **CLEO),
        lambda db: services.update_user(db, user_id=7, name="Cleopatra"),
    ),
    "progress, and further progress": (
        lambda db: services.log_progress(db, watch_id=VIEWING, progress=50),
        lambda db: services.log_progress(db, watch_id=VIEWING, progress=80),
    ),
    "a viewing, and its user is deleted": (
        lambda db: services.start_watching(db, user_id=1, content_id=1, watch_id=KEY),
        lambda db: services.delete_user(db, user_id=1),
    ),
}
PUTS_BACK: dict[str, Calls] = {
    "a plan is changed twice": (
        lambda db: services.change_plan(db, user_id=1, subscription_id=2),
        lambda db: services.change_plan(db, user_id=1, subscription_id=3),
    ),
    "a price is set twice": (
        lambda db: services.update_subscription(db, subscription_id=1, price=7),
        lambda db: services.update_subscription(db, subscription_id=1, price=8),
    ),
    "a title is rated twice": (
        lambda db: services.review_content(db, user_id=1, content_id=1, rating=3),
        lambda db: services.review_content(db, user_id=1, content_id=1, rating=4),
    ),
    "a user is created and deleted": (
        lambda db: services.create_user(db, **CLEO),
        lambda db: services.delete_user(db, user_id=7),
    ),
}


@pytest.mark.parametrize("case", [*WITHOUT_EFFECT, *PUTS_BACK])
def test_what_a_late_first_try_does(db: Database, relay: Relay, case: str) -> None:
    call, later_call = (WITHOUT_EFFECT | PUTS_BACK)[case]
    with Database(relay.url, retry_for=20) as behind_relay:
        relay.cut_at(END_OF_TRANSACTION, "held")
        call(behind_relay)
        assert behind_relay.retries == 1
    later_call(db)
    confirmed = dump(db)
    relay.deliver()
    assert (dump(db) == confirmed) == (case in WITHOUT_EFFECT)
