"""Batches of checked rows -> tables, and which row is at fault when the server refuses a batch."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import psycopg2
from psycopg2 import sql

import statements
from catalog import Constraint, is_cockroachdb
from checks import Batch
from database import Cursor, Database, explained, run_or_explain, run_transaction
from fixtures import BadInput, Problem
from values import INTEGERS, clipped

T = TypeVar("T")

MOST_ROWS = 1_000
MOST_BYTES = 1_000_000
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


# What became of rows: "new", "changed", "unchanged", ... -> how many.
Counts = Counter[str]


class Writer:
    """Writes batches by one cursor: rows that are there already are updated if they differ, or skipped."""

    def __init__(self, cursor: Cursor, *, skip: bool = False) -> None:
        self._cursor = cursor
        self._skip = skip

    def write(self, batch: Batch) -> Counts:
        """Write the rows of a batch in one statement. May be repeated."""
        self._execute(statements.upsert(batch, self._skip), batch)
        return self._counts(batch)

    def insert(self, batch: Batch) -> Counts:
        """Write the rows of a batch, none of which may be there already: half the work for CockroachDB."""
        self._execute(statements.insert(batch), batch)
        return self._counts(batch)

    def _counts(self, batch: Batch) -> Counts:
        written = self._cursor.rowcount
        left = batch.size - written
        if self._skip:
            return Counter({"new": written, "left alone": left})
        return Counter({"new or changed": written, "unchanged": left})

    def write_counted(self, batch: Batch) -> Counts:
        """Write the rows of a batch, and tell the new ones from the changed ones, by reading first. May be repeated."""
        if self._skip:
            return self.write(batch)
        self._execute(statements.count_there(batch), batch)
        ((there, same),) = self._cursor.fetchall()
        if same < batch.size:
            self.write(batch)
        return Counter({"new": batch.size - there, "changed": there - same, "unchanged": same})

    def check_deferred_constraints(self) -> None:
        """Let the server judge now what it would judge at COMMIT. CockroachDB has no deferred constraints."""
        if not is_cockroachdb(self._cursor):
            self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def dangling(self, batch: Batch, key: Constraint) -> list[Problem]:
        """Return a Problem for each row of a batch whose foreign key refers to no row of the database."""
        self._execute(statements.without_parent(batch, key), batch)
        columns = ", ".join(key.columns)
        text = f"refers to no row of {key.referenced}, in the load or in the database ({key.name})"
        indexes = [number - 1 for (number,) in self._cursor.fetchall()]
        return [batch.problem(index, f"{batch.shown(index, key.columns)} {text}", columns) for index in indexes]

    def find_problems(self, batches: Iterable[Batch]) -> list[Problem]:
        """Write the batches again, each part of one in a savepoint, and tell which rows the server refuses.

        Rows that refer to refused ones could be refused for that reason alone: a table that refers to another with
        refused rows is left out, and what refers to a missing row of its own table is told if nothing else is wrong.
        Leaves the transaction with what was accepted in it: roll back.
        """
        self.check_deferred_constraints()
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

    def _execute(self, statement: sql.Composable, batch: Batch) -> None:
        self._cursor.execute(statement.as_string(self._cursor), statements.arrays(batch))

    def _bisect(self, batch: Batch) -> Iterator[tuple[Problem, Constraint | None]]:
        """Return a Problem for each row that the server refuses, and the constraint that it breaks."""
        self._cursor.execute("SAVEPOINT part")
        try:
            self.write(batch)
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
            return batch.problem(0, f"the server says: {server_message(error)}", column)
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
                self._execute(statements.values(alone), alone)
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
        self._execute(statements.keys_of_holders(batch, constraint.columns), batch)
        key = self._cursor.fetchone()
        if key is None:
            return detail
        pairs = zip(batch.table.primary_key, key, strict=True)
        return f"{detail}, in the row with {', '.join(f'{name} {clipped(value)}' for name, value in pairs)}"


def _detail(error: psycopg2.Error, constraint: Constraint) -> str:
    return clipped((error.diag.message_detail or constraint.definition).rstrip("."), LONGEST_PART)


def run_write(database: Database, batches: list[Batch], work: Callable[[Cursor], T], *, skip: bool) -> T:
    """Run work, which writes these batches, as run_transaction() does, and return its result.

    Raises BadInput if rows are at fault, or another Failure.
    """
    end = time.monotonic() + database.retry_for
    while True:
        try:
            return run_transaction(database, work, repeatable=True)
        except psycopg2.Error as error:
            problems = _problems(error, database, batches, skip=skip)
            if problems:
                more = "Nothing was written. There may be more: these were looked for no further."
                raise (BadInput(problems, more) if len(problems) >= MOST_PROBLEMS else BadInput(problems)) from error
            # Another loader was writing the same rows at the same moment. PostgreSQL, which looks at one unique index
            # after the other, may say so in this way.
            if error.pgcode != UNIQUE_VIOLATION or time.monotonic() > end:
                raise explained(error, database) from error
            database.count_retry()


def _problems(error: psycopg2.Error, database: Database, batches: list[Batch], *, skip: bool) -> list[Problem]:
    """Return which rows of these batches, whose transaction was rolled back, the server refuses."""

    def find(cursor: Cursor) -> list[Problem]:
        problems = Writer(cursor, skip=skip).find_problems(batches)
        cursor.connection.rollback()
        return problems

    if not is_rows_fault(error):
        return []
    return run_or_explain(database, find)


def is_rows_fault(error: psycopg2.Error) -> bool:
    """Whether a row's values can be the reason for an error of the server."""
    return (error.pgcode or "").startswith(ROWS_FAULT)


def server_message(error: psycopg2.Error) -> str:
    """Return what the server said, in one line; the values in it may be long."""
    parts = [part.rstrip(".") for part in (error.diag.message_primary, error.diag.message_detail) if part]
    return ". ".join(clipped(part, LONGEST_PART) for part in parts)


def split(batch: Batch) -> Iterator[Batch]:
    """Return the rows of a batch in batches of at most MOST_ROWS and MOST_BYTES; a larger row goes alone."""
    if batch.widest * MOST_ROWS <= MOST_BYTES:
        for start in range(0, batch.size, MOST_ROWS):
            yield batch.part(start, start + MOST_ROWS)
        return
    start = size = 0
    for index, row in enumerate(zip(*batch.texts, strict=True)):
        length = len("".join(row).encode())
        if index > start and (index - start == MOST_ROWS or size + length > MOST_BYTES):
            yield batch.part(start, index)
            start, size = index, 0
        size += length
    if start < batch.size:
        yield batch.part(start, batch.size)


def by_key(batch: Batch) -> Batch:
    """Return the rows sorted by primary key: neighbours in the table are written together, and in the same order by
    everyone.
    """
    columns = [
        list(map(int, batch.column(name))) if batch.table.columns[name].kind in INTEGERS else batch.column(name)
        for name in batch.table.primary_key
    ]
    keys: Sequence[Any] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
    return batch.take(sorted(range(batch.size), key=keys.__getitem__))
