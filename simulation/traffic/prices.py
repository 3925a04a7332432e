"""The prices that the plans of a run had, and when each may have been in force."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

from simulation.traffic.history import FAIL, INFO, OK, Event
from simulation.traffic.user_histories import possible


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
