"""How far a large load has come, for the person who waits: bars on a terminal, else a line every ten seconds."""

import sys
import time
from typing import Any

from toolkit.console import say

# Without the total, which is an estimate until the files have been read.
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:,} rows, {rate:,.0f} rows/s, {remaining} left"
LINE_EVERY = 10.0  # seconds
FIRST_DRAWN = 1.0  # second after a table's first batch: nothing is drawn of one that is done by then


class Progress:
    """Told of each batch of a load; draws nothing for what takes less than a second."""

    def __init__(self) -> None:
        self._begin = self._last_line = time.monotonic()
        self._rows: dict[str, int] = {}
        self._begun: dict[str, float] = {}
        self._bars: dict[str, Any] = {}

    def __call__(self, table: str, rows: int, fraction: float) -> None:
        """Show that so many rows of a table are committed, when this fraction of its files has been read."""
        self._rows[table] = rows
        if sys.stderr.isatty():
            self._draw(table, rows, fraction)
        elif time.monotonic() - self._last_line >= LINE_EVERY:
            self._last_line = time.monotonic()
            total = sum(self._rows.values())
            say(f"{total:,} rows, {total / (self._last_line - self._begin):,.0f} rows/s; {table} {fraction:.0%} read")

    def close(self) -> None:
        """Leave the bars as they are and the cursor below them."""
        for bar in self._bars.values():
            bar.close()

    def _draw(self, table: str, rows: int, fraction: float) -> None:
        elapsed = time.monotonic() - self._begun.setdefault(table, time.monotonic())
        if elapsed < FIRST_DRAWN:
            return
        if table not in self._bars:
            import tqdm  # slow to import, and of use on a terminal only

            # The delay keeps it from drawing itself before it knows when it began.
            self._bars[table] = tqdm.tqdm(
                desc=table, file=sys.stderr, dynamic_ncols=True, delay=1e-6, smoothing=0, bar_format=BAR
            )
            self._bars[table].start_t -= elapsed
        bar = self._bars[table]
        bar.total = max(rows, round(rows / fraction)) if fraction else None
        bar.update(rows - bar.n)
