"""Of several who remove a row one is told that it was them, and a new row is never somebody else's."""

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from importlib import import_module
from typing import Any, Literal
from uuid import UUID

import pytest
from relay import Moment, Relay
from sample import PAYMENT, VIEWING, execute
from server_faults import fail

import services
from services import AlreadyExists, NotFound, StillInUse
from services.content import CONTENT
from services.subscriptions import PLANS
from services.users import USERS
from toolkit.database import Database

REMOVALS: dict[str, dict[str, Any]] = {
    "remove_subscription": {"subscription_id": 3},
    "delete_user": {"user_id": 1},
    "remove_content": {"content_id": 1},
    "remove_review": {"user_id": 1, "content_id": 1},
}


class MeddlingDatabase(Database):
    """A Database in which others do something just before its first DELETE is sent, or after it was rolled back.

    It is rolled back after a conflict, as SQLSTATE 40001 says.
    """

    def __init__(self, url: str, meddle: Callable[[], Any], when: Literal["before", "after"]) -> None:
        super().__init__(url, retry_for=20)
        self.meddle, self.when, self.has_meddled, self.latest = meddle, when, False, ""

    def meddles(self, when: str, statement: str) -> bool:
        if when == self.when and "DELETE" in statement and not self.has_meddled:
            self.has_meddled = True
            return True
        return False

    def connect(self) -> Any:
        connection = super().connect()
        database = self

        class MeddlingCursor(connection.cursor_factory):  # type: ignore[name-defined, misc]
            def execute(self, query: Any, values: Any = None) -> None:
                if database.meddles("before", str(query)):
                    database.meddle()
                super().execute(query, values)
                database.latest = self.query.decode()

        def commit() -> None:
            if database.meddles("after", database.latest):
                with connection.cursor() as cursor:
                    fail(cursor, "40001")
            type(connection).commit(connection)

        connection.commit = commit  # type: ignore[method-assign]
        connection.cursor_factory = MeddlingCursor
        return connection

    def sleep(self, seconds: float) -> None:
        """Pause before the next try."""
        if self.when == "after":
            self.meddle()
        super().sleep(seconds)


@pytest.mark.parametrize("name", REMOVALS)
def test_who_was_rolled_back_is_not_told_of_others_removal(db: Database, url: str, name: str) -> None:
    remove, removed = getattr(services, name), []
    meddling = MeddlingDatabase(url, lambda: removed.append(remove(db, **REMOVALS[name])), "after")
    with pytest.raises(NotFound):
        remove(meddling, **REMOVALS[name])
    assert len(removed) == 1
    meddling.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_lost_answer_is_told_from_a_lost_commit(db: Database, relay: Relay, moment: Moment) -> None:
    """Others remove the row as soon as the connection is lost in COMMIT, which has come through or not."""
    told: list[Any] = []

    class Behind(Database):
        def connect(self) -> Any:
            if relay.cuts:
                time.sleep(0.2)  # until the server has noticed that the connection has gone
                try:
                    told.append(services.remove_review(db, user_id=1, content_id=1))
                except NotFound as failure:
                    told.append(failure)
            return super().connect()

    behind = Behind(relay.url, retry_for=20)
    relay.cut_at("COMMIT", moment)
    try:
        told.append(services.remove_review(behind, user_id=1, content_id=1))
    except NotFound as failure:
        told.append(failure)
    behind.close()
    assert relay.cuts == 1
    assert [type(answer) for answer in told] == ([dict, NotFound] if moment == "before" else [NotFound, dict])


@pytest.mark.parametrize(
    "subscribe",
    [
        partial(services.change_plan, user_id=2, subscription_id=3),
        partial(services.create_user, name="Cleo", email="cleo@example.com", subscription_id=3),
    ],
)
def test_a_plan_that_is_taken_while_it_is_removed_is_in_use(
    db: Database, url: str, subscribe: Callable[[Database], Any]
) -> None:
    meddling = MeddlingDatabase(url, lambda: subscribe(db), "before")
    with pytest.raises(StillInUse) as raised:
        services.remove_subscription(meddling, subscription_id=3)
    assert raised.value.uses == {"users": 1}
    meddling.close()


