"""The connections to a database: each transaction takes one from the pool, and a lost one is replaced.

The words are those of psycopg_pool: getconn(), putconn(), and connection(), the context manager that does both.
"""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from toolkit.database.target import DatabaseUnreachable, Target

Cursor = psycopg2.extensions.cursor

# The pause before try n is a random time up to FIRST_PAUSE * 2**n, at most LONGEST_PAUSE (seconds): full jitter, as in
# "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 2.0

# CockroachDB's code for a message above sql.conn.max_read_buffer_message_size, and its words (pgwirebase/encoding.go).
PROTOCOL_VIOLATION = "08P01"
TOO_LARGE = "bigger than maximum allowed message size"
# What a server says when it ends a connection: admin_shutdown, crash_shutdown, cannot_connect_now.
SERVER_LEAVES = {"57P01", "57P02", "57P03"}

# What is sent and read relies on these, whatever the server, the database or the user has as a default. Not by the
# startup parameter `options`, which PgBouncer refuses. A setting that a server does not know is NULL and left out, but
# for array_nulls, which CockroachDB does not have and makes an error of. (pg_settings knows all, too, but slowly.)
# The look into the catalog is for CockroachDB before v23: it takes connections to a database that does not exist, and
# says so at the first statement that needs it.
SET_SESSION = """
    SELECT set_config(name, wanted, false)
    FROM (VALUES
        ('timezone', 'UTC'),
        ('array_nulls', 'on'),
        ('datestyle', 'ISO, MDY'),
        ('intervalstyle', 'postgres'),
        ('standard_conforming_strings', 'on'),
        ('extra_float_digits', '3'),
        ('default_transaction_isolation', 'serializable')
    ) AS session (name, wanted)
    WHERE EXISTS (SELECT 1 FROM pg_catalog.pg_namespace)
      AND CASE WHEN name = 'array_nulls' AND version() LIKE 'CockroachDB%' THEN false
               ELSE current_setting(name, true) <> wanted END"""


# Sent with the first statement of a transaction, so that it costs no round trip. (psycopg2 would send it by itself.)
BEGIN = "BEGIN ISOLATION LEVEL SERIALIZABLE; "

# The isolation of all transactions, unless an experiment wants another.
SERIALIZABLE = "serializable"
SET_ISOLATION = "SELECT set_config('default_transaction_isolation', %s, false)"


class Connection(psycopg2.extensions.connection):
    """A connection whose transactions begin with their first statement, and that knows since when it has been waiting.

    waiting_since: for an answer of the server (time.monotonic(); 0: it is not).
    begins: whether the next statement is to begin a transaction. Else each statement is a transaction by itself, as
    psycopg2's autocommit is on all the time.
    beginning: what begins a transaction.
    plain_cursor: for transactions of one statement, one after the other: it neither begins them nor says when it waits.
    To make a cursor for each would take longer than all else that Python does for such a transaction.
    """

    waiting_since = 0.0
    begins = False
    beginning = BEGIN
    plain_cursor: Cursor

    def commit(self) -> None:
        """End the transaction that was begun, if a statement has been sent in it."""
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        self.begins = False
        if self.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            return
        self.waiting_since = time.monotonic()
        try:
            with self.cursor(cursor_factory=Cursor) as cursor:
                cursor.execute(statement)
        finally:
            self.waiting_since = 0.0


class _Cursor(psycopg2.extensions.cursor):
    connection: Connection

    def execute(self, query: Any, values: Any = None) -> None:
        connection = self.connection
        if connection.begins:
            query = self._beginning(query)
            connection.begins = False
        connection.waiting_since = time.monotonic()
        try:
            Cursor.execute(self, query, values)
        finally:
            connection.waiting_since = 0.0

    def _beginning(self, query: Any) -> Any:
        if isinstance(query, bytes):
            return self.connection.beginning.encode() + query
        return self.connection.beginning + (query if isinstance(query, str) else query.as_string(self))

    # What psycopg2 sends without execute() begins a transaction as well.

    def executemany(self, query: Any, values: Any) -> None:
        self._begin()
        super().executemany(query, values)

    def callproc(self, name: Any, values: Any = None) -> Any:
        self._begin()
        return super().callproc(name, values)

    def copy_expert(self, *arguments: Any, **named: Any) -> None:
        self._begin()
        super().copy_expert(*arguments, **named)

    def _begin(self) -> None:
        if self.connection.begins:
            self.execute("SELECT 1")


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
        connection.cursor_factory = _Cursor
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
                schemas = self.target.quoted_search_path
                if schemas and connection.get_parameter_status("crdb_version"):
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
    def connection(self, backoff: Backoff | None = None) -> Iterator[Connection]:
        """Lend a connection, whose transaction is rolled back after an error. One that is lost is not lent again."""
        connection = self.getconn(backoff)
        try:
            yield connection
        except BaseException as error:
            self._end(connection, error)
            raise
        finally:
            self.putconn(connection)

    def _end(self, connection: Connection, error: BaseException) -> None:
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


def is_lost(connection: Connection, error: psycopg2.Error) -> bool:
    """Whether an error means that the connection has gone, and not that the server refuses what was sent."""
    code = error.pgcode or ""
    if code == PROTOCOL_VIOLATION and TOO_LARGE in str(error):
        return False  # some versions close the connection after this, and it would be sent in vain again
    return bool(connection.closed) or code in SERVER_LEAVES or (code.startswith("08") and code != PROTOCOL_VIOLATION)
