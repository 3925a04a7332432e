"""Terminals: the width of a text, and lines that are redrawn in place."""

import os
import sys
import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Return the number of columns of a text on a terminal: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


class LiveLines:
    """Lines on stdout that are redrawn in the same place."""

    def __init__(self) -> None:
        self._lines = 0  # to be drawn over
        self._size = os.terminal_size((0, 0))  # when they were drawn

    def draw(self, lines: Sequence[str]) -> bool:
        """Draw lines in place of the last ones. Return False, and draw nothing, if that is not possible.

        It is not possible if stdout is not a terminal, or a terminal without enough room: lines that have wrapped, or
        scrolled out at the top, cannot be drawn over. If the window has changed its size, the last lines have moved, so
        the new ones are drawn below them.
        """
        size = _size()
        if size is None or size.lines <= len(lines) or size.columns <= max(map(width, lines), default=0):
            self._lines = 0
            return False
        back = f"\x1b[{self._lines}A" if self._lines and size == self._size else ""
        print(back + "\n".join(f"{line}\x1b[K" for line in lines), flush=True)
        self._lines, self._size = len(lines), size
        return True

    def leave(self) -> None:
        """Leave the last lines, because something else is printed. The next lines are drawn below that."""
        self._lines = 0


def _size() -> os.terminal_size | None:
    """Return the present size of the terminal; None if stdout is not a terminal, or its size is not known."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()) if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None
