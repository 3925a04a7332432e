"""The locks by which scripts know of each other and of the server: flock(2) on three files of the server's home.

Nothing else tells who uses the server and whether it runs: no pid file, no counter. The kernel drops a lock when its
holder is killed, so a process that is gone is never mistaken for one that is there.

    transition  exclusive: a script is starting or stopping the server
    in-use      shared: a script uses the server
    running     exclusive: handed to the server, so held as long as it, or any process it started, lives
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

NAMES = ("transition", "in-use", "running")  # the files in the home
SILENCE = 5.0  # seconds of waiting until a person is told what for


class Patience:
    """Wait for something by asking again and again. A person is told what for when it takes longer than SILENCE.

    what: what is waited for, as it reads after "waiting for". limit: seconds after which wait() returns False.
    """

    def __init__(self, what: str, limit: float = float("inf")) -> None:
        self.what, self.begin, self.limit, self.told = what, time.monotonic(), limit, False

    def wait(self) -> bool:
        """Sleep a moment, and return whether the limit still lies ahead."""
        waited = time.monotonic() - self.begin
        if waited > SILENCE and not self.told:
            say(f"waiting for {self.what}")
            self.told = True
        time.sleep(0.02)
        return waited < self.limit


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Return a file descriptor that holds the lock until it is closed, or None if somebody is in the way."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def hold(path: Path, what: str, *, shared: bool = False) -> int:
    """Return a file descriptor that holds the lock, however long that takes. what: as of Patience."""
    patience = Patience(what)
    while (descriptor := try_lock(path, shared=shared)) is None:
        patience.wait()
    return descriptor


def is_free(path: Path) -> bool:
    """Return whether nobody holds the lock, neither shared nor exclusive."""
    lock = try_lock(path)
    if lock is not None:
        os.close(lock)
    return lock is not None


@contextlib.contextmanager
def transition(home: Path) -> Iterator[None]:
    """Wait until nobody else starts or stops the server of this home, and keep others from it meanwhile."""
    lock = hold(home / "transition", "another script to start or stop the local database")
    try:
        yield
    finally:
        os.close(lock)
