"""Batches of checked rows -> tables."""

from collections import Counter

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import is_cockroachdb
from toolkit.loading.batch import Batch
from toolkit.loading.problems import BadInput
from toolkit.loading.write import existing_rows, statements
from toolkit.loading.write.existing_rows import Existing
from toolkit.loading.write.order import refers_to_itself
from toolkit.loading.write.statements import execute

# What became of rows: "new", "changed", "unchanged", ... -> how many. "not stored": triggers of the table dropped them.
Counts = Counter[str]


class Writer:
    """Writes batches by one cursor: rows that are there already are updated if they differ, or skipped.

    A batch goes in one statement, INSERT ... ON CONFLICT, unless needs_lookup().
    """

    def __init__(self, cursor: Cursor, *, skip: bool = False) -> None:
        self._cursor = cursor
        self._skip = skip
        # How written rows are counted where new and changed ones are not told apart; and those that stay as they are.
        self._written_label, self.untouched_label = ("new", "left alone") if skip else ("new or changed", "unchanged")

    def zero_counts(self) -> Counts:
        """Return the counts of no rows, of all kinds that write_counted() tells from each other."""
        kinds = ["new", *([] if self._skip else ["changed"]), self.untouched_label]
        return Counter(dict.fromkeys(kinds, 0))

    def write(self, batch: Batch) -> Counts:
        """Write the rows of a batch. May be repeated. Raises BadInput as match_existing() does."""
        if needs_lookup(batch):
            counts = self._update_and_insert(batch)
            if not self._skip:
                counts = Counter({self._written_label: counts.pop("new") + counts.pop("changed"), **counts})
            return counts
        statement = statements.insert_or_skip(batch) if self._skip else statements.upsert(batch)
        written = self._run(statement, batch)
        return Counter({self._written_label: written, self.untouched_label: batch.size - written})

    def insert(self, batch: Batch) -> Counts:
        """Write the rows of a batch, none of which may be there already: half the work for CockroachDB."""
        written = self._run(statements.insert(batch), batch)
        return with_dropped({self._written_label: written, self.untouched_label: 0}, batch.size - written)

    def defer_constraints(self) -> None:
        """Let the server judge at the end of the transaction whatever can be judged there (PostgreSQL)."""
        self._cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    def check_deferred_constraints(self) -> None:
        """Let the server judge now what it would judge at COMMIT. CockroachDB has no deferred constraints."""
        if not is_cockroachdb(self._cursor):
            self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def write_counted(self, batch: Batch) -> Counts:
        """Write the rows of a batch as write() does, and tell the new ones from the changed ones, by reading first."""
        if needs_lookup(batch):
            return self._update_and_insert(batch)
        if self._skip:
            return self.write(batch)
        found = existing_rows.find_existing(self._cursor, batch)
        new, changed = len(found.new), len(found.changed)
        written = self._run(statements.upsert(batch), batch) if new or changed else 0
        dropped = new + changed - written
        if dropped:  # by something that the catalog does not tell of
            new -= len(existing_rows.find_existing(self._cursor, batch).new)
            changed = written - new
        return with_dropped({"new": new, "changed": changed, "unchanged": found.same}, dropped)

    def _update_and_insert(self, batch: Batch) -> Counts:
        """Write the rows of a batch: those that are there are updated, or skipped, and the others inserted."""
        found = self.match_existing(batch)
        # A new row may have a unique value that one that is there gives up; or that one may refer to the new one.
        writes = [(self.update_counted, found.changed), (self.insert_counted, found.new)]
        if refers_to_itself(batch.table):
            writes.reverse()
        counts = self.zero_counts()
        for write, indexes in writes:
            counts.update(write(batch.select_rows(indexes)))
        counts[self.untouched_label] += batch.size - counts.total()
        return counts

    def match_existing(self, batch: Batch) -> Existing:
        """Tell the rows of a batch that are there already from those that are not.

        Raises BadInput if a key that was made from a position is that of a row that differs, if a new row leaves out
        what it must give, or if a row that is there would get another identity.
        """
        found = existing_rows.find_existing(self._cursor, batch)
        changed = batch.select_rows(found.changed)
        problems = existing_rows.missing_columns(batch, found.new)
        if batch.position_key:
            problems += existing_rows.claimed_keys(self._cursor, changed)
        elif not self._skip:
            problems += existing_rows.changed_identities(self._cursor, changed)
        if problems:
            raise BadInput(problems)
        return found

    def insert_counted(self, batch: Batch) -> Counts:
        """Write rows whose keys are not there: some may be dropped by a trigger, or left alone if they are skipped."""
        inserted = self._insert_new(batch)
        if not self._skip:
            return with_dropped({"new": inserted}, batch.size - inserted)
        left = batch.size - inserted
        if left and batch.table.has_row_triggers:
            left = len(existing_rows.conflicting_rows(self._cursor, batch))
        return with_dropped({"new": inserted, self.untouched_label: left}, batch.size - inserted - left)

    def _insert_new(self, batch: Batch) -> int:
        if self._skip:
            if not batch.table.has_deferrable_key:
                return self._run(statements.insert_or_skip(batch), batch)
            conflicting = existing_rows.conflicting_rows(self._cursor, batch)
            batch = batch.select_rows([index for index in range(batch.size) if index not in conflicting])
        return self._run(statements.insert(batch), batch)

    def update_counted(self, batch: Batch) -> Counts:
        """Write rows whose keys are there and which differ, unless they are skipped."""
        if self._skip:
            return Counter()
        updated = self._update(batch)
        return with_dropped({"changed": updated}, batch.size - updated)

    def fill_in_cleared(self, batch: Batch) -> Counts:
        """Write the columns that were NULL when the rows were inserted. What a trigger drops now counts as not new."""
        self._update(batch)
        lost = existing_rows.find_existing(self._cursor, batch).changed if batch.table.has_row_triggers else []
        return with_dropped({"new": -len(lost)}, len(lost))

    def _update(self, batch: Batch) -> int:
        return self._run(statements.update(batch), batch)

    def _run(self, statement: sql.Composable, batch: Batch) -> int:
        if not batch.size:
            return 0
        execute(self._cursor, statement, batch)
        return self._cursor.rowcount


def needs_lookup(batch: Batch) -> bool:
    """Whether the rows that are there already have to be told from the others before a batch is written.

    Of rows that leave out columns, PostgreSQL would judge the new row that an INSERT would make, with its defaults;
    triggers see an INSERT or an UPDATE, and may drop it, which has to be counted; ON CONFLICT does not know constraints
    that are deferrable; and a key made from a position must not change another's row.
    """
    columns = batch.table.columns
    return (
        batch.position_key is not None
        or batch.table.has_row_triggers
        or len(batch.columns) < sum(not column.given_by_server for column in columns.values())
        or any(columns[name].identity == "a" for name in batch.columns if name not in batch.table.primary_key)
        or batch.table.has_deferrable_key
    )


def with_dropped(counts: dict[str, int], dropped: int) -> Counts:
    """Return the counts, with that of the rows which were sent and not stored if there are any."""
    return Counter({**counts, "not stored": dropped} if dropped else counts)
