"""Batches of checked rows -> tables, and which row is at fault when the server refuses a batch."""

from collections import Counter
from collections.abc import Iterable, Iterator

import psycopg2
from psycopg2 import sql

import statements
from catalog import Constraint, is_cockroachdb
from checks import Batch
from console import Failure
from database import Cursor, Database, explained, run_transaction
from fixtures import BadInput, Problem

MOST_ROWS = 1_000
MOST_BYTES = 1_000_000

# SQLSTATE classes and codes of errors that a row can be to blame for: data exception, integrity constraint violation,
# a key twice in one statement, too large for an index, raised by a trigger, datatype mismatch, WITH CHECK OPTION.
ROWS_FAULT = ("22", "23", "21", "54", "P0", "42804", "44")


# What became of rows: "new", "changed", "unchanged", ... -> how many.
Counts = Counter[str]


class Writer:
    """Writes batches by one cursor: rows that are there already are updated if they differ, or skipped."""

    def __init__(self, cursor: Cursor, *, skip: bool = False) -> None:
        self._cursor = cursor
        self._skip = skip

    def write(self, batch: Batch) -> Counts:
        """Write the rows of a batch in one statement. May be repeated."""
        self._execute(statements.insert(batch, self._skip), batch)
        written = self._cursor.rowcount
        left = len(batch.rows) - written
        if self._skip:
            return Counter({"new": written, "left alone": left})
        return Counter({"new or changed": written, "unchanged": left})

    def write_counted(self, batch: Batch) -> Counts:
        """Write the rows of a batch, and tell the new ones from the changed ones, by reading first. May be repeated."""
        if self._skip:
            return self.write(batch)
        self._execute(statements.count_there(batch), batch)
        ((there, same),) = self._cursor.fetchall()
        if same < len(batch.rows):
            self.write(batch)
        return Counter({"new": len(batch.rows) - there, "changed": there - same, "unchanged": same})

    def check_deferred_constraints(self) -> None:
        """Let the server judge now what it would judge at COMMIT. CockroachDB has no deferred constraints."""
        if not is_cockroachdb(self._cursor):
            self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def dangling(self, batch: Batch, key: Constraint) -> list[Problem]:
        """Return a Problem for each row of a batch whose foreign key refers to no row of the database."""
        self._execute(statements.without_parent(batch, key), batch)
        columns = ", ".join(key.columns)
        text = f"refers to no row of {key.referenced}, in the load or in the database ({key.name})"
        return [batch.problem(batch.rows[number - 1], text, columns) for (number,) in self._cursor.fetchall()]

    def find_problems(self, batches: Iterable[Batch]) -> Iterator[Problem]:
        """Write the batches again, each part of one in a savepoint, and tell which rows the server refuses.

        A table that refers to one with refused rows is left out: its rows could be refused for that reason alone.
        Leaves the transaction with what was accepted in it: roll back.
        """
        self.check_deferred_constraints()
        refused: set[str] = set()
        for batch in batches:
            if refused & {
                str(key.referenced) for key in batch.table.foreign_keys if key.referenced != batch.table.name
            }:
                refused.add(batch.table.name)
                continue
            for problem in self._bisect(batch):
                refused.add(batch.table.name)
                yield problem

    def _execute(self, statement: sql.Composable, batch: Batch) -> None:
        self._cursor.execute(statement.as_string(self._cursor), statements.arrays(batch))

    def _bisect(self, batch: Batch) -> Iterator[Problem]:
        self._cursor.execute("SAVEPOINT part")
        try:
            self.write(batch)
        except psycopg2.Error as error:
            if not is_rows_fault(error):
                raise
            self._cursor.execute("ROLLBACK TO SAVEPOINT part")
            if len(batch.rows) == 1:
                yield self._refusal(batch, error)
                return
            middle = len(batch.rows) // 2
            yield from self._bisect(batch._replace(rows=batch.rows[:middle]))
            yield from self._bisect(batch._replace(rows=batch.rows[middle:]))
        else:
            self._cursor.execute("RELEASE SAVEPOINT part")

    def _refusal(self, batch: Batch, error: psycopg2.Error) -> Problem:
        """Return the Problem with the only row of a batch."""
        row = batch.rows[0]
        constraint = batch.table.constraints.get(error.diag.constraint_name or "")
        if constraint is None:
            return batch.problem(row, f"the server says: {server_message(error)}", error.diag.column_name or "")
        columns = ", ".join(constraint.columns)
        if constraint.kind == "c":
            return batch.problem(row, f"breaks {constraint.name}: {constraint.definition}", columns)
        if constraint.kind == "f":
            detail = (error.diag.message_detail or "").rstrip(".") or constraint.definition
            return batch.problem(row, f"breaks {constraint.name}: {detail}", columns)
        return batch.problem(row, f"breaks {constraint.name}: {self._holder(batch, constraint, error)}", columns)

    def _holder(self, batch: Batch, constraint: Constraint, error: psycopg2.Error) -> str:
        """Say which row of the database has the unique value that a refused row wants."""
        detail = (error.diag.message_detail or constraint.definition).rstrip(".")
        if not set(constraint.columns) <= set(batch.columns):
            return detail
        self._execute(statements.keys_of_holders(batch, constraint.columns), batch)
        key = self._cursor.fetchone()
        if key is None:
            return detail
        pairs = zip(batch.table.primary_key, key, strict=True)
        return f"{detail}, in the row with {', '.join(f'{name} {value}' for name, value in pairs)}"


def explain(error: psycopg2.Error, database: Database, batches: list[Batch], *, skip: bool) -> Failure:
    """Return why the server refused these batches, whose transaction was rolled back: BadInput if rows are at fault."""

    def find(cursor: Cursor) -> list[Problem]:
        problems = list(Writer(cursor, skip=skip).find_problems(batches))
        cursor.connection.rollback()
        return problems

    if not is_rows_fault(error):
        return explained(error, database)
    problems = run_transaction(database, find, repeatable=True)
    return BadInput(problems) if problems else explained(error, database)


def is_rows_fault(error: psycopg2.Error) -> bool:
    """Whether a row's values can be the reason for an error of the server."""
    return (error.pgcode or "").startswith(ROWS_FAULT)


def server_message(error: psycopg2.Error) -> str:
    """Return what the server said, in one line."""
    return ". ".join(part.rstrip(".") for part in (error.diag.message_primary, error.diag.message_detail) if part)


def split(batch: Batch) -> Iterator[Batch]:
    """Return the rows of a batch in batches of at most MOST_ROWS and MOST_BYTES; a larger row goes alone."""
    if batch.widest * MOST_ROWS <= MOST_BYTES:
        for start in range(0, len(batch.rows), MOST_ROWS):
            yield batch._replace(rows=batch.rows[start : start + MOST_ROWS])
        return
    start = size = 0
    for index, row in enumerate(batch.rows):
        length = sum(map(len, row[1:]))
        if index > start and (index - start == MOST_ROWS or size + length > MOST_BYTES):
            yield batch._replace(rows=batch.rows[start:index])
            start, size = index, 0
        size += length
    if batch.rows[start:]:
        yield batch._replace(rows=batch.rows[start:])


def sort(batch: Batch) -> None:
    """Sort the rows by primary key: neighbours in the table are written together, and in the same order by everyone."""
    kinds = [batch.table.columns[name].kind for name in batch.table.primary_key]
    texts = batch.texts(batch.table.primary_key)
    if kinds in (["int8"], ["int4"], ["int2"]):
        batch.rows.sort(key=lambda row: int(texts(row)))
    else:
        batch.rows.sort(key=texts)
