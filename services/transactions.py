"""Where a service does its work: in a transaction of its own, or in one that the caller has begun."""

from collections.abc import Callable
from typing import TypeVar

import psycopg2

from toolkit.console import UserError
from toolkit.database import READ_ONLY, Cursor, Database, TransactionOptions, run_transaction
from toolkit.database.historical_reads import run_historical_read
from toolkit.database.transaction import never

T = TypeVar("T")

# The first argument of a service: a Database, on which it runs a retried transaction of its own; or the cursor of a
# transaction of the caller's, in which it then does its work.
Queryable = Database | Cursor

# Classes of SQLSTATE after which a transaction can go on from a savepoint: data exception, integrity constraint
# violation, syntax error or access rule violation, program limit exceeded.
REFUSED_STATEMENT = ("22", "23", "42", "54")


def transact(
    database: Queryable,
    work: Callable[[Cursor], T],
    options: TransactionOptions,
    try_again: Callable[[psycopg2.Error], bool] = never,
) -> T:
    """Run work(cursor) as run_transaction() does, and return its result.

    In a transaction that the caller has begun, work is run once, from a savepoint. If the server refuses a statement,
    only this work is undone: the service can ask for the reason, and the caller can go on. The cursor is a new one, so
    that the services' type converters are not registered on the caller's cursor.
    """
    if isinstance(database, Database):
        return run_transaction(database, work, options, try_again=try_again)
    with database.connection.cursor() as cursor:
        cursor.execute("SAVEPOINT service")
        try:
            result = work(cursor)
        except psycopg2.Error as error:
            if (error.pgcode or "")[:2] in REFUSED_STATEMENT:
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
