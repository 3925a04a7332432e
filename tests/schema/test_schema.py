"""schema.sql on a real server, and schema.py: applying a schema file, comparing it with a database, starting afresh."""

import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import errors
from relay import Relay

from toolkit import schema
from toolkit.console import Failure
from toolkit.database import Database, DatabaseMissing, catalog, run_transaction

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


# --- schema.sql

BITES = [
    ("INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'x', 1)", "subscriptions_pkey"),
    ("INSERT INTO subscriptions (name, price) VALUES ('Basic', 1)", "subscriptions_name_key"),
    ("INSERT INTO subscriptions (name, price) VALUES ('x', -0.01)", "subscriptions_price_not_negative"),
    ("INSERT INTO users (user_id, name, email) VALUES (1, 'x', 'x')", "users_pkey"),
    ("INSERT INTO users (name, email) VALUES ('x', 'ann@example.com')", "users_email_key"),
    ("INSERT INTO users (name, email, subscription_id) VALUES ('x', 'x', 9)", "users_subscription_id_fkey"),
    ("DELETE FROM subscriptions WHERE subscription_id = 1", "subscription_id_fkey"),
    ("INSERT INTO content (content_id, title, content_type) VALUES (1, 'x', 'movie')", "content_pkey"),
    ("INSERT INTO content (title, content_type) VALUES ('x', 'opera')", "content_type_known"),
    ("UPDATE content SET rating = -0.1", "content_rating_range"),
    ("UPDATE content SET rating = 10.1", "content_rating_range"),
    ("INSERT INTO watch_history (watch_id, user_id, content_id) SELECT watch_id, 2, 1 FROM watch_history",
     "watch_history_pkey"),
    ("UPDATE watch_history SET user_id = 9", "watch_history_user_id_fkey"),
    ("UPDATE watch_history SET content_id = 9", "watch_history_content_id_fkey"),
    ("UPDATE watch_history SET progress = -0.01", "watch_history_progress_range"),
    ("UPDATE watch_history SET progress = 100.01", "watch_history_progress_range"),
    ("INSERT INTO reviews (review_id, user_id, content_id, rating) SELECT review_id, 2, 1, 5 FROM reviews",
     "reviews_pkey"),
    ("INSERT INTO reviews (user_id, content_id, rating) VALUES (1, 1, 5)", "reviews_user_id_content_id_key"),
    ("UPDATE reviews SET user_id = 9", "reviews_user_id_fkey"),
    ("UPDATE reviews SET content_id = 9", "reviews_content_id_fkey"),
    ("UPDATE reviews SET rating = -0.1", "reviews_rating_range"),
    ("UPDATE reviews SET rating = 10.1", "reviews_rating_range"),
    ("INSERT INTO payment_history (payment_id, subscription_id, amount, method) "
     "SELECT payment_id, 1, 1, 'x' FROM payment_history", "payment_history_pkey"),
    ("UPDATE payment_history SET user_id = 9", "payment_history_user_id_fkey"),
    ("UPDATE payment_history SET subscription_id = 9", "payment_history_subscription_id_fkey"),
    ("UPDATE payment_history SET amount = 0", "payment_history_amount_positive"),
]  # fmt: skip


def test_each_constraint_bites(filled: Database) -> None:
    for statement, constraint in BITES:
        with pytest.raises(psycopg2.IntegrityError) as caught:
            execute(filled, statement)
        assert (caught.value.diag.constraint_name or "").endswith(constraint), statement


def test_no_constraint_is_left_out_above(database: Database) -> None:
    live = run_transaction(database, catalog.read)
    assert {constraint for _, constraint in BITES if constraint != "subscription_id_fkey"} == {
        name for table in live.values() for name in table.constraints
    }


def test_required_columns(filled: Database) -> None:
    live = run_transaction(filled, catalog.read)
    optional = {
        "users.subscription_id",
        "content.genre",
        "content.release_year",
        "content.rating",
        "reviews.review_text",
        "payment_history.user_id",
    }
    for table in live.values():
        for column in table.columns:
            if f"{table.name}.{column}" in optional:
                execute(filled, f"UPDATE {table.name} SET {column} = NULL")
            else:
                with pytest.raises(errors.NotNullViolation):
                    execute(filled, f"UPDATE {table.name} SET {column} = NULL")


def test_deleting_a_user_keeps_the_payments_only(filled: Database) -> None:
    execute(filled, "DELETE FROM users WHERE user_id = 1")
    assert execute(filled, "SELECT user_id, amount::TEXT FROM payment_history") == [(None, "9.99")]
    assert execute(filled, "SELECT (SELECT count(*) FROM watch_history), (SELECT count(*) FROM reviews)") == [(0, 0)]


