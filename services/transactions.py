"""Where a service does its work: in a transaction of its own, or in one of the caller's."""

from collections.abc import Callable
from typing import TypeVar

import psycopg2

from toolkit.console import UserError
from toolkit.database import READ_ONLY, Cursor, Database, TransactionOptions, run_transaction
from toolkit.database.historical_reads import run_historical_read

T = TypeVar("T")

# What a service can be given: a Database, from which it takes a transaction of its own that is tried again; or the
# cursor of a transaction of the caller's, in which it does its work and nothing else.
Queryable = Database | Cursor

# Classes of SQLSTATE that blame what was sent: data exception, integrity constraint violation, syntax error or access
# rule violation, program limit exceeded. After them a transaction can go on from a savepoint; after no other.
REFUSALS = ("22", "23", "42", "54")


def transact(
    database: Queryable,
    work: Callable[[Cursor], T],
    options: TransactionOptions,
    try_again: Callable[[psycopg2.Error], bool] = lambda _: False,
) -> T:
    """Run work(cursor) as run_transaction() does, and return its result.

    In a transaction of the caller's it is run once, on a cursor of its own: what psycopg2 makes of the services' values
    is no business of the caller's cursor. What the server refuses there undoes this work and not the transaction, so
    that a service can ask for the reason, and the caller can go on.
    """
    if isinstance(database, Database):
        return run_transaction(database, work, options, try_again=try_again)
    with database.connection.cursor() as cursor:
        cursor.execute("SAVEPOINT service")
        try:
            result = work(cursor)
        except psycopg2.Error as error:
            if (error.pgcode or "")[:2] in REFUSALS:
                cursor.execute("ROLLBACK TO SAVEPOINT service")
            raise
        cursor.execute("RELEASE SAVEPOINT service")
        return result


def transact_read(
    database: Queryable, work: Callable[[Cursor], T], as_of: str | None, options: TransactionOptions = READ_ONLY
) -> T:
    """Run work(cursor), which only reads. as_of: a time in the past, see run_historical_read(); None: now."""
    if as_of is None:
        return transact(database, work, options)
    if not isinstance(database, Database):
        raise UserError(f"as_of {as_of} needs a Database: a transaction that has begun reads at a time of its own")
    return run_historical_read(database, work, as_of)
