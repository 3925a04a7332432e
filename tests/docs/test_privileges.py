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
from toolkit.database import Cursor, Database

GRANT, REVOKE = [
    block.text
    for block in blocks("docs/clusters.md")
    if block.words.get("tested-by") == "tests/docs/test_privileges.py"
]


@pytest.fixture
def application(url: str, database: Database) -> Iterator[str]:
    """The URL of the scratch database for a user who has been granted what the document says, and nothing else."""
    name, password = f"application_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    owner = psycopg2.connect(url)
    owner.autocommit = True
    if " v20.2." in (owner.get_parameter_status("crdb_version") or ""):
        pytest.skip("CockroachDB v20.2 knows no CONNECT")
    with owner.cursor() as cursor:
        run_for(name, GRANT, cursor)
        try:
            cursor.execute(f"ALTER USER {name} WITH PASSWORD '{password}'")
        except psycopg2.Error:
            password = ""  # CockroachDB in insecure mode has no passwords
        yield psycopg2.extensions.make_dsn(url, user=name, password=password)
        run_for(name, REVOKE, cursor)
    owner.close()
    database.close()


def run_for(user: str, statements: str, cursor: Cursor) -> None:
    """Run the document's statements for another user, on the database to which the cursor is connected."""
    for statement in sqlparse.split(statements.replace("application", user)):
        cursor.execute(statement.replace("streaming", cursor.connection.info.dbname))


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