def test_deleting_content_deletes_its_history_and_reviews(filled: Database) -> None:
    execute(filled, "DELETE FROM content WHERE content_id = 1")
    assert execute(filled, "SELECT (SELECT count(*) FROM watch_history), (SELECT count(*) FROM reviews)") == [(0, 0)]


def test_a_plan_that_was_only_paid_for_cannot_be_deleted_either(filled: Database) -> None:
    execute(filled, "UPDATE users SET subscription_id = NULL")
    with pytest.raises(errors.ForeignKeyViolation):
        execute(filled, "DELETE FROM subscriptions WHERE subscription_id = 1")
    execute(filled, "DELETE FROM subscriptions WHERE subscription_id = 2")


def test_defaults(database: Database) -> None:
    execute(
        database,
        """
        INSERT INTO subscriptions (name, price) VALUES ('Basic', 0);
        INSERT INTO users (name, email) VALUES ('Ann', 'ann@example.com');
        INSERT INTO content (title, content_type) VALUES ('Deep Water', 'movie');
        INSERT INTO watch_history (user_id, content_id) SELECT user_id, content_id FROM users, content;
        INSERT INTO reviews (user_id, content_id, rating) SELECT user_id, content_id, 10 FROM users, content;
        INSERT INTO payment_history (subscription_id, amount, method) SELECT subscription_id, 1, '' FROM subscriptions
        """,
    )
    assert execute(database, "SELECT subscription_id > 0, features::TEXT FROM subscriptions") == [(True, "{}")]
    assert execute(database, "SELECT user_id > 0, subscription_id, now() - created_at < '1h' FROM users") == [
        (True, None, True)
    ]
    assert execute(database, "SELECT content_id > 0 FROM content") == [(True,)]
    assert execute(database, "SELECT progress, now() - watched_at < '1h' FROM watch_history") == [(0, True)]
    assert execute(database, "SELECT now() - reviewed_at < '1h' FROM reviews") == [(True,)]
    assert execute(database, "SELECT now() - payment_date < '1h' FROM payment_history") == [(True,)]
    keys = [
        key
        for name, table in (("watch_id", "watch_history"), ("review_id", "reviews"), ("payment_id", "payment_history"))
        for key in execute(database, f"SELECT {name}::TEXT FROM {table}")
    ]
    assert {uuid.UUID(key).version for (key,) in keys} == {4}
    assert len(set(keys)) == 3


def test_numbers_keep_their_decimals(filled: Database) -> None:
    execute(filled, "UPDATE watch_history SET progress = 33.33; UPDATE subscriptions SET price = 99999999.99")
    assert execute(filled, "SELECT progress::TEXT FROM watch_history") == [("33.33",)]
    assert execute(filled, "SELECT DISTINCT price::TEXT FROM subscriptions") == [("99999999.99",)]


def test_the_two_queries_everyone_starts_with(filled: Database) -> None:
    assert execute(
        filled,
        "SELECT u.name, u.email, s.name AS subscription "
        "FROM users u JOIN subscriptions s ON u.subscription_id = s.subscription_id;",
    ) == [("Ann", "ann@example.com", "Basic")]
    rows = execute(
        filled,
        "SELECT r.review_text, r.rating, u.name AS user "
        "FROM reviews r JOIN users u ON r.user_id = u.user_id WHERE r.content_id = 1;",
    )
    assert [(text, float(rating), name) for text, rating, name in rows] == [("Good", 8.0, "Ann")]


def test_each_foreign_key_has_an_index(database: Database) -> None:
    live = run_transaction(database, catalog.read)
    for table in live.values():
        starts = [re.findall(r"\w+", text.partition("(")[2]) for text in table.indexes.values()]
        starts = [[word for word in start if word not in ("ASC", "DESC")] for start in starts]
        for key in table.foreign_keys:
            assert any(tuple(start[: len(key.columns)]) == key.columns for start in starts), key.name


# --- unique_rowid()


def test_ids_are_positive_and_distinct_under_concurrency(database: Database) -> None:
    ids: list[list[int]] = []

    def draw() -> None:
        ids.append([id_ for (id_,) in execute(database, "SELECT unique_rowid() FROM generate_series(1, 20000)")])

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(0 < id_ < 2**63 for drawn in ids for id_ in drawn)
    assert len({id_ for drawn in ids for id_ in drawn}) == 8 * 20000
    if not is_cockroachdb(database):
        assert all(drawn == sorted(drawn) for drawn in ids)


