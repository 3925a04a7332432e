"""What a worker has called and what came of it: a temporary file for each worker.

As in Jepsen's histories a call has two entries: that it was begun, and how it ended: ok (confirmed), fail (refused:
nothing of it is in the database) or info (nobody knows). Only calls that write are there; the others prove nothing.
"""

import json
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple, TextIO

OK, FAIL, INFO = "ok", "fail", "info"


class Event(NamedTuple):
    """A call, from its two entries.

    begin, end: as time.monotonic() tells it. user: the key of the user whose worker has made it, 0 for plans. call: the
    operation's name. key: of the row that it writes. sent: the values it was to write. end is infinite, and the outcome
    info, if the call never ended. got: what the confirmed row says beyond that.
    """

    begin: float
    end: float
    user: int
    call: str
    key: str
    sent: list[Any]
    outcome: str
    got: list[Any]


class History:
    """The calls of one worker, which makes one after the other."""

    def __init__(self) -> None:
        self.calls = 0
        self._file: TextIO = tempfile.TemporaryFile("w+", 1 << 16, "utf-8", newline="\n")  # noqa: SIM115 - see close()

    def begin(self, now: float, user: int, call: str, key: object, sent: list[Any]) -> None:
        """Write down that a call begins."""
        self.calls += 1
        self._file.write(json.dumps([now, user, call, str(key), sent], default=str) + "\n")

    def end(self, now: float, outcome: str, got: list[Any]) -> None:
        """Write down how the call ended that was begun last."""
        self._file.write(json.dumps([now, outcome, got], default=str) + "\n")

    def events(self) -> Iterator[Event]:
        """Return the calls in their order. Only after the last was written."""
        self._file.seek(0)
        begun: list[Any] | None = None
        for line in self._file:
            entry = json.loads(line)
            if len(entry) == 5:
                if begun:
                    yield _event(begun, [float("inf"), INFO, []])
                begun = entry
            elif begun:
                yield _event(begun, entry)
                begun = None
        if begun:
            yield _event(begun, [float("inf"), INFO, []])

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


def _event(begun: list[Any], ended: list[Any]) -> Event:
    begin, user, call, key, sent = begun
    end, outcome, got = ended
    return Event(begin, end, user, call, key, sent, outcome, got)
