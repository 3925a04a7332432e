"""Large loads: one pass over the files, in batches that are transactions of their own, by several connections."""

import gc
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from toolkit.console import UserError, say
from toolkit.database import Database, run_or_explain
from toolkit.database.interruptible import LONG_SILENCE
from toolkit.loading.batch import Batch
from toolkit.loading.check.tables import TableSources, find_tables
from toolkit.loading.problems import RUN_AGAIN, BadInput, how_to_finish
from toolkit.loading.read.row_source import RowSource
from toolkit.loading.table_load import TableLoad, checked_batches
from toolkit.loading.write import existing_rows, sequences
from toolkit.loading.write.order import by_references, referenced
from toolkit.loading.write.writer import Counts
from toolkit.progress import Progress


def load_large(
    database: Database, sources: list[RowSource], *, skip: bool, dry_run: bool, connections: int
) -> dict[str, Counts]:
    """Load the rows of these sources in one pass, batch by batch; return what became of each table's rows.

    skip: rows that are there already are left alone, else updated if they differ. dry_run: the rows are checked without
    the server, and nothing is written. connections: how many batches are under way at once. May be repeated. Raises
    BadInput at the first bad row, or another UserError: both say what is committed.
    """
    found, problems = find_tables(database, sources)
    if problems:
        raise BadInput(problems)
    by_name: dict[str, TableSources] = {rows.table.name: rows for rows in found}
    ordered = [by_name[table.name] for table in by_references([rows.table for rows in found])]
    with _without_garbage_collection():
        if dry_run:
            return _dry_run(database, ordered)
        load = LargeLoad(database, ordered, connections=connections, skip=skip)
        progress = Progress(load.trouble)
        try:
            load.run(progress)
        except KeyboardInterrupt:
            progress.close()
            say(f"{load.committed()} {RUN_AGAIN}")
            raise
        finally:
            progress.close()
        return load.counts


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Do without it: a million rows make no cycles, and looking for them takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _dry_run(database: Database, ordered: list[TableSources]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for rows in ordered:
        counts[rows.table.name] = Counter(checked=0)
        for batch in checked_batches(database, rows):
            if existing_rows.must_exist(batch):
                problems = run_or_explain(database, partial(existing_rows.incomplete_rows, batch=batch))
                if problems:
                    raise BadInput(problems)
            counts[rows.table.name]["checked"] += batch.size
    print("References, CHECK and UNIQUE constraints are judged by the server, which was not asked: it is a large load")
    return counts


class LargeLoad:
    """A large load, table after table in the order of the foreign keys, and what it has committed so far.

    ordered: the tables, each after those it refers to. connections: how many batches are under way at once.
    """

    def __init__(self, database: Database, ordered: list[TableSources], *, connections: int, skip: bool) -> None:
        self._database = database
        self._connections = connections
        self._waiting = [TableLoad(database, rows, skip=skip) for rows in ordered]
        self._loads = list(self._waiting)
        self._active: list[TableLoad] = []
        self._to_write: SimpleQueue[tuple[TableLoad, Batch] | None] = SimpleQueue()  # None: that was all
        self._written: SimpleQueue[tuple[TableLoad, Batch, Counts | BaseException]] = SimpleQueue()
        self._committed_at = time.monotonic()
        self._under_way = 0  # how many batches are in one of these, or between them

    @property
    def counts(self) -> dict[str, Counts]:
        """What is committed of each table."""
        return {load.table.name: load.counts for load in self._loads}

    def run(self, progress: Progress) -> None:
        """Load everything; to be called once.

        Each batch may be written again after a lost connection. Raises BadInput at the first bad row, or another
        UserError: the text says what is committed, and running the load again finishes it.
        """
        for _ in range(self._connections):
            # Daemons, because nothing can cut short one that is connecting: Ctrl-C need not wait for it.
            Thread(target=self._write_batches, daemon=True).start()
        try:
            self._activate()
            while self._active:
                if not self._send():
                    self._collect(progress)
                self._activate()
        except KeyboardInterrupt:
            self._await_those_under_way()
            raise
        except BadInput as error:
            self._await_those_under_way()
            # Ctrl-C also ends what sends rows through a pipe, in the middle of a line, and perhaps a moment before us.
            self._database.sleep(0.3)
            raise BadInput(error.problems, f"{self.committed()} Mend them and run it again: that finishes.") from error
        except UserError as error:
            self._await_those_under_way()
            raise UserError(f"{error}. {self.committed()} {how_to_finish(error)}") from error
        finally:
            for _ in range(self._connections):
                self._to_write.put(None)

    def committed(self) -> str:
        """Say how many rows are committed. A batch whose connection was lost in COMMIT may be there, too."""
        parts = [f"{name} {counts.total():,}" for name, counts in self.counts.items()]
        return f"Committed rows, at least: {', '.join(parts)}."

    def trouble(self) -> str:
        """Say what keeps the load waiting, for its progress line; "" if nothing does."""
        silence, retries = self._database.silence(), self._database.retries
        parts = [f"no answer for {silence:.0f} s"] if silence >= LONG_SILENCE else []
        parts += [f"{retries:,} {'retry' if retries == 1 else 'retries'}"] if retries else []
        return ", ".join(parts)

    def _last_commit(self) -> float:
        """Return when a batch was last committed: a load gives up when none was for --retry-for seconds.

        On a cluster that has lost a node single statements wait for half a minute and more, while others go on.
        """
        return self._committed_at

    def _activate(self) -> None:
        """Start the tables whose references are complete, and forget those that are done."""
        for load in [load for load in self._active if load.is_done]:
            self._active.remove(load)
            sequences.advance_past_committed(self._database, load.table)
        missing = {load.table.name for load in [*self._waiting, *self._active]}
        for load in [load for load in self._waiting if not referenced(load.table) & missing - {load.table.name}]:
            self._waiting.remove(load)
            self._active.append(load)

    def _send(self) -> bool:
        """Read a batch of an active table and hand it to a connection; return whether there was any."""
        for load in list(self._active):
            if self._under_way >= 2 * self._connections or not load.may_send:
                continue
            self._active.remove(load)
            self._active.append(load)  # the others come first the next time
            batch = load.next_batch()
            if batch:
                self._to_write.put((load, batch))
                self._under_way += 1
            if batch or load.is_read:
                return True
        return False

    def _write_batches(self) -> None:
        while task := self._to_write.get():
            load, batch = task
            try:
                counts = load.write(batch, self._last_commit)
                self._committed_at = time.monotonic()
                self._written.put((load, batch, counts))
            except BaseException as error:
                self._written.put((load, batch, error))

    def _collect(self, progress: Progress) -> None:
        """Wait a moment for a batch to be committed, and count it."""
        try:
            load = self._count()
        except Empty:
            if self._database.is_interrupted:
                raise KeyboardInterrupt from None
            progress.show()
        else:
            progress(load.table.name, load.counts.total(), load.fraction_read())

    def _count(self) -> TableLoad:
        """Count a written batch, or raise what became of it. Raises Empty if there is none for a moment."""
        load, batch, result = self._written.get(timeout=0.2)
        self._under_way -= 1
        if isinstance(result, BaseException):
            load.end(batch, Counter())
            raise result
        load.end(batch, result)
        return load

    def _await_those_under_way(self) -> None:
        """Let the batches that are under way end, one way or another, and count them."""
        with suppress(Empty):
            while True:
                self._to_write.get_nowait()
                self._under_way -= 1
        while self._under_way:
            try:
                with suppress(UserError, KeyboardInterrupt):
                    self._count()
            except Empty:
                if self._database.is_interrupted:
                    return