def test_ids_increase_with_time(database: Database, url: str) -> None:
    other = Database(url)
    first = execute(database, "SELECT unique_rowid()")
    second = execute(other, "SELECT unique_rowid()")
    third = execute(database, "SELECT unique_rowid()")
    other.close()
    assert first < second < third


def test_ids_are_as_large_as_cockroachdbs(database: Database) -> None:
    [(id_,)] = execute(database, "SELECT unique_rowid()")
    slots = (time.time() - 1420070400) * 100_000  # of 10 microseconds, since 2015
    assert abs((id_ >> 15) - slots) < 100_000 * 3600


def test_whoever_may_insert_gets_ids(database: Database, stranger: str) -> None:
    other = Database(stranger)
    user = other.target.parameters["user"]
    execute(database, f"GRANT INSERT, SELECT ON content TO {user}")
    execute(other, "INSERT INTO content (title, content_type) VALUES ('Deep Water', 'movie')")
    other.close()
    execute(database, f"REVOKE ALL ON content FROM {user}")
    assert execute(database, "SELECT count(*) FROM content") == [(1,)]


def test_a_unique_rowid_of_ones_own_is_left_alone(empty_database: Database) -> None:
    if is_cockroachdb(empty_database):
        pytest.skip("it is built in")
    execute(empty_database, "CREATE FUNCTION unique_rowid() RETURNS INT8 LANGUAGE sql AS 'SELECT 42::INT8'")
    schema.apply(empty_database, SCHEMA)
    assert execute(empty_database, "SELECT unique_rowid()") == [(42,)]


# --- apply


def test_apply_tells_what_it_created_and_repeats(empty_database: Database, file: Path) -> None:
    assert schema.apply(empty_database, SCHEMA) == TABLES
    before = everything(empty_database)
    assert schema.apply(empty_database, SCHEMA) == []
    assert everything(empty_database) == before
    file.write_text(f"{THING} CREATE VIEW big AS (TABLE things);")
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


# --- compare


def test_no_drift(database: Database) -> None:
    assert schema.compare(database, SCHEMA) == (TABLES, [], None)


def test_tables_the_file_does_not_name_are_no_drift(database: Database) -> None:
    execute(database, "CREATE TABLE mine (id INT8 PRIMARY KEY, user_id INT8 REFERENCES users (user_id))")
    assert schema.compare(database, SCHEMA).differences == []


def test_an_empty_database_lacks_every_table(empty_database: Database) -> None:
    before = everything(empty_database)
    assert schema.compare(empty_database, SCHEMA).differences == [f"{name}: there is no such table" for name in TABLES]
    assert everything(empty_database) == before


def test_a_database_that_is_not_there(missing: str) -> None:
    with pytest.raises(DatabaseMissing):
        schema.compare(Database(missing), SCHEMA)


OWNERS = "CREATE TABLE IF NOT EXISTS owners (id INT8 NOT NULL, CONSTRAINT owners_pkey PRIMARY KEY (id));\n"


def things(*parts: str) -> str:
    """A schema with the table things of these parts."""
    return f"{OWNERS}CREATE TABLE IF NOT EXISTS things ({', '.join(parts)});"


PLAIN = ("id INT8 NOT NULL", "CONSTRAINT things_pkey PRIMARY KEY (id)")
OWNED = (*PLAIN, "owner INT8")
KEY = "CONSTRAINT things_owner_fkey FOREIGN KEY (owner) REFERENCES owners (id)"


