"""Which errors of the server a row's values can be the reason for, and how a transaction goes on after one."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from toolkit.database import Cursor
from toolkit.database.connection import PROTOCOL_VIOLATION, TOO_LARGE

# SQLSTATE classes and codes: data exception, integrity constraint violation, a key twice in one statement, too large
# for an index, raised by a trigger, datatype mismatch, WITH CHECK OPTION.
ROWS_FAULT = ("22", "23", "21", "54", "P0", "42804", "44")
INSUFFICIENT_PRIVILEGE = "42501"
# What CockroachDB says of values that it cannot read, under codes that are usually about the statement.
UNREADABLE = {"42601": "could not parse JSON", "0A000": "nested arrays not supported"}


def is_rows_fault(error: psycopg2.Error) -> bool:
    """Whether a row's values can be the reason for an error of the server."""
    code = error.pgcode or ""
    unreadable = UNREADABLE.get(code)
    return (
        code.startswith(ROWS_FAULT)
        or (unreadable is not None and unreadable in str(error))
        or is_by_policy(error)
        or is_too_large(error)
    )


def is_by_policy(error: psycopg2.Error) -> bool:
    """Whether a policy of row-level security refuses a row.

    Its SQLSTATE is that of a missing privilege, and its words are in the language of the server; on PostgreSQL the name
    of the function that raises it tells (execMain.c).
    """
    return error.pgcode == INSUFFICIENT_PRIVILEGE and (
        error.diag.source_function == "ExecWithCheckOptions"
        or "violates row-level security" in (error.diag.message_primary or "")
    )


def is_too_large(error: psycopg2.Error) -> bool:
    """Whether CockroachDB does not read a statement because it is larger than a message may be."""
    return error.pgcode == PROTOCOL_VIOLATION and TOO_LARGE in str(error)


@contextmanager
def savepoint(cursor: Cursor) -> Iterator[None]:
    """Undo what is done inside if it ends with an error that a row can be to blame for; the error is let out.

    The savepoint is released in any case: a thousand that are not take more memory than a server has.
    """
    cursor.execute("SAVEPOINT part")
    try:
        yield
    except Exception as error:
        if not isinstance(error, psycopg2.Error) or (is_rows_fault(error) and not cursor.connection.closed):
            cursor.execute("ROLLBACK TO SAVEPOINT part")
            cursor.execute("RELEASE SAVEPOINT part")
        raise
    cursor.execute("RELEASE SAVEPOINT part")
