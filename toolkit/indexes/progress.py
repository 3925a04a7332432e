"""Show how far index builds are: a progress bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from toolkit.console import UserError, say
from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.catalog import fetch, is_cockroachdb
from toolkit.indexes.definitions import Index
from toolkit.progress import FIRST_DRAWN, LINE_EVERY

BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"

# The fraction of each running build that is done. A build first reads the table (blocks), then sorts and writes
# (tuples); PostgreSQL's counters start from 0 in each phase.
OF_POSTGRESQL = """
    SELECT i.relname, COALESCE(p.blocks_done::FLOAT8 / NULLIF(p.blocks_total, 0), 0) / 2
                    + COALESCE(p.tuples_done::FLOAT8 / NULLIF(p.tuples_total, 0), 0) / 2
    FROM pg_catalog.pg_stat_progress_create_index p
    JOIN pg_catalog.pg_class i ON i.oid = p.index_relid
    WHERE p.datname = current_database()"""
OF_COCKROACHDB = """
    SELECT description, fraction_completed
    FROM [SHOW JOBS]
    WHERE job_type = 'SCHEMA CHANGE' AND status = 'running' AND description LIKE 'CREATE%INDEX%'"""


class BuildProgress:
    """Shows how many indexes are built, and asks the server how far the others are, but not in the first second."""

    def __init__(self, database: Database, indexes: Sequence[Index]) -> None:
        self._database = database
        self._left = {index.name for index in indexes}
        self._all = len(self._left)
        self._begin = self._last_line = time.monotonic()
        self._bar: Any = None

    def done(self, index: Index) -> None:
        """Count an index that is built, or cannot be."""
        self._left.discard(index.name)
        self.show()

    def show(self) -> None:
        """Show the progress; to be called every now and then."""
        now = time.monotonic()
        on_terminal = sys.stderr.isatty()
        if now - (self._begin if on_terminal else self._last_line) < (FIRST_DRAWN if on_terminal else LINE_EVERY):
            return
        self._last_line = now
        done = self._all - len(self._left) + self._running_builds()
        if on_terminal:
            self._draw(done)
        else:
            say(f"building indexes: {done / self._all:.0%} of {self._all}")

    def close(self) -> None:
        """Leave the bar as it is and the cursor below it."""
        if self._bar is not None:
            self._bar.close()

    def _running_builds(self) -> float:
        """Return the sum of the fractions of the running builds; 0 where the user has no privilege to see them."""
        with suppress(UserError):
            fractions = run_or_explain(self._database, _fractions)
            return sum(
                max((fraction for text, fraction in fractions if name in text), default=0.0) for name in self._left
            )
        return 0.0

    def _draw(self, done: float) -> None:
        if self._bar is None:
            import tqdm  # of use on a terminal only

            self._bar = tqdm.tqdm(desc="indexes", total=self._all, file=sys.stderr, dynamic_ncols=True, bar_format=BAR)
            self._bar.start_t -= time.monotonic() - self._begin
        self._bar.set_postfix_str(f"{self._all - len(self._left)} of {self._all}", refresh=False)
        self._bar.update(max(0.0, done - self._bar.n))


def _fractions(cursor: Cursor) -> list[tuple[str, float]]:
    return fetch(cursor, OF_COCKROACHDB if is_cockroachdb(cursor) else OF_POSTGRESQL)
