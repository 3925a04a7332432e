"""The one room for talking to the server: the connections, and the retrying transaction."""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg2
import psycopg2.extensions

from connecting import DatabaseUnreachable, Target
from console import Failure, say

T = TypeVar("T")
Cursor = psycopg2.extensions.cursor

# The pause before try n is a random time up to FIRST_PAUSE * 2**n, at most LONGEST_PAUSE (seconds): full jitter, as in
# "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 2.0

# A silence of this many seconds is told to the person who waits.
LONG_SILENCE = 5.0

CONFLICTS = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
}
STATEMENT_COMPLETION_UNKNOWN = "40003"
# The states of a transaction that cannot be committed any more: after an error, or without a connection.
FAILED = {psycopg2.extensions.TRANSACTION_STATUS_INERROR, psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN}
# What a server says when it ends a connection: admin_shutdown, crash_shutdown, cannot_connect_now.
SERVER_LEAVES = {"57P01", "57P02", "57P03"}

# What a person can do about what a server refuses, by SQLSTATE.
ADVICE = {
    "25006": "the database is read-only (a replica?): use the URL of a server that can be written to",
    "3D000": "run `python streaming_services.py` first, which creates it, or correct the URL",
    "3F000": "create the schema, or correct the search_path in the URL's options",
    "42501": "grant user {user} the privilege, or use the URL of a user who has it",
    "42P01": "run `python streaming_services.py` first, which creates the tables",
    "53100": "the server's disk is full: make room there",
    "53200": "the server is out of memory: try again later, or give it more",
    "53300": "the server has no free connection: try again later",
    "55P03": "another transaction holds a lock: try again when it has ended",
    "57014": "the statement was cancelled, by hand or by a statement_timeout: try again, or raise the timeout",
}


class RetriesExhausted(Failure):
    """The time for trying the transaction again is over. Nothing of it was committed; the cause is the last error."""


class AmbiguousCommit(Failure):
    """Nobody knows whether the transaction was committed: the answer to COMMIT was lost. The cause says how."""


class _Connection(psycopg2.extensions.connection):
    """A connection that knows since when it has been waiting for an answer (time.monotonic(); 0: it is not)."""

    waiting_since = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.waiting_since = time.monotonic()
        try:
            yield
        finally:
            self.waiting_since = 0.0

    def commit(self) -> None:
        with self.waiting():
            super().commit()

    def rollback(self) -> None:
        with self.waiting():
            super().rollback()


class _Cursor(psycopg2.extensions.cursor):
    connection: _Connection

    def execute(self, query: Any, values: Any = None) -> None:
        with self.connection.waiting():
            super().execute(query, values)


class Database:
    """A database and the connections to it. Threads may share one: each transaction has a connection of its own.

    url: any libpq URL or keyword string, with several hosts as well (a lost node's connections go to another).
    retry_for: for how many seconds a transaction is tried again after a conflict or a lost connection.
    wait: for how many seconds the first connection is tried; a server that was there once is waited for by retry_for.

    Nothing is connected before the first use. Raises Failure if the URL is none.
    """

    def __init__(self, url: str, *, retry_for: float = 60.0, wait: float = 0.0) -> None:
        self.target = Target(url)
        self.retry_for = retry_for
        self.wait = wait
        self.retries = 0  # how often a transaction, of any thread, was tried again
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._connecting_since: dict[int, float] = {}  # by thread
        self._lock = threading.Lock()
        self._was_reached = False
        self._interrupted = threading.Event()

    def connect(self) -> _Connection:
        """Open one more connection: SERIALIZABLE, in UTC. It is the caller's, who gives it back with discard().

        Raises DatabaseUnreachable, or DatabaseMissing (CockroachDB before v23 says so only at the first statement).
        """
        self._stop_if_interrupted()
        connection: _Connection = self.target.connect(_Connection)
        connection.cursor_factory = _Cursor
        self._was_reached = True
        with self._lock:
            self._open.add(connection)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET timezone TO 'UTC'")
            connection.set_session(isolation_level="SERIALIZABLE", autocommit=False)
        except psycopg2.Error as error:
            self.discard(connection)
            self._stop_if_interrupted()
            raise DatabaseUnreachable(f"the connection to {self.target.host} was lost at once") from error
        self._stop_if_interrupted()
        return connection

    def discard(self, connection: _Connection) -> None:
        """Close a connection."""
        with self._lock:
            self._open.discard(connection)
        with suppress(psycopg2.Error):
            connection.close()

    def close(self) -> None:
        """Close the connections that no transaction is using."""
        while self._idle:
            self.discard(self._idle.pop())

    def interrupt(self) -> None:
        """Make each transaction stop at once with a KeyboardInterrupt, whatever it waits for; the server rolls back."""
        self._interrupted.set()
        with self._lock:
            for connection in self._open:
                # Another thread waits in the connection, so it cannot be closed; its line can be cut.
                with suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)

    @property
    def is_interrupted(self) -> bool:
        return self._interrupted.is_set()

    def silence(self) -> float:
        """Return for how many seconds the server has owed an answer."""
        with self._lock:
            waiting = [connection.waiting_since for connection in self._open]
        waiting += self._connecting_since.copy().values()
        since = min(filter(None, waiting), default=0.0)
        return time.monotonic() - since if since else 0.0

    def count_retry(self) -> None:
        """Count that a transaction is tried again."""
        with self._lock:
            self.retries += 1

    def _stop_if_interrupted(self) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt

    def _take(self, tries: "_Tries") -> _Connection:
        """Return an idle connection or a new one; a server that was there before may be away for a while."""
        with suppress(IndexError):
            return self._idle.pop()
        first_tries = _Tries(self, self.wait)
        thread = threading.get_ident()
        self._connecting_since[thread] = time.monotonic()
        try:
            while True:
                try:
                    return self.connect()
                except DatabaseUnreachable as error:
                    if not (error.may_pass and (tries if self._was_reached else first_tries).pause()):
                        raise
        finally:
            del self._connecting_since[thread]


