"""insert_data.py --indexes-last: the indexes of empty tables are dropped, and are there again after the rows."""

import json
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from disturbed_loads import SMALL, UNDAMAGED, apply_schema, damage, load, sample, write_lines
from schema_files import execute, is_cockroachdb
from seeding import query, write

from toolkit.database import Database
from toolkit.database.tables import Table
from toolkit.indexes import RECORD
from toolkit.indexes.definitions import Index

Indexes = Callable[[], list[Index]]

LAST = "--indexes-last"

FORMS = """
    CREATE SCHEMA other;
    CREATE TABLE other.forms (
        id INT8 NOT NULL,
        a INT8,
        b TEXT,
        c JSONB,
        "Big name" TEXT,
        CONSTRAINT forms_pkey PRIMARY KEY (id),
        CONSTRAINT forms_a_key UNIQUE (a)
    );
    CREATE UNIQUE INDEX unique_one ON other.forms (b, id);
    CREATE INDEX plain ON other.forms (a);
    CREATE INDEX descending ON other.forms (a DESC, b) INCLUDE (c);
    CREATE INDEX partial ON other.forms (b) WHERE a > 5 AND b <> 'it''s
 , INDEX x (y)';
    CREATE INDEX "A ""quoted"" name" ON other.forms ("Big name" DESC);
    COMMENT ON INDEX other.{partial} IS 'What isn''t
told by the definition'"""
FORMS_OF_POSTGRESQL = """
    CREATE INDEX expression ON other.forms (lower(b) text_pattern_ops, (a % 10) DESC NULLS LAST) WITH (fillfactor = 70);
    CREATE INDEX gin ON other.forms USING gin (c jsonb_path_ops);
    CREATE INDEX brin ON other.forms USING brin (id) WITH (pages_per_range = 4);
    CREATE FUNCTION other.twice(INT8) RETURNS INT8 IMMUTABLE LANGUAGE sql AS 'SELECT 2 * $1';
    CREATE INDEX calls ON other.forms (other.twice(a))"""
FORMS_OF_COCKROACHDB = """
    CREATE INVERTED INDEX inverted ON other.forms (c);
    CREATE INDEX hashed ON other.forms (a) USING HASH WITH BUCKET_COUNT = 4"""


def forms(database: Database) -> None:
    """Make a table with an index of each form that the server knows."""
    on_cockroachdb = is_cockroachdb(database)
    for statement in FORMS.format(partial="forms@partial" if on_cockroachdb else "partial").split(";\n"):
        execute(database, statement)
    if on_cockroachdb:
        try:
            execute(database, f"SET experimental_enable_hash_sharded_indexes = on; {FORMS_OF_COCKROACHDB}")
        except psycopg2.Error:  # from v22.1 it needs no setting, and some versions do not know it any more
            execute(database, FORMS_OF_COCKROACHDB)
    else:
        execute(database, FORMS_OF_POSTGRESQL)


def rows_of_forms(count: int = 50) -> str:
    rows = ({"id": n, "a": n, "b": f"b{n}", "c": {"n": n}, "Big name": f"N{n}"} for n in range(count))
    return "".join(json.dumps(row) + "\n" for row in rows)


def in_schema(url: str, search_path: str) -> str:
    return psycopg2.extensions.make_dsn(url, options=f"-csearch_path={search_path}")


@pytest.mark.parametrize("named", ["public", "other"])
def test_every_index_is_there_again_exactly_as_it_was(
    empty_database: Database, url: str, tmp_path: Path, named: str
) -> None:
    forms(empty_database)
    whole = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'other' ORDER BY 1"
    comments = """
        SELECT c.relname, obj_description(c.oid, 'pg_class')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'other' AND obj_description(c.oid, 'pg_class') IS NOT NULL ORDER BY 1"""
    created = "SELECT create_statement FROM [SHOW CREATE TABLE other.forms]"
    looks = [whole, comments] + [created] * is_cockroachdb(empty_database)
    before = [query(url, look) for look in looks]
    assert len(before[0]) == (9 if is_cockroachdb(empty_database) else 11)
    assert len(before[1]) == 1
    file = write(tmp_path, rows_of_forms(), "forms.jsonl" if named == "other" else "other.forms.jsonl")
    done = load(in_schema(url, named), file, LAST)
    assert (done.status, done.stderr) == (0, "")
    after = [query(url, look) for look in looks]
    assert [sorted(map(str, rows)) for rows in after[:2]] == [sorted(map(str, rows)) for rows in before[:2]]
    for of_table, was in zip(after[2:], before[2:], strict=True):  # made anew, they stand in another order
        assert sorted(parts_of(of_table)) == sorted(parts_of(was))
    assert query(url, "SELECT count(*) FROM other.forms") == [(50,)]
    assert query(url, f"SELECT relname FROM pg_class WHERE relname = '{RECORD}'") == []


