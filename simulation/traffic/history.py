"""The history of a worker: a log of its calls that write and of their outcomes, in a temporary file.

As in Jepsen's histories a call has two entries: that it began, and how it ended. Outcomes are ok (confirmed), fail
(refused: nothing of it is in the database) and info (it is not known).
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from io import BufferedReader, RawIOBase
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.console import UserError

OK, FAIL, INFO = "ok", "fail", "info"

LINES_AT_ONCE = 500  # that are written to the file


class Call(NamedTuple):
    """A call, from its two entries.

    begin, end: as of time.monotonic(). end is infinite if the outcome is info: the write may still take effect. user:
    the key of the user for whom the call was made, 0 for plans. operation: as in operations.py. key: of the row that it
    writes. sent: the values to be written. got: column -> value of the row that a confirmed call has returned.
    """

    begin: float
    end: float
    user: int
    operation: str
    key: str
    sent: list[Any]
    outcome: str
    got: dict[str, Any]


class History:
    """The log of one worker, which makes one call after the other.

    path: the file. With it the History can be pickled for another process, and the file has to be removed by whoever
    has made it. None: the file has no name, and is gone with the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.calls = 0
        self._path = path
        self._file: RawIOBase = (  # open as long as the History exists
            path.open("a+b", buffering=0) if path else tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115
        )
        self._lines: list[str] = []  # not in the file yet

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path, "calls": self.calls, "lines": self._lines}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]
        self.calls, self._lines = state["calls"], state["lines"]

    def begin(self, now: float, user: int, operation: str, key: object, sent: list[Any]) -> None:
        """Log that a call begins. Raises UserError if that cannot be written: the call must not be made then."""
        self.calls += 1
        self._lines.append(json.dumps([now, user, operation, str(key), sent], default=str))
        if len(self._lines) >= LINES_AT_ONCE:
            self._write()

    def end(self, now: float, outcome: str, got: dict[str, Any]) -> None:
        """Log how the call ended that began last."""
        self._lines.append(json.dumps([now, outcome, got], default=str))

    def read_calls(self) -> Iterator[Call]:
        """Yield the calls in their order. To be called when no more calls are made."""
        self._file.seek(0)
        reader = BufferedReader(self._file)
        try:
            yield from _calls(chain(reader, self._lines))
        finally:
            reader.detach()  # or the file would be closed with it

    def _write(self) -> None:
        """Write the lines to the file. After an error they stay in memory, so that no call is lost."""
        size = self._file.tell()
        data = "".join(f"{line}\n" for line in self._lines).encode()
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:]) or 0
        except OSError as error:
            self._file.truncate(size)
            raise UserError(
                f"the history of the calls cannot be written to {tempfile.gettempdir()}, so the run was ended: "
                f"{error.strerror}"
            ) from error
        self._lines.clear()


def _calls(lines: Iterable[bytes | str]) -> Iterator[Call]:
    """Yield the calls of these lines. A call without an end has the outcome info."""
    begun: list[Any] | None = None
    for line in lines:
        entry = json.loads(line)
        if len(entry) == 5:
            if begun:
                yield _call(begun, [0.0, INFO, {}])
            begun = entry
        elif begun:
            yield _call(begun, entry)
            begun = None
    if begun:
        yield _call(begun, [0.0, INFO, {}])


def _call(begun: list[Any], ended: list[Any]) -> Call:
    begin, user, operation, key, sent = begun
    end, outcome, got = ended
    return Call(begin, float("inf") if outcome == INFO else end, user, operation, key, sent, outcome, got)
