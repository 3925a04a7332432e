"""Batches of checked rows -> tables."""

from collections import Counter

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.tables import Constraint
from toolkit.loading import statements
from toolkit.loading.batch import Batch
from toolkit.loading.problems import Problem

# What became of rows: "new", "changed", "unchanged", ... -> how many.
Counts = Counter[str]


class Writer:
    """Writes batches by one cursor: rows that are there already are updated if they differ, or skipped."""

    def __init__(self, cursor: Cursor, *, skip: bool = False) -> None:
        self._cursor = cursor
        self._skip = skip

    def write(self, batch: Batch) -> Counts:
        """Write the rows of a batch in one statement. May be repeated."""
        self.execute(statements.upsert(batch, self._skip), batch)
        return self._counts(batch)

    def insert(self, batch: Batch) -> Counts:
        """Write the rows of a batch, none of which may be there already: half the work for CockroachDB."""
        self.execute(statements.insert(batch), batch)
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
        self.execute(statements.count_there(batch), batch)
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
        self.execute(statements.without_parent(batch, key), batch)
        columns = ", ".join(key.columns)
        text = f"refers to no row of {key.referenced}, in the load or in the database ({key.name})"
        indexes = [number - 1 for (number,) in self._cursor.fetchall()]
        return [batch.problem(index, f"{batch.shown(index, key.columns)} {text}", columns) for index in indexes]

    def execute(self, statement: sql.Composable, batch: Batch) -> None:
        """Run one of the statements of statements.py, with the rows of the batch."""
        self._cursor.execute(statement.as_string(self._cursor), statements.arrays(batch))
