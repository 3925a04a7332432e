"""The tables and views that are there, and what a schema transaction needs before it."""

from typing import Any, NamedTuple

from psycopg2 import sql

from toolkit.console import Failure
from toolkit.database import Cursor, DatabaseMissing
from toolkit.database.catalog import is_cockroachdb

# CockroachDB's unique_rowid() for a PostgreSQL that has none: the time since 2015 in units of 10 microseconds, shifted
# by 15 bits (GenerateUniqueInt in CockroachDB's pkg/sql/sem/builtins). There the low bits are the node's; here the next
# value of a sequence is added. It need not fit 15 bits: time and sequence both grow, so their sum does. Two ids could
# be equal only if 32,768 values were drawn for each 10 microseconds by which their times differ the other way round;
# so a value that took longer than a millisecond to draw is drawn again.
UNIQUE_ROWID = """
    CREATE SEQUENCE {schema}.unique_rowid_sequence;
    GRANT USAGE ON SEQUENCE {schema}.unique_rowid_sequence TO PUBLIC;
    CREATE FUNCTION {schema}.unique_rowid() RETURNS INT8 LANGUAGE plpgsql AS $$
    DECLARE
        began TIMESTAMPTZ;
        number INT8;
    BEGIN
        LOOP
            began := clock_timestamp();
            number := nextval('{schema}.unique_rowid_sequence');
            EXIT WHEN clock_timestamp() < began + INTERVAL '1 millisecond';
        END LOOP;
        RETURN (((date_part('epoch', began) - 1420070400) * 100000)::INT8 << 15) + number;
    END $$;
    COMMENT ON FUNCTION {schema}.unique_rowid() IS 'As in CockroachDB: distinct, and increasing with time.'"""

# Held by a transaction that changes a PostgreSQL schema: of several runs at once each waits for the one before.
# Without it they fail, with any of 23505, 42P07, 42710, XX000. (CockroachDB: 40001, which is tried again anyway.)
LOCK = int.from_bytes(b"schema", "big")

RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind::TEXT
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'crdb_internal')
    ORDER BY c.oid"""  # the order in which they were made


class Relation(NamedTuple):
    """A table or a view. kind: as in pg_class ("r" table, "p" partitioned table, "v" view)."""

    schema: str
    name: str
    kind: str

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def prepare(cursor: Cursor) -> None:
    """Make sure, on CockroachDB, that the database is there and that DDL does not commit."""
    if not is_cockroachdb(cursor):
        return
    # Before v23 one can be connected to a database that does not exist.
    if not fetch(cursor, "SELECT 1 FROM [SHOW DATABASES] WHERE database_name = current_database()"):
        name = cursor.connection.info.dbname
        raise DatabaseMissing(f"the server has no database {name}: run `python streaming_services.py` first")
    # On by default from v25.1: DDL would commit what came before it.
    if fetch(cursor, "SELECT 1 FROM pg_catalog.pg_settings WHERE name = 'autocommit_before_ddl'"):
        cursor.execute("SET autocommit_before_ddl = off")


def wait_for_other_runs(cursor: Cursor) -> None:
    if not is_cockroachdb(cursor):
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def create_unique_rowid(cursor: Cursor) -> None:
    """Create unique_rowid() where new tables go, unless the search_path leads to one."""
    if not is_cockroachdb(cursor) and not fetch(cursor, "SELECT to_regprocedure('unique_rowid()')")[0][0]:
        schema = sql.Identifier(search_path(cursor)[0])
        cursor.execute(sql.SQL(UNIQUE_ROWID).format(schema=schema))


def relations(cursor: Cursor) -> list[Relation]:
    return [Relation(*row) for row in fetch(cursor, RELATIONS)]


def fetch(cursor: Cursor, query: str) -> list[Any]:
    cursor.execute(query)
    return cursor.fetchall()


def search_path(cursor: Cursor) -> list[str]:
    """The schemas in which unqualified names are looked for; new tables go into the first."""
    path: list[str] = fetch(cursor, "SELECT current_schemas(false)::TEXT[]")[0][0]
    if not path:
        raise Failure("no schema of the search_path is there: create one, or correct the URL's options")
    return path
