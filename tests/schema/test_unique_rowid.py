"""The function unique_rowid(), which a PostgreSQL database gets."""

import threading
import time

import pytest
from schema_files import SCHEMA, execute, is_cockroachdb

from toolkit import schema
from toolkit.database import Database


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
