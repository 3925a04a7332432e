"""A schema file is applied: whole, again and again, by several at once, and with errors that name the line."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from relay import Relay
from schema_files import PROJECT, SCHEMA, TABLES, THING, everything, execute, is_cockroachdb, tables

from toolkit import schema
from toolkit.console import UserError
from toolkit.database import Database
from toolkit.schema import ddl
from toolkit.schema.reset import reset


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
    outputs = [run.communicate(timeout=180)[0].splitlines() for run in runs]
    assert sorted(outputs) == sorted([[str(TABLES), "([], None)"], *([["[]", "([], None)"]] * 7)])


def test_a_failure_in_the_middle_leaves_nothing(empty_database: Database, file: Path) -> None:
    before = everything(empty_database)
    file.write_text(SCHEMA.read_text() + "CREATE TABLE late (id INT8 PRIMARY KEY REFERENCES nowhere (id));")
    with pytest.raises(UserError, match="nowhere"):
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
        with pytest.raises(UserError) as caught:
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
    with pytest.raises(UserError, match=f"line {line}: .*nonsense"):
        schema.apply(empty_database, file)


@pytest.mark.parametrize("text", ["BEGIN;\n", "COMMIT;", "start transaction;", "ROLLBACK;", "End;"])
def test_a_file_that_ends_the_transaction_is_refused(nowhere: Database, file: Path, text: str) -> None:
    file.write_text(THING + text)
    with pytest.raises(UserError, match=f"line 6: .* remove {text.split()[0].rstrip(';')}"):
        schema.apply(nowhere, file)


def test_begin_and_end_inside_statements_are_fine(empty_database: Database, file: Path) -> None:
    if is_cockroachdb(empty_database):
        pytest.skip("old versions have no functions")
    file.write_text("-- begin; commit;\nDO $$\nBEGIN\n  PERFORM 1;\nEND;\n$$;\n" + THING)
    assert schema.apply(empty_database, file) == ["things"]


def test_a_file_without_statements(empty_database: Database, file: Path) -> None:
    for content in ("", "  \n", "-- nothing\n/* at all */ ;"):
        file.write_text(content)
        with pytest.raises(UserError, match="holds no SQL statement"):
            schema.apply(empty_database, file)


@pytest.mark.parametrize("content", ["CREATE".encode("utf-16"), b"-- caf\xe9", b"SELECT 1;\0"])
def test_a_file_that_is_not_text(nowhere: Database, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UserError, match="is not text in UTF-8"):
        schema.apply(nowhere, file)


def test_a_file_that_cannot_be_read(nowhere: Database, file: Path) -> None:
    with pytest.raises(UserError, match=f"{file} cannot be read: No such file"):
        schema.apply(nowhere, file)
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        schema.apply(nowhere, file.parent)


def test_a_user_who_may_not(stranger: str) -> None:
    database = Database(stranger)
    user = str(database.target.parameters["user"])
    with pytest.raises(UserError, match=user):
        schema.apply(database, SCHEMA)
    elsewhere = Database(psycopg2.extensions.make_dsn(stranger, dbname=f"test_{uuid.uuid4().hex}"))
    with pytest.raises(UserError, match=f"user {user} may not create it"):
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


def test_a_lock_that_is_not_given_up(database: Database, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if is_cockroachdb(database):
        pytest.skip("CockroachDB knows no such limit")
    monkeypatch.setattr(ddl, "LOCK_TIMEOUT", "300ms")
    other = psycopg2.connect(url)
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO users (name, email) VALUES ('Ann', 'ann@example.com')")
        with pytest.raises(UserError, match=r"line \d+: .*lock.*session \d+ \(user .*\) has used users"):
            schema.apply(database, SCHEMA)
    other.close()
    assert schema.apply(database, SCHEMA) == []


def test_a_lock_timeout_of_ones_own_is_kept(database: Database, url: str) -> None:
    if is_cockroachdb(database):
        pytest.skip("CockroachDB knows no such limit")
    hasty = Database(psycopg2.extensions.make_dsn(url, options="-c lock_timeout=200ms"))
    other = psycopg2.connect(url)
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO users (name, email) VALUES ('Ann', 'ann@example.com')")
        began = time.monotonic()
        with pytest.raises(UserError, match="has used users"):
            schema.apply(hasty, SCHEMA)
        assert time.monotonic() - began < 5
    other.close()
    hasty.close()


@pytest.mark.parametrize("column", ["begin", "commit", '"end"', "start"])
def test_control_of_the_transaction_after_a_column_of_such_a_name(
    empty_database: Database, file: Path, column: str
) -> None:
    file.write_text(f"CREATE TABLE u ({column} INT8);\nCOMMIT;\nCREATE TABLE v (a INT8);")
    for function in (schema.apply, schema.compare):
        with pytest.raises(UserError, match=r"line 2: .* remove COMMIT"):
            function(empty_database, file)
    assert tables(empty_database) == []


def test_a_statement_that_ends_the_transaction_unseen(empty_database: Database, file: Path) -> None:
    if is_cockroachdb(empty_database):
        pytest.skip("CockroachDB reads literals in one way only")
    # What the literal is depends on a setting that nobody can know before the file is run.
    file.write_text("SET standard_conforming_strings = off;\nSELECT 'a\\''; COMMIT; --';\nCREATE TABLE v (a INT8);")
    with pytest.raises(UserError, match="line 2: this statement has ended the transaction"):
        schema.apply(empty_database, file)
    assert tables(empty_database) == []


def test_a_change_that_fails_after_commit(empty_database: Database, file: Path) -> None:
    execute(empty_database, "CREATE TABLE old (a INT8)")
    execute(empty_database, "INSERT INTO old VALUES (1), (1)")
    file.write_text(THING + "CREATE UNIQUE INDEX IF NOT EXISTS old_key ON old (a);")
    with pytest.raises(UserError) as caught:
        schema.apply(empty_database, file)
    is_there = "things" in tables(empty_database)
    assert is_there == is_cockroachdb(empty_database)
    assert ("applied in part: what is new in it is there" in str(caught.value)) == is_there


def test_where_transactions_take_no_ddl(
    empty_database: Database, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the newest CockroachDB has the setting: another that is on stands for it."""
    monkeypatch.setattr(ddl, "NO_DDL_IN_TRANSACTIONS", "standard_conforming_strings")
    file.write_text(THING + "CREATE INDEX IF NOT EXISTS things_size_idx ON things (size);")
    assert schema.apply(empty_database, file) == ["things"]
    assert "other.sql is applied statement by statement, not as a whole" in capsys.readouterr().err
    assert schema.apply(empty_database, file) == []
    assert "takes no DDL in transactions" in (schema.compare(empty_database, file).not_compared or "")
    with pytest.raises(UserError, match="takes no DDL in transactions"):
        reset(empty_database, file)
    file.write_text("CREATE TABLE IF NOT EXISTS more (id INT8 PRIMARY KEY);\nCREATE TABLE bad (id NONSENSE);")
    with pytest.raises(UserError, match=r"(?s)line 2: .*nonsense.*statements before it that are applied: 1"):
        schema.apply(empty_database, file)
    assert set(tables(empty_database)) == {"more", "things"}


def test_a_table_that_is_made_again_is_told(database: Database) -> None:
    execute(database, "DROP TABLE reviews")
    assert schema.apply(database, SCHEMA) == ["reviews"]
    assert schema.apply(database, SCHEMA) == []


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ('-csearch_path="My-app"', ["My-app"]),
        ('-c search_path="My-app",public', ["My-app", "public"]),
        ('--search_path=PUBLIC,"My-app"', ["public", "My-app"]),
        ("-csearch_path=public", ["public"]),
    ],
)
def test_a_search_path_with_quotes(url: str, option: str, path: list[str]) -> None:
    owner = Database(url)
    execute(owner, 'CREATE SCHEMA "My-app"')
    database = Database(psycopg2.extensions.make_dsn(url, options=option))
    assert execute(database, "SELECT current_schemas(false)::TEXT[]") == [(path,)]
    owner.close()
    database.close()
