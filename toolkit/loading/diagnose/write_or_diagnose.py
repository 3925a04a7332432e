"""Rows that are written, and what becomes of it when the server refuses them: the rows at fault, or another try."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import psycopg2
from psycopg2 import errors

from toolkit.database import (
    IDEMPOTENT,
    READ_ONLY,
    Cursor,
    Database,
    RetriesExhausted,
    explained,
    run_transaction,
)
from toolkit.database.backoff import Backoff
from toolkit.loading.diagnose.error_classes import is_rows_fault
from toolkit.loading.problems import MOST_PROBLEMS, BadInput, Problem
from toolkit.loading.write.order import Step

T = TypeVar("T")

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
    backoff = Backoff(database.sleep, database.retry_for, since)
    while True:
        try:
            return run_transaction(database, work, IDEMPOTENT, since=since)
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
        return run_transaction(database, question, READ_ONLY)
    except psycopg2.Error as error:
        # PostgreSQL judges references also to tables that the user may not read.
        if is_rows_fault(error) or isinstance(error, errors.InsufficientPrivilege):
            return []
        raise explained(error, database) from error
