"""Batches of checked rows -> tables."""

from collections import Counter

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import is_cockroachdb
from toolkit.loading.batch import Batch
from toolkit.loading.check.table_order import refers_to_itself
from toolkit.loading.problems import BadInput
from toolkit.loading.write import existing_rows, statements
from toolkit.loading.write.existing_rows import Found
from toolkit.loading.write.statements import execute

# What became of rows: "new", "changed", "unchanged", ... -> how many. "not stored": triggers of the table dropped them.
Counts = Counter[str]


class Writer:
    """Writes batches by one cursor: rows that are there already are updated if they differ, or skipped.

    A batch goes in one statement, INSERT ... ON CONFLICT, unless needs_look().
    """

    def __init__(self, cursor: Cursor, *, skip: bool = False) -> None:
        self._cursor = cursor
        self._skip = skip

    def write(self, batch: Batch) -> Counts:
        """Write the rows of a batch. May be repeated. Raises BadInput as look() does."""
        if needs_look(batch):
            counts = self._update_and_insert(batch)
            if not self._skip:
                counts = Counter({"new or changed": counts.pop("new") + counts.pop("changed"), **counts})
            return counts
        execute(self._cursor, statements.upsert(batch, self._skip), batch)
        written = self._cursor.rowcount
        left = batch.size - written
        if self._skip:
            return Counter({"new": written, "left alone": left})
        return Counter({"new or changed": written, "unchanged": left})

    def insert(self, batch: Batch) -> Counts:
        """Write the rows of a batch, none of which may be there already: half the work for CockroachDB."""
        execute(self._cursor, statements.insert(batch), batch)
        written = self._cursor.rowcount
        counts = {"new": written, "left alone": 0} if self._skip else {"new or changed": written, "unchanged": 0}
        return with_dropped(counts, batch.size - written)

    def defer_constraints(self) -> None:
        """Let the server judge at the end of the transaction whatever can be judged there (PostgreSQL)."""
        self._cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    def check_deferred_constraints(self) -> None:
        """Let the server judge now what it would judge at COMMIT. CockroachDB has no deferred constraints."""
        if not is_cockroachdb(self._cursor):
            self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def write_counted(self, batch: Batch) -> Counts:
        """Write the rows of a batch as write() does, and tell the new ones from the changed ones, by reading first."""
        if needs_look(batch):
            return self._update_and_insert(batch)
        if self._skip:
            return self.write(batch)
        there, same = self._count_there(batch)
        new, changed = batch.size - there, there - same
        lost = 0
        if same < batch.size:
            execute(self._cursor, statements.upsert(batch, self._skip), batch)
            lost = new + changed - self._cursor.rowcount
        if lost:  # by something that the catalog does not tell of
            new = self._count_there(batch)[0] - there
            changed = self._cursor.rowcount - new
        return with_dropped({"new": new, "changed": changed, "unchanged": same}, lost)

    def _count_there(self, batch: Batch) -> tuple[int, int]:
        execute(self._cursor, statements.count_there(batch), batch)
        ((there, same),) = self._cursor.fetchall()
        return there, same

    def _update_and_insert(self, batch: Batch) -> Counts:
        """Write the rows of a batch: those that are there are updated, or skipped, and the others inserted."""
        found = self.look(batch)
        new, changed = batch.take(found.new), batch.take(found.changed)
        if self._skip:
            inserted = self.insert_new(new)
            dropped = self.count_dropped(new, inserted)
            return with_dropped({"new": inserted, "left alone": batch.size - inserted - dropped}, dropped)
        if refers_to_itself(batch.table):  # a row that is there may refer to a new one
            inserted = self.insert_new(new)
            updated = self.update(changed)
        else:  # a new row may have a unique value that one that is there gives up
            updated = self.update(changed)
            inserted = self.insert_new(new)
        dropped = new.size + changed.size - inserted - updated
        return with_dropped({"new": inserted, "changed": updated, "unchanged": found.same}, dropped)

    def look(self, batch: Batch) -> Found:
        """Tell the rows of a batch that are there already from those that are not.

        Raises BadInput if a key that was made from a position is that of a row that differs, if a new row leaves out
        what it must give, or if a row that is there would get another identity.
        """
        found = existing_rows.look(self._cursor, batch)
        changed = batch.take(found.changed)
        problems = existing_rows.missing(batch, found.new)
        if batch.made:
            problems += existing_rows.taken(self._cursor, changed)
        elif not self._skip:
            problems += existing_rows.fixed(self._cursor, changed)
        if problems:
            raise BadInput(problems)
        return found

    def insert_new(self, batch: Batch) -> int:
        """Write rows whose keys are not there, and return how many were written."""
        if self._skip:
            if batch.table.has_deferrable_key:
                held = existing_rows.held(self._cursor, batch)
                batch = batch.take([index for index in range(batch.size) if index not in held])
            else:
                return self._run(statements.insert_or_skip(batch), batch)
        return self._run(statements.insert(batch), batch)

    def count_dropped(self, new: Batch, inserted: int) -> int:
        """Return how many rows that insert_new() was to write a trigger has dropped; others met a unique value."""
        if inserted == new.size or not self._skip:
            return new.size - inserted
        return new.size - inserted - len(existing_rows.held(self._cursor, new)) if new.table.has_row_triggers else 0

    def update(self, batch: Batch) -> int:
        """Write rows whose keys are there, as far as they differ, and return how many were written."""
        return self._run(statements.update(batch), batch)

    def _run(self, statement: sql.Composable, batch: Batch) -> int:
        if not batch.size:
            return 0
        execute(self._cursor, statement, batch)
        return self._cursor.rowcount


def needs_look(batch: Batch) -> bool:
    """Whether the rows that are there already have to be told from the others before a batch is written.

    Of rows that leave out columns, PostgreSQL would judge the new row that an INSERT would make, with its defaults;
    triggers see an INSERT or an UPDATE, and may drop it, which has to be counted; ON CONFLICT does not know constraints
    that are deferrable; and a key made from a position must not change another's row.
    """
    columns = batch.table.columns
    return (
        bool(batch.made)
        or batch.table.has_row_triggers
        or len(batch.columns) < sum(not column.given_by_server for column in columns.values())
        or any(columns[name].identity == "a" for name in batch.columns if name not in batch.table.primary_key)
        or batch.table.has_deferrable_key
    )


def with_dropped(counts: dict[str, int], dropped: int) -> Counts:
    """Return the counts, with that of the rows which were sent and not stored if there are any."""
    return Counter({**counts, "not stored": dropped} if dropped else counts)
