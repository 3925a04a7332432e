"""The journals of a run, user by user, in parts that fit into memory; and the prices that its plans had."""

import json
import tempfile
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

from simulation.traffic.journal import FAIL, INFO, OK, Event, Journal

CALLS_AT_ONCE = 20_000  # about as many are in memory
MOST_PARTS = 200  # files that are open at the same time

Histories = dict[int, list[Event]]  # by user, in the order of time


def by_user(journals: Iterable[Journal]) -> Iterator[Histories]:
    """Return what the calls on each user were, some users at a time. All calls on a user are together."""
    journals = list(journals)
    calls = sum(journal.calls for journal in journals)
    parts = min(MOST_PARTS, calls // CALLS_AT_ONCE + 1)
    with ExitStack() as files:
        split = [files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(parts)]
        for journal in journals:
            for event in journal.events():
                if event.user:
                    split[event.user % parts].write(json.dumps(event) + "\n")
        for file in split:
            file.seek(0)
            histories: Histories = defaultdict(list)
            for line in file:
                event = Event(*json.loads(line))
                histories[event.user].append(event)
            yield histories


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


def is_attempted(events: Iterable[Event], outcome: str) -> bool:
    """Whether one of these events has this outcome."""
    return any(event.outcome == outcome for event in events)


class Prices:
    """The prices that a plan had, and from when until when it may have had each."""

    def __init__(self, first: Decimal, events: Iterable[Event]) -> None:
        """first: before the events, which are the changes of one plan by one worker, in the order of time."""
        events = [event for event in events if event.outcome != FAIL]
        confirmed = [event for event in events if event.outcome == OK]
        self.last = possible(events, [str(first)])
        self._values = [first, *(Decimal(event.sent[0]) for event in confirmed)]
        self._begins = [float("-inf"), *(event.begin for event in confirmed)]
        self._ends = [*(event.end for event in confirmed), float("inf")]  # of the next change
        self._uncertain = [(event.begin, Decimal(event.sent[0])) for event in events if event.outcome == INFO]

    def between(self, begin: float, end: float) -> list[Decimal]:
        """Return the prices that may have been in force at some moment between these two."""
        known = self._values[bisect_left(self._ends, begin) : bisect_right(self._begins, end)]
        return known + [price for since, price in self._uncertain if since <= end]