def test_what_tables_of_ones_own_refer_to_is_in_use(db: Database) -> None:
    execute(db, "CREATE TABLE trailers (trailer_id INT8 PRIMARY KEY, content_id INT8 REFERENCES content (content_id))")
    execute(db, "INSERT INTO trailers VALUES (1, 1), (2, 1)")
    with pytest.raises(StillInUse) as raised:
        services.remove_content(db, content_id=1)
    assert raised.value.uses == {"trailers": 2}
    assert services.remove_content(db, content_id=2)["title"] == "Nightwatch"


def test_a_new_viewing_is_not_somebody_elses(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("services.watch_history"), "uuid4", iter([VIEWING, UUID(int=5)]).__next__)
    viewing = services.start_watching(db, user_id=2, content_id=2)
    assert (viewing["watch_id"], viewing["user_id"]) == (UUID(int=5), 2)


def test_a_new_payment_is_not_an_earlier_one(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if that was the same user's, by the same method."""
    monkeypatch.setattr("services.payments.uuid4", iter([PAYMENT, UUID(int=5)]).__next__)
    assert services.process_payment(db, user_id=1, method="card")["payment_id"] == UUID(int=5)
    assert len(services.list_payments(db, user_id=1)["items"]) == 2


@pytest.mark.parametrize(
    ("name", "key", "arguments"),
    [
        ("create_user", "user_id", {"name": "Cleo", "email": "cleo@example.com"}),
        ("add_content", "content_id", {"title": "Low Tide", "content_type": "movie"}),
        ("add_subscription", "subscription_id", {"name": "Family", "price": Decimal("19.99")}),
    ],
)
def test_a_new_row_is_not_somebody_elses(
    db: Database, monkeypatch: pytest.MonkeyPatch, name: str, key: str, arguments: dict[str, Any]
) -> None:
    entity = {"user_id": USERS, "content_id": CONTENT, "subscription_id": PLANS}[key]
    keys = itertools.chain([1, 2], itertools.repeat(50))
    monkeypatch.setattr(entity, "new_key", lambda _: next(keys))
    row = getattr(services, name)(db, **arguments)
    assert {column: row[column] for column in arguments} == arguments
    assert row[key] == 50


def test_keys_that_are_always_taken_end_in_an_error(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.payments.uuid4", lambda: PAYMENT)
    with pytest.raises(AlreadyExists, match=str(PAYMENT)):
        services.process_payment(db, user_id=1, method="card")


def test_a_plan_that_goes_while_somebody_pays_is_not_the_one_paid_for(db: Database) -> None:
    services.add_subscription(db, name="Short", price=1, subscription_id=9)
    services.change_plan(db, user_id=2, subscription_id=9)
    holder = db.connect()
    with ThreadPoolExecutor(1) as pool, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE users SET subscription_id = 2 WHERE user_id = 2")
        cursor.execute("DELETE FROM subscriptions WHERE subscription_id = 9")
        payment = pool.submit(services.process_payment, db, user_id=2, method="card")
        time.sleep(0.5)
        holder.commit()
        assert payment.result(timeout=20)["subscription_id"] == 2
    holder.close()


def test_a_review_with_a_key_replaces_no_other(db: Database) -> None:
    key = UUID(int=7)
    with pytest.raises(AlreadyExists, match="user_id = 1, content_id = 1"):
        services.review_content(db, user_id=1, content_id=1, rating=1, review_id=key)
    first = services.review_content(db, user_id=2, content_id=1, rating=1, review_id=key)
    again = services.review_content(db, user_id=2, content_id=1, rating=2, review_id=key)
    assert (first["review_id"], again["review_id"], again["rating"]) == (key, key, Decimal(2))
    with pytest.raises(AlreadyExists, match=str(key)):
        services.review_content(db, user_id=2, content_id=2, rating=1, review_id=key)
