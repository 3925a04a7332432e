"""Remove a row, so that of several calls at the same time exactly one returns it and the others raise NotFound."""

import re
from typing import Any

from psycopg2 import Error, errors, sql

from services.errors import NotFound, StillInUse
from services.rows import MAYBE_COMMITTED, Entity, Row, fetch
from services.transactions import Queryable, transact
from toolkit.console import UserError
from toolkit.database import (
    IDEMPOTENT,
    READ_ONLY,
    SINGLE_READ,
    AmbiguousCommit,
    Cursor,
    Database,
    catalog,
)
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.tables import Constraint


def remove(database: Queryable, entity: Entity[Any], **key: Any) -> Row:
    """Delete the row that has these values in a unique key, and return it as it was. Raises NotFound, StillInUse."""
    condition = " AND ".join(f"{name} = %({name})s" for name in key)
    found: list[Row] = []  # the row, from the latest try that has deleted it, committed or not

    def work(cursor: Cursor) -> bool:
        transaction = "cluster_logical_timestamp()" if is_cockroachdb(cursor) else "txid_current()"
        if not isinstance(database, Database):  # only the caller can know whether their transaction was committed
            transaction = "NULL"
        rows = fetch(cursor, _DELETE.format(table=entity.table, condition=condition, transaction=transaction), key)
        found[:] = rows or found
        return bool(rows)

    try:
        is_removed = transact(database, work, IDEMPOTENT)
    except errors.ForeignKeyViolation as error:
        raise StillInUse(entity.table, key, _count_uses(database, error, entity, key)) from error
    # If a try was committed and only its answer was lost, the next try finds no row. But it finds none either if the
    # first try was rolled back, and somebody else has removed the row since.
    if not is_removed and not (found and _was_committed(database, entity, condition, {**key, **found[0]})):
        raise NotFound(entity.table, key)
    del found[0]["removed_by"]
    return found[0]


# removed_by identifies the transaction. On PostgreSQL it is its id. CockroachDB does not show an id; there it is the
# timestamp at which the transaction reads and writes, which is fixed by asking for it.
_DELETE = "DELETE FROM {table} WHERE {condition} RETURNING *, {transaction} AS removed_by"


def _was_committed(database: Queryable, entity: Entity[Any], condition: str, values: Row) -> bool:
    """Return whether the transaction removed_by, which has deleted the row, was committed. Raises AmbiguousCommit."""

    def work(cursor: Cursor) -> bool:
        if not is_cockroachdb(cursor):
            return bool(fetch(cursor, "SELECT txid_status(%(removed_by)s) = 'committed' AS so", values)[0]["so"])
        # The transaction has read the row at its timestamp. If the row is gone as of that timestamp, it was committed.
        return not fetch(cursor, _AS_OF.format(table=entity.table, condition=condition), values)

    try:
        return transact(database, work, SINGLE_READ)
    except (UserError, Error) as error:
        raise AmbiguousCommit(f"{MAYBE_COMMITTED} (finding out ended with: {str(error).strip()})") from error


_AS_OF = "SELECT 1 AS there FROM {table} AS OF SYSTEM TIME %(removed_by)s WHERE {condition}"


def _count_uses(
    database: Queryable, error: errors.ForeignKeyViolation, entity: Entity[Any], key: Row
) -> dict[str, int]:
    """Return the number of rows in each table that refer to a row, which the server has refused to delete (error)."""
    uses: dict[str, int] = {}
    for name, table in transact(database, catalog.read, READ_ONLY).items():
        for constraint in table.foreign_keys:
            rows = 0
            if constraint.referenced == entity.table and not re.search(
                "ON DELETE (CASCADE|SET)", constraint.definition
            ):
                rows = _count(database, name, constraint, entity.table, key)
            if not rows and constraint.name == error.diag.constraint_name:
                rows = 1  # at least one was there when the server refused, and is gone now
            if rows:
                uses[name] = uses.get(name, 0) + rows
    return uses


def _count(database: Queryable, table: str, constraint: Constraint, removed_from: str, key: Row) -> int:
    """Return how many rows of a table refer by a foreign key to the row with these values in a unique key."""
    count = sql.SQL("SELECT count(*) AS rows FROM {} WHERE ({}) IN (SELECT {} FROM {} WHERE {})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, constraint.columns)),
        sql.SQL(", ").join(map(sql.Identifier, constraint.referenced_columns)),
        sql.Identifier(removed_from),
        sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in key),
    )

    def work(cursor: Cursor) -> int:
        return int(fetch(cursor, count.as_string(cursor), key)[0]["rows"])

    return transact(database, work, SINGLE_READ)
