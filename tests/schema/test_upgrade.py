"""upgrade.sql: a database that was made by the schema.sql before this one is as schema.sql says, and keeps its rows."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from schema_files import PROJECT, SCHEMA, TABLES, execute, is_cockroachdb

from toolkit import schema
from toolkit.database import Database, catalog, run_transaction

BEFORE = Path(__file__).parent / "before" / "schema.sql"
UPGRADE = PROJECT / "upgrade.sql"


def run(url: str, *command: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done


def columns(database: Database) -> dict[str, list[str]]:
    return {name: list(table.columns) for name, table in run_transaction(database, catalog.read).items()}


def rows(database: Database, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: execute(database, f"SELECT {', '.join(f'{column}::TEXT' for column in of_table)} FROM {name} ORDER BY 1")
        for name, of_table in columns.items()
    }


@pytest.fixture
def before(url: str, empty_database: Database, tmp_path: Path) -> Database:
    """A database of the schema before, with the sample data as far as that has its columns."""
    run(url, "streaming_services.py", "--schema", BEFORE)
    known = columns(empty_database)
    sample = json.loads((PROJECT / "test_data.json").read_text(), parse_float=str)
    fixture = {
        name: [{column: value for column, value in row.items() if column in known[name]} for row in of_table]
        for name, of_table in sample.items()
    }
    (tmp_path / "before.json").write_text(json.dumps(fixture))
    run(url, "insert_data.py", tmp_path / "before.json")
    return empty_database


def test_no_drift_and_no_row_changed(url: str, before: Database) -> None:
    known = columns(before)
    assert set(known) == set(TABLES)
    stored = rows(before, known)
    assert all(stored.values())
    for _ in range(2):
        done = run(url, "streaming_services.py", "--schema", UPGRADE)
        assert done.stdout.startswith("upgrade.sql: applied\n")
        assert schema.compare(before, SCHEMA) == (TABLES, [], None)
        assert rows(before, known) == stored
        assert columns(before) != known
    run(url, "streaming_services.py", "--check")
    loaded = run(url, "insert_data.py").stdout
    assert re.search("payment_history .*unchanged", loaded), loaded


def test_who_paid_is_known_of_all_who_are_there(url: str, before: Database) -> None:
    execute(before, "DELETE FROM users WHERE user_id = 3")
    run(url, "streaming_services.py", "--schema", UPGRADE)
    found = execute(before, "SELECT DISTINCT user_id, payer_id FROM payment_history ORDER BY 2")
    assert sorted(found, key=str) == sorted(
        [(user, user) for user in (1, 2, 4, 5, 6, 7, 8, 9, 10)] + [(None, None)], key=str
    )


def test_addresses_lose_the_blanks_around_them(url: str, before: Database) -> None:
    execute(before, "UPDATE users SET email = e' amara@example.com\\n' WHERE user_id = 1")
    run(url, "streaming_services.py", "--schema", UPGRADE)
    assert execute(before, "SELECT email FROM users WHERE user_id = 1") == [("amara@example.com",)]


def test_a_value_that_is_no_number_is_refused(url: str, before: Database) -> None:
    value = "Infinity" if is_cockroachdb(before) else "NaN"  # each as the CHECK before let it pass
    execute(before, f"UPDATE payment_history SET amount = '{value}' WHERE user_id = 2")
    refused = run(url, "streaming_services.py", "--schema", UPGRADE, status=1)
    assert re.search(r"upgrade\.sql, line \d+: .*amount(?s:.*)the statement begins: ALTER TABLE", refused.stderr), (
        refused.stderr
    )
    assert "Traceback" not in refused.stderr
    execute(before, "UPDATE payment_history SET amount = 9.99 WHERE user_id = 2")
    run(url, "streaming_services.py", "--schema", UPGRADE)
    assert schema.compare(before, SCHEMA).differences == []


@pytest.mark.usefixtures("before")
def test_drift_and_refusals_name_the_file(url: str) -> None:
    """schema.sql cannot be applied: its indexes name columns that are not there. --check tells each difference."""
    for arguments in ([], ["--check"]):
        said = run(url, "streaming_services.py", *arguments, status=1).stderr
        assert "python streaming_services.py --schema upgrade.sql" in said, said
        assert "Traceback" not in said
    assert "payment_history: column payer_id is missing, schema.sql says int8" in said
