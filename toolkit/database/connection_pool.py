"""The pool of connections to a database: each transaction takes one out of it, and a lost one is replaced.

The methods are named as in psycopg_pool: getconn(), putconn(), and connection(), the context manager that does both.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from toolkit.database.backoff import Backoff
from toolkit.database.connection import (
    SERIALIZABLE,
    SET_ISOLATION,
    SET_SESSION,
    Connection,
    TransactionCursor,
    is_lost,
)
from toolkit.database.target import DatabaseUnreachable, Target


class Database(AbstractContextManager["Database"]):
    """A database and the pool of connections to it. Threads may share one: each transaction has its own connection.

    url: any libpq URL or keyword string. With several hosts in it, the connections of a lost node go to another one.
    retry_for: for how many seconds a transaction is tried again after a conflict or a lost connection.
    wait: for how many seconds the first connection is tried. Once a server has answered, retry_for counts instead.
    setup: the command that creates database and tables, for the advice in errors.
    isolation: of all transactions. A server that does not offer this level runs them at a stronger one.

    No connection is opened before the first use. Raises UserError if the URL is not valid.
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
        """Open a new connection, whose time zone is UTC. The caller has to give it back with putconn().

        Raises DatabaseUnreachable or DatabaseMissing.
        """
        self.stop_if_interrupted()
        connection: Connection = self.target.connect(Connection)
        connection.plain_cursor = connection.cursor()
        connection.cursor_factory = TransactionCursor
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
        """Close a connection, and take it out of the pool."""
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
        """Make each running transaction raise KeyboardInterrupt at once, even while it waits; the server rolls back."""
        self._interrupted.set()
        with self._lock:
            for connection in self._open:
                # Another thread waits in the connection, so it cannot be closed, but its socket can be shut down.
                with suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as shared:
                    shared.shutdown(socket.SHUT_RDWR)

    @property
    def is_interrupted(self) -> bool:
        return self._interrupted.is_set()

    def silence(self) -> float:
        """Return for how many seconds the longest waiting statement, or connection attempt, has had no answer."""
        with self._lock:
            waiting = [connection.waiting_since for connection in self._open]
        waiting += self._connecting_since.copy().values()
        since = min(filter(None, waiting), default=0.0)
        return time.monotonic() - since if since else 0.0

    def count_retry(self) -> None:
        """Count one retry of a transaction."""
        with self._lock:
            self.retries += 1

    def stop_if_interrupted(self) -> None:
        """Raise KeyboardInterrupt if interrupt() was called."""
        if self.is_interrupted:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Sleep. Raises KeyboardInterrupt as soon as interrupt() is called."""
        self._interrupted.wait(seconds)
        self.stop_if_interrupted()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for a with block. After an error its transaction is rolled back; a lost one is replaced."""
        connection = self.getconn()
        try:
            yield connection
        except BaseException as error:
            self.end_transaction(connection, error)
            raise
        finally:
            self.putconn(connection)

    def end_transaction(self, connection: Connection, error: BaseException) -> None:
        """End a transaction that has failed with this error.

        It is rolled back. If the connection is lost, or the error is an interrupt, the connection is closed instead:
        then the server rolls back by itself, and nobody waits for it.
        """
        if isinstance(error, psycopg2.Error) and is_lost(connection, error):
            # Whatever has ended this connection (a proxy, a node) has most likely ended the idle ones as well.
            self.close()
        elif isinstance(error, Exception):
            with suppress(psycopg2.Error):
                connection.rollback()
                return
        connection.close()

    def putconn(self, connection: Connection) -> None:
        """Put a connection back into the pool after its transaction; a closed one is dropped."""
        connection.waiting_since = 0.0
        if connection.closed:
            self._drop(connection)
        else:
            self._idle.append(connection)

    def getconn(self, backoff: Backoff | None = None) -> Connection:
        """Return an idle connection, or a new one. The caller has to give it back with putconn().

        backoff: for how long a server that has answered before, and does not now, is tried again; by default for
        retry_for seconds. Raises DatabaseUnreachable or DatabaseMissing.
        """
        try:
            return self._idle.pop()
        except IndexError:
            pass  # none is idle; suppress() would take as long as the rest of this function
        first = Backoff(self.sleep, self.wait)
        again = backoff or Backoff(self.sleep, self.retry_for)
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
