"""Exponential backoff with full jitter: how long to wait before a transaction is tried again."""

import time
from collections.abc import Callable

# The pause before try n is a random time up to FIRST_PAUSE * 2**n, at most LONGEST_PAUSE (seconds): full jitter, as in
# "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 2.0


class Backoff:
    """The pauses between the tries of one transaction.

    sleep: the function that waits for a number of seconds. seconds: after how many the tries are over. since: returns
    the moment (time.monotonic()) from which these seconds count, and is called before each pause; by default they count
    from now. count: how many pauses there have been.
    """

    def __init__(
        self, sleep: Callable[[float], object], seconds: float, since: Callable[[], float] | None = None
    ) -> None:
        self._sleep, self._seconds, self._since = sleep, seconds, since
        self.begin = time.monotonic()
        self.count = 0

    def pause(self) -> bool:
        """Wait before the next try and return True, or return False at once if the time is over."""
        import random  # takes 0.4 ms, and most runs need no second try

        since = max(self.begin, self._since()) if self._since else self.begin
        left = since + self._seconds - time.monotonic()
        if left <= 0:
            return False
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.count, left)
        self.count += 1
        self._sleep(random.uniform(0, longest))
        return True
