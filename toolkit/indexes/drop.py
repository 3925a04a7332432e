"""Drop the indexes of empty tables before a load, in one transaction with the record of their definitions."""

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import psycopg2
from psycopg2 import errors, sql

from toolkit.console import UserError
from toolkit.database import Cursor, Database, explained, run_or_explain, run_transaction
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.tables import TableName
from toolkit.database.transaction import IDEMPOTENT
from toolkit.indexes import record
from toolkit.indexes.definitions import Index, identifier_of, read_droppable_indexes
from toolkit.schema.ddl import begin_ddl, is_dependency, lock_schema


class DroppableIndexes(NamedTuple):
    """The indexes that a load can drop. tables_with_rows: the tables whose indexes stay, because they are not empty."""

    indexes: list[Index]
    tables_with_rows: list[TableName]


def find_droppable(cursor: Cursor, tables: Iterable[TableName]) -> DroppableIndexes:
    """Return the secondary indexes of the empty ones among these tables. Only reads."""
    found = DroppableIndexes([], [])
    for table in tables:
        indexes = read_droppable_indexes(cursor, table)
        if indexes and _holds_rows(cursor, table):
            found.tables_with_rows.append(table)
        else:
            found.indexes.extend(indexes)
    return found


def can_drop_all(cursor: Cursor, tables: Iterable[TableName]) -> bool:
    """Whether all of these tables are empty and some have secondary indexes. Only reads, and waits for nobody.

    On CockroachDB a read waits until a row that it meets is committed or rolled back, unless it has a higher priority
    than who writes the row (see "Transaction Layer" in its documentation). To be asked first in a transaction.
    """
    if is_cockroachdb(cursor):
        cursor.execute("SET TRANSACTION PRIORITY HIGH")
    found = find_droppable(cursor, tables)
    return bool(found.indexes) and not found.tables_with_rows


def drop_before_load(database: Database, tables: Iterable[TableName]) -> DroppableIndexes:
    """Drop the secondary indexes of the empty ones among these tables, and return what find_droppable() finds.

    All or nothing, also after a kill: the DROPs are committed together with the record of what has to be built. May be
    repeated. Raises UserError, with all indexes still there, if the user may not drop one, or something depends on it.
    """
    found = run_or_explain(database, partial(find_droppable, tables=list(tables)))
    if not found.indexes:
        return found
    try:
        run_transaction(
            database,
            partial(_drop, tables=list(tables)),
            IDEMPOTENT,
            try_again=record.is_being_removed,
        )
    except psycopg2.Error as error:
        raise _refusal(error, database) from error
    return found


def _holds_rows(cursor: Cursor, table: TableName) -> bool:
    cursor.execute(sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(sql.Identifier(table.schema, table.relation)))
    return bool(cursor.fetchall()[0][0])


def _drop(cursor: Cursor, tables: list[TableName]) -> None:
    lock_schema(cursor)
    begin_ddl(cursor)
    indexes = find_droppable(cursor, tables).indexes
    record.save(cursor, indexes)
    for index in indexes:
        cursor.execute(sql.SQL("DROP INDEX ") + identifier_of(cursor, index))


def _refusal(error: psycopg2.Error, database: Database) -> UserError:
    if isinstance(error, errors.InsufficientPrivilege):
        advice = "only the owner of a table may drop its indexes: use the owner's URL, or load without --indexes-last"
        return UserError(f"{explained(error, database)}. Nothing was dropped or loaded: {advice}")
    if is_dependency(error):
        detail = "; ".join((error.diag.message_detail or error.diag.message_primary or "").splitlines())
        return UserError(f"nothing was dropped or loaded: something depends on an index ({detail})")
    return UserError(f"nothing was dropped or loaded: {explained(error, database)}")
