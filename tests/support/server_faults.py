"""Faults that a server can be asked for: errors of any SQLSTATE, lost connections; and who is connected."""

from contextlib import closing, suppress
from typing import Any

import psycopg2
import psycopg2.extensions

from toolkit.database import Cursor
from toolkit.database.catalog import is_cockroachdb


def fail(cursor: Cursor, sqlstate: str) -> None:
    """Have the server refuse a statement with this SQLSTATE."""
    if is_cockroachdb(cursor):
        cursor.execute("SELECT crdb_internal.force_error(%s, 'as asked')", (sqlstate,))
    else:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '{sqlstate}'; END $$")


def sessions(url: str, application: str) -> list[Any]:
    """Return what the server calls the connections that have this application_name."""
    return _sessions(url, application, cut=False)


def cut_sessions(url: str, application: str) -> int:
    """Have the server end the connections that have this application_name; return how many there were."""
    return len(_sessions(url, application, cut=True))


def _sessions(url: str, application: str, *, cut: bool) -> list[Any]:
    dsn = psycopg2.extensions.make_dsn(url, application_name="faults")
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        if is_cockroachdb(cursor):
            find, end = "SELECT session_id FROM [SHOW SESSIONS]", "CANCEL SESSION %s"
        else:
            find, end = "SELECT pid FROM pg_stat_activity", "SELECT pg_terminate_backend(%s)"
        cursor.execute(f"{find} WHERE application_name = %s", (application,))
        found = [key for (key,) in cursor.fetchall()]
        for key in found if cut else ():
            # CockroachDB has no session of that id any more if it has ended by itself meanwhile.
            with suppress(psycopg2.InternalError):
                cursor.execute(end, (key,))
        return found
