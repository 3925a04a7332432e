"""Build the indexes of the record after a load, several at a time, and remove each from the record."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import psycopg2
from psycopg2 import errors, sql

from toolkit.console import UserError, printable
from toolkit.database import Cursor, Database, explained, run_transaction
from toolkit.database.catalog import fetch, is_cockroachdb
from toolkit.database.transaction import IDEMPOTENT, SINGLE_WRITE, TransactionOptions
from toolkit.indexes import record
from toolkit.indexes.definitions import Index, identifier_of
from toolkit.indexes.progress import BuildProgress
from toolkit.schema.ddl import lock_index_build

T = TypeVar("T")

# CockroachDB before v22.1 makes hash-sharded indexes only where this is on; later versions may not know it.
HASH_SETTING = "experimental_enable_hash_sharded_indexes"

PAUSE = 1.0  # seconds between checks of whether another session's job has built an index


class CannotBuild(UserError):
    """The server has refused to build some indexes, which stay in the record. failures: the error of each."""

    def __init__(self, failures: dict[Index, UserError], missing: int) -> None:
        lines = [printable(f"{index.name} on {index.table}: {error}") for index, error in failures.items()]
        heading = (
            f"the rows are loaded, but {len(failures)} of {missing} indexes could not be built. "
            "When that is mended, the next load builds them"
        )
        super().__init__("\n  ".join([heading, *lines]))


def build_missing(database: Database, connections: int) -> list[Index]:
    """Build the indexes in the records of the database, and return them.

    connections: how many are built at the same time. May be repeated, and run by several processes at once: each index
    is built once. Raises CannotBuild, after all others are built, if the server refuses one; it stays in the record.
    """
    missing = record.read_missing(database)
    if missing:
        failures = _build_all(database, missing, connections)
        for schema in {index.schema for index in missing} - {index.schema for index in failures}:
            record.remove_if_empty(database, schema)
        if failures:
            raise CannotBuild(failures, len(missing))
    return missing


def _build_all(database: Database, missing: list[Index], connections: int) -> dict[Index, UserError]:
    """Build indexes, and return the errors of those that the server refused."""
    to_build: SimpleQueue[Index] = SimpleQueue()
    built: SimpleQueue[tuple[Index, BaseException | None]] = SimpleQueue()
    for index in missing:
        to_build.put(index)
    for _ in range(min(connections, len(missing))):
        # Daemon threads, because one that is connecting cannot be interrupted, and Ctrl-C must not wait for it.
        Thread(target=_build_from_queue, args=(database, to_build, built), daemon=True).start()
    failures: dict[Index, UserError] = {}
    progress = BuildProgress(database, missing)
    try:
        for _ in missing:
            index, error = _next_result(database, built, progress)
            if isinstance(error, UserError):
                failures[index] = error
            elif error:
                raise error
    finally:
        progress.close()
    return failures


def _next_result(
    database: Database, built: SimpleQueue[tuple[Index, BaseException | None]], progress: BuildProgress
) -> tuple[Index, BaseException | None]:
    """Wait until the next index is built or refused."""
    while True:
        try:
            index, error = built.get(timeout=0.5)
        except Empty:
            database.stop_if_interrupted()
            progress.show()
        else:
            progress.done(index)
            return index, error


def _build_from_queue(
    database: Database, to_build: SimpleQueue[Index], built: SimpleQueue[tuple[Index, BaseException | None]]
) -> None:
    with suppress(Empty):
        while True:
            index = to_build.get_nowait()
            try:
                _build(database, index)
                built.put((index, None))
            except psycopg2.Error as error:
                built.put((index, explained(error, database)))
            except BaseException as error:
                built.put((index, error))


def _build(database: Database, index: Index) -> None:
    """Build an index and remove it from the record; on PostgreSQL in one transaction."""
    try:
        if _run_long(database, is_cockroachdb):
            _build_by_job(database, index)
        else:
            _run_long(database, partial(_build_in_transaction, index=index))
    except errors.UndefinedTable:  # the table was dropped meanwhile; or the record was, because all is built
        with suppress(errors.UndefinedTable):
            _run_long(database, partial(record.remove, index=index))


def _build_in_transaction(cursor: Cursor, index: Index) -> None:
    lock_index_build(cursor, index.name)
    cursor.execute(index.statement)
    _finish(cursor, index)


def _build_by_job(database: Database, index: Index) -> None:
    """Build an index on CockroachDB, where CREATE INDEX starts a job that goes on when its session ends.

    Another CREATE INDEX IF NOT EXISTS returns at once while the job still runs. So it is repeated until the index is
    there.
    """
    needs_setting = "USING HASH" in index.statement and _run_long(database, _knows_hash_setting)
    while not _run_long(database, partial(_is_listed, index=index)):
        if needs_setting:
            _run_long(database, lambda cursor: cursor.execute(f"SET {HASH_SETTING} = on; {index.statement}"))
        else:
            _run_long(database, lambda cursor: cursor.execute(index.statement), SINGLE_WRITE)
        if not _run_long(database, partial(_is_listed, index=index)):
            database.sleep(PAUSE)
    _run_long(database, partial(_finish, index=index))


def _knows_hash_setting(cursor: Cursor) -> bool:
    return fetch(cursor, "SELECT current_setting(%s, true)", (HASH_SETTING,))[0][0] is not None


def _is_listed(cursor: Cursor, index: Index) -> bool:
    """Whether an index of CockroachDB is there. One that a job is still building is not listed."""
    table = sql.Identifier(index.schema, index.table)
    cursor.execute(sql.SQL("SELECT index_name FROM [SHOW INDEXES FROM {}]").format(table))
    return (index.name,) in cursor.fetchall()


def _finish(cursor: Cursor, index: Index) -> None:
    if index.comment is not None:
        cursor.execute(sql.SQL("COMMENT ON INDEX {} IS %s").format(identifier_of(cursor, index)), (index.comment,))
    record.remove(cursor, index)


def _run_long(database: Database, work: Callable[[Cursor], T], options: TransactionOptions = IDEMPOTENT) -> T:
    """Run a transaction that may take long: retry_for counts from the loss of a connection, not from the beginning."""
    lost_at: list[float] = []

    def begin(cursor: Cursor) -> T:
        lost_at.clear()
        return work(cursor)

    def since() -> float:
        if not lost_at:
            lost_at.append(time.monotonic())
        return lost_at[0]

    return run_transaction(database, begin, options, since=since)
