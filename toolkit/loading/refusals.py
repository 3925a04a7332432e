"""Which rows of a refused batch the server refuses, and why: found by writing it again in savepoints, in halves."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import psycopg2

from toolkit.database import Cursor, Database, explained, run_or_explain, run_transaction
from toolkit.database.tables import Constraint
from toolkit.loading import circles, statements
from toolkit.loading.batch import Batch, Place, split
from toolkit.loading.existing import dangling, holders, shown_key
from toolkit.loading.faults import is_rows_fault, savepoint
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.row_order import Circle, Step, batches_of
from toolkit.loading.statements import execute
from toolkit.loading.verdicts import verdict
from toolkit.loading.writer import Writer

T = TypeVar("T")

# A row that the server refuses, and the constraint that it breaks, if it is one.
Refusal = tuple[Problem, Constraint | None]

# Each takes some statements to find.
MOST_PROBLEMS = 1_000
UNIQUE_VIOLATION = "23505"
FOR_NOW = ": rows that refer to each other in a circle are begun with NULL there, and completed later"
NOTHING: dict[Place, set[str]] = {}


def run_write(
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
    run_transaction(). Raises BadInput if rows are at fault, or another Failure.
    """

    def find(cursor: Cursor, *, deferred: bool) -> list[Problem]:
        search = _Search(cursor, Writer(cursor, skip=skip), skip=skip)
        problems = search.find_deferred(steps) if deferred else search.find(steps)
        cursor.connection.rollback()
        return problems

    def find_all(error: psycopg2.Error) -> list[Problem]:
        if not is_rows_fault(error):
            return []
        found = run_or_explain(database, partial(find, deferred=True)) if defers else []
        return found or run_or_explain(database, partial(find, deferred=False))

    def is_passing(error: psycopg2.Error) -> bool:
        """Whether the error was another loader's doing, who wrote the same rows at the same moment."""
        problems = find_all(error)
        if problems:
            more = "Nothing was written. There may be more: these were looked for no further."
            raise (BadInput(problems, more) if len(problems) >= MOST_PROBLEMS else BadInput(problems)) from error
        # PostgreSQL, which looks at one unique index after the other, may say so in this way.
        return error.pgcode == UNIQUE_VIOLATION

    try:
        return run_transaction(database, work, repeatable=True, try_again=is_passing, since=since)
    except psycopg2.Error as error:
        raise explained(error, database) from error


