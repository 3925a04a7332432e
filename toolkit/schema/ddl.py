"""Transactions of DDL: what they need before their first statement, and who is in their way when they wait too long."""

from psycopg2 import errors

from toolkit.console import UserError, printable
from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.catalog import fetch, is_cockroachdb

# Held by a transaction that changes a PostgreSQL schema: of several runs at once each waits for the one before.
# Without it they fail, with any of 23505, 42P07, 42710, XX000. (CockroachDB: 40001, which is tried again anyway.)
LOCK = int.from_bytes(b"schema", "big")

# For so long a statement waits for the locks of others, who in turn have to wait behind it. CockroachDB knows no such
# limit: its lock_timeout is for rows.
LOCK_TIMEOUT = "10s"
# The SQLSTATE with which it then ends.
LOCK_NOT_AVAILABLE = "55P03"

# On by default in CockroachDB from v25.1: DDL would commit what came before it in the transaction.
AUTOCOMMIT = "autocommit_before_ddl"
# In the newest CockroachDB: transactions that were begun explicitly take no DDL.
STANDS_ALONE = "disallow_ddl_in_explicit_transactions"

# NULL where the server does not know the setting.
SETTING = "current_setting(%s, true)"

# The sessions that hold locks on tables. What others are doing PostgreSQL tells only those who may know (pg_monitor).
HOLDERS = """
    SELECT a.pid, a.usename, a.application_name, a.state, extract(epoch FROM clock_timestamp() - a.xact_start)::INT8,
           array_agg(DISTINCT c.relname::TEXT ORDER BY c.relname::TEXT)
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm', 'f')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND n.nspname <> 'information_schema' AND left(n.nspname, 3) <> 'pg_'
    GROUP BY a.pid, a.usename, a.application_name, a.state, a.xact_start
    ORDER BY a.xact_start"""


class DdlStandsAlone(UserError):
    """The server does not take these statements in one transaction. The text says why."""


def begin_ddl(cursor: Cursor) -> None:
    """Make sure that the DDL of this transaction does not commit, and does not wait for ever.

    To be called before the transaction's other statements. Raises DdlStandsAlone where it cannot have any.
    """
    names = (AUTOCOMMIT, STANDS_ALONE, "lock_timeout")
    autocommit, stands_alone, lock_timeout = fetch(cursor, f"SELECT {', '.join([SETTING] * len(names))}", names)[0]
    if stands_alone == "on":
        raise DdlStandsAlone(f"this server takes no DDL in transactions ({STANDS_ALONE} is on)")
    if autocommit is not None:
        cursor.execute(f"SET {AUTOCOMMIT} = off")
    if not is_cockroachdb(cursor) and lock_timeout == "0":
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def wait_for_other_runs(cursor: Cursor) -> None:
    """Wait until no other run of these scripts is changing a schema in this PostgreSQL database, however long it takes.

    To be called before begin_ddl().
    """
    if not is_cockroachdb(cursor):
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def share_with_other_builds(cursor: Cursor, name: str) -> None:
    """Wait until no other run changes a schema in this PostgreSQL database, and nobody builds the index of this name.

    Several may build indexes side by side; each keeps out runs that change a schema. To be called first.
    """
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LOCK,))
    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK % 2**31, name))


def describe_lock_holders(database: Database, statement: str) -> str:
    """Say which sessions hold locks on the tables that a statement names; "" if it cannot be told."""
    try:
        holders = run_or_explain(database, lambda cursor: fetch(cursor, HOLDERS))
    except UserError:
        return ""
    named = [holder for holder in holders if any(table in statement for table in holder[-1])]
    return "; ".join(
        f"session {pid} (user {user}{f', {printable(program)}' if program else ''}"
        f"{f', {state}' if state else ''}{f', for {seconds:,} s' if seconds is not None else ''}) has used "
        + ", ".join(map(printable, tables))
        for pid, user, program, state, seconds, tables in named or holders
    )


def is_dependency(error: BaseException | None) -> bool:
    """Whether the server refused to drop something because something else depends on it."""
    text = str(error)  # CockroachDB v21.1 has the code XXUUU (uncategorized) for foreign keys
    return isinstance(error, errors.DependentObjectsStillExist) or "is referenced by foreign key from table" in text
