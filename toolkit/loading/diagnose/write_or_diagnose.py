"""Rows that are written, and what becomes of it when the server refuses them: the rows at fault, or another try."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg2
from psycopg2 import errors

from toolkit.database import (
    ONLY_READS,
    REPEATABLE,
    Cursor,
    Database,
    RetriesExhausted,
    explained,
    run_transaction,
)
from toolkit.database.connection import PROTOCOL_VIOLATION, TOO_LARGE
from toolkit.database.database import Backoff
from toolkit.loading.problems import MOST_PROBLEMS, BadInput, Problem
from toolkit.loading.write.order import Step

T = TypeVar("T")

# SQLSTATE classes and codes: data exception, integrity constraint violation, a key twice in one statement, too large
# for an index, raised by a trigger, datatype mismatch, WITH CHECK OPTION.
ROWS_FAULT = ("22", "23", "21", "54", "P0", "42804", "44")
INSUFFICIENT_PRIVILEGE = "42501"
# What CockroachDB says of values that it cannot read, under codes that are usually about the statement.
UNREADABLE = {"42601": "could not parse JSON", "0A000": "nested arrays not supported"}
UNIQUE_VIOLATION = "23505"


def write_or_diagnose(
    database: Database,
    steps: Sequence[Step],
    work: Callable[[Cursor], T],
    *,
    skip: bool,
    defers: bool = False,
    since: Callable[[], float] | None = None,
) -> T:
    """Run work, which writes these rows, as run_transaction() does, and return its result.

    skip: as the Writer in work has it. defers: whether work defers the constraints that can wait. since: as for
    run_transaction(). Raises BadInput if rows are at fault, or another UserError.
    """
    backoff = Backoff(database, database.retry_for, since)
    while True:
        try:
            return run_transaction(database, work, REPEATABLE, since=since)
        except psycopg2.Error as error:
            from toolkit.loading.diagnose.bisection import find_refused  # only needed after a refusal

            problems = find_refused(database, steps, error, skip=skip, defers=defers) if is_rows_fault(error) else []
            if problems:
                more = "Nothing was written. There may be more: these were looked for no further."
                raise (BadInput(problems, more) if len(problems) >= MOST_PROBLEMS else BadInput(problems)) from error
            if error.pgcode != UNIQUE_VIOLATION:
                raise explained(error, database) from error
            # Now nothing is in the way: another loader had written the same rows at the same moment.
            if not backoff.pause():
                raise RetriesExhausted(
                    f"given up after {backoff.count + 1} tries in {database.retry_for:g} s: others write the same rows "
                    f"again and again, or so it seems: {error.diag.message_primary}. Nothing of this transaction was "
                    "committed"
                ) from error
            database.count_retry()


def ask_of_rows(database: Database, question: Callable[[Cursor], list[Problem]]) -> list[Problem]:
    """Return what a question to the server finds wrong with rows that are to be written.

    None if the server cannot read or judge them: that is met again when they are written, and the row found.
    """
    try:
        return run_transaction(database, question, ONLY_READS)
    except psycopg2.Error as error:
        # PostgreSQL judges references also to tables that the user may not read.
        if is_rows_fault(error) or isinstance(error, errors.InsufficientPrivilege):
            return []
        raise explained(error, database) from error


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
