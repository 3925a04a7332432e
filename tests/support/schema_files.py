"""What the tests of schema files share: small files, statements sent to a database, and all that is in it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from toolkit.database import Database, catalog, run_transaction

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA = PROJECT / "schema.sql"
TABLES = ["subscriptions", "users", "content", "watch_history", "reviews", "payment_history"]

ROWS = """
    INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'Basic', 9.99), (2, 'Premium', 15.99);
    INSERT INTO users (user_id, name, email, subscription_id) VALUES (1, 'Ann', 'ann@example.com', 1);
    INSERT INTO users (user_id, name, email) VALUES (2, 'Bob', 'bob@example.com');
    INSERT INTO content (content_id, title, content_type, rating) VALUES (1, 'Deep Water', 'movie', 7.5);
    INSERT INTO watch_history (watch_id, user_id, content_id)
        VALUES ('00000000-0000-4000-8000-000000000001', 1, 1);
    INSERT INTO reviews (review_id, user_id, content_id, rating, review_text)
        VALUES ('00000000-0000-4000-8000-000000000002', 1, 1, 8, 'Good');
    INSERT INTO payment_history (payment_id, user_id, subscription_id, amount, method)
        VALUES ('00000000-0000-4000-8000-000000000003', 1, 1, 9.99, 'card')"""

THING = """CREATE TABLE IF NOT EXISTS things (
    id INT8 NOT NULL,
    size DECIMAL(5, 2) DEFAULT 1,
    CONSTRAINT things_pkey PRIMARY KEY (id)
);
"""


def execute(database: Database, statements: str) -> list[tuple[Any, ...]]:
    """Run statements in a transaction; return the rows of the last."""

    def work(cursor: Any) -> list[tuple[Any, ...]]:
        cursor.execute(statements)
        return cursor.fetchall() if cursor.description else []

    return run_transaction(database, work)


def start(function: str, url: str, file: Path) -> subprocess.Popen[str]:
    """Call a function of schema.py in a process of its own."""
    code = f"import sys, pathlib; from toolkit import database, schema; url, file = sys.argv[1:]; \
schema.{function}(database.Database(url), pathlib.Path(file))"
    return subprocess.Popen([sys.executable, "-c", code, url, str(file)], cwd=PROJECT, text=True)


def is_cockroachdb(database: Database) -> bool:
    return run_transaction(database, catalog.is_cockroachdb)


def everything(database: Database) -> list[tuple[Any, ...]]:
    """Every schema, table, view, index, sequence, type, and function."""
    return execute(
        database,
        """
        SELECT 'schema', nspname FROM pg_catalog.pg_namespace
        UNION ALL SELECT c.relkind::TEXT, n.nspname || '.' || c.relname
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        UNION ALL SELECT 'type', n.nspname || '.' || t.typname
            FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        UNION ALL SELECT 'function', n.nspname || '.' || p.proname
            FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        ORDER BY 1, 2""",
    )


def tables(database: Database) -> list[str]:
    return [name for (name,) in execute(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
