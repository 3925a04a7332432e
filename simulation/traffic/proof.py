"""The database compared with the journals of a run: is every confirmed write there, and nothing else?"""

from collections.abc import Iterator
from typing import Any

from simulation.traffic import checkers
from simulation.traffic.checkers import Stored, Tally
from simulation.traffic.histories import Histories, Prices, by_key, by_user
from simulation.traffic.journal import Journal
from simulation.traffic.marks import DOMAIN, Run
from simulation.traffic.plans import Plan
from toolkit.database import Cursor, Database, run_or_explain

PAGE = 1_000  # keys in one statement

# The rows that carry a run's mark. Each is counted, so that none is overlooked that was never asked for.
MARKED = {
    "users": "SELECT user_id::TEXT FROM users WHERE email LIKE %(address)s",
    "viewings": "SELECT watch_id::TEXT FROM watch_history WHERE right(watch_id::TEXT, 12) = %(mark)s",
    "reviews": "SELECT review_id::TEXT FROM reviews WHERE right(review_id::TEXT, 12) = %(mark)s",
    "payments": "SELECT payment_id::TEXT FROM payment_history WHERE right(payment_id::TEXT, 12) = %(mark)s",
    "plans": "SELECT subscription_id::TEXT FROM subscriptions WHERE name LIKE %(plan)s",
}


def prove(
    database: Database, run: Run, plans: list[Plan], first: list[Any], journals: list[Journal]
) -> dict[str, Tally]:
    """Compare the database with what the workers of a run have written down. Return a tally for each checker.

    first: the prices that the plans had at the beginning. May be repeated; it only reads. Raises UserError.
    """
    tallies = {name: Tally() for name in checkers.NAMES}
    prices = _prices(plans, first, journals)
    found = dict.fromkeys(MARKED, 0)
    stored_plans = _rows(database, PLANS, [plan.subscription_id for plan in plans])
    checkers.check_plans(prices, {row[0]: row for row in stored_plans}, tallies)
    found["plans"] = len(stored_plans)
    for histories in by_user(journals):
        stored = _stored(database, histories)
        for check in checkers.BY_USER:
            check(histories, stored, prices, tallies)
        for name, rows in stored.by_table().items():
            found[name] += rows
    for name, number in found.items():
        _check_unexpected(database, run, name, number, tallies[name], plans, journals)
    return tallies


def values_of(run: Run) -> dict[str, str]:
    """Return the values for the statements of MARKED."""
    return {"mark": run.mark, "address": f"%.{run.mark}@{DOMAIN}", "plan": run.plan("%")}


def _prices(plans: list[Plan], first: list[Any], journals: list[Journal]) -> dict[int, Prices]:
    changes: dict[str, list[Any]] = {}
    for journal in journals:
        for key, events in by_key(journal.events(), "price").items():
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


def _stored(database: Database, histories: Histories) -> Stored:
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
    database: Database, run: Run, name: str, found: int, tally: Tally, plans: list[Plan], journals: list[Journal]
) -> None:
    """Count the rows with the run's mark that no call has asked for."""

    def count(cursor: Cursor) -> int:
        cursor.execute(f"SELECT count(*) FROM ({MARKED[name]}) AS marked", values_of(run))  # noqa: S608 - a constant
        return int(cursor.fetchall()[0][0])

    if run_or_explain(database, count) == found:
        return
    attempted = {event.key for journal in journals for event in journal.events()}
    attempted |= {str(plan.subscription_id) for plan in plans}
    for key in marked(database, run, name):
        if key not in attempted:
            tally.unexpected += 1
            tally.tell(f"{key}: has the mark of this run, and no call has asked for it")


def marked(database: Database, run: Run, name: str) -> Iterator[str]:
    """Return the keys of the rows of a table that have a run's mark."""

    def work(cursor: Cursor) -> list[Any]:
        cursor.execute(MARKED[name], values_of(run))
        return cursor.fetchall()

    for (key,) in run_or_explain(database, work):
        yield key
