"""Historical reads: what was there at a time in the past. Any nearby node may answer, and no write is waited for."""

from collections.abc import Callable
from typing import TypeVar

import psycopg2

from toolkit.console import UserError
from toolkit.database.connection import Cursor
from toolkit.database.connection_pool import Database
from toolkit.database.transaction import READ_ONLY, run_transaction

T = TypeVar("T")

# undefined_table, undefined_column, invalid_catalog_name: what is there now may not have been there at that time.
NOT_YET_THERE = ("42P01", "42703", "3D000")


def run_historical_read(database: Database, work: Callable[[Cursor], T], as_of: str) -> T:
    """Run work, which only reads, in a transaction that reads as of a time in the past, and return its result.

    as_of: what AS OF SYSTEM TIME takes: an interval such as '-4.8s', or a time in UTC such as '2026-01-31 12:00:00'.
    work may run more than once, see run_transaction(). Raises UserError if the tables were not there yet at that time,
    if it is too long ago or not a time, and on PostgreSQL, which keeps no old versions of rows.
    """

    def work_as_of(cursor: Cursor) -> T:
        if not cursor.connection.get_parameter_status("crdb_version"):
            raise UserError(
                f"as_of {as_of} is for CockroachDB: {database.target.host} is PostgreSQL, which keeps no past"
            )
        cursor.execute("SET TRANSACTION AS OF SYSTEM TIME %s", (as_of,))
        return work(cursor)

    try:
        return run_transaction(database, work_as_of, READ_ONLY)
    except psycopg2.Error as error:
        raise _refusal(error, as_of) from error


def _refusal(error: psycopg2.Error, as_of: str) -> UserError:
    reason = (error.diag.message_primary or str(error)).strip().removeprefix("AS OF SYSTEM TIME: ")
    if error.pgcode in NOT_YET_THERE:
        return UserError(f"as of {as_of} the tables were not all there yet: {reason}")
    return UserError(f"as of {as_of} nothing can be read: {reason}")
