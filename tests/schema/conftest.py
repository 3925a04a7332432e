"""Databases and users for the tests of schema files."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from schema_files import ROWS, execute

from toolkit.database import Database


@pytest.fixture
def filled(database: Database) -> Database:
    """The six tables with a few rows."""
    execute(database, ROWS)
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a schema file."""
    return tmp_path / "other.sql"


@pytest.fixture
def nowhere() -> Database:
    """No database: for what is found out before one is needed."""
    return Database("postgresql://127.0.0.1:1/nowhere")


@pytest.fixture
def stranger(url: str) -> Iterator[str]:
    """The URL of the scratch database for a user who may do nothing there."""
    name = f"stranger_{uuid.uuid4().hex[:12]}"
    owner = psycopg2.connect(url)
    owner.autocommit = True
    password = "not-a-secret"  # noqa: S105
    with owner.cursor() as cursor:
        try:
            cursor.execute(f"CREATE USER {name} WITH PASSWORD '{password}'")
        except psycopg2.Error:  # CockroachDB in insecure mode has no passwords
            cursor.execute(f"CREATE USER {name}")
        yield psycopg2.extensions.make_dsn(url, user=name, password=password)
        cursor.execute(f"DROP USER {name}")
    owner.close()
