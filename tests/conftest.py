"""A real server for the tests, and a scratch database on it for each."""

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from local_copy import copy_local_database
from relay import Relay
from sample import fill

from toolkit import schema
from toolkit.database import Database

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The server at TEST_DATABASE_URL; without that, one that the tests start for themselves."""
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="server-"))
    folder.chmod(0o755)  # as root, the database runs as somebody else
    script = [sys.executable, str(copy_local_database(folder))]
    yield subprocess.run([*script, "url"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    subprocess.run([*script, "stop"], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _no_database_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests away from the developer's own database."""
    for variable in [name for name in os.environ if name.startswith("PG") or name == "DATABASE_URL"]:
        monkeypatch.delenv(variable)


@contextmanager
def _scratch_database(server_url: str, *, is_there: bool = True) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    admin = psycopg2.connect(server_url)
    admin.autocommit = True
    cockroachdb = admin.get_parameter_status("crdb_version") is not None
    with admin.cursor() as cursor:
        if is_there:
            cursor.execute(f"CREATE DATABASE {name}")
        yield psycopg2.extensions.make_dsn(server_url, dbname=name)
        cursor.execute(f"DROP DATABASE IF EXISTS {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")
    admin.close()


@pytest.fixture
def url(server_url: str) -> Iterator[str]:
    """The URL of an empty scratch database."""
    with _scratch_database(server_url) as url:
        yield url


@pytest.fixture
def missing(server_url: str) -> Iterator[str]:
    """The URL of a database that does not exist."""
    with _scratch_database(server_url, is_there=False) as url:
        yield url


@pytest.fixture(scope="module")
def module_url(server_url: str) -> Iterator[str]:
    """The URL of a scratch database that the tests of a module share; empty for the first."""
    with _scratch_database(server_url) as url:
        yield url


@pytest.fixture
def empty_database(url: str) -> Iterator[Database]:
    """A scratch database without tables."""
    database = Database(url, retry_for=20)
    yield database
    database.close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A scratch database with the six tables."""
    schema.apply(empty_database, PROJECT / "schema.sql")
    return empty_database


@pytest.fixture
def db(database: Database) -> Database:
    """A scratch database with the six tables and the sample rows."""
    fill(database)
    return database


@pytest.fixture
def relay(url: str) -> Iterator[Relay]:
    """A TCP relay to the scratch database's server; relay.url leads through it to the scratch database."""
    with Relay(url) as running:
        yield running
