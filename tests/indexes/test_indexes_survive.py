"""insert_data.py --indexes-last, disturbed: whatever happens to it, no index is lost for good, and none is doubled."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest
from disturbed_loads import LARGE, UNDAMAGED, Loader, apply_schema, damage, load, sample, write_lines
from schema_files import execute, is_cockroachdb
from seeding import query
from server_faults import cut_sessions

from toolkit.database import Database
from toolkit.indexes.definitions import Index

LAST = "--indexes-last"


class Step(NamedTuple):
    """A moment at which a load is disturbed. reached: a query that is true from then on. lock: what keeps the load
    there meanwhile, taken when the indexes are dropped, but for the first step. (On PostgreSQL; CockroachDB's schema
    changes wait for no lock, and the moment has to be met.)
    """

    reached: str
    lock: str = ""


RECORD = "SELECT count(*) > 0 FROM pg_tables WHERE tablename = 'indexes_to_build_after_load'"
SOME_BUILT = """
    SELECT count(*) > 0 FROM indexes_to_build_after_load
    HAVING count(*) < 8 AND (SELECT count(*) FROM watch_history) > 0"""
ALL_BUILT = "SELECT count(*) = 0 FROM indexes_to_build_after_load HAVING (SELECT count(*) FROM watch_history) > 0"

RECORD_WAITED_FOR = """
    SELECT count(*) > 0 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE c.relname = 'indexes_to_build_after_load' AND NOT l.granted"""

BUILD_WAITS = """
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE query LIKE 'CREATE INDEX%' AND datname = current_database() AND wait_event_type = 'Lock'"""

STEPS = {
    "before the first drop": Step("SELECT true", "LOCK TABLE watch_history IN ACCESS SHARE MODE"),
    "when the indexes are dropped": Step(RECORD),
    "in the load": Step("SELECT count(*) > 2000 FROM watch_history"),
    "between builds": Step(SOME_BUILT, "LOCK TABLE watch_history IN ROW EXCLUSIVE MODE"),
    "before the record goes": Step(RECORD_WAITED_FOR, "LOCK TABLE indexes_to_build_after_load IN ACCESS SHARE MODE"),
}


def wait_until(url: str, question: str, process: Any = None) -> bool:
    """Ask until the answer is yes, or the process has ended; return whether it was yes."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SET statement_timeout = '5s'")
        for _ in range(6_000):
            try:
                cursor.execute(question)
                if cursor.fetchall() in ([(True,)],):
                    return True
            except psycopg2.Error:  # the record is not there yet, or is just being dropped
                pass
            if process and process.poll() is not None:
                return False
            time.sleep(0.01)
    raise AssertionError(f"a minute without a yes to {question}")


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_the_next_load_finishes(
    database: Database,
    url: str,
    tmp_path: Path,
    indexes: Callable[[], list[Index]],
    missing: Callable[[], list[str]],
    step: str,
) -> None:
    before, data = indexes(), sample(LARGE)
    files = write_lines(tmp_path, data)
    reached, lock = STEPS[step]
    on_cockroachdb = is_cockroachdb(database)
    if on_cockroachdb:
        reached, lock = reached if reached != RECORD_WAITED_FOR else ALL_BUILT, ""
    with closing(psycopg2.connect(url)) as holder, holder.cursor() as cursor:
        if lock and reached == "SELECT true":
            cursor.execute(lock)
        loader = Loader(url, files, LAST)
        if lock and reached != "SELECT true":
            wait_until(url, RECORD, loader.process)
            cursor.execute(lock)
        there = wait_until(url, reached, loader.process)
        loader.send(signal.SIGKILL)
        loader.end()
        if not there and on_cockroachdb:
            pytest.skip("the load was over before it could be killed there")
        assert there
    done = load(url, files)
    assert done.status == 0, done.stderr
    assert (sorted(indexes()), missing(), damage(url, data)) == (sorted(before), [], UNDAMAGED)


@pytest.mark.usefixtures("database")
def test_ctrl_c_says_what_is_missing(
    url: str, tmp_path: Path, indexes: Callable[[], list[Index]], missing: Callable[[], list[str]]
) -> None:
    before, data = indexes(), sample(2 * LARGE)
    files = write_lines(tmp_path, data)
    loader = Loader(url, files, LAST)
    wait_until(url, STEPS["in the load"].reached, loader.process)
    loader.send(signal.SIGINT)
    done = loader.end()
    assert done.status == 130
    assert "indexes are to be built yet: the next load does that at its end" in done.stderr
    assert len(missing()) == sum(index.table in data for index in before)
    assert load(url, files, LAST).status == 0
    assert (sorted(indexes()), missing(), damage(url, data)) == (sorted(before), [], UNDAMAGED)


@pytest.mark.usefixtures("database")
def test_two_such_loads_at_once(
    url: str, tmp_path: Path, indexes: Callable[[], list[Index]], missing: Callable[[], list[str]]
) -> None:
    before, data = indexes(), sample(LARGE)
    files = write_lines(tmp_path, data)
    loaders = [Loader(url, files, LAST, "--retry-for", "120") for _ in range(2)]
    ends = [loader.end() for loader in loaders]
    assert [end.status for end in ends] == [0, 0], "".join(end.stderr for end in ends)
    assert (sorted(indexes()), missing(), damage(url, data)) == (sorted(before), [], UNDAMAGED)


def test_lost_connections_while_indexes_are_built(
    database: Database, url: str, tmp_path: Path, indexes: Callable[[], list[Index]], missing: Callable[[], list[str]]
) -> None:
    before, data = indexes(), sample(LARGE)
    named = psycopg2.extensions.make_dsn(url, application_name=f"builder {tmp_path.name}")
    loader = Loader(named, write_lines(tmp_path, data), LAST)
    with closing(psycopg2.connect(url)) as holder, holder.cursor() as cursor:
        wait_until(url, RECORD, loader.process)
        if is_cockroachdb(database):
            assert wait_until(url, f"SELECT count(*) = {len(data['watch_history'])} FROM watch_history", loader.process)
        else:
            cursor.execute("LOCK TABLE watch_history IN ROW EXCLUSIVE MODE")
            assert wait_until(url, BUILD_WAITS, loader.process)
        assert cut_sessions(url, f"builder {tmp_path.name}") > 0
    done = loader.end()
    assert done.status == 0, done.stderr
    assert (sorted(indexes()), missing(), damage(url, data)) == (sorted(before), [], UNDAMAGED)


def test_a_schema_that_is_applied_meanwhile(
    database: Database, url: str, tmp_path: Path, indexes: Callable[[], list[Index]], missing: Callable[[], list[str]]
) -> None:
    before, data = indexes(), sample(LARGE)
    execute(database, "CREATE INDEX not_in_the_file ON watch_history (progress)")
    before = indexes()
    loader = Loader(url, write_lines(tmp_path, data), LAST)
    wait_until(url, RECORD, loader.process)
    assert apply_schema(url).status == 0
    assert loader.end().status == 0
    assert (sorted(indexes()), missing(), damage(url, data)) == (sorted(before), [], UNDAMAGED)
    assert query(url, "SELECT count(*) FROM content") == [(len(sample(LARGE)["content"]),)]