class _Search:
    """The search for the rows that the server refuses, in a transaction that is rolled back afterwards."""

    def __init__(self, cursor: Cursor, writer: Writer, *, skip: bool) -> None:
        self._cursor = cursor
        self._writer = writer
        self._skip = skip

    def find(self, steps: Iterable[Step]) -> list[Problem]:
        """Write the rows again, in parts and savepoints, and tell which the server refuses, judging each part at once.

        Leaves the transaction with what was accepted in it: roll back.
        """
        self._writer.check_deferred_constraints()
        return self._find(steps)

    def find_deferred(self, steps: Sequence[Step]) -> list[Problem]:
        """Do as find(), but let the constraints that can wait be judged when all rows are written."""
        self._writer.defer_constraints()
        problems = self._find(steps)
        if problems:
            return problems
        try:
            with savepoint(self._cursor):
                self._writer.check_deferred_constraints()
        except psycopg2.Error as error:
            if not is_rows_fault(error):
                raise
            return [problem for step in steps for batch in batches_of(step) for problem in self._breaking(batch, error)]
        return []

    def _breaking(self, batch: Batch, error: psycopg2.Error) -> list[Problem]:
        """Return a Problem for each written row of a batch that breaks the deferred constraint of this error."""
        constraint = batch.table.find_constraint(error.diag.constraint_name or "")
        named = (error.diag.schema_name, error.diag.table_name)
        if named != (batch.table.name.schema, batch.table.name.relation) or constraint is None:
            return []
        parts = list(split(batch))
        if constraint.kind == "f":
            is_given = set(constraint.columns) <= set(batch.columns)
            return [problem for part in parts if is_given for problem in dangling(self._cursor, part, constraint)]
        problems = []
        for part in parts:
            for index, key in holders(self._cursor, part, constraint.columns).items():
                wanted = part.shown(index, constraint.columns)
                text = f"{wanted} is there already, in the row with {shown_key(batch.table, key)}"
                columns = ", ".join(constraint.columns)
                problems.append(part.problem(index, f"breaks {constraint.name}: {text}", columns))
        return problems

    def _find(self, steps: Iterable[Step]) -> list[Problem]:
        """Write the rows again, and tell which the server refuses.

        Rows that refer to refused ones could be refused for that reason alone: a table that refers to another with
        refused rows is left out, and what refers to a missing row of its own step is told if nothing else is wrong.
        """
        refused: set[str] = set()
        problems: list[Problem] = []
        orphans: list[Problem] = []
        for step in steps:
            tables = {batch.table.name: batch.table for batch in batches_of(step)}
            parents = {key.referenced for table in tables.values() for key in table.foreign_keys} - tables.keys()
            if refused & parents:
                refused |= tables.keys()
                continue
            found = self._circle(step) if isinstance(step, Circle) else self._bisect(step, self._writer.write)
            for problem, constraint in found:
                refused |= tables.keys()
                is_orphan = constraint is not None and constraint.referenced in tables
                (orphans if is_orphan else problems).append(problem)
                if len(problems) + len(orphans) == MOST_PROBLEMS:
                    return problems or orphans
        return problems or orphans

    def _circle(self, circle: Circle) -> Iterator[Refusal]:
        """Write the rows of a circle as write_circle() does, and return the refused ones."""
        unreadable = [
            refusal for batch in circle.batches for part in split(batch) for refusal in self._bisect(part, self._read)
        ]
        if unreadable:
            yield from unreadable
            return
        try:
            todo = circles.steps(self._writer, circle)
        except BadInput as error:
            yield from ((problem, None) for problem in error.problems)
            return
        for part in todo.inserts:
            yield from self._bisect(part, self._writer.insert_new, todo.cleared)
        for part in [*todo.completions, *([] if self._skip else todo.changes)]:
            yield from self._bisect(part, self._writer.update)

    def _read(self, batch: Batch) -> None:
        execute(self._cursor, statements.values(batch), batch)

    def _bisect(
        self, batch: Batch, write: Callable[[Batch], object], cleared: Mapping[Place, set[str]] = NOTHING
    ) -> Iterator[Refusal]:
        """Write a batch, and if the server refuses it its halves; return the refused rows.

        cleared: the columns that are NULL only for now, by the place of the row.
        """
        try:
            with savepoint(self._cursor):
                write(batch)
        except BadInput as error:
            yield from ((problem, None) for problem in error.problems)
        except psycopg2.Error as error:
            if not is_rows_fault(error):
                raise
            if batch.size == 1:
                yield self._refusal(batch, error, cleared.get(batch.places[0], set()))
                return
            middle = batch.size // 2
            yield from self._bisect(batch.part(0, middle), write, cleared)
            yield from self._bisect(batch.part(middle, batch.size), write, cleared)

    def _refusal(self, batch: Batch, error: psycopg2.Error, cleared: set[str]) -> Refusal:
        """Return the Problem with the only row of a batch, and the constraint that it breaks."""
        constraint = batch.table.find_constraint(error.diag.constraint_name or "")
        problem = verdict(self._cursor, batch, error, constraint)
        if constraint and constraint.kind == "c" and not cleared.isdisjoint(constraint.columns):
            problem = problem._replace(text=problem.text + FOR_NOW)
        if self._cursor.connection.closed:
            raise BadInput([problem]) from error  # and the search is over
        return problem, constraint
