"""Every statement of every service finds its rows by an index, also where there are many."""

from collections.abc import Iterator
from typing import Any

import pytest
from query_plans import gather_statistics, whole_tables
from sample import CALLS, TellingDatabase, execute, fill

import services
from toolkit.database import Database

# Enough rows that a server which can choose between an index and the whole table has a reason to choose.
MANY_ROWS = """
    INSERT INTO users (user_id, name, email, subscription_id)
        SELECT g, 'user ' || g::TEXT, 'user' || g::TEXT || '@example.com', 1 + g % 2
        FROM generate_series(3, 3000) AS numbers (g);
    INSERT INTO content (content_id, title, content_type, genre, release_year, rating)
        SELECT g, 'title ' || (g * 7919 % 3000)::TEXT,
               CASE g % 4 WHEN 0 THEN 'movie' WHEN 1 THEN 'series' WHEN 2 THEN 'documentary' ELSE 'other' END,
               'genre ' || (g % 20)::TEXT, 1950 + g % 75, (g % 101)::DECIMAL / 10
        FROM generate_series(3, 3000) AS numbers (g);
    INSERT INTO watch_history (user_id, content_id, watched_at, progress)
        SELECT 1 + g % 300, 1 + g * 7919 % 3000, '2026-01-01 00:00:00+00'::TIMESTAMPTZ + g * INTERVAL '1 hour',
               (g % 101)::DECIMAL
        FROM generate_series(1, 10000) AS numbers (g);
    INSERT INTO reviews (user_id, content_id, rating, reviewed_at)
        SELECT 1 + g % 3000, 1 + g % 301, (g % 11)::DECIMAL,
               '2026-01-01 00:00:00+00'::TIMESTAMPTZ + g * INTERVAL '1 hour'
        FROM generate_series(1, 10000) AS numbers (g);
    INSERT INTO payment_history (user_id, subscription_id, amount, method, payment_date)
        SELECT 1 + g % 300, 1 + g % 2, 9.99, 'card', '2020-01-01 00:00:00+00'::TIMESTAMPTZ + g * INTERVAL '5 hours'
        FROM generate_series(1, 10000) AS numbers (g);"""

SMALL_TABLES = {"subscriptions"}

# Beyond the calls of the sample: each condition of a search by itself, and second pages.
FURTHER_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("find_content", {}),
    ("find_content", {"genre": "genre 3"}),
    ("find_content", {"content_type": "movie"}),
    ("find_content", {"release_year": 1999}),
    ("find_content", {"min_rating": 10}),  # with one that most titles meet, the titles are read until a page is full
    ("find_content", {"genre": "genre 3", "content_type": "other", "min_rating": 5}),
    ("find_content", {"content_type": "movie", "release_year": 1998, "limit": 5}),
]
PAGED = ["list_users", "find_content", "watch_history", "list_reviews", "list_payments"]


@pytest.fixture
def sent(url: str, database: Database) -> Iterator[tuple[TellingDatabase, list[str]]]:
    """A database with many rows, and the statements that are sent to it."""
    fill(database)
    execute(database, MANY_ROWS)
    gather_statistics(database)
    statements: list[str] = []
    telling = TellingDatabase(url, statements.append)
    yield telling, statements
    telling.close()


def test_no_statement_reads_a_whole_table(sent: tuple[TellingDatabase, list[str]]) -> None:
    database, statements = sent
    by_title = [("find_content", {"title": "title 12"})] if prefixes_are_ranges(database) else []
    statements.clear()
    for name in PAGED:
        arguments = {**CALLS[name], "limit": 2}
        if name == "find_content":
            arguments = {"genre": "genre 3", "limit": 2}
        page = getattr(services, name)(database, **arguments)
        assert page["next"], name
        getattr(services, name)(database, **arguments, after=page["next"])
    # Other calls need the user and the content that these remove.
    order = sorted(CALLS.items(), key=lambda call: call[0] in ("delete_user", "remove_content"))
    for name, arguments in [*by_title, *FURTHER_CALLS, *order]:
        getattr(services, name)(database, **arguments)
    explained = [text for text in dict.fromkeys(statements) if not text.startswith("SET ")]
    assert len(explained) > 45
    for statement in explained:
        assert not whole_tables(database, statement) - SMALL_TABLES, statement


def test_the_plan_of_a_whole_read_is_recognised(sent: tuple[TellingDatabase, list[str]]) -> None:
    assert whole_tables(sent[0], "SELECT max(name) FROM users") == {"users"}
    assert whole_tables(sent[0], "SELECT c.title FROM content c WHERE c.title LIKE '%x'") == {"content"}
    assert whole_tables(sent[0], "SELECT c.title FROM content c WHERE c.title LIKE '%5' ORDER BY c.title LIMIT 5") == {
        "content"
    }


def test_reads_lock_nothing(sent: tuple[TellingDatabase, list[str]]) -> None:
    database, statements = sent
    for name in CALLS:
        if name.startswith(("get", "list", "find", "continue", "watch", "content_rating", "revenue", "recommend")):
            getattr(services, name)(database, **CALLS[name])
    reads = [statement for statement in statements if not statement.startswith("SET ")]
    assert reads
    for statement in reads:
        assert statement.lstrip().startswith("SELECT")
        assert " FOR " not in statement


def prefixes_are_ranges(database: Database) -> bool:
    """Whether an index on text finds what begins with a text: not on PostgreSQL with a collation of a language."""
    [(version, collation)] = execute(
        database, "SELECT version(), datcollate FROM pg_database WHERE datname = current_database()"
    )
    return version.startswith("CockroachDB") or collation in ("C", "POSIX")
