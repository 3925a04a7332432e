"""A schema file is applied: whole, again and again, by several at once, and with errors that name the line."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from relay import Relay
from schema_files import PROJECT, SCHEMA, TABLES, THING, everything, is_cockroachdb, tables

from toolkit import schema
from toolkit.console import Failure
from toolkit.database import Database


def test_apply_tells_what_it_created_and_repeats(empty_database: Database, file: Path) -> None:
    assert schema.apply(empty_database, SCHEMA) == TABLES
    before = everything(empty_database)
    assert schema.apply(empty_database, SCHEMA) == []
    assert everything(empty_database) == before
    file.write_text(f"{THING} CREATE VIEW big AS SELECT id FROM things;")
    assert schema.apply(empty_database, file) == ["things", "big"]


def test_apply_creates_a_missing_database(missing: str) -> None:
    database = Database(missing)
    assert schema.apply(database, SCHEMA) == TABLES
    database.close()


def test_several_at_once_from_nothing(missing: str) -> None:
    code = (
        "import sys, pathlib\nfrom toolkit import database, schema\n"
        "print(schema.apply(database.Database(sys.argv[1]), pathlib.Path('schema.sql')))\n"
        "print(schema.compare(database.Database(sys.argv[1]), pathlib.Path('schema.sql'))[1:])"
    )
    command = [sys.executable, "-c", code, missing]
    runs = [subprocess.Popen(command, cwd=PROJECT, stdout=-1, stderr=-2, text=True) for _ in range(8)]
    outputs = [run.communicate(timeout=60)[0].splitlines() for run in runs]
    assert sorted(outputs) == sorted([[str(TABLES), "([], None)"], *([["[]", "([], None)"]] * 7)])


def test_a_failure_in_the_middle_leaves_nothing(empty_database: Database, file: Path) -> None:
    before = everything(empty_database)
    file.write_text(SCHEMA.read_text() + "CREATE TABLE late (id INT8 PRIMARY KEY REFERENCES nowhere (id));")
    with pytest.raises(Failure, match="nowhere"):
        schema.apply(empty_database, file)
    assert everything(empty_database) == before


def test_a_lost_connection_is_made_again(relay: Relay) -> None:
    database = Database(relay.url, retry_for=20)
    relay.cut_at("CREATE TABLE", "during")
    assert schema.apply(database, SCHEMA) == TABLES
    relay.cut_at("COMMIT", "after")
    assert schema.apply(database, SCHEMA) == []
    assert relay.cuts == 2
    database.close()


# a file, the line and the beginning of its bad statement, and a word of the reason
BAD = [
    ("CREATE TABLE a (id INT8);\n\n-- one\n/* two\n */\nCREATE TABEL b (id INT8);", 6, "CREATE TABEL", "tabel"),
    ("CREATE TABLE a (id INT8 PRIMARY KEY); CREATE TABLE b (id NONSENSE);", 1, "CREATE TABLE b", "nonsense"),
    ("\r\n\r\nCREATE TABLE a (id INT8 PRIMARY KEY);\r\nCREATE INDEX i ON b (id);\r\n", 4, "CREATE INDEX i", '"b"'),
    ("SELECT 'x; --', $$ ;\n $$;\nSELECT * FROM nowhere;", 3, "SELECT * FROM", "nowhere"),
    ("\ufeffSELECT 1;\nCREATE USER u WITH PASWORD 'geheim';", 2, "CREATE USER u WITH PASWORD '...'", ""),
]  # fmt: skip


def test_a_bad_statement_is_named_with_its_line(empty_database: Database, file: Path) -> None:
    for text, line, beginning, reason in BAD:
        file.write_bytes(text.encode())
        with pytest.raises(Failure) as caught:
            schema.apply(empty_database, file)
        message = str(caught.value)
        assert message.startswith(f"{file}, line {line}: ")
        assert f"the statement begins: {beginning}" in message
        assert reason in message.lower()
        assert "geheim" not in message
        assert "streaming_services.py" not in message  # it is what is being run
        assert tables(empty_database) == []


def test_the_line_within_a_statement_where_the_server_tells_it(empty_database: Database, file: Path) -> None:
    file.write_text("SELECT 1;\n-- a table\nCREATE TABLE a (\n  id INT8 PRIMARY KEY,\n  x NONSENSE\n);")
    line = 3 if is_cockroachdb(empty_database) else 5
    with pytest.raises(Failure, match=f"line {line}: .*nonsense"):
        schema.apply(empty_database, file)


@pytest.mark.parametrize("text", ["BEGIN;\n", "COMMIT;", "start transaction;", "ROLLBACK;", "End;"])
def test_a_file_that_ends_the_transaction_is_refused(nowhere: Database, file: Path, text: str) -> None:
    file.write_text(THING + text)
    with pytest.raises(Failure, match=f"line 6: .* remove {text.split()[0].rstrip(';')}"):
        schema.apply(nowhere, file)


def test_begin_and_end_inside_statements_are_fine(empty_database: Database, file: Path) -> None:
    if is_cockroachdb(empty_database):
        pytest.skip("old versions have no functions")
    file.write_text("-- begin; commit;\nDO $$\nBEGIN\n  PERFORM 1;\nEND;\n$$;\n" + THING)
    assert schema.apply(empty_database, file) == ["things"]


def test_a_file_without_statements(empty_database: Database, file: Path) -> None:
    for content in ("", "  \n", "-- nothing\n/* at all */ ;"):
        file.write_text(content)
        with pytest.raises(Failure, match="holds no SQL statement"):
            schema.apply(empty_database, file)


@pytest.mark.parametrize("content", ["CREATE".encode("utf-16"), b"-- caf\xe9", b"SELECT 1;\0"])
def test_a_file_that_is_not_text(nowhere: Database, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(Failure, match="is not text in UTF-8"):
        schema.apply(nowhere, file)


def test_a_file_that_cannot_be_read(nowhere: Database, file: Path) -> None:
    with pytest.raises(Failure, match=f"{file} cannot be read: No such file"):
        schema.apply(nowhere, file)
    with pytest.raises(Failure, match="cannot be read: Is a directory"):
        schema.apply(nowhere, file.parent)


def test_a_user_who_may_not(stranger: str) -> None:
    database = Database(stranger)
    user = str(database.target.parameters["user"])
    with pytest.raises(Failure, match=user):
        schema.apply(database, SCHEMA)
    elsewhere = Database(psycopg2.extensions.make_dsn(stranger, dbname=f"test_{uuid.uuid4().hex}"))
    with pytest.raises(Failure, match=f"user {user} may not create it"):
        schema.apply(elsewhere, SCHEMA)
    comparison = schema.compare(database, SCHEMA)
    assert comparison.not_compared
    assert user in comparison.not_compared
    database.close()
    elsewhere.close()


def test_nothing_is_done_by_importing() -> None:
    environment = {**os.environ, "DATABASE_URL": "nonsense"}
    command = [sys.executable, "-c", "import toolkit.schema, streaming_services"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
