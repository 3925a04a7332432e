"""The privileges that docs/clusters.md asks for are enough: with no others the fixtures load and the services work."""

import uuid
from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest
import sqlparse
from documents import PROJECT, blocks
from sample import CALLS, execute, fill
from seeding import load

import streaming_services
from toolkit.database import Database

GRANT, REVOKE = [
    sqlparse.split(block.text)
    for block in blocks("docs/clusters.md")
    if block.language == "sql" and "ON TABLE" in block.text
]


@pytest.fixture
def application(url: str, database: Database) -> Iterator[str]:
    """The URL of the scratch database for a user who has been granted what the document says, and nothing else."""
    name, password = f"application_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    owner = psycopg2.connect(url)
    owner.autocommit = True
    with owner.cursor() as cursor:
        for statement in GRANT:
            cursor.execute(statement.replace("application", name))
        cursor.execute("SELECT 1")
        try:
            cursor.execute(f"ALTER USER {name} WITH PASSWORD '{password}'")
        except psycopg2.Error:
            password = ""  # CockroachDB in insecure mode has no passwords
        yield psycopg2.extensions.make_dsn(url, user=name, password=password)
        for statement in REVOKE:
            cursor.execute(statement.replace("application", name))
    owner.close()
    database.close()


def test_fixtures_load(application: str) -> None:
    assert load(application, PROJECT / "test_data.json")["users"]["new"] == 10
    assert load(application, PROJECT / "test_data.json")["users"]["unchanged"] == 10


@pytest.mark.parametrize("service", CALLS)
def test_services_work(service: str, database: Database, application: str) -> None:
    fill(database)
    user = Database(application)
    getattr(streaming_services, service)(user, **CALLS[service])
    user.close()


def test_more_is_refused(application: str) -> None:
    user = Database(application)
    with pytest.raises(psycopg2.Error):
        execute(user, "DROP TABLE reviews")
    user.close()