def parts_of(shown: list[Any]) -> list[str]:
    return [line.rstrip(",") for line in str(shown[0][0]).splitlines()]


@pytest.mark.usefixtures("database")
def test_indexes_are_away_during_the_load_and_the_record_says_which(
    url: str, tmp_path: Path, indexes: Indexes, missing: Callable[[], list[str]]
) -> None:
    before = indexes()
    data = sample(SMALL)
    away = {index.name for index in before if index.table in data}
    assert len(away) >= 8
    data["watch_history"][-1]["user_id"] = 4711
    files = write_lines(tmp_path, data, "bad")
    done = load(url, files, LAST)
    assert done.status == 1
    assert "watch_history.jsonl, table watch_history" in done.stderr
    assert "(user_id)=(4711)" in done.stderr
    assert "to be built yet: the next load does that at its end" in done.stderr
    assert "Committed rows, at least" in done.stderr
    assert {index.name for index in before} - {index.name for index in indexes()} == away == set(missing())
    # The rows are there now, and the indexes still away: the load goes on without them.
    good = sample(SMALL)
    done = load(url, write_lines(tmp_path, good, "good"), LAST)
    assert done.status == 0, done.stderr
    assert f"{len(away)} indexes are missing since another load" in done.stderr
    assert (sorted(indexes()), missing(), damage(url, good)) == (sorted(before), [], UNDAMAGED)


@pytest.mark.usefixtures("database")
def test_a_table_that_holds_rows_keeps_its_indexes(url: str, tmp_path: Path, indexes: Indexes) -> None:
    data = sample(SMALL)
    assert load(url, write_lines(tmp_path, {"content": data["content"]}, "first")).status == 0
    before = indexes()
    done = load(url, write_lines(tmp_path, data, "all"), LAST)
    assert (done.status, done.stderr) == (0, "content holds rows: its indexes stay\n")
    assert sorted(indexes()) == sorted(before)


@pytest.mark.usefixtures("database")
def test_a_dry_run_drops_nothing(url: str, tmp_path: Path, indexes: Indexes) -> None:
    before = indexes()
    done = load(url, write_lines(tmp_path, sample(SMALL)), LAST, "--dry-run")
    assert (done.status, done.stderr, indexes()) == (0, "", before)
    assert query(url, "SELECT count(*) FROM users") == [(0,)]


@pytest.mark.usefixtures("database")
def test_a_large_load_into_empty_tables_says_that_it_could_be_faster(url: str, tmp_path: Path) -> None:
    hint = "The tables are empty: --indexes-last"
    rows = "".join(f'{{"content_id": {n}, "title": "t", "content_type": "movie"}}\n' for n in range(10_001))
    file = write(tmp_path, rows, "content.jsonl")
    assert hint in load(url, file).stderr
    assert load(url, file).stderr == ""


@pytest.mark.parametrize("again", ["a small load", "the schema's script"])
def test_whoever_comes_next_builds_what_a_load_has_left(
    database: Database, url: str, tmp_path: Path, indexes: Indexes, missing: Callable[[], list[str]], again: str
) -> None:
    execute(database, "CREATE INDEX not_in_the_file ON watch_history (progress)")
    before = indexes()
    data = sample(SMALL)
    data["watch_history"][0]["progress"] = 101
    assert load(url, write_lines(tmp_path, data), LAST).status == 1
    assert "not_in_the_file" in missing()
    if again == "a small load":
        done = load(url, write_lines(tmp_path, {"content": sample(20)["content"]}, "small"))
        assert (done.status, "missing since another load" in done.stderr) == (0, True)
    else:
        done = apply_schema(url)
        assert (done.status, "not_in_the_file" in done.stderr) == (0, True), done.stderr
    assert (sorted(indexes()), missing()) == (sorted(before), [])


def test_what_is_not_there_any_more_is_not_built(
    database: Database, url: str, tmp_path: Path, tables: Callable[[], dict[str, Table]]
) -> None:
    data = sample(SMALL)
    data["watch_history"][0]["progress"] = 101
    assert load(url, write_lines(tmp_path, data), LAST).status == 1
    execute(database, "DROP TABLE watch_history")
    done = load(url, write_lines(tmp_path, {"content": data["content"]}, "small"))
    assert done.status == 0, done.stderr
    assert RECORD not in tables()
    assert load(url, write_lines(tmp_path, {"content": data["content"]}, "again")).stderr == ""


