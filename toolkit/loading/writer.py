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


    def _execute(self, statement: sql.Composable, batch: Batch) -> None:
        self._cursor.execute(statement.as_string(self._cursor), statements.arrays(batch))


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


