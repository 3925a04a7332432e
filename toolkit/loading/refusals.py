"""Which rows of a refused batch the server refuses, and why: found by writing it again in savepoints, in halves."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import psycopg2

from toolkit.database import Cursor, Database, explained, run_or_explain, run_transaction
from toolkit.database.tables import Constraint
from toolkit.loading.batch import Batch
from toolkit.loading.faults import is_rows_fault, savepoint
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.verdicts import verdict
from toolkit.loading.writer import Writer

T = TypeVar("T")

# Each takes some statements to find.
MOST_PROBLEMS = 1_000
UNIQUE_VIOLATION = "23505"


def run_write(
    database: Database,
    batches: list[Batch],
    work: Callable[[Cursor], T],
    *,
    skip: bool,
    since: Callable[[], float] | None = None,
) -> T:
    """Run work, which writes these batches, as run_transaction() does, and return its result.

    skip: as the Writer in work has it. since: as for run_transaction(). Raises BadInput if rows are at fault, or
    another Failure.
    """

    def is_passing(error: psycopg2.Error) -> bool:
        """Whether the error was another loader's doing, who wrote the same rows at the same moment."""
        problems = _problems(error, database, batches, skip=skip)
        if problems:
            more = "Nothing was written. There may be more: these were looked for no further."
            raise (BadInput(problems, more) if len(problems) >= MOST_PROBLEMS else BadInput(problems)) from error
        # PostgreSQL, which looks at one unique index after the other, may say so in this way.
        return error.pgcode == UNIQUE_VIOLATION

    try:
        return run_transaction(database, work, repeatable=True, try_again=is_passing, since=since)
    except psycopg2.Error as error:
        raise explained(error, database) from error


def _problems(error: psycopg2.Error, database: Database, batches: list[Batch], *, skip: bool) -> list[Problem]:
    """Return which rows of these batches, whose transaction was rolled back, the server refuses."""

    def find(cursor: Cursor) -> list[Problem]:
        problems = _Search(cursor, Writer(cursor, skip=skip)).find_problems(batches)
        cursor.connection.rollback()
        return problems

    if not is_rows_fault(error):
        return []
    return run_or_explain(database, find)


class _Search:
    """The search for the rows that the server refuses, in one transaction that is rolled back afterwards."""

    def __init__(self, cursor: Cursor, writer: Writer) -> None:
        self._cursor = cursor
        self._writer = writer

    def find_problems(self, batches: Iterable[Batch]) -> list[Problem]:
        """Write the batches again, each part of one in a savepoint, and tell which rows the server refuses.

        Rows that refer to refused ones could be refused for that reason alone: a table that refers to another with
        refused rows is left out, and what refers to a missing row of its own table is told if nothing else is wrong.
        Leaves the transaction with what was accepted in it: roll back.
        """
        self._writer.check_deferred_constraints()
        refused: set[str] = set()
        problems: list[Problem] = []
        orphans: list[Problem] = []
        for batch in batches:
            if refused & {
                str(key.referenced) for key in batch.table.foreign_keys if key.referenced != batch.table.name
            }:
                refused.add(batch.table.name)
                continue
            for problem, constraint in self._bisect(batch):
                refused.add(batch.table.name)
                is_orphan = constraint is not None and constraint.referenced == batch.table.name
                (orphans if is_orphan else problems).append(problem)
                if len(problems) + len(orphans) == MOST_PROBLEMS:
                    return problems or orphans
        return problems or orphans

    def _bisect(self, batch: Batch) -> Iterator[tuple[Problem, Constraint | None]]:
        """Return a Problem for each row that the server refuses, and the constraint that it breaks."""
        try:
            with savepoint(self._cursor):
                self._writer.write(batch)
        except psycopg2.Error as error:
            if not is_rows_fault(error):
                raise
            if batch.size == 1:
                constraint = batch.table.find_constraint(error.diag.constraint_name or "")
                yield verdict(self._cursor, batch, error, constraint), constraint
                return
            middle = batch.size // 2
            yield from self._bisect(batch.part(0, middle))
            yield from self._bisect(batch.part(middle, batch.size))