def test_an_index_that_cannot_be_built_is_named_and_stays_in_the_record(
    database: Database, url: str, tmp_path: Path, indexes: Indexes, missing: Callable[[], list[str]]
) -> None:
    if is_cockroachdb(database):
        pytest.skip("CockroachDB's indexes take values of any size")
    before = indexes()
    data = sample(SMALL)
    data["content"][3]["title"] = incompressible(20_000)
    done = load(url, write_lines(tmp_path, data), LAST)
    assert done.status == 1
    away = sum(index.table in data for index in before)
    assert f"the rows are loaded, but 5 of {away} indexes could not be built" in done.stderr
    assert "content_title_idx on content: index row " in done.stderr
    left = missing()
    assert (len(left), {name.startswith("content_") for name in left}) == (5, {True})
    data["content"][3]["title"] = "short"
    assert load(url, write_lines(tmp_path, {"content": data["content"]}, "mended")).status == 0
    assert (sorted(indexes()), missing()) == (sorted(before), [])


def incompressible(length: int) -> str:
    chance = random.Random(1)
    return "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(length))


@pytest.fixture
def loader(database: Database, url: str) -> Iterator[str]:  # noqa: ARG001 - it makes the tables
    """The URL of a user who may load the tables, and not change them."""
    name, password = f"loader_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    try:
        query(url, f"CREATE USER {name} WITH PASSWORD '{password}'")
    except psycopg2.Error:  # CockroachDB in insecure mode has no passwords
        query(url, f"CREATE USER {name}")
    of_database = f"CONNECT ON DATABASE {psycopg2.extensions.parse_dsn(url)['dbname']}"
    of_tables = "SELECT, INSERT, UPDATE ON subscriptions, users, content, watch_history, reviews, payment_history"
    query(url, f"GRANT {of_database} TO {name}")
    query(url, f"GRANT {of_tables} TO {name}")
    yield psycopg2.extensions.make_dsn(url, user=name, password=password)
    query(url, f"REVOKE {of_database} FROM {name}")
    for table in query(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        query(url, f"REVOKE ALL ON {table[0]} FROM {name}")
    query(url, f"DROP USER {name}")


def test_a_user_who_may_not_drop_is_told_so_and_nothing_has_changed(
    url: str, loader: str, tmp_path: Path, indexes: Indexes, missing: Callable[[], list[str]]
) -> None:
    before = indexes()
    done = load(loader, write_lines(tmp_path, sample(SMALL)), LAST)
    assert done.status == 1
    assert "nothing was dropped or loaded" in done.stderr.lower()
    assert "load without --indexes-last" in done.stderr
    assert (indexes(), missing(), query(url, "SELECT count(*) FROM users")) == (before, [], [(0,)])


def test_a_user_who_may_not_build_loads_and_is_told_what_is_missing(
    url: str, loader: str, tmp_path: Path, missing: Callable[[], list[str]]
) -> None:
    data = sample(SMALL)
    data["watch_history"][0]["progress"] = 101
    assert load(url, write_lines(tmp_path, data), LAST).status == 1
    left = missing()
    done = load(loader, write_lines(tmp_path, {"content": data["content"]}, "small"))
    assert done.status == 0
    assert f"warning: the rows are loaded, but {len(left)} of {len(left)} indexes could not be built" in done.stderr
    assert missing() == left
    assert load(url, write_lines(tmp_path, {"content": data["content"]}, "by the owner")).status == 0
    assert missing() == []


def test_what_is_more_than_an_index_stays(empty_database: Database, url: str, tmp_path: Path) -> None:
    if is_cockroachdb(empty_database):
        pytest.skip("PostgreSQL alone has these")
    execute(
        empty_database,
        """
        CREATE TABLE t (id INT8 PRIMARY KEY, a INT8 NOT NULL, r INT4RANGE, EXCLUDE USING gist (r WITH &&));
        CREATE INDEX clustered ON t (a);
        ALTER TABLE t CLUSTER ON clustered;
        CREATE UNIQUE INDEX identity ON t (a);
        ALTER TABLE t REPLICA IDENTITY USING INDEX identity;
        CREATE INDEX with_statistics ON t ((a + 1));
        ALTER INDEX with_statistics ALTER COLUMN 1 SET STATISTICS 1000;
        CREATE INDEX ordinary ON t (a);
        CREATE TABLE p (id INT8 PRIMARY KEY, a INT8) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p DEFAULT;
        CREATE INDEX of_all_partitions ON p (a);""",
    )
    oids = "SELECT relname, oid FROM pg_class WHERE relkind IN ('i', 'I') AND relnamespace = 'public'::regnamespace"
    before = dict(query(url, oids))
    files = [write(tmp_path, '{"id": 1, "a": 1}\n', f"{table}.jsonl") for table in ("t", "p")]
    done = load(url, *files, LAST)
    assert (done.status, done.stderr) == (0, "")
    after = dict(query(url, oids))
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == ["ordinary"]
