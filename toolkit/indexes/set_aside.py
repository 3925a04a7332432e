"""Before a load: the indexes of empty tables are dropped, in one transaction with the record of what they were."""

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import psycopg2
from psycopg2 import errors, sql

from toolkit.console import UserError
from toolkit.database import Cursor, Database, explained, run_or_explain, run_transaction
from toolkit.database.tables import TableName
from toolkit.database.transaction import IDEMPOTENT
from toolkit.indexes import record
from toolkit.indexes.definitions import Index, identifier_of, read_replaceable
from toolkit.schema.ddl import begin_ddl, is_dependency, wait_for_other_runs


class Replaceable(NamedTuple):
    """What a load could do without for its time. indexes: those of empty tables. kept: the tables that hold rows."""

    indexes: list[Index]
    kept: list[TableName]


def find_replaceable(cursor: Cursor, tables: Iterable[TableName]) -> Replaceable:
    """Return the indexes of those of the tables that are empty; only reads."""
    found = Replaceable([], [])
    for table in tables:
        indexes = read_replaceable(cursor, table)
        if indexes and _holds_rows(cursor, table):
            found.kept.append(table)
        else:
            found.indexes.extend(indexes)
    return found


def set_aside(database: Database, tables: Iterable[TableName]) -> Replaceable:
    """Drop the indexes of those of the tables that are empty, and return what was found.

    The DROPs are committed together with the record that says what is to be built again: after a kill either all of it
    is so, or nothing. May be repeated. Raises UserError, with all indexes still there, if the user may not drop one, or
    something depends on it.
    """
    found = run_or_explain(database, partial(find_replaceable, tables=list(tables)))
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
    wait_for_other_runs(cursor)
    begin_ddl(cursor)
    indexes = find_replaceable(cursor, tables).indexes
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