# what is there, what the file says, and how the difference is told
DRIFT = [
    (things(*PLAIN), things(*PLAIN, "a TEXT"), "column a is missing, other.sql says text"),
    (things(*PLAIN, "a TEXT"), things(*PLAIN), "column a is text, other.sql has none of that name"),
    (things(*PLAIN, "a TEXT"), things(*PLAIN, "a INT8"), "column a is text, other.sql says int8"),
    (
        things(*PLAIN, "a DECIMAL(5, 2)"),
        things(*PLAIN, "a DECIMAL(6, 2)"),
        r"column a is numeric\(5,2\), other.sql says numeric\(6,2\)",
    ),
    (things(*PLAIN, "a VARCHAR(9)"), things(*PLAIN, "a TEXT"), r"column a is varchar\(9\), other.sql says text"),
    (things(*PLAIN, "a TEXT[]"), things(*PLAIN, "a TEXT"), r"column a is text\[\], other.sql says text"),
    (things(*PLAIN, "a TEXT NOT NULL"), things(*PLAIN, "a TEXT"), "column a is text NOT NULL, .* says text"),
    (things(*PLAIN, "a INT8 DEFAULT 1"), things(*PLAIN, "a INT8"), "a is int8 DEFAULT 1, .* says int8"),
    (things(*PLAIN, "a INT8 DEFAULT 1"), things(*PLAIN, "a INT8 DEFAULT 2"), "DEFAULT 1, .* DEFAULT 2"),
    (
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS (id + 1) STORED"),
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS (id + 2) STORED"),
        r"GENERATED ALWAYS AS .*1.* says .*GENERATED ALWAYS AS .*2",
    ),
    (
        things("id INT8 NOT NULL", "a INT8 NOT NULL", "CONSTRAINT things_pkey PRIMARY KEY (id, a)"),
        things("id INT8 NOT NULL", "a INT8 NOT NULL", "CONSTRAINT things_pkey PRIMARY KEY (id)"),
        r"constraint things_pkey is PRIMARY KEY \(id.*, a.*\), .* says PRIMARY KEY \(id",
    ),
    (
        things(*OWNED),
        things(*OWNED, "CONSTRAINT things_key UNIQUE (owner)"),
        r"constraint things_key is missing, .* says UNIQUE \(owner",
    ),
    (
        things(*OWNED, "CONSTRAINT things_key UNIQUE (owner)"),
        things(*OWNED, "CONSTRAINT things_key UNIQUE (id, owner)"),
        r"constraint things_key is UNIQUE \(owner.* says UNIQUE \(id",
    ),
    (
        things(*OWNED, "CONSTRAINT my_key UNIQUE (owner)"),
        things(*OWNED),
        r"constraint my_key is UNIQUE \(owner.* has none of that name",
    ),
    (things(*OWNED), things(*OWNED, KEY), r"constraint things_owner_fkey is missing, .* says FOREIGN KEY \(owner"),
    (
        things(*OWNED, KEY),
        things(*OWNED, f"{KEY} ON DELETE CASCADE"),
        "constraint things_owner_fkey is FOREIGN KEY .* says FOREIGN KEY .* ON DELETE CASCADE",
    ),
    (
        things(*PLAIN, "CONSTRAINT low CHECK (id < 5)"),
        things(*PLAIN, "CONSTRAINT low CHECK (id < 6)"),
        "constraint low is CHECK .*5.* says CHECK .*6",
    ),
    (
        things(*OWNED),
        things(*OWNED) + "CREATE INDEX IF NOT EXISTS things_owner_idx ON things (owner);",
        r"index things_owner_idx is missing, .* says USING \w+ \(owner",
    ),
    (
        things(*OWNED) + "CREATE INDEX things_owner_idx ON things (owner);",
        things(*OWNED) + "CREATE INDEX IF NOT EXISTS things_owner_idx ON things (owner DESC, id);",
        r"index things_owner_idx is USING \w+ \(owner.* says USING \w+ \(owner DESC",
    ),
    (
        things(*OWNED) + "CREATE INDEX my_idx ON things (owner);",
        things(*OWNED),
        "index my_idx is USING .* has none of that name",
    ),
    (f"{OWNERS} CREATE VIEW things AS (TABLE owners)", things(*PLAIN), "there is no such table"),
]


def test_drift(empty_database: Database, file: Path) -> None:
    for there, said, difference in DRIFT:
        execute(empty_database, there)
        file.write_text(said)
        before = everything(empty_database)
        names, differences, not_compared = schema.compare(empty_database, file)
        assert (names, not_compared) == (["owners", "things"], None)
        assert [bool(re.search(f"^things: .*{difference}", text)) for text in differences] == [True], differences
        assert everything(empty_database) == before
        execute(empty_database, "DROP VIEW things" if "VIEW" in there else "DROP TABLE things")
        schema.apply(empty_database, file)
        assert schema.compare(empty_database, file).differences == []
        execute(empty_database, "DROP TABLE things")


def test_a_unique_index_is_not_a_plain_one(empty_database: Database, file: Path) -> None:
    execute(empty_database, things(*OWNED) + "CREATE INDEX things_owner_idx ON things (owner);")
    file.write_text(things(*OWNED) + "CREATE UNIQUE INDEX IF NOT EXISTS things_owner_idx ON things (owner);")
    assert schema.compare(empty_database, file).differences
    execute(empty_database, "DROP TABLE things")
    schema.apply(empty_database, file)
    assert schema.compare(empty_database, file).differences == []


