"""The search for the rows of a refused load that the server refuses: it is written again in savepoints, in halves."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import psycopg2

from toolkit.database import Cursor
from toolkit.database.tables import Constraint
from toolkit.loading.batch import Batch, Place, split
from toolkit.loading.diagnose.error_translation import verdict
from toolkit.loading.diagnose.row_errors import is_rows_fault, savepoint
from toolkit.loading.problems import MOST_PROBLEMS, BadInput, Problem
from toolkit.loading.write import cycles, statements
from toolkit.loading.write.exchange import Room, make_room
from toolkit.loading.write.existing_rows import dangling, holders, shown_key
from toolkit.loading.write.row_order import Circle, Step, batches_of
from toolkit.loading.write.statements import execute
from toolkit.loading.write.writer import Writer

# A row that the server refuses, and the constraint that it breaks, if it is one.
Refusal = tuple[Problem, Constraint | None]

FOR_NOW = ": rows that refer to each other in a circle are begun with NULL there, and completed later"
NO_EXCHANGE = (
    "; rows cannot exchange such values here, because one of them would need another value meanwhile, and {}: give it "
    "one first, or make the constraint DEFERRABLE (PostgreSQL)"
)
NOTHING: dict[Place, set[str]] = {}


class Search:
    """The search for refused rows in a transaction, which is left with what was accepted in it: roll back.

    skip: whether rows that are there are left alone.
    """

    def __init__(self, cursor: Cursor, *, skip: bool) -> None:
        self._cursor = cursor
        self._writer = Writer(cursor, skip=skip)
        self._skip = skip
        self._room = Room(False, {})

    def make_room(self, steps: Iterable[Step]) -> bool:
        """Let rows exchange unique values, as make_room() does; return whether there were any that could."""
        self._room = make_room(self._cursor, [batch for step in steps for batch in batches_of(step)])
        return self._room.is_made

    def find(self, steps: Iterable[Step]) -> list[Problem]:
        """Write the rows again, in parts, and tell which the server refuses, judging each part at once."""
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
            todo = cycles.steps(self._writer, circle)
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
        refused = self._room.refused.get((batch.table.name, constraint.columns)) if constraint else None
        if refused:
            problem = problem._replace(text=problem.text + NO_EXCHANGE.format(refused))
        if self._cursor.connection.closed:
            raise BadInput([problem]) from error  # and the search is over
        return problem, constraint
