"""A script on a terminal of its own, as a person has it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


class Terminal:
    """A script of the project that reads from a terminal and writes to it. shown: what it has written so far.

    options: for the process, in place of these: cwd, env, stdout ...
    """

    def __init__(self, *command: str, columns: int = 120, lines: int = 24, **options: Any) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns, lines)  # a new one has no columns
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        usual = {"cwd": PROJECT, "start_new_session": True, "preexec_fn": _take_terminal, **streams}
        self.process = subprocess.Popen([sys.executable, *command], **{**usual, **options})
        os.close(theirs)
        self.shown = ""

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def read_until(self, text: str) -> None:
        """Read until the script has written this."""
        while text not in self.shown:
            assert self._read(), f"it ended before it said {text!r}: {self.shown}"

    def type(self, text: str) -> None:
        """Type something on the keyboard; \\x03 is Ctrl-C, and \\x04 the end of what is typed."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read all that the script writes until it ends, and return its exit status."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait()

    def _read(self) -> bool:
        """Read what is written next; return False at the end."""
        assert select.select([self._ours], [], [], 60)[0], f"a minute without a word: {self.shown}"
        try:
            more = os.read(self._ours, 65536)
        except OSError:  # Linux: the last one at the other end has left
            return False
        self.shown += more.decode()
        return bool(more)


def _take_terminal() -> None:
    """Make the terminal that of the session, so that Ctrl-C on it reaches the script."""
    fcntl.ioctl(2, termios.TIOCSCTTY, 0)
