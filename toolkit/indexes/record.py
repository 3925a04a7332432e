"""The record of the indexes that have to be built: a table that exists from the first DROP until all are built.

It is in the database because the process that dropped the indexes may be killed. Each schema has its own record.
"""

from collections.abc import Iterable

import psycopg2
from psycopg2 import errors, sql

from toolkit.database import IDEMPOTENT, READ_ONLY, Cursor, Database, explained, run_transaction
from toolkit.database.catalog import fetch, is_cockroachdb
from toolkit.database.server_errors import catalog_has_changed
from toolkit.indexes import RECORD
from toolkit.indexes.definitions import Index

# Index names are unique in a table of CockroachDB, and in a schema of PostgreSQL.
CREATE = """
    CREATE TABLE IF NOT EXISTS {record} (
        table_name TEXT NOT NULL,
        index_name TEXT NOT NULL,
        statement TEXT NOT NULL,
        index_comment TEXT,
        CONSTRAINT indexes_to_build_after_load_pkey PRIMARY KEY (table_name, index_name)
    );
    COMMENT ON TABLE {record} IS
        'Indexes that a load has dropped. It builds them at its end, else the next load does, and drops this table.';
    GRANT SELECT ON TABLE {record} TO PUBLIC"""
SAVE = "INSERT INTO {record} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
READ = "SELECT table_name, index_name, statement, index_comment FROM {record} ORDER BY table_name, index_name"
REMOVE = "DELETE FROM {record} WHERE table_name = %s AND index_name = %s"

# Only records that the user may read. (CockroachDB v21.1 denies everybody the privilege USAGE on the schema public, but
# everybody may use it.)
SCHEMAS = """
    SELECT n.nspname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND c.relkind = 'r'
      AND (version() LIKE 'CockroachDB%%' OR has_schema_privilege(n.oid, 'USAGE'))
      AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY n.nspname"""


def save(cursor: Cursor, indexes: Iterable[Index]) -> None:
    """Add indexes to the records of their schemas, which are created if missing. An index that is there stays so."""
    indexes = list(indexes)
    for schema in dict.fromkeys(index.schema for index in indexes):
        cursor.execute(_statement(CREATE, schema))
    for index in indexes:
        cursor.execute(_statement(SAVE, index.schema), (index.table, index.name, index.statement, index.comment))


def read_missing(database: Database) -> list[Index]:
    """Return the indexes in the records of the database: they have to be built. Raises UserError."""

    def read(cursor: Cursor) -> list[Index]:
        schemas = [schema for (schema,) in fetch(cursor, SCHEMAS, (RECORD,))]
        return [Index(schema, *row) for schema in schemas for row in fetch(cursor, _statement(READ, schema))]

    try:
        return run_transaction(database, read, READ_ONLY, try_again=is_being_removed)
    except psycopg2.Error as error:
        raise explained(error, database) from error


def is_being_removed(error: psycopg2.Error) -> bool:
    """Whether an error means that another load has just removed a record, because it has built the indexes."""
    return isinstance(error, errors.UndefinedTable | errors.ObjectNotInPrerequisiteState) or catalog_has_changed(error)


def remove(cursor: Cursor, index: Index) -> None:
    """Remove an index that is built from its record."""
    cursor.execute(_statement(REMOVE, index.schema), (index.table, index.name))


def remove_if_empty(database: Database, schema: str) -> None:
    """Drop the record of a schema if it is empty. Another load may do the same, or write to it, at the same time.

    On PostgreSQL this waits for the other one; on CockroachDB one of the two transactions fails and is tried again.
    """

    def drop(cursor: Cursor) -> None:
        if not is_cockroachdb(cursor):
            cursor.execute(_statement("LOCK TABLE {record} IN ACCESS EXCLUSIVE MODE", schema))
        if not fetch(cursor, _statement(READ, schema)):
            cursor.execute(_statement("DROP TABLE {record}", schema))

    try:
        run_transaction(database, drop, IDEMPOTENT)
    except psycopg2.Error as error:
        if not is_being_removed(error):
            raise explained(error, database) from error


def _statement(text: str, schema: str) -> sql.Composed:
    return sql.SQL(text).format(record=sql.Identifier(schema, RECORD))
