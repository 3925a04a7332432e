"""Which rows of a refused batch the server refuses, and why: found by writing it again in savepoints, in halves."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import psycopg2

from toolkit.console import clipped
from toolkit.database import Cursor, Database, explained, run_or_explain, run_transaction
from toolkit.database.tables import Constraint
from toolkit.loading import statements
from toolkit.loading.batch import Batch
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.writer import Writer

T = TypeVar("T")

# Each takes some statements to find.
MOST_PROBLEMS = 1_000
# Of what the server says, so many characters are passed on.
LONGEST_PART = 300
ORPHAN = (
    "; rows that refer to each other in a circle must give the same columns, and in a large load parents come first"
)

# SQLSTATE classes and codes of errors that a row can be to blame for: data exception, integrity constraint violation,
# a key twice in one statement, too large for an index, raised by a trigger, datatype mismatch, WITH CHECK OPTION.
ROWS_FAULT = ("22", "23", "21", "54", "P0", "42804", "44")
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
        problems = _Search(Writer(cursor, skip=skip), cursor).find_problems(batches)
        cursor.connection.rollback()
        return problems

    if not is_rows_fault(error):
        return []
    return run_or_explain(database, find)


def is_rows_fault(error: psycopg2.Error) -> bool:
    """Whether a row's values can be the reason for an error of the server."""
    return (error.pgcode or "").startswith(ROWS_FAULT)


class _Search:
    """The search for the rows that the server refuses, in one transaction that is rolled back afterwards."""

    def __init__(self, writer: Writer, cursor: Cursor) -> None:
        self._writer = writer
        self._cursor = cursor

    def find_problems(self, batches: Iterable[Batch]) -> list[Problem]:
        """Write the batches again, each part of one in a savepoint, and tell which rows the server refuses.

        Source that refer to refused ones could be refused for that reason alone: a table that refers to another with
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
        self._cursor.execute("SAVEPOINT part")
        try:
            self._writer.write(batch)
        except psycopg2.Error as error:
            if not is_rows_fault(error):
                raise
            self._cursor.execute("ROLLBACK TO SAVEPOINT part")
            if batch.size == 1:
                constraint = batch.table.find_constraint(error.diag.constraint_name or "")
                yield self._refusal(batch, error, constraint), constraint
                return
            middle = batch.size // 2
            yield from self._bisect(batch.part(0, middle))
            yield from self._bisect(batch.part(middle, batch.size))
        else:
            self._cursor.execute("RELEASE SAVEPOINT part")

    def _refusal(self, batch: Batch, error: psycopg2.Error, constraint: Constraint | None) -> Problem:
        """Return the Problem with the only row of a batch."""
        if constraint is None:
            column = error.diag.column_name or self._unreadable_column(batch)
            return batch.problem(0, f"the server says: {_server_message(error)}", column)
        columns = ", ".join(constraint.columns)
        if constraint.kind == "c":
            got = batch.shown(0, constraint.columns) or "the default"
            return batch.problem(0, f"breaks {constraint.name}: {constraint.definition}, got {got}", columns)
        if constraint.kind == "f":
            hint = ORPHAN if constraint.referenced == batch.table.name else ""
            return batch.problem(0, f"breaks {constraint.name}: {_detail(error, constraint)}{hint}", columns)
        return batch.problem(0, f"breaks {constraint.name}: {self._holder(batch, constraint, error)}", columns)

    def _unreadable_column(self, batch: Batch) -> str:
        """Return the column whose value the server cannot read, if that is what is wrong with the only row."""
        for name in batch.columns:
            alone = batch.only((name,))
            self._cursor.execute("SAVEPOINT value")
            try:
                self._writer.execute(statements.values(alone), alone)
            except psycopg2.Error as error:
                if not is_rows_fault(error):
                    raise
                self._cursor.execute("ROLLBACK TO SAVEPOINT value")
                return name
        return ""

    def _holder(self, batch: Batch, constraint: Constraint, error: psycopg2.Error) -> str:
        """Say which row of the database has the unique value that a refused row wants."""
        detail = _detail(error, constraint)
        if not set(constraint.columns) <= set(batch.columns):
            return detail
        self._writer.execute(statements.keys_of_holders(batch, constraint.columns), batch)
        key = self._cursor.fetchone()
        if key is None:
            return detail
        pairs = zip(batch.table.primary_key, key, strict=True)
        return f"{detail}, in the row with {', '.join(f'{name} {clipped(value)}' for name, value in pairs)}"


def _detail(error: psycopg2.Error, constraint: Constraint) -> str:
    return clipped((error.diag.message_detail or constraint.definition).rstrip("."), LONGEST_PART)


def _server_message(error: psycopg2.Error) -> str:
    """Return what the server said, in one line; the values in it may be long."""
    parts = [part.rstrip(".") for part in (error.diag.message_primary, error.diag.message_detail) if part]
    return ". ".join(clipped(part, LONGEST_PART) for part in parts)