class _Tries:
    """The pauses between the tries of one transaction."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._end = time.monotonic() + seconds
        self.count = 0

    def pause(self) -> bool:
        """Wait before the next try, and return True; or return False if the time is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            return False
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.count, left)
        self.count += 1
        self._database._interrupted.wait(random.uniform(0, longest))
        self._database._stop_if_interrupted()
        return True


def run_transaction(database: Database, work: Callable[[Cursor], T], *, repeatable: bool = False) -> T:
    """Run work(cursor) in a transaction, commit, and return what work returned.

    work MAY RUN MORE THAN ONCE, each time in a new transaction: it must have no effect but on the database, and must
    let psycopg2's errors out. It is run again, after a pause and for at most database.retry_for seconds,

    - after a conflict: SQLSTATE 40001 (serialization failure) or 40P01 (deadlock);
    - when the connection was lost before COMMIT was sent: a new one takes its place, with several hosts in the URL
      perhaps to another node;
    - only if repeatable: when it is not known whether COMMIT was carried out (SQLSTATE 40003, or the connection lost
      in COMMIT). Say repeatable=True if running work again after it was committed does no harm: it only reads, or every
      row it writes has a key known before the write.

    Raises AmbiguousCommit when it is not known whether work was committed, also by an earlier try; else
    RetriesExhausted when the time is over, DatabaseUnreachable when there is no server, and any other error of psycopg2
    or of work as it is, after ROLLBACK.
    """
    tries = _Tries(database, database.retry_for)
    in_doubt = False  # whether one of the tries may have been committed
    while True:
        try:
            connection = database._take(tries)
        except DatabaseUnreachable as error:
            if in_doubt:
                raise _ambiguous(database) from error
            raise
        committing = False
        try:
            with connection.cursor() as cursor:
                result = work(cursor)
            if connection.get_transaction_status() in FAILED:
                raise RuntimeError("work kept an error of psycopg2 to itself: COMMIT would roll back without a word")
            committing = True
            connection.commit()
        except psycopg2.Error as error:
            lost = _is_lost(connection, error)
            _end(database, connection, lost)
            database._stop_if_interrupted()
            ambiguous = error.pgcode == STATEMENT_COMPLETION_UNKNOWN or (lost and committing)
            if not (ambiguous or lost or error.pgcode in CONFLICTS):
                raise
            in_doubt = in_doubt or ambiguous
            if (in_doubt and not repeatable) or not tries.pause():
                raise _ambiguous(database) if in_doubt else _exhausted(database, tries, lost) from error
            database.count_retry()
        except BaseException as error:
            _end(database, connection, lost=not isinstance(error, Exception))
            raise
        else:
            database._idle.append(connection)
            return result


def _is_lost(connection: _Connection, error: psycopg2.Error) -> bool:
    code = error.pgcode or ""
    return bool(connection.closed) or code in SERVER_LEAVES or code.startswith("08")


def _end(database: Database, connection: _Connection, lost: bool) -> None:
    """Roll back and keep the connection, or close it: the server then rolls back."""
    if not lost:
        with suppress(psycopg2.Error):
            connection.rollback()
            database._idle.append(connection)
            return
    database.discard(connection)


def _ambiguous(database: Database) -> AmbiguousCommit:
    return AmbiguousCommit(
        f"the connection to {database.target.host} was lost during COMMIT: "
        "the transaction may have been committed or not"
    )


def _exhausted(database: Database, tries: _Tries, lost: bool) -> RetriesExhausted:
    reason = "the connection was lost again and again" if lost else "other transactions were in the way each time"
    number = "1 try" if tries.count == 0 else f"{tries.count + 1} tries"
    return RetriesExhausted(
        f"given up after {number} in {database.retry_for:g} s at {database.target.host}: {reason}. "
        "Nothing of this transaction was committed"
    )


def explained(error: psycopg2.Error, database: Database) -> Failure:
    """Return the Failure that says what the server refused, where, and what to do about it."""
    reason = (error.diag.message_primary or str(error)).strip()
    advice = ADVICE.get(error.pgcode or "", "")
    where = f"{database.target.host}, database {database.target.database}"
    return Failure(f"{reason} ({where})" + (f": {advice.format(user=database.target.user)}" if advice else ""))


def run_or_explain(database: Database, work: Callable[[Cursor], T]) -> T:
    """Run work, which may be repeated, as run_transaction() does, and return its result.

    Raises Failure for whatever the server refuses, too.
    """
    try:
        return run_transaction(database, work, repeatable=True)
    except psycopg2.Error as error:
        raise explained(error, database) from error


def supervised(database: Database, work: Callable[[], T]) -> T:
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
