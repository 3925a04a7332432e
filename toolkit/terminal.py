"""What a terminal shows: how wide a text is there, and lines that are drawn again in place."""

import os
import sys
import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for wide letters, none for marks on another letter."""
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


class Redrawn:
    """Lines on stdout that are drawn again and again in the same place."""

    def __init__(self) -> None:
        self._lines = 0  # that the next ones are drawn over
        self._size = os.terminal_size((0, 0))  # when they were drawn

    def draw(self, lines: Sequence[str]) -> bool:
        """Draw lines in place of the last ones. Return False if that is not possible: then nothing is drawn.

        It is not where stdout is no terminal, or one that has no room for the lines now: what has wrapped, or was
        pushed out at the top, cannot be drawn over. A window that changed its size has moved the last lines, so these
        are drawn below them.
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
        """Leave the lines as they are: something else is printed, and the next ones are drawn below that."""
        self._lines = 0


def _size() -> os.terminal_size | None:
    """Return the size that the terminal has now; None if stdout is none, or does not say."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()) if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None
