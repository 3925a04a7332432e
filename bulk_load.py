"""Large loads: one pass over the files, in batches that are transactions of their own, by several connections."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

import psycopg2

import sequences
from batches import Counts, Writer, explain, sort, split
from catalog import Table
from checks import Batch, check, find_duplicates, parents_first, referenced, refers_to_itself
from console import Failure, say
from database import Database, run_transaction
from fixtures import BadInput, Problem, Read, Rows

# Rows are sorted by key within a window: neighbours in the table are then written together, which CockroachDB rewards.
WINDOW_ROWS = 10_000
WINDOW_CHUNKS = 64  # of 128 kB, or of one row if that is larger

# Told of each batch: the table's name, how many of its rows are committed, and how much of its files is read (0 to 1).
Progress = Callable[[str, int, float], None]


def checked_batches(table: Table, files: list[Rows]) -> Iterator[Batch]:
    """Read the rows of a table and return them in checked batches. Raises BadInput at the first bad window."""
    for window in _windows(table, files):
        problems: list[Problem] = []
        batches = _joined(window)
        find_duplicates(table, batches, problems)
        if problems:
            raise BadInput(problems)
        if refers_to_itself(table):
            batches = parents_first(table, batches)
        else:
            for batch in batches:
                sort(batch)
        for batch in batches:
            yield from split(batch)


def _windows(table: Table, files: list[Rows]) -> Iterator[list[Batch]]:
    window: list[Batch] = []
    rows = chunks = 0
    for chunk in (chunk for rows_of_file in files for chunk in rows_of_file.chunks()):
        window += _check(table, chunk)
        rows += len(chunk)
        chunks += 1
        if rows >= WINDOW_ROWS or chunks == WINDOW_CHUNKS:
            yield window
            window = []
            rows = chunks = 0
    if window:
        yield window


def _check(table: Table, chunk: list[Read]) -> list[Batch]:
    problems: list[Problem] = []
    batches = check(table, chunk, problems)
    if problems:
        raise BadInput(problems)
    return batches


def _joined(batches: Iterable[Batch]) -> list[Batch]:
    """Return the rows of all batches in one batch for each set of columns."""
    joined: dict[tuple[str, ...], Batch] = {}
    for batch in batches:
        earlier = joined.get(batch.columns)
        if earlier:
            earlier.rows.extend(batch.rows)
            batch = earlier._replace(widest=max(earlier.widest, batch.widest))
        joined[batch.columns] = batch
    return list(joined.values())


class _TableLoad:
    """One table on its way."""

    def __init__(self, table: Table, files: list[Rows]) -> None:
        self.table = table
        self.files = files
        self.batches = checked_batches(table, files)
        self.in_flight = 0
        self.is_read = False
        self.counts: Counts = Counter()
        self.highest: dict[str, int] = {}

    @property
    def may_send(self) -> bool:
        """Whether the next batch may go out: in a table that refers to itself, parents have to be there first."""
        return not self.is_read and not (self.in_flight and refers_to_itself(self.table))

    @property
    def is_done(self) -> bool:
        return self.is_read and not self.in_flight

    def fraction_read(self) -> float:
        return sum(rows.fraction_read() for rows in self.files) / len(self.files)


class BulkLoad:
    """A large load, table after table in the order of the foreign keys, and what it has committed so far.

    tables: those to load, in order. files: the rows of each, by table name. connections: how many batches are under way
    at once.
    """

    def __init__(
        self, database: Database, tables: list[Table], files: dict[str, list[Rows]], *, connections: int, skip: bool
    ) -> None:
        self._database = database
        self._skip = skip
        self._connections = connections
        self._waiting = [_TableLoad(table, files[table.name]) for table in tables]
        self._loads = list(self._waiting)
        self._active: list[_TableLoad] = []
        self._under_way: dict[Future[Counts], tuple[_TableLoad, Batch]] = {}

    @property
    def counts(self) -> dict[str, Counts]:
        """What is committed of each table."""
        return {load.table.name: load.counts for load in self._loads}

    def run(self, progress: Progress) -> None:
        """Load everything; to be called once.

        Each batch may be written again after a lost connection. Raises BadInput at the first bad row, or another
        Failure: the text says what is committed, and running the load again finishes it.
        """
        pool = ThreadPoolExecutor(self._connections)
        try:
            self._activate()
            while self._active:
                if not self._send(pool):
                    self._collect(progress)
                self._activate()
        except KeyboardInterrupt:
            self._settle()
            say(self._committed())
            raise
        except BadInput as error:
            self._settle()
            raise BadInput(error.problems, f"{self._committed()} Mend them and run it again: that finishes.") from error
        except Failure as error:
            self._settle()
            raise Failure(f"{error}. {self._committed()} Running it again finishes.") from error
        finally:
            pool.shutdown(cancel_futures=True)

    def _activate(self) -> None:
        """Start the tables whose references are complete, and forget those that are done."""
        for load in [load for load in self._active if load.is_done]:
            self._active.remove(load)
            self._advance_sequences(load)
        missing = {load.table.name for load in [*self._waiting, *self._active]}
        for load in [load for load in self._waiting if not referenced(load.table) & missing - {load.table.name}]:
            self._waiting.remove(load)
            self._active.append(load)

    def _send(self, pool: ThreadPoolExecutor) -> bool:
        """Read a batch of each active table and hand it to a connection; return whether there was any."""
        sent = False
        for load in self._active:
            if len(self._under_way) >= 2 * self._connections or not load.may_send:
                continue
            batch = next(load.batches, None)
            if batch is None:
                load.is_read = True
            else:
                self._under_way[pool.submit(self._write, batch)] = (load, batch)
                load.in_flight += 1
            sent = True
        return sent

    def _write(self, batch: Batch) -> Counts:
        return run_transaction(
            self._database, lambda cursor: Writer(cursor, skip=self._skip).write(batch), repeatable=True
        )

    def _collect(self, progress: Progress) -> None:
        """Wait until a batch is committed, and count it."""
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        for future in done:
            load = self._count(future)
            progress(load.table.name, load.counts.total(), load.fraction_read())

    def _count(self, future: "Future[Counts]") -> _TableLoad:
        load, batch = self._under_way.pop(future)
        load.in_flight -= 1
        try:
            counts = future.result()
        except psycopg2.Error as error:
            raise explain(error, self._database, [batch], skip=self._skip) from error
        load.counts.update(counts)
        for column, value in sequences.highest(batch).items():
            load.highest[column] = max(value, load.highest.get(column, value))
        return load

    def _settle(self) -> None:
        """Let the batches that are under way end, one way or another, and count them."""
        for future in list(self._under_way):
            if not future.cancel():
                with suppress(Failure, psycopg2.Error, KeyboardInterrupt):
                    self._count(future)

    def _committed(self) -> str:
        parts = [f"{name} {counts.total():,}" for name, counts in self.counts.items()]
        return f"Committed rows: {', '.join(parts)}."

    def _advance_sequences(self, load: _TableLoad) -> None:
        if load.highest:
            run_transaction(
                self._database, lambda cursor: sequences.advance(cursor, load.table, load.highest), repeatable=True
            )
