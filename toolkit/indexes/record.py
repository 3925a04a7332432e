"""The record of indexes that are to be built: a table beside theirs, from before the first is dropped until all are
there again.

It is in the database because whoever dropped the indexes may be killed. Each schema has its own, of the same name.
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
FORGET = "DELETE FROM {record} WHERE table_name = %s AND index_name = %s"

# Records that the user may not read are for others to work off. (CockroachDB v21.1 says of the schema public, which
# everybody may use, that nobody may.)
SCHEMAS = """
    SELECT n.nspname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND c.relkind = 'r'
      AND (version() LIKE 'CockroachDB%%' OR has_schema_privilege(n.oid, 'USAGE'))
      AND has_table_privilege(c.oid, 'SELECT')
    ORDER BY n.nspname"""


def save(cursor: Cursor, indexes: Iterable[Index]) -> None:
    """Write indexes into the records of their schemas, which are made; those that stand there already stay so."""
    indexes = list(indexes)
    for schema in dict.fromkeys(index.schema for index in indexes):
        cursor.execute(_statement(CREATE, schema))
    for index in indexes:
        cursor.execute(_statement(SAVE, index.schema), (index.table, index.name, index.statement, index.comment))


def read_missing(database: Database) -> list[Index]:
    """Return the indexes that stand in records of the database: they are to be built. Raises UserError."""

    def read(cursor: Cursor) -> list[Index]:
        schemas = [schema for (schema,) in fetch(cursor, SCHEMAS, (RECORD,))]
        return [Index(schema, *row) for schema in schemas for row in fetch(cursor, _statement(READ, schema))]

    try:
        return run_transaction(database, read, READ_ONLY, try_again=is_being_removed)
    except psycopg2.Error as error:
        raise explained(error, database) from error


def is_being_removed(error: psycopg2.Error) -> bool:
    """Whether a record, which was there a moment ago, is being removed by another load, which has built its indexes."""
    return isinstance(error, errors.UndefinedTable | errors.ObjectNotInPrerequisiteState) or catalog_has_changed(error)


def forget(cursor: Cursor, index: Index) -> None:
    """Take an index that is there out of its record."""
    cursor.execute(_statement(FORGET, index.schema), (index.table, index.name))


def remove_if_empty(database: Database, schema: str) -> None:
    """Drop the record of a schema if no index stands in it. Another load may do the same, or be writing to it.

    PostgreSQL lets us wait for that one; on CockroachDB one of the two transactions fails, and is tried again.
    """

    def remove(cursor: Cursor) -> None:
        if not is_cockroachdb(cursor):
            cursor.execute(_statement("LOCK TABLE {record} IN ACCESS EXCLUSIVE MODE", schema))
        if not fetch(cursor, _statement(READ, schema)):
            cursor.execute(_statement("DROP TABLE {record}", schema))

    try:
        run_transaction(database, remove, IDEMPOTENT)
    except psycopg2.Error as error:
        if not is_being_removed(error):
            raise explained(error, database) from error


def _statement(text: str, schema: str) -> sql.Composed:
    return sql.SQL(text).format(record=sql.Identifier(schema, RECORD))
