"""The connections to a database: each transaction takes one from the pool, and a lost one is replaced.

The words are those of psycopg_pool: getconn(), putconn(), and connection(), the context manager that does both.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from toolkit.database.connection import (
    SERIALIZABLE,
    SET_ISOLATION,
    SET_SESSION,
    BeginningCursor,
    Connection,
    is_lost,
)
from toolkit.database.target import DatabaseUnreachable, Target

# The pause before try n is a random time up to FIRST_PAUSE * 2**n, at most LONGEST_PAUSE (seconds): full jitter, as in
# "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 2.0


class Backoff:
    """The pauses between the tries of one transaction, and when there are to be no more.

    seconds: how long it is tried. since: from when they count (time.monotonic()), asked again each time; by default
    from now.
    """

    def __init__(self, database: "Database", seconds: float, since: Callable[[], float] | None = None) -> None:
        self._database, self._seconds, self._since = database, seconds, since
        self.begin = time.monotonic()
        self.count = 0

    def pause(self) -> bool:
        """Wait before the next try, and return True; or return False if the time is over."""
        import random  # takes 0.4 ms, and is not needed where nothing is in the way

        since = max(self.begin, self._since()) if self._since else self.begin
        left = since + self._seconds - time.monotonic()
        if left <= 0:
            return False
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self.count, left)
        self.count += 1
        self._database.sleep(random.uniform(0, longest))
        return True


class Database(AbstractContextManager["Database"]):
    """A database and the connections to it. Threads may share one: each transaction has a connection of its own.

    url: any libpq URL or keyword string, with several hosts as well (a lost node's connections go to another).
    retry_for: for how many seconds a transaction is tried again after a conflict or a lost connection.
    wait: for how many seconds the first connection is tried; a server that was there once is waited for by retry_for.
    setup: the command that creates database and tables, for the advice in errors.
    isolation: of all transactions; a server that does not have it, or not for all, runs them at a stronger one.

    Nothing is connected before the first use. Raises UserError if the URL is none.
    """

    def __init__(
        self, url: str, *, retry_for: float = 60.0, wait: float = 0.0, setup: str = "", isolation: str = SERIALIZABLE
    ) -> None:
        self.target = Target(url, setup)
        self.isolation = isolation
        self.retry_for = retry_for
        self.wait = wait
        self.retries = 0  # how often a transaction, of any thread, was tried again
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting_since: dict[int, float] = {}  # by thread
        self._lock = threading.Lock()
        self._was_reached = False
        self._interrupted = threading.Event()

    def connect(self) -> Connection:
        """Open one more connection, in UTC. It is the caller's, who gives it back with putconn().

        Raises DatabaseUnreachable or DatabaseMissing.
        """
        self.stop_if_interrupted()
        connection: Connection = self.target.connect(Connection)
        connection.plain_cursor = connection.cursor()
        connection.cursor_factory = BeginningCursor
        self._was_reached = True
        with self._lock:
            self._open.add(connection)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(SET_SESSION)
                if self.isolation != SERIALIZABLE:
                    cursor.execute(SET_ISOLATION, (self.isolation,))
                    connection.beginning = f"BEGIN ISOLATION LEVEL {self.isolation}; "
                on_cockroachdb = connection.get_parameter_status("crdb_version")
                if on_cockroachdb and (schemas := self.target.quoted_search_path):
                    cursor.execute(
                        sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas)))
                    )
        except psycopg2.Error as error:
            was_lost = connection.closed
            self._drop(connection)
            self.stop_if_interrupted()
            if was_lost:
                raise DatabaseUnreachable(f"the connection to {self.target.host} was lost at once") from error
            raise self.target.unreachable(str(error).strip()) from error
        self.stop_if_interrupted()
        return connection

    def _drop(self, connection: Connection) -> None:
        """Close a connection, and forget it."""
        with self._lock:
            self._open.discard(connection)
        with suppress(psycopg2.Error):
            connection.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that no transaction is using."""
        with suppress(IndexError):
            while True:
                self._drop(self._idle.pop())

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

    def stop_if_interrupted(self) -> None:
        """Raise KeyboardInterrupt after interrupt()."""
        if self.is_interrupted:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Wait so long; interrupt() ends that with a KeyboardInterrupt."""
        self._interrupted.wait(seconds)
        self.stop_if_interrupted()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection, whose transaction is rolled back after an error. One that is lost is not lent again."""
        connection = self.getconn()
        try:
            yield connection
        except BaseException as error:
            self.end_transaction(connection, error)
            raise
        finally:
            self.putconn(connection)

    def end_transaction(self, connection: Connection, error: BaseException) -> None:
        """Roll back, or close the connection if it is lost, or a person does not wait: the server then rolls back."""
        if isinstance(error, psycopg2.Error) and is_lost(connection, error):
            # What has ended this one (a proxy, a node) has most likely ended those that have been idle since.
            self.close()
        elif isinstance(error, Exception):
            with suppress(psycopg2.Error):
                connection.rollback()
                return
        connection.close()

    def putconn(self, connection: Connection) -> None:
        """Take a connection back, whose transaction is over, for the next one; one that is closed is forgotten."""
        connection.waiting_since = 0.0
        if connection.closed:
            self._drop(connection)
        else:
            self._idle.append(connection)

    def getconn(self, backoff: Backoff | None = None) -> Connection:
        """Return an idle connection or a new one, which the caller gives back with putconn().

        A server that answered before may be away for a while: `backoff` says for how long it is waited for.
        """
        try:
            return self._idle.pop()
        except IndexError:
            pass  # there is none, and suppress() would take as long as all the rest
        first = Backoff(self, self.wait)
        again = backoff or Backoff(self, self.retry_for)
        thread = threading.get_ident()
        self._connecting_since[thread] = time.monotonic()
        try:
            while True:
                try:
                    return self.connect()
                except DatabaseUnreachable as error:
                    if not (error.is_transient and (again if self._was_reached else first).pause()):
                        raise
        finally:
            del self._connecting_since[thread]
