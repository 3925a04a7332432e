"""The histories of a run, regrouped by user, in parts that fit into memory."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any

from simulation.traffic.history import INFO, OK, Call, History

CALLS_AT_ONCE = 20_000  # in memory, about
MOST_PARTS = 200  # each is an open file

UserHistories = dict[int, list[Call]]  # by user, in the order of time


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
            for call in _read(split[part]) if split else _calls(histories):
                if call.user % parts == part:
                    users[call.user].append(call)
            yield users


def _split(histories: list[History], parts: int, files: ExitStack) -> list[IO[str]] | None:
    """Write the calls of each part to a file of its own, and return the files; None if there is only one part."""
    if parts == 1:
        return None
    split: list[IO[str]] = [files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(parts)]  # noqa: SIM115
    for call in _calls(histories):
        split[call.user % parts].write(json.dumps(call) + "\n")
    for file in split:
        file.flush()
    return split


def _read(file: IO[str]) -> Iterator[Call]:
    file.seek(0)
    return (Call(*json.loads(line)) for line in file)


def _calls(histories: list[History]) -> Iterator[Call]:
    """Yield the calls for users of all histories."""
    return (call for history in histories for call in history.read_calls() if call.user)


def by_key(calls: Iterable[Call], *operations: str) -> dict[str, list[Call]]:
    """Return the calls of these operations, by the key of their row."""
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.operation in operations:
            found[call.key].append(call)
    return found


def possible_states(calls: Iterable[Call], first: Any = None) -> list[Any]:
    """Return what a row may hold after calls that each overwrite it: what the last confirmed one has sent, or what any
    uncertain one has. first: what it held before, for the case that none is confirmed."""
    values, last = [], first
    for call in calls:
        if call.outcome == OK:
            last = call.sent
        elif call.outcome == INFO:
            values.append(call.sent)
    return [last, *values]


def has_outcome(calls: Iterable[Call], outcome: str) -> bool:
    """Whether one of these calls has this outcome."""
    return any(call.outcome == outcome for call in calls)
