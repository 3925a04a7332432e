"""The locks by which scripts know of each other and of the server: flock(2) on three files of the server's directory.

There is no counter, and no pid file is trusted: the kernel releases a lock when its holder is killed, so a process that
is gone never counts as one that is there.

    transition  exclusive: a script is starting or stopping the server
    in-use      shared: a script uses the server
    running     exclusive: inherited by the server, so held as long as it, or any process it started, lives
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from toolkit.console import say

if sys.platform != "win32":  # which has no such module; importing this one has to work there all the same
    import fcntl

NAMES = ("transition", "in-use", "running")  # of the files
TOLD_AFTER = 5.0  # seconds of waiting, before a person is told what for


class Polling:
    """The pauses of a loop that polls for something. If it takes long, a person is told what for.

    what: completes the sentence "waiting for ...". limit: seconds after which wait() returns False.
    """

    def __init__(self, what: str, limit: float = float("inf")) -> None:
        self.what, self.begin, self.limit, self.told = what, time.monotonic(), limit, False

    def wait(self) -> bool:
        """Sleep for 20 ms, and return whether there is time for another try."""
        waited = time.monotonic() - self.begin
        if waited > TOLD_AFTER and not self.told:
            say(f"waiting for {self.what}")
            self.told = True
        time.sleep(0.02)
        return waited < self.limit


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Return a file descriptor that holds the lock until it is closed; None if another process holds the lock."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def wait_for_lock(path: Path, what: str, *, shared: bool = False) -> int:
    """Wait for the lock, without a limit, and return a file descriptor as try_lock() does. what: see Polling."""
    polling = Polling(what)
    while (descriptor := try_lock(path, shared=shared)) is None:
        polling.wait()
    return descriptor


def is_free(path: Path) -> bool:
    """Return whether no process holds the lock, neither shared nor exclusive."""
    lock = try_lock(path)
    if lock is not None:
        os.close(lock)
    return lock is not None


@contextlib.contextmanager
def transition(directory: Path) -> Iterator[None]:
    """Hold the lock `transition` of a server's directory: nobody else starts or stops the server meanwhile."""
    lock = wait_for_lock(directory / "transition", "another script to start or stop the local database")
    try:
        yield
    finally:
        os.close(lock)
