"""Show the progress of a large load: bars on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Callable
from typing import Any

from toolkit.console import say

# The total is not shown, because it is an estimate until the files have been read.
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:,} rows, {rate:,.0f} rows/s, {remaining} left{postfix}"
LINE_EVERY = 10.0  # seconds
FIRST_DRAWN = 1.0  # second after a table's first batch: a table that is done by then gets no bar


class Progress:
    """A progress display, called for each batch. Shows nothing for what takes less than a second.

    trouble: returns what the load is waiting for, or how often it has tried again; "" if all is well. done: the word
    for what has been done with a table's rows: "read", "made".
    """

    def __init__(self, trouble: Callable[[], str] = str, done: str = "read") -> None:
        self._trouble = trouble
        self._done = done
        self._begin = self._last_line = time.monotonic()
        self._rows: dict[str, int] = {}
        self._fractions: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        self._bars: dict[str, Any] = {}
        self._latest = ""  # the table of which a batch was committed last

    def __call__(self, table: str, rows: int, fraction: float) -> None:
        """Show that so many rows of a table are committed.

        fraction: how much of the table's files has been read; 0: it is not known, because the rows come through a pipe.
        """
        self._rows[table] = rows
        self._fractions[table] = fraction
        self._latest = table
        self.show()

    def show(self) -> None:
        """Show the progress; also to be called every now and then when nothing happens."""
        if sys.stderr.isatty():
            self._draw()
        elif time.monotonic() - self._last_line >= LINE_EVERY:
            self._last_line = time.monotonic()
            total = sum(self._rows.values())
            parts = [f"{total:,} rows, {total / (self._last_line - self._begin):,.0f} rows/s"]
            if self._latest:
                fraction = self._fractions[self._latest]
                parts.append(f"{self._latest} {fraction:.0%} {self._done}" if fraction else f"{self._latest} under way")
            say("; ".join(filter(None, [*parts, self._trouble()])))

    def close(self) -> None:
        """Leave the bars as they are and the cursor below them."""
        for bar in self._bars.values():
            bar.close()

    def _draw(self) -> None:
        table = self._latest
        elapsed = time.monotonic() - self._begun.setdefault(table, time.monotonic())
        if not table or elapsed < FIRST_DRAWN:
            return
        if table not in self._bars:
            import tqdm  # slow to import, and of use on a terminal only

            # With a delay it does not draw itself before start_t is set.
            self._bars[table] = tqdm.tqdm(
                desc=table, file=sys.stderr, dynamic_ncols=True, delay=1e-6, smoothing=0, bar_format=BAR
            )
            self._bars[table].start_t -= elapsed
        bar = self._bars[table]
        rows, fraction = self._rows[table], self._fractions[table]
        bar.total = max(rows, round(rows / fraction)) if fraction else None
        bar.set_postfix_str(self._trouble(), refresh=False)
        bar.update(rows - bar.n)
        if rows == bar.n and self._trouble():
            bar.refresh()
