"""Run a script's work so that Ctrl-C ends it at once, and a person is told when the server does not answer."""

import threading
from collections.abc import Callable
from typing import TypeVar

from toolkit.console import say
from toolkit.database.connection_pool import Database

T = TypeVar("T")

# After so many seconds without an answer the person is told that the script is waiting.
LONG_SILENCE = 5.0


def run_interruptible(database: Database, work: Callable[[], T]) -> T:
    """Run work() in another thread and return its result, or raise its error; Ctrl-C ends it at once.

    The main thread has to stay free: Python handles Ctrl-C only there, and libpq does not return to Python before the
    server has answered. After Ctrl-C the transactions of work raise KeyboardInterrupt, and so does this function.
    Call it from the main thread.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    # Not Thread.join(): after an interrupt Python 3.11 may take a running thread for one that has ended.
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
