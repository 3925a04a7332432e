"""A script's work in a thread of its own, so that Ctrl-C ends it at once and a long silence is told."""

import threading
from collections.abc import Callable
from typing import TypeVar

from toolkit.console import say
from toolkit.database.database import Database

T = TypeVar("T")

# A silence of this many seconds is told to the person who waits.
LONG_SILENCE = 5.0


def run_interruptible(database: Database, work: Callable[[], T]) -> T:
    """Run work() and return its result, as a script does: Ctrl-C ends it at once, and a long silence is told.

    libpq does not return to Python before the server has answered, and Python acts on Ctrl-C in the main thread only.
    So work runs in another thread; after Ctrl-C its transactions raise KeyboardInterrupt, and so does this.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    # Not Thread.join(): interrupted, it may take a thread that runs on for one that has ended (Python 3.11).
    finished = threading.Event()

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            finished.set()

    threading.Thread(target=body, daemon=True).start()
    try:
        _watch(finished, database)
    except KeyboardInterrupt:
        database.interrupt()
        if not finished.wait(0.7):  # it is connecting, which nothing can cut short
            raise
    if errors:
        raise errors[0]
    return results[0]


def _watch(finished: threading.Event, database: Database) -> None:
    told = False
    while not finished.wait(0.5):
        silent = database.silence() >= LONG_SILENCE
        if silent and not told:
            say(f"waiting for an answer from {database.target.host} (Ctrl-C stops) ...")
        told = silent
