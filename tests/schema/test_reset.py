"""Tables are dropped with their rows and made again; nothing else is."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from schema_files import PROJECT, SCHEMA, TABLES, THING, execute, tables

from toolkit import schema
from toolkit.console import Failure
from toolkit.database import Database


def rows_of(database: Database, file: Path) -> dict[str, int | None]:
    """Return what a reset drops, and how many rows each has."""
    return {doomed.name: doomed.rows for doomed in schema.list_doomed(database, file)}


def test_reset(filled: Database) -> None:
    execute(filled, "CREATE TABLE mine AS SELECT 1 AS one")
    assert rows_of(filled, SCHEMA) == dict(zip(TABLES, [2, 2, 1, 1, 1, 1], strict=True))
    assert schema.reset(filled, SCHEMA) == TABLES
    assert rows_of(filled, SCHEMA) == dict.fromkeys(TABLES, 0)
    assert execute(filled, "SELECT one FROM mine") == [(1,)]


def test_reset_puts_drift_right(database: Database) -> None:
    execute(database, "ALTER TABLE users ADD COLUMN phone TEXT")
    execute(database, "DROP TABLE reviews")
    schema.reset(database, SCHEMA)
    assert schema.compare(database, SCHEMA) == (TABLES, [], None)


@pytest.mark.parametrize(
    "dependant",
    [
        "CREATE TABLE mine (user_id INT8 PRIMARY KEY REFERENCES users (user_id))",
        "CREATE VIEW mine AS SELECT name FROM users",
    ],
)
def test_reset_spares_what_others_depend_on(filled: Database, dependant: str) -> None:
    execute(filled, dependant)
    with pytest.raises(Failure, match=r"nothing was dropped: .* mine|nothing was dropped: .*\"mine\""):
        schema.reset(filled, SCHEMA)
    assert execute(filled, "SELECT count(*) FROM users") == [(2,)]
    assert set(TABLES) < {*tables(filled), "mine"}


def test_reset_drops_the_views_of_the_file(empty_database: Database, file: Path) -> None:
    file.write_text(f"{THING} CREATE VIEW big AS SELECT id FROM things; CREATE VIEW bigger AS SELECT id FROM big;")
    schema.apply(empty_database, file)
    assert schema.reset(empty_database, file) == ["things", "big", "bigger"]


def test_an_interrupted_reset_is_finished_by_the_next(empty_database: Database, url: str, file: Path) -> None:
    file.write_text(THING)
    schema.apply(empty_database, file)
    execute(empty_database, "INSERT INTO things VALUES (1)")
    file.write_text("SELECT pg_sleep(0.25);\n" + THING)  # builds slowly: once to compare, and once to apply
    code = (
        "import sys, pathlib; from toolkit import database, schema; "
        "schema.reset(database.Database(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    )
    for seconds in (0.3, 0.5, 0.7):
        resetting = subprocess.Popen([sys.executable, "-c", code, url, str(file)], cwd=PROJECT)
        time.sleep(seconds)
        resetting.kill()
        resetting.wait()
    # All or nothing on PostgreSQL; on CockroachDB the tables may be gone.
    assert rows_of(empty_database, file) in ({"things": 1}, {"things": 0}, {})
    assert schema.reset(empty_database, file) == ["things"]
    assert rows_of(empty_database, file) == {"things": 0}


def test_a_reset_that_cannot_build_says_what_is_left(empty_database: Database, file: Path) -> None:
    file.write_text(f"CREATE SEQUENCE numbers; {THING}")
    schema.apply(empty_database, file)
    execute(empty_database, "INSERT INTO things VALUES (1)")
    with pytest.raises(Failure, match=r"already exists .*IF NOT EXISTS") as failure:
        schema.reset(empty_database, file)
    file.write_text(THING)
    left = rows_of(empty_database, file)
    assert left == ({} if "the tables were dropped" in str(failure.value) else {"things": 1})
