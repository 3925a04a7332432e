"""A connection: what is sent when it is opened, how its transactions begin, and when it is lost."""

import time
from typing import Any

import psycopg2
import psycopg2.extensions

Cursor = psycopg2.extensions.cursor

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


class BeginningCursor(psycopg2.extensions.cursor):
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


def is_lost(connection: Connection, error: psycopg2.Error) -> bool:
    """Whether an error means that the connection has gone, and not that the server refuses what was sent."""
    code = error.pgcode or ""
    if code == PROTOCOL_VIOLATION and TOO_LARGE in str(error):
        return False  # some versions close the connection after this, and it would be sent in vain again
    return bool(connection.closed) or code in SERVER_LEAVES or (code.startswith("08") and code != PROTOCOL_VIOLATION)
