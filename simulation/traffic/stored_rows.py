"""Read what the database holds of a run: the rows that its calls have written, and the keys of all with its id."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from simulation.traffic.run_ids import DOMAIN, RunId
from simulation.traffic.user_histories import UserHistories
from toolkit.database import Cursor, Database, run_or_explain

Row = dict[str, Any]  # column -> value

PAGE = 1_000  # keys in a statement

# The keys of the rows with the id of one of several runs. No index helps here: each statement reads a whole table.
KEYS = {
    "users": "SELECT user_id::TEXT FROM users WHERE right(email, %(length)s) = ANY(%(addresses)s)",
    "viewings": "SELECT watch_id::TEXT FROM watch_history WHERE right(watch_id::TEXT, 12) = ANY(%(run_ids)s)",
    "reviews": "SELECT review_id::TEXT FROM reviews WHERE right(review_id::TEXT, 12) = ANY(%(run_ids)s)",
    "payments": "SELECT payment_id::TEXT FROM payment_history WHERE right(payment_id::TEXT, 12) = ANY(%(run_ids)s)",
    "plans": """
        SELECT subscription_id::TEXT FROM subscriptions
        WHERE split_part(name, ', simulation ', 2) = ANY(%(run_ids)s)""",
}

PLANS = "SELECT subscription_id, name, price, features FROM subscriptions WHERE subscription_id = ANY(%s)"
USERS = "SELECT user_id, name, email, subscription_id, created_at, country FROM users WHERE user_id = ANY(%s)"
CONTENT = "SELECT content_id FROM content WHERE content_id = ANY(%s)"
VIEWINGS = """
    SELECT watch_id::TEXT, user_id, content_id, watched_at, progress, episode FROM watch_history
    WHERE watch_id = ANY(%s::UUID[])"""
REVIEWS = """
    SELECT review_id::TEXT, user_id, content_id, rating, review_text, reviewed_at FROM reviews
    WHERE review_id = ANY(%s::UUID[])"""
REVIEWS_OF_USERS = """
    SELECT user_id, content_id, count(*) AS reviews FROM reviews WHERE user_id = ANY(%s)
    GROUP BY user_id, content_id HAVING count(*) > 1"""
PAYMENTS = """
    SELECT payment_id::TEXT, user_id, payer_id, subscription_id, amount, method, payment_date FROM payment_history
    WHERE payment_id = ANY(%s::UUID[])"""


class StoredRows(NamedTuple):
    """Rows of the database by their keys, for some of the users of a run.

    doubles: user and title -> the number of reviews, where there are several. own: the users whom the run has signed
    up.
    """

    users: dict[int, Row]
    contents: set[int]
    viewings: dict[str, Row]
    reviews: dict[str, Row]
    doubles: dict[tuple[int, int], int]
    payments: dict[str, Row]
    own: set[int]

    def count_rows(self) -> dict[str, int]:
        """Return the number of rows of the run, by kind."""
        return {
            "users": len(self.own & self.users.keys()),
            "viewings": len(self.viewings),
            "reviews": len(self.reviews),
            "payments": len(self.payments),
        }

    def removed_by_others(self, user: int, content: int) -> bool:
        """Whether somebody else has removed the user or the title, and so the rows that belong to it."""
        return (user not in self.own and user not in self.users) or content not in self.contents

    def is_gone(self, user: int, content: int) -> bool:
        """Whether the user or the title was removed, by whomever."""
        return user not in self.users or content not in self.contents


def read_stored_rows(database: Database, histories: UserHistories) -> StoredRows:
    """Return the rows that calls of these histories have written, and those around them. Raises UserError."""
    keys: dict[str, set[str]] = {"watch": set(), "review": set(), "pay": set()}
    contents: set[int] = set()
    for calls in histories.values():
        for call in calls:
            if call.operation in keys:
                keys[call.operation].add(call.key)
            if call.operation in ("watch", "review"):
                contents.add(call.sent[0])
    users = list(histories)
    doubles = read_rows(database, REVIEWS_OF_USERS, users)
    return StoredRows(
        users=_by_key(database, USERS, users),
        contents=set(_by_key(database, CONTENT, list(contents))),
        viewings=_by_key(database, VIEWINGS, list(keys["watch"])),
        reviews=_by_key(database, REVIEWS, list(keys["review"])),
        doubles={(row["user_id"], row["content_id"]): row["reviews"] for row in doubles},
        payments=_by_key(database, PAYMENTS, list(keys["pay"])),
        own={user for user, calls in histories.items() if any(call.operation == "signup" for call in calls)},
    )


def read_rows(database: Database, statement: str, keys: list[Any]) -> list[Row]:
    """Return the rows that a statement finds for these keys. Raises UserError."""
    rows: list[Row] = []
    for place in range(0, len(keys), PAGE):

        def work(cursor: Cursor, page: list[Any] = keys[place : place + PAGE]) -> list[Row]:
            cursor.execute(statement, (page,))
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        rows += run_or_explain(database, work)
    return rows


def _by_key(database: Database, statement: str, keys: list[Any]) -> dict[Any, Row]:
    return {next(iter(row.values())): row for row in read_rows(database, statement, keys)}


def keys_of_runs(database: Database, run_ids: list[RunId], kind: str) -> Iterator[str]:
    """Return the keys of the rows of a kind (see KEYS) with the id of one of these runs. Raises UserError."""

    def work(cursor: Cursor) -> list[Any]:
        addresses = [f".{run_id}@{DOMAIN}" for run_id in run_ids]
        values = {"run_ids": list(map(str, run_ids)), "addresses": addresses, "length": len(f".{'0' * 12}@{DOMAIN}")}
        cursor.execute(KEYS[kind], values)
        return cursor.fetchall()

    return (key for (key,) in run_or_explain(database, work))
