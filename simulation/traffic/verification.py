"""The database compared with the histories of a run: is every confirmed write there, and nothing else?"""

from collections.abc import Iterator
from typing import Any

from simulation.traffic import checkers
from simulation.traffic.checkers import Stored, Tally
from simulation.traffic.history import History
from simulation.traffic.plans import Plan
from simulation.traffic.prices import Prices
from simulation.traffic.run_ids import DOMAIN, RunId
from simulation.traffic.user_histories import UserHistories, by_key, by_user
from toolkit.database import Cursor, Database, run_or_explain

PAGE = 1_000  # keys in one statement

# The rows that carry a run's id. Each is counted, so that none is overlooked that was never asked for.
KEYS = {
    "users": "SELECT user_id::TEXT FROM users WHERE email LIKE %(address)s",
    "viewings": "SELECT watch_id::TEXT FROM watch_history WHERE right(watch_id::TEXT, 12) = %(run_id)s",
    "reviews": "SELECT review_id::TEXT FROM reviews WHERE right(review_id::TEXT, 12) = %(run_id)s",
    "payments": "SELECT payment_id::TEXT FROM payment_history WHERE right(payment_id::TEXT, 12) = %(run_id)s",
    "plans": "SELECT subscription_id::TEXT FROM subscriptions WHERE name LIKE %(plan)s",
}


def verify(
    database: Database, run_id: RunId, plans: list[Plan], first: list[Any], histories: list[History]
) -> dict[str, Tally]:
    """Compare the database with what the workers of a run have written down. Return a tally for each checker.

    first: the prices that the plans had at the beginning. May be repeated; it only reads. Raises UserError.
    """
    tallies = {name: Tally() for name in checkers.NAMES}
    prices = _prices(plans, first, histories)
    found = dict.fromkeys(KEYS, 0)
    stored_plans = _rows(database, PLANS, [plan.subscription_id for plan in plans])
    checkers.check_plans(prices, {row[0]: row for row in stored_plans}, tallies)
    found["plans"] = len(stored_plans)
    for by_users in by_user(histories):
        stored = _stored(database, by_users)
        for check in checkers.BY_USER:
            check(by_users, stored, prices, tallies)
        for name, rows in stored.by_table().items():
            found[name] += rows
    for name, number in found.items():
        _check_unexpected(database, run_id, name, number, tallies[name], plans, histories)
    return tallies


def values_of(run_id: RunId) -> dict[str, str]:
    """Return the values for the statements of KEYS."""
    return {"run_id": run_id, "address": f"%.{run_id}@{DOMAIN}", "plan": run_id.plan("%")}


def _prices(plans: list[Plan], first: list[Any], histories: list[History]) -> dict[int, Prices]:
    changes: dict[str, list[Any]] = {}
    for history in histories:
        for key, events in by_key(history.events(), "price").items():
            changes.setdefault(key, []).extend(events)
    return {
        plan.subscription_id: Prices(price, changes.get(str(plan.subscription_id), []))
        for plan, price in zip(plans, first, strict=True)
    }


PLANS = "SELECT subscription_id, price FROM subscriptions WHERE subscription_id = ANY(%s)"
USERS = "SELECT user_id, name, email, subscription_id FROM users WHERE user_id = ANY(%s)"
CONTENT = "SELECT content_id FROM content WHERE content_id = ANY(%s)"
VIEWINGS = """
    SELECT watch_id::TEXT, user_id, content_id, watched_at, progress FROM watch_history
    WHERE watch_id = ANY(%s::UUID[])"""
REVIEWS = """
    SELECT review_id::TEXT, user_id, content_id, rating, review_text, reviewed_at FROM reviews
    WHERE review_id = ANY(%s::UUID[])"""
REVIEWS_OF_USERS = """
    SELECT user_id, content_id, count(*) FROM reviews WHERE user_id = ANY(%s)
    GROUP BY user_id, content_id HAVING count(*) > 1"""
PAYMENTS = """
    SELECT payment_id::TEXT, user_id, subscription_id, amount, method, payment_date FROM payment_history
    WHERE payment_id = ANY(%s::UUID[])"""


def _stored(database: Database, histories: UserHistories) -> Stored:
    """Return what is in the database of what some users have done."""
    keys: dict[str, set[str]] = {"watch": set(), "review": set(), "pay": set()}
    contents: set[int] = set()
    for events in histories.values():
        for event in events:
            if event.call in keys:
                keys[event.call].add(event.key)
            if event.call in ("watch", "review"):
                contents.add(event.sent[0])
    users = list(histories)
    return Stored(
        users={row[0]: row for row in _rows(database, USERS, users)},
        contents={row[0] for row in _rows(database, CONTENT, list(contents))},
        viewings={row[0]: row for row in _rows(database, VIEWINGS, list(keys["watch"]))},
        reviews={row[0]: row for row in _rows(database, REVIEWS, list(keys["review"]))},
        doubles={(row[0], row[1]): row[2] for row in _rows(database, REVIEWS_OF_USERS, users)},
        payments={row[0]: row for row in _rows(database, PAYMENTS, list(keys["pay"]))},
        own={user for user, events in histories.items() if any(event.call == "signup" for event in events)},
    )


def _rows(database: Database, statement: str, keys: list[Any]) -> list[Any]:
    rows: list[Any] = []
    for place in range(0, len(keys), PAGE):

        def work(cursor: Cursor, page: list[Any] = keys[place : place + PAGE]) -> list[Any]:
            cursor.execute(statement, (page,))
            return cursor.fetchall()

        rows += run_or_explain(database, work)
    return rows


def _check_unexpected(
    database: Database, run_id: RunId, name: str, found: int, tally: Tally, plans: list[Plan], histories: list[History]
) -> None:
    """Count the rows with the run's id that no call has asked for."""

    def count(cursor: Cursor) -> int:
        cursor.execute(f"SELECT count(*) FROM ({KEYS[name]}) AS keys", values_of(run_id))  # noqa: S608 - a constant
        return int(cursor.fetchall()[0][0])

    if run_or_explain(database, count) == found:
        return
    attempted = {event.key for history in histories for event in history.events()}
    attempted |= {str(plan.subscription_id) for plan in plans}
    for key in _keys(database, run_id, name):
        if key not in attempted:
            tally.unexpected += 1
            tally.tell(f"{key}: has the id of this run, and no call has asked for it")


def _keys(database: Database, run_id: RunId, name: str) -> Iterator[str]:
    """Return the keys of the rows of a table that have a run's id."""

    def work(cursor: Cursor) -> list[Any]:
        cursor.execute(KEYS[name], values_of(run_id))
        return cursor.fetchall()

    for (key,) in run_or_explain(database, work):
        yield key
