"""What a worker has called and what came of it: a temporary file for each worker.

As in Jepsen's histories a call has two entries: that it was begun, and how it ended: ok (confirmed), fail (refused:
nothing of it is in the database) or info (nobody knows). Only calls that write are there; the others prove nothing.
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

LINES_AT_ONCE = 500  # are written to the file


class Event(NamedTuple):
    """A call, from its two entries.

    begin, end: as time.monotonic() tells it. user: the key of the user whose worker has made it, 0 for plans. call: the
    operation's name. key: of the row that it writes. sent: the values it was to write. end is infinite if nobody knows
    what came of the call: it may still come true. got: what the confirmed row says beyond that, by column.
    """

    begin: float
    end: float
    user: int
    call: str
    key: str
    sent: list[Any]
    outcome: str
    got: dict[str, Any]


class History:
    """The calls of one worker, which makes one after the other.

    path: the file, for one that another process is to read; it can be pickled then, and whoever takes it over has to
    remove the file. Else the file has no name, and goes with the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.calls = 0
        self._path = path
        self._file: RawIOBase = (  # as long as there is a History
            path.open("a+b", buffering=0) if path else tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115
        )
        self._lines: list[str] = []  # that are not in the file yet

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path, "calls": self.calls, "lines": self._lines}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]
        self.calls, self._lines = state["calls"], state["lines"]

    def begin(self, now: float, user: int, call: str, key: object, sent: list[Any]) -> None:
        """Write down that a call begins. Raises UserError if that is not possible: the call must not be made then."""
        self.calls += 1
        self._lines.append(json.dumps([now, user, call, str(key), sent], default=str))
        if len(self._lines) >= LINES_AT_ONCE:
            self._write()

    def end(self, now: float, outcome: str, got: dict[str, Any]) -> None:
        """Write down how the call ended that was begun last."""
        self._lines.append(json.dumps([now, outcome, got], default=str))

    def events(self) -> Iterator[Event]:
        """Return the calls in their order. Only after the last was written."""
        self._file.seek(0)
        reader = BufferedReader(self._file)
        try:
            yield from _events(chain(reader, self._lines))
        finally:
            reader.detach()  # or the file would be closed with it

    def _write(self) -> None:
        """Write the lines into the file. What it does not take stays in memory, so that nothing is forgotten."""
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


def _events(lines: Iterable[bytes | str]) -> Iterator[Event]:
    """Return the calls that these lines tell of. One that has only begun may still come true."""
    begun: list[Any] | None = None
    for line in lines:
        entry = json.loads(line)
        if len(entry) == 5:
            if begun:
                yield _event(begun, [0.0, INFO, {}])
            begun = entry
        elif begun:
            yield _event(begun, entry)
            begun = None
    if begun:
        yield _event(begun, [0.0, INFO, {}])


def _event(begun: list[Any], ended: list[Any]) -> Event:
    begin, user, call, key, sent = begun
    end, outcome, got = ended
    return Event(begin, float("inf") if outcome == INFO else end, user, call, key, sent, outcome, got)
