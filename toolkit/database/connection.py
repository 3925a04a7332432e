"""A connection: the settings of its session, how its transactions begin and end, and whether it is lost."""

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

# This code relies on these settings, whatever defaults the server, the database or the user has. They are not sent as
# the startup parameter `options`, because PgBouncer refuses that. A setting that the server does not know is NULL and
# is left out; array_nulls is an exception, because CockroachDB raises an error for it. (pg_settings would answer for
# all of them, but slowly.) pg_namespace is read for CockroachDB before v23: it accepts a connection to a database that
# does not exist, and raises the error only at the first statement that needs the database.
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


# Sent together with the first statement of a transaction, which saves the round trip that psycopg2's own BEGIN takes.
BEGIN = "BEGIN ISOLATION LEVEL SERIALIZABLE; "

# The isolation level of all transactions, unless Database() is given another.
SERIALIZABLE = "serializable"
SET_ISOLATION = "SELECT set_config('default_transaction_isolation', %s, false)"


class Connection(psycopg2.extensions.connection):
    """A connection that sends BEGIN together with the first statement, and knows since when it has been waiting.

    waiting_since: since when a statement has had no answer (time.monotonic()); 0: none is waiting.
    begins: whether the next statement begins a transaction. If not, it is a transaction by itself, because psycopg2's
    autocommit is always on.
    beginning: the BEGIN statement that is put before it.
    plain_cursor: used again and again for transactions of a single statement. It sends no BEGIN and does not set
    waiting_since. A new cursor for each would take longer than everything else that Python does for such a transaction.
    """

    waiting_since = 0.0
    begins = False
    beginning = BEGIN
    plain_cursor: Cursor

    def commit(self) -> None:
        """Commit the transaction, if a statement has been sent in it."""
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


class TransactionCursor(psycopg2.extensions.cursor):
    """A cursor whose first statement brings the BEGIN of the transaction with it."""

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

    # These do not call execute(), so they have to begin the transaction themselves.

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
    """Whether an error means that the connection is lost, and not that the server refuses the statement."""
    code = error.pgcode or ""
    if code == PROTOCOL_VIOLATION and TOO_LARGE in str(error):
        return False  # some versions close the connection after this; sending the same message again would not help
    return bool(connection.closed) or code in SERVER_LEAVES or (code.startswith("08") and code != PROTOCOL_VIOLATION)
