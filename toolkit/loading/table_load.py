"""One table of a large load, on its way from the files to the database."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any

import psycopg2

from toolkit.database import IDEMPOTENT, AmbiguousCommit, Database, run_or_explain, run_transaction
from toolkit.loading.batch import Batch, merged, split
from toolkit.loading.check.keys import (
    all_keys,
    ask_for_duplicates,
    compared_by_server,
    find_duplicates,
    keys_compared_by_server,
)
from toolkit.loading.check.rows import check
from toolkit.loading.check.tables import TableSources
from toolkit.loading.diagnose.error_classes import is_rows_fault
from toolkit.loading.diagnose.write_or_diagnose import ask_of_rows, write_or_diagnose
from toolkit.loading.fast_path import LineMatcher
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.read.json_lines import JsonLines
from toolkit.loading.read.row_source import sort_problems
from toolkit.loading.write.order import batches_of, in_order, refers_to_itself
from toolkit.loading.write.sequences import advance, find_sequences, furthest_given
from toolkit.loading.write.writer import Counts, Writer

# Rows are sorted by key within a window: neighbours in the table are then written together, which CockroachDB rewards.
WINDOW_ROWS = 10_000
WINDOW_CHUNKS = 64  # of 128 kB, or of one row if that is larger


class TableLoad:
    """One table on its way: what is read of it, what is under way, and what is committed."""

    def __init__(self, database: Database, rows: TableSources, *, skip: bool) -> None:
        self.table = rows.table
        self._database = database
        self._skip = skip
        self._sources = rows.sources
        self._batches = checked_batches(database, rows)
        self._batches_under_way = 0
        self.is_read = False
        self.counts: Counts = Counter()
        self._met_rows = False  # whether a row came that was there already
        self._sequences = run_or_explain(database, partial(find_sequences, table=self.table))
        self._advanced_to: dict[str, int] = {}  # how far the sequences were moved, by column
        self._sequence_lock = Lock()
        self._keys_under_way: set[Any] = set()
        self._next: Batch | None = None  # has been read, and waits for its turn

    @property
    def may_send(self) -> bool:
        """Whether the next batch may go out. In a table that refers to itself, parents have to be there first; and of
        keys with several spellings it is not known whether those under way have the same.
        """
        goes_alone = refers_to_itself(self.table) or compared_by_server(self.table, self.table.primary_key)
        return not self.is_read and not (self._batches_under_way and goes_alone)

    @property
    def is_done(self) -> bool:
        return self.is_read and not self._batches_under_way

    def next_batch(self) -> Batch | None:
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
        self._batches_under_way += 1
        batch, self._next = self._next, None
        return batch

    def write(self, batch: Batch, since: Callable[[], float]) -> Counts:
        """Write a batch in a transaction of its own, while other threads write others. since: as in run_transaction().

        Raises BadInput if rows are at fault, or another UserError.
        """
        self._advance_sequences_past(batch)
        if not self._met_rows:
            # Most rows are loaded once, and a plain INSERT costs the server less. Whatever it fails by, the way below
            # meets again, and handles: an existing row, which may be its own after an ambiguous COMMIT, or a bad row.
            try:
                return run_transaction(
                    self._database,
                    lambda cursor: Writer(cursor, skip=self._skip).insert(batch),
                    IDEMPOTENT,
                    since=since,
                )
            except psycopg2.Error:
                self._met_rows = True
            except AmbiguousCommit as error:
                # Its own rows, if an earlier try was committed after all.
                if not isinstance(error.__cause__, psycopg2.Error) or not is_rows_fault(error.__cause__):
                    raise
                self._met_rows = True
        return write_or_diagnose(
            self._database,
            [batch],
            lambda cursor: Writer(cursor, skip=self._skip).write(batch),
            skip=self._skip,
            since=since,
        )

    def end(self, batch: Batch, counts: Counts) -> None:
        """Note that a batch is not under way any more, and what became of its rows; nothing if it is not committed."""
        self.counts.update(counts)
        self._batches_under_way -= 1
        self._keys_under_way.difference_update(all_keys(batch))

    def fraction_read(self) -> float:
        """Return how much of its files has been read, from 0 to 1."""
        return sum(source.fraction_read() for source in self._sources) / len(self._sources)

    def _advance_sequences_past(self, batch: Batch) -> None:
        """Move the sequences past a batch's values before these are committed: a kill leaves none uncovered."""
        for sequence in self._sequences:
            value = furthest_given(sequence, [batch])
            with self._sequence_lock:
                known = self._advanced_to.get(sequence.column)
                if value is not None and (known is None or sequence.furthest([known, value]) != known):
                    run_or_explain(self._database, partial(advance, sequence=sequence, value=value))
                    self._advanced_to[sequence.column] = value


def checked_batches(database: Database, rows: TableSources) -> Iterator[Batch]:
    """Read the rows of a table and return them in checked batches. Raises BadInput at the first bad window.

    The files are read, checked and sorted some 10,000 rows at a time. The database is asked only for duplicates of keys
    that have several spellings.
    """
    chunks = _checked_chunks(rows, database.stop_if_interrupted)
    while window := _next_window(database, rows, chunks):
        while window:
            yield window.popleft()  # what has been sent is not kept


def _checked_chunks(rows: TableSources, while_waiting: Callable[[], None]) -> Iterator[list[Batch]]:
    """Return the rows, some hundreds at a time and at least one: a chunk of empty lines is not the end."""
    problems: list[Problem] = []
    for batches in _chunks(rows, problems, while_waiting):
        if problems:
            raise BadInput(sort_problems(problems, rows.sources))
        if batches:
            yield batches


def _chunks(rows: TableSources, problems: list[Problem], while_waiting: Callable[[], None]) -> Iterator[list[Batch]]:
    """Return the rows as they are read; what is wrong with them is added to the problems."""
    reader = LineMatcher(rows.table)
    before = 0
    for source in rows.sources:
        if isinstance(source, JsonLines):
            yield from reader.check(source, problems, while_waiting)
            continue
        for raw in source.read(while_waiting):
            yield check(rows.table, raw, problems, before)
            before += raw.positions


def _next_window(database: Database, rows: TableSources, chunks: Iterator[list[Batch]]) -> deque[Batch]:
    batches = merged(_window(chunks))
    problems = find_duplicates(rows.table, batches)
    if keys_compared_by_server(rows.table):
        problems += ask_of_rows(database, partial(ask_for_duplicates, table=rows.table, batches=batches))
    if problems:
        raise BadInput(sort_problems(problems, rows.sources))
    # A cycle that no statement holds is for the server to refuse: the load has no transaction in which it could wait.
    steps = in_order([rows.table], batches)
    return deque(part for step in steps for batch in batches_of(step) for part in split(batch))


def _window(chunks: Iterator[list[Batch]]) -> Iterator[Batch]:
    """Return the rows of the next window."""
    rows = 0
    for batches in islice(chunks, WINDOW_CHUNKS):
        yield from batches
        rows += sum(batch.size for batch in batches)
        if rows >= WINDOW_ROWS:
            return
