"""The search for the rows of a refused load that the server refuses: it is written again in savepoints, in halves."""

from collections.abc import Callable, Iterator, Sequence

import psycopg2

from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import Batch, split
from toolkit.loading.diagnose.error_classes import is_rows_fault, savepoint
from toolkit.loading.diagnose.error_translation import describe_holder, translate
from toolkit.loading.problems import MOST_PROBLEMS, BadInput, Problem
from toolkit.loading.write import cycles, statements
from toolkit.loading.write.existing_rows import conflicting, dangling, existing_keys
from toolkit.loading.write.order import Cycle, Step, batches_of
from toolkit.loading.write.statements import execute
from toolkit.loading.write.writer import Writer

# A row that the server refuses, and the constraint that it breaks, if it is one.
Refusal = tuple[Problem, Constraint | None]
# The rows of a table that are in the database: the primary key, as the server writes it -> the batch and the index.
ByKey = dict[tuple[str, ...], tuple[Batch, int]]

FOR_NOW = ": rows that refer to each other in a cycle are begun with NULL there, and completed later"


def find_refused(
    database: Database, steps: Sequence[Step], error: psycopg2.Error, *, skip: bool, defers: bool
) -> list[Problem]:
    """Return a Problem for each of these rows that is to blame for an error. Nothing is written.

    skip: as the Writer has it that met the error. defers: whether it deferred the constraints that can wait.
    """

    def find(search: Callable[[Bisection], list[Problem]]) -> list[Problem]:
        def work(cursor: Cursor) -> list[Problem]:
            problems = search(Bisection(cursor, steps, skip=skip))
            cursor.connection.rollback()
            return problems

        return run_or_explain(database, work)

    return (
        (find(Bisection.find_deferred) if defers else [])
        or find(Bisection.find)
        or find(lambda bisection: bisection.find_moved_values(error))
    )


