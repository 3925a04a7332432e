"""How far a large load has come, for the person who waits: bars on a terminal, else a line every ten seconds."""

import sys
import time
from typing import Any

from console import say

LINE_EVERY = 10.0  # seconds


class Progress:
    """Told of each batch of a load; draws nothing for what takes less than a second."""

    def __init__(self) -> None:
        self._begin = self._last_line = time.monotonic()
        self._rows: dict[str, int] = {}
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
        import tqdm  # slow to import, and of use on a terminal only

        if table not in self._bars:
            self._bars[table] = tqdm.tqdm(desc=table, unit=" rows", delay=1, file=sys.stderr, dynamic_ncols=True)
        bar = self._bars[table]
        bar.total = max(rows, round(rows / fraction)) if fraction else None
        bar.update(rows - bar.n)
