"""Transactions with DDL: their settings and locks, and who holds a lock when they wait too long."""

from psycopg2 import errors

from toolkit.console import UserError, printable
from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.catalog import fetch, is_cockroachdb

# The advisory lock of a transaction that changes a schema on PostgreSQL, so that several runs wait for each other.
# Without it they fail with any of 23505, 42P07, 42710, XX000. (On CockroachDB with 40001, which is tried again anyway.)
LOCK = int.from_bytes(b"schema", "big")

# How long a DDL statement waits for the locks of other sessions, because new sessions queue up behind it. CockroachDB
# has no such limit: its lock_timeout is for rows.
LOCK_TIMEOUT = "10s"
# The SQLSTATE after that timeout.
LOCK_NOT_AVAILABLE = "55P03"

# On by default in CockroachDB from v25.1 on: DDL then commits the transaction's earlier statements.
AUTOCOMMIT = "autocommit_before_ddl"
# A setting of the newest CockroachDB: no DDL in explicit transactions.
NO_DDL_IN_TRANSACTIONS = "disallow_ddl_in_explicit_transactions"

# NULL where the server does not know the setting.
SETTING = "current_setting(%s, true)"

# The sessions that hold locks on tables. PostgreSQL shows the activity of other users only to members of pg_monitor.
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


class NoDdlInTransactions(UserError):
    """The server cannot run these statements in one transaction. The text says why."""


def begin_ddl(cursor: Cursor) -> None:
    """Make sure that DDL does not commit this transaction, and does not wait for locks without a limit.

    Call it before the transaction's other statements. Raises NoDdlInTransactions if the server forbids DDL in it.
    """
    names = (AUTOCOMMIT, NO_DDL_IN_TRANSACTIONS, "lock_timeout")
    autocommit, stands_alone, lock_timeout = fetch(cursor, f"SELECT {', '.join([SETTING] * len(names))}", names)[0]
    if stands_alone == "on":
        raise NoDdlInTransactions(f"this server takes no DDL in transactions ({NO_DDL_IN_TRANSACTIONS} is on)")
    if autocommit is not None:
        cursor.execute(f"SET {AUTOCOMMIT} = off")
    if not is_cockroachdb(cursor) and lock_timeout == "0":
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def lock_schema(cursor: Cursor) -> None:
    """Wait, without a limit, until no other run of these scripts is changing a schema in this PostgreSQL database.

    Call it before begin_ddl(). Does nothing on CockroachDB.
    """
    if not is_cockroachdb(cursor):
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def lock_index_build(cursor: Cursor, name: str) -> None:
    """Wait until no other run is changing a schema in this PostgreSQL database, or building the index of this name.

    Several runs can build different indexes at the same time; meanwhile no run can change a schema. Call it first.
    """
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (LOCK,))
    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK % 2**31, name))


def describe_lock_holders(database: Database, statement: str) -> str:
    """Return a sentence about the sessions that hold locks on the tables of a statement; "" if it is not known."""
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
