"""The histories of a run, user by user, in parts that fit into memory."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any

from simulation.traffic.history import INFO, OK, Event, History

CALLS_AT_ONCE = 20_000  # about as many are in memory
MOST_PARTS = 200  # files that are open at the same time

UserHistories = dict[int, list[Event]]  # by user, in the order of time


def by_user(histories: Iterable[History]) -> Iterator[UserHistories]:
    """Return what the calls on each user were, some users at a time. All calls on a user are together."""
    histories = list(histories)
    calls = sum(history.calls for history in histories)
    parts = min(MOST_PARTS, calls // CALLS_AT_ONCE + 1)
    with ExitStack() as files:
        try:
            split = _split(histories, parts, files)
        except OSError:  # a full disk: it takes longer, for all is read again for each part
            split = None
        for part in range(parts):
            users: UserHistories = defaultdict(list)
            for event in _read(split[part]) if split else _events(histories):
                if event.user % parts == part:
                    users[event.user].append(event)
            yield users


def _split(histories: list[History], parts: int, files: ExitStack) -> list[IO[str]] | None:
    """Return a file with the calls of each part; None if there is one part only."""
    if parts == 1:
        return None
    split: list[IO[str]] = [files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(parts)]  # noqa: SIM115
    for event in _events(histories):
        split[event.user % parts].write(json.dumps(event) + "\n")
    for file in split:
        file.flush()
    return split


def _read(file: IO[str]) -> Iterator[Event]:
    file.seek(0)
    return (Event(*json.loads(line)) for line in file)


def _events(histories: list[History]) -> Iterator[Event]:
    """Return the calls on users, of all histories."""
    return (event for history in histories for event in history.events() if event.user)


def by_key(events: Iterable[Event], *calls: str) -> dict[str, list[Event]]:
    """Return the events of these calls, by the key of their row."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.call in calls:
            found[event.key].append(event)
    return found


def possible(events: Iterable[Event], first: Any = None) -> list[Any]:
    """Return what may be there after calls that each replace what was there: what the last confirmed one has sent, or
    what an uncertain one has, at any time. first: what was there before, if nothing is confirmed."""
    values, last = [], first
    for event in events:
        if event.outcome == OK:
            last = event.sent
        elif event.outcome == INFO:
            values.append(event.sent)
    return [last, *values]


def any_with_outcome(events: Iterable[Event], outcome: str) -> bool:
    """Whether one of these events has this outcome."""
    return any(event.outcome == outcome for event in events)
