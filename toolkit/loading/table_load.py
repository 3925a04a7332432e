"""One table of a large load, on its way from the files to the database."""

from collections import Counter
from functools import partial
from threading import Lock
from typing import Any

from toolkit.database import Database, run_or_explain
from toolkit.database.tables import Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.duplicates import all_keys
from toolkit.loading.check.spellings import has_spelled_key
from toolkit.loading.check.table_order import refers_to_itself
from toolkit.loading.read.row_source import Source
from toolkit.loading.windows import checked_batches
from toolkit.loading.write.sequences import Sequence, advance, find_sequences, given
from toolkit.loading.write.writer import Counts


class TableLoad:
    """One table on its way: what is read of it, what is under way, and what is committed."""

    def __init__(self, database: Database, table: Table, files: list[Source]) -> None:
        self.table = table
        self.files = files
        self._batches = checked_batches(database, table, files)
        self.in_flight = 0
        self.is_read = False
        self.counts: Counts = Counter()
        self.met_rows = False  # whether a row came that was there already
        self._sequences: list[Sequence] = []
        self._covered: dict[str, int] = {}  # how far the sequences were moved, by column
        self._sequence_lock = Lock()
        self._keys_under_way: set[Any] = set()
        self._next: Batch | None = None  # has been read, and waits for its turn

    @property
    def may_send(self) -> bool:
        """Whether the next batch may go out. In a table that refers to itself, parents have to be there first; and of
        keys with several spellings it is not known whether those under way have the same.
        """
        goes_alone = refers_to_itself(self.table) or has_spelled_key(self.table)
        return not self.is_read and not (self.in_flight and goes_alone)

    @property
    def is_done(self) -> bool:
        return self.is_read and not self.in_flight

    def take(self) -> Batch | None:
        """Return the next batch to write. None: that was all, or it has to wait for those that are under way.

        It waits for a batch with a row of the same key, because the later row in the order of the files is to stand.
        (Within a window no key occurs twice: that would be a problem.)
        """
        self._next = self._next or next(self._batches, None)
        if self._next is None:
            self.is_read = True
            return None
        keys = all_keys(self._next)
        if not self._keys_under_way.isdisjoint(keys):
            return None
        self._keys_under_way.update(keys)
        self.in_flight += 1
        batch, self._next = self._next, None
        return batch

    def end(self, batch: Batch) -> None:
        """Note that a batch is not under way any more."""
        self.in_flight -= 1
        self._keys_under_way.difference_update(all_keys(batch))

    def fraction_read(self) -> float:
        """Return how much of its files has been read, from 0 to 1."""
        return sum(rows.fraction_read() for rows in self.files) / len(self.files)

    def find_sequences(self, database: Database) -> None:
        """Find out which sequences the table has; to be called before its first batch is written."""
        self._sequences = run_or_explain(database, partial(find_sequences, table=self.table))

    def cover(self, database: Database, batch: Batch) -> None:
        """Move the sequences past a batch's values, to be called before these are committed: a kill leaves none
        uncovered.
        """
        for sequence in self._sequences:
            with self._sequence_lock:
                known = (given(sequence, batch), self._covered.get(sequence.column))
                value = sequence.furthest(value for value in known if value is not None)
                if value is not None and value != self._covered.get(sequence.column):
                    run_or_explain(database, partial(advance, sequence=sequence, value=value))
                    self._covered[sequence.column] = value