class Bisection:
    """The search for refused rows in a transaction, which is left with what was accepted in it: roll back.

    steps: what was to be written. skip: whether rows that are there are left alone.
    """

    def __init__(self, cursor: Cursor, steps: Sequence[Step], *, skip: bool) -> None:
        self._cursor = cursor
        self._steps = steps
        self._writer = Writer(cursor, skip=skip)
        self._existing: dict[str, ByKey] = {}  # by table

    def find(self) -> list[Problem]:
        """Write the rows again, in parts, and tell which the server refuses, judging each part at once."""
        self._writer.check_deferred_constraints()
        return self._find()

    def find_deferred(self) -> list[Problem]:
        """Do as find(), but let the constraints that can wait be judged when all rows are written."""
        self._writer.defer_constraints()
        problems = self._find()
        if problems:
            return problems
        try:
            with savepoint(self._cursor):
                self._writer.check_deferred_constraints()
        except psycopg2.Error as error:
            if not is_rows_fault(error):
                raise
            return [problem for batch in self._batches() for problem in self._breaking(batch, error)]
        return []

    def find_moved_values(self, error: psycopg2.Error) -> list[Problem]:
        """Return a Problem for each row that wants a unique value which another row of the load has, and gives up.

        To be asked when nothing is written yet: whether the server refuses such rows depends on which comes first.
        """
        problems = []
        for batch in self._batches():
            constraint = batch.table.find_constraint(error.diag.constraint_name or "")
            if constraint and constraint.kind in "pu":
                problems += self._conflicts(batch, constraint, only_moved=True)
        return problems

    def _batches(self) -> list[Batch]:
        return [part for step in self._steps for batch in batches_of(step) for part in split(batch)]

    def _breaking(self, batch: Batch, error: psycopg2.Error) -> list[Problem]:
        """Return a Problem for each written row of a batch that breaks the deferred constraint of this error."""
        constraint = batch.table.find_constraint(error.diag.constraint_name or "")
        named = (error.diag.schema_name, error.diag.table_name)
        if named != (batch.table.name.schema, batch.table.name.relation) or constraint is None:
            return []
        if constraint.kind == "f":
            return dangling(self._cursor, batch, constraint) if batch.has_columns(constraint.columns) else []
        return self._conflicts(batch, constraint)

    def _conflicts(self, batch: Batch, constraint: Constraint, *, only_moved: bool = False) -> list[Problem]:
        """Return a Problem for each row whose unique value another row of the database has."""
        problems = []
        for index, key in conflicting(self._cursor, batch, constraint.columns).items():
            previous_owner = self._find_previous_owner(batch.slice(index, index + 1), constraint, key)
            if previous_owner or not only_moved:
                text = f"breaks {constraint.name}: {batch.shown(index, constraint.columns)} is there already"
                text += describe_holder(batch.table, key, previous_owner)
                problems.append(batch.problem(index, text, ", ".join(constraint.columns)))
        return problems

    def _find(self) -> list[Problem]:
        """Write the rows again, and tell which the server refuses.

        Rows that refer to refused ones could be refused for that reason alone. So a table that refers to another with
        refused rows is left out, and a row that refers to a missing one of its own step is reported only if there is no
        other problem.
        """
        refused: set[str] = set()
        problems: list[Problem] = []
        orphans: list[Problem] = []
        for step in self._steps:
            tables = {batch.table.name: batch.table for batch in batches_of(step)}
            parents = {key.referenced for table in tables.values() for key in table.foreign_keys} - tables.keys()
            if refused & parents:
                refused |= tables.keys()
                continue
            found = self._cycle(step) if isinstance(step, Cycle) else self._bisect(step, self._writer.write)
            for problem, constraint in found:
                refused |= tables.keys()
                is_orphan = constraint is not None and constraint.referenced in tables
                (orphans if is_orphan else problems).append(problem)
                if len(problems) + len(orphans) == MOST_PROBLEMS:
                    return problems or orphans
        return problems or orphans

    def _cycle(self, cycle: Cycle) -> Iterator[Refusal]:
        """Write the rows of a cycle as write_cycle() does, and return the refused ones."""
        unreadable = [
            refusal for batch in cycle.batches for part in split(batch) for refusal in self._bisect(part, self._read)
        ]
        if unreadable:
            yield from unreadable
            return
        try:
            for write in cycles.writes(self._writer, cycle):
                yield from self._bisect(write.batch, write.run, write.cleared)
        except BadInput as error:
            yield from ((problem, None) for problem in error.problems)

    def _read(self, batch: Batch) -> None:
        execute(self._cursor, statements.read_values(batch), batch)

    def _bisect(
        self, batch: Batch, write: Callable[[Batch], object], cleared: frozenset[str] = frozenset()
    ) -> Iterator[Refusal]:
        """Write a batch, and if the server refuses it its halves; return the refused rows.

        cleared: the columns that are NULL only for now.
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
                yield self._refusal(batch, error, cleared)
                return
            middle = batch.size // 2
            yield from self._bisect(batch.slice(0, middle), write, cleared)
            yield from self._bisect(batch.slice(middle, batch.size), write, cleared)

    def _refusal(self, batch: Batch, error: psycopg2.Error, cleared: frozenset[str]) -> Refusal:
        """Return the Problem with the only row of a batch, and the constraint that it breaks."""
        constraint = batch.table.find_constraint(error.diag.constraint_name or "")
        problem = translate(self._cursor, batch, error, constraint)
        if constraint and constraint.kind in "pu":
            problem = problem._replace(text=problem.text + self._holder(batch, constraint))
        elif constraint and constraint.kind == "c" and not cleared.isdisjoint(constraint.columns):
            problem = problem._replace(text=problem.text + FOR_NOW)
        if self._cursor.connection.closed:
            raise BadInput([problem]) from error  # and the search is over
        return problem, constraint

    def _holder(self, batch: Batch, constraint: Constraint) -> str:
        """Say which row of the database has the unique value of the batch's only row."""
        key = conflicting(self._cursor, batch, constraint.columns).get(0)
        return describe_holder(batch.table, key, self._find_previous_owner(batch, constraint, key)) if key else ""

    def _find_previous_owner(self, batch: Batch, constraint: Constraint, key: tuple[str, ...]) -> str:
        """Say which row of the load has a key, and another value than the batch's only row in a unique constraint."""
        found = self._existing_rows(batch.table).get(key)
        if not found:
            return ""
        other, index = found
        wanted, given = batch.shown(0, constraint.columns), other.shown(index, constraint.columns)
        source, number = other.origins[index]
        return f"{source.unit} {number}" if other.has_columns(constraint.columns) and given != wanted else ""

    def _existing_rows(self, table: Table) -> ByKey:
        """Return the rows of a table that were in the database when the server first refused one of them."""
        if table.name not in self._existing:
            self._existing[table.name] = {
                key: (batch, index)
                for batch in self._batches()
                if batch.table.name == table.name
                for index, key in existing_keys(self._cursor, batch).items()
            }
        return self._existing[table.name]
