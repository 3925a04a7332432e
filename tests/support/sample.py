"""What the tests of the services share: rows that are easy to remember, a call of every service on them, all pages of
a list, all rows of the tables, what does not differ from call to call, and a Database that tells what it sends."""

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from toolkit.database import IDEMPOTENT, Cursor, Database, run_transaction
from toolkit.database.connection import BEGIN

VIEWING = UUID("11111111-1111-4111-8111-111111111111")  # Ann's, unfinished
OTHER_VIEWING = UUID("22222222-2222-4222-8222-222222222222")  # Ann's, finished
PAYMENT = UUID("33333333-3333-4333-8333-333333333333")  # Ann's

ROWS = """
    DELETE FROM payment_history;
    DELETE FROM users;
    DELETE FROM content;
    DELETE FROM subscriptions;
    INSERT INTO subscriptions (subscription_id, name, price, features)
        VALUES (1, 'Basic', 8.99, '{"streams": 1}'), (2, 'Premium', 15.99, '{"streams": 4}'), (3, 'Free', 0, '{}');
    INSERT INTO users (user_id, name, email, subscription_id)
        VALUES (1, 'Ann', 'ann@example.com', 1), (2, 'Ben', 'ben@example.com', NULL);
    INSERT INTO content (content_id, title, content_type, genre, release_year, rating)
        VALUES (1, 'Night Train', 'series', 'drama', 2021, 8.1), (2, 'Nightwatch', 'movie', 'drama', 2019, 6.4);
    INSERT INTO watch_history (watch_id, user_id, content_id, watched_at, progress)
        VALUES ('11111111-1111-4111-8111-111111111111', 1, 1, '2026-01-05 20:00:00+00', 35.5),
               ('22222222-2222-4222-8222-222222222222', 1, 2, '2026-01-06 21:30:00+00', 100);
    INSERT INTO reviews (user_id, content_id, rating) VALUES (1, 1, 7.5);
    INSERT INTO payment_history (payment_id, user_id, payer_id, subscription_id, amount, method, payment_date)
        VALUES ('33333333-3333-4333-8333-333333333333', 1, 1, 1, 8.99, 'card', '2026-02-01 09:00:00+00');"""

TABLES = ("subscriptions", "users", "content", "watch_history", "reviews", "payment_history")

STRANGE_TEXTS = [
    "'; DROP TABLE users; --",
    "%s %(name)s %%",
    'a "quoted" \\ back\\slash',
    "日本語 🎬",
    "a\nb\tc",
    "_%\\",
]

# Each service with arguments that succeed.
CALLS: dict[str, dict[str, Any]] = {
    "list_subscriptions": {},
    "get_subscription": {"subscription_id": 1},
    "add_subscription": {"name": "Family", "price": Decimal("19.99"), "features": {"streams": 6}},
    "update_subscription": {"subscription_id": 1, "price": 9, "features": {"streams": 2}},
    "remove_subscription": {"subscription_id": 3},
    "create_user": {"name": "Cleo", "email": "cleo@example.com", "subscription_id": 2, "country": "EG"},
    "get_user": {"user_id": 1},
    "get_user_by_email": {"email": "ann@example.com"},
    "list_users": {"limit": 1},
    "update_user": {"user_id": 1, "name": "Anna", "email": "anna@example.com", "country": None},
    "change_plan": {"user_id": 1, "subscription_id": 2},
    "delete_user": {"user_id": 1},
    "add_content": {
        "title": "Low Tide",
        "content_type": "series",
        "genre": "drama",
        "release_year": 2024,
        "rating": 7,
        "duration_minutes": 45,
        "episodes": 8,
    },
    "get_content": {"content_id": 1},
    "find_content": {
        "title": "Night",
        "genre": "drama",
        "content_type": "movie",
        "release_year": 2019,
        "min_rating": 6,
        "limit": 5,
    },
    "update_content": {
        "content_id": 1,
        "title": "Night Trains",
        "content_type": "movie",
        "genre": None,
        "release_year": 2022,
        "rating": Decimal("8.2"),
        "duration_minutes": 95,
        "episodes": None,
    },
    "remove_content": {"content_id": 1},
    "start_watching": {"user_id": 2, "content_id": 1, "episode": 2},
    "log_progress": {"watch_id": VIEWING, "progress": Decimal("62.25")},
    "watch_history": {"user_id": 1, "limit": 1},
    "continue_watching": {"user_id": 1, "limit": 1},
    "recommend_content": {"user_id": 1, "limit": 5},
    "review_content": {"user_id": 1, "content_id": 1, "rating": 9, "review_text": "Better than I thought."},
    "list_reviews": {"content_id": 1, "limit": 1},
    "content_rating": {"content_id": 1},
    "remove_review": {"user_id": 1, "content_id": 1},
    "process_payment": {"user_id": 1, "method": "card"},
    "list_payments": {"user_id": 1, "limit": 1},
    "revenue": {
        "since": datetime(2026, 1, 1, tzinfo=timezone.utc),
        "until": datetime(2026, 3, 1, tzinfo=timezone.utc),
    },
}


def fill(database: Database) -> None:
    """Put the sample rows, and no others, into the database."""
    execute(database, ROWS)


def execute(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement in a transaction of its own, and return its rows."""

    def work(cursor: Any) -> list[tuple[Any, ...]]:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

    return run_transaction(database, work, IDEMPOTENT)


def dump(database: Database) -> list[list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    return [sorted(execute(database, f"SELECT * FROM {table}"), key=repr) for table in TABLES]


def all_pages(service: Callable[..., Any], database: Database, **arguments: Any) -> list[list[dict[str, Any]]]:
    """Return the items of each page of a service, from the first to the last."""
    pages: list[list[dict[str, Any]]] = []
    after: dict[str, str] = {}
    while True:
        page = service(database, **arguments, **after)
        pages.append(page["items"])
        if page["next"] is None:
            return pages
        after = {"after": page["next"]}


def comparable(value: Any) -> Any:
    """Return a value without the keys and times that are new in each call: their type is in their place."""
    if isinstance(value, dict):
        return {name: comparable(element) for name, element in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(element) for element in value]
    if isinstance(value, UUID | date | datetime) or (isinstance(value, int) and value > 1_000_000):
        return type(value).__name__
    if isinstance(value, str) and len(value) == 36:
        return "UUID"
    return value


class TellingDatabase(Database):
    """A Database that tells each statement it has sent."""

    def __init__(self, url: str, tell: Callable[[str], None]) -> None:
        super().__init__(url, retry_for=20)
        self._tell = tell

    def connect(self) -> Any:
        connection = super().connect()
        connection.plain_cursor = self._telling(Cursor)(connection)
        connection.cursor_factory = self._telling(connection.cursor_factory)
        return connection

    def _telling(self, kind: Any) -> Any:
        tell = self._tell

        class TellingCursor(kind):  # type: ignore[misc]
            def execute(self, query: Any, values: Any = None) -> None:
                super().execute(query, values)
                tell(self.query.decode().removeprefix(BEGIN))

        return TellingCursor
