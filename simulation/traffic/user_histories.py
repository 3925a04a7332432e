"""The histories of a run, regrouped by user, in parts that fit into memory."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any

from simulation.traffic.history import INFO, OK, Event, History

CALLS_AT_ONCE = 20_000  # in memory, about
MOST_PARTS = 200  # each is an open file

UserHistories = dict[int, list[Event]]  # by user, in the order of time


def by_user(histories: Iterable[History]) -> Iterator[UserHistories]:
    """Yield the calls by user, some users at a time; all calls for a user are in the same part."""
    histories = list(histories)
    calls = sum(history.calls for history in histories)
    parts = min(MOST_PARTS, calls // CALLS_AT_ONCE + 1)
    with ExitStack() as files:
        try:
            split = _split(histories, parts, files)
        except OSError:  # the disk is full: read all histories again for each part, which takes longer
            split = None
        for part in range(parts):
            users: UserHistories = defaultdict(list)
            for event in _read(split[part]) if split else _events(histories):
                if event.user % parts == part:
                    users[event.user].append(event)
            yield users


def _split(histories: list[History], parts: int, files: ExitStack) -> list[IO[str]] | None:
    """Write the calls of each part to a file of its own, and return the files; None if there is only one part."""
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
    """Yield the calls for users of all histories."""
    return (event for history in histories for event in history.events() if event.user)


def by_key(events: Iterable[Event], *calls: str) -> dict[str, list[Event]]:
    """Return the events of these calls, by the key of their row."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.call in calls:
            found[event.key].append(event)
    return found


def possible_states(events: Iterable[Event], first: Any = None) -> list[Any]:
    """Return what a row may hold after calls that each overwrite it: what the last confirmed one has sent, or what any
    uncertain one has. first: what it held before, for the case that none is confirmed."""
    values, last = [], first
    for event in events:
        if event.outcome == OK:
            last = event.sent
        elif event.outcome == INFO:
            values.append(event.sent)
    return [last, *values]


def has_outcome(events: Iterable[Event], outcome: str) -> bool:
    """Whether one of these events has this outcome."""
    return any(event.outcome == outcome for event in events)
