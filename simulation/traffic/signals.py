"""Ctrl-C and SIGTERM: the first one ends a run in the regular way, with its proof; a second one ends it at once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Signals within this many seconds count as one: `timeout` sends its signal to the process, then to the process group.
TOGETHER = 0.3
AT_ONCE = b"\nended at once: not all of what the run has written was compared with the database\n"


@contextmanager
def graceful_shutdown() -> Iterator[None]:
    """Within the with block, the first SIGINT or SIGTERM raises KeyboardInterrupt; the second ends the process."""
    before = [signal.signal(number, _interrupt) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _interrupt(_: int, __: FrameType | None) -> None:
    first = time.monotonic()

    def leave(_: int, __: FrameType | None) -> None:
        if time.monotonic() - first > TOGETHER:
            os.write(2, AT_ONCE)
            os._exit(130)

    for number in SIGNALS:
        signal.signal(number, leave)
    raise KeyboardInterrupt
