"""Reads of what was there a while ago: CockroachDB keeps it, any near node may answer, and no write is waited for."""

from collections.abc import Callable
from typing import TypeVar

import psycopg2

from toolkit.console import UserError
from toolkit.database.connection import Cursor
from toolkit.database.database import Database
from toolkit.database.transaction import ONLY_READS, Promise, run_transaction

T = TypeVar("T")

# undefined_table, undefined_column, invalid_catalog_name: what is there now need not have been there then.
NOT_YET_THERE = ("42P01", "42703", "3D000")


def run_read(database: Database, work: Callable[[Cursor], T], as_of: str | None, promise: Promise = ONLY_READS) -> T:
    """Run work, which only reads, as run_transaction() does, and return its result.

    as_of: None for what is there now; else what AS OF SYSTEM TIME takes, an interval such as '-4.8s' or a time in UTC
    such as '2026-01-31 12:00:00'. promise: for reads of now, which may be one statement. Raises UserError for a time at
    which the tables were not there yet, or that the server cannot read, and on PostgreSQL, which keeps no past.
    """
    if as_of is None:
        return run_transaction(database, work, promise)

    def work_then(cursor: Cursor) -> T:
        if not cursor.connection.get_parameter_status("crdb_version"):
            raise UserError(
                f"as_of {as_of} is for CockroachDB: {database.target.host} is PostgreSQL, which keeps no past"
            )
        cursor.execute("SET TRANSACTION AS OF SYSTEM TIME %s", (as_of,))
        return work(cursor)

    try:
        return run_transaction(database, work_then, ONLY_READS)
    except psycopg2.Error as error:
        raise _refusal(error, as_of) from error


def _refusal(error: psycopg2.Error, as_of: str) -> UserError:
    reason = (error.diag.message_primary or str(error)).strip().removeprefix("AS OF SYSTEM TIME: ")
    if error.pgcode in NOT_YET_THERE:
        return UserError(f"as of {as_of} the tables were not all there yet: {reason}")
    return UserError(f"as of {as_of} nothing can be read: {reason}")