def test_types_of_ones_own(empty_database: Database, file: Path) -> None:
    colour = "CREATE TYPE colour AS ENUM ('red', 'green');"
    execute(empty_database, colour + things(*PLAIN, "c colour DEFAULT 'red'", "n SERIAL"))
    file.write_text(colour + things(*PLAIN, "c colour DEFAULT 'red'", "n SERIAL"))
    assert schema.compare(empty_database, file) == (["owners", "things"], [], None)
    file.write_text(colour.replace("green", "blue") + things(*PLAIN, "c colour DEFAULT 'red'", "n SERIAL"))
    [difference] = schema.compare(empty_database, file).differences
    assert "(red, green)" in difference
    assert "(red, blue)" in difference


def test_a_schema_of_ones_own(url: str) -> None:
    owner = Database(url)
    execute(owner, 'CREATE SCHEMA "My-app"')
    database = Database(psycopg2.extensions.make_dsn(url, options='-csearch_path="My-app"'))
    assert schema.apply(database, SCHEMA) == TABLES
    assert schema.apply(database, SCHEMA) == []
    execute(database, ROWS)
    assert schema.compare(database, SCHEMA) == (TABLES, [], None)
    assert schema.reset(database, SCHEMA) == TABLES
    assert tables(owner) == []
    owner.close()
    database.close()


def test_a_file_that_names_schemas_is_not_compared(empty_database: Database, file: Path) -> None:
    for text in (
        "CREATE TABLE IF NOT EXISTS public.things (id INT8 PRIMARY KEY);",
        THING + 'CREATE INDEX IF NOT EXISTS i ON "public".things (id);',
        THING + "CREATE TABLE IF NOT EXISTS more (id INT8 PRIMARY KEY REFERENCES public . things (id));",
    ):
        file.write_text(text)
        schema.apply(empty_database, file)
        assert "in which schema its tables are" in (schema.compare(empty_database, file).not_compared or "")
        with pytest.raises(Failure, match="cannot be told which tables"):
            schema.reset(empty_database, file)


def test_comments_that_look_like_qualified_names(empty_database: Database, file: Path) -> None:
    file.write_text(f"-- more on example.com, a table public.x\n/* on public.y */ {THING}")
    schema.apply(empty_database, file)
    assert schema.compare(empty_database, file) == (["things"], [], None)


def test_a_file_without_tables_is_not_compared(empty_database: Database, file: Path) -> None:
    file.write_text("SELECT 1")
    assert "creates no table" in (schema.compare(empty_database, file).not_compared or "")


def test_a_bad_file_is_not_compared(empty_database: Database, file: Path) -> None:
    file.write_text(THING + "NONSENSE;")
    assert "line 6" in (schema.compare(empty_database, file).not_compared or "")


def test_a_killed_comparison_leaves_nothing(empty_database: Database, file: Path, url: str) -> None:
    before = everything(empty_database)
    file.write_text(THING + "SELECT pg_sleep(1.5);")
    comparing = start("compare", url, file)
    time.sleep(0.7)
    assert comparing.poll() is None
    comparing.kill()
    comparing.wait()
    assert everything(empty_database) == before
    time.sleep(1.2)
    assert everything(empty_database) == before


# --- reset


def test_reset(filled: Database) -> None:
    execute(filled, "CREATE TABLE mine AS SELECT 1 AS one")
    assert schema.count_rows(filled, SCHEMA) == dict(zip(TABLES, [2, 2, 1, 1, 1, 1], strict=True))
    assert schema.reset(filled, SCHEMA) == TABLES
    assert schema.count_rows(filled, SCHEMA) == dict.fromkeys(TABLES, 0)
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
    file.write_text(f"{THING} CREATE VIEW big AS (TABLE things); CREATE VIEW bigger AS (TABLE big);")
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
    assert schema.count_rows(empty_database, file) in ({"things": 1}, {"things": 0}, {})
    assert schema.reset(empty_database, file) == ["things"]
    assert schema.count_rows(empty_database, file) == {"things": 0}


def test_a_reset_that_cannot_build_says_what_is_left(empty_database: Database, file: Path) -> None:
    file.write_text(f"CREATE SEQUENCE numbers; {THING}")
    schema.apply(empty_database, file)
    execute(empty_database, "INSERT INTO things VALUES (1)")
    with pytest.raises(Failure, match=r"already exists .*IF NOT EXISTS") as failure:
        schema.reset(empty_database, file)
    file.write_text(THING)
    left = schema.count_rows(empty_database, file)
    assert left == ({} if "the tables were dropped" in str(failure.value) else {"things": 1})


def test_nothing_is_done_by_importing() -> None:
    environment = {**os.environ, "DATABASE_URL": "nonsense"}
    command = [sys.executable, "-c", "import toolkit.schema, streaming_services"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
