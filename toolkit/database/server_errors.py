"""Errors of the server, with advice: what was refused, where, and what a person can do about it."""

from collections.abc import Callable
from typing import TypeVar

import psycopg2

from toolkit.console import UserError
from toolkit.database.connection import Cursor
from toolkit.database.connection_pool import Database
from toolkit.database.transaction import IDEMPOTENT, TransactionOptions, run_transaction

T = TypeVar("T")

# SQLSTATE -> what a person can do about the error.
ADVICE = {
    "08P01": "what was sent is larger than the server takes (CockroachDB: sql.conn.max_read_buffer_message_size, "
    "16 MiB unless it was set): raise that, or give smaller values",
    "25006": "the database is read-only (a replica?): use the URL of a server that can be written to",
    "3D000": "{create_database}, or correct the URL",
    "3F000": "create the schema, or correct the search_path in the URL's options",
    "42501": "grant user {user} the privilege, or use the URL of a user who has it",
    "42P01": "{create_tables}",
    "53100": "the server's disk is full: make room there",
    "53200": "the server is out of memory: try again later, or give it more",
    "53300": "the server has no free connection: try again later",
    "55P03": "another transaction holds a lock: try again when it has ended",
    "57014": "the statement was cancelled, by hand or by a statement_timeout: try again, or raise the timeout",
}


# Errors after which the same statement may succeed later: too_many_connections, lock_not_available, query_canceled.
TRANSIENT = {"53300", "55P03", "57014"}


def explained(error: psycopg2.Error, database: Database) -> UserError:
    """Return the UserError that says what the server refused, where, and what to do about it."""
    reason = (error.diag.message_primary or str(error)).strip()
    advice = ADVICE.get(error.pgcode or "", "")
    where = f"{database.target.host}, database {database.target.database}"
    if advice:
        target = database.target
        advice = ": " + advice.format(
            user=target.user,
            create_database=target.how_to_create("it"),
            create_tables=target.how_to_create("the tables"),
        )
    return UserError(f"{reason} ({where}){advice}", is_transient=(error.pgcode or "") in TRANSIENT)


def run_or_explain(database: Database, work: Callable[[Cursor], T], options: TransactionOptions = IDEMPOTENT) -> T:
    """Run work as run_transaction() does, and return its result; an error of the server is raised as a UserError.

    work may run more than once. Unless the options say otherwise, it has to be idempotent.
    """
    try:
        return run_transaction(database, work, options, try_again=catalog_has_changed)
    except psycopg2.Error as error:
        raise explained(error, database) from error


def catalog_has_changed(error: psycopg2.Error) -> bool:
    """Whether PostgreSQL failed to read its catalog because something in it was dropped meanwhile.

    Functions such as pg_get_indexdef() see the catalog as it is now. The statement that calls them sees it as it was
    when the statement began.
    """
    text = error.diag.message_primary or ""
    return error.pgcode == "XX000" and text.startswith(("could not open relation with OID", "cache lookup failed for"))
