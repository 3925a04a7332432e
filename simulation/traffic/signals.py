"""How a run is ended from outside: Ctrl-C or SIGTERM end it in order, and a second of them at once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds in which several signals are one: `timeout` sends its signal to the process, and then to the process's group.
TOGETHER = 0.3
AT_ONCE = b"\nended at once: not all of what the run has written was compared with the database\n"


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first SIGINT or SIGTERM, and leave the process at the second."""
    before = [signal.signal(one, _interrupt) for one in SIGNALS]
    try:
        yield
    finally:
        for one, handler in zip(SIGNALS, before, strict=True):
            signal.signal(one, handler)


def _interrupt(_: int, __: FrameType | None) -> None:
    first = time.monotonic()

    def leave(_: int, __: FrameType | None) -> None:
        if time.monotonic() - first > TOGETHER:
            os.write(2, AT_ONCE)
            os._exit(130)

    for one in SIGNALS:
        signal.signal(one, leave)
    raise KeyboardInterrupt
