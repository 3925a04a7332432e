"""Reset: drop the tables and views of a schema file with all their rows, and apply the file again."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg2
from psycopg2 import sql

from toolkit.console import UserError
from toolkit.database import IDEMPOTENT, Cursor, Database, run_or_explain, run_transaction
from toolkit.database.catalog import fetch, is_cockroachdb, search_path
from toolkit.schema.apply import AppliedFile, apply, apply_in, created_names
from toolkit.schema.ddl import LOCK_NOT_AVAILABLE, begin_ddl, describe_lock_holders, is_dependency, lock_schema
from toolkit.schema.drift import compare
from toolkit.schema.relations import KINDS, Relation, read_relations
from toolkit.schema.sql_file import SchemaFile

# The partitions of a table that hold rows themselves, at any depth. They are dropped with the table.
PARTITIONS = """
    SELECT n.nspname, c.relname, c.relkind::TEXT
    FROM pg_partition_tree(%s::regclass) t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE t.level > 0 AND t.isleaf
    ORDER BY c.oid"""


class DropTarget(NamedTuple):
    """A table or view that reset() drops. name: with its schema, unless that is the current one. kind: "table" ...

    rows: their number; None for what holds none itself (a view, a foreign table). partition_of: the table whose count
    includes these rows; None if it is not a partition.
    """

    name: str
    kind: str
    rows: int | None
    partition_of: str | None


def list_drop_targets(database: Database, file: Path) -> list[DropTarget]:
    """Return what reset() drops: the tables and views of a schema file that are there, and all their partitions.

    Raises UserError if it cannot be determined which tables the file names.
    """
    names = _table_names(database, file)

    def read(cursor: Cursor) -> list[DropTarget]:
        default_schema = search_path(cursor)[0]
        found = _existing(cursor, names)
        partition_of = {part: table.name for table in found for part in _partitions(cursor, table)}
        targets = [relation for relation in found if relation not in partition_of] + list(partition_of)
        return [
            DropTarget(
                relation.name if relation.schema == default_schema else f"{relation.schema}.{relation.name}",
                KINDS[relation.kind].lower(),
                _count(cursor, relation) if relation.kind in "rp" else None,
                partition_of.get(relation),
            )
            for relation in targets
        ]

    return run_or_explain(database, read)


def reset(database: Database, file: Path) -> list[str]:
    """Drop the tables and views of a schema file with all their rows, and apply the file; return their names.

    On PostgreSQL that is one transaction. On CockroachDB it is two, because there a table cannot be dropped and created
    in one. If it is interrupted between the two, run it again, or apply the file. Raises UserError, with
    everything still there, if something that the file does not create depends on one of the tables.
    """
    names = _table_names(database, file)
    script = SchemaFile(file)

    def drop(cursor: Cursor) -> AppliedFile | None:
        lock_schema(cursor)
        begin_ddl(cursor)
        _drop(cursor, _existing(cursor, names))
        return None if is_cockroachdb(cursor) else apply_in(cursor, script)

    try:
        applied = script.explain_errors(database, partial(run_transaction, database, drop, IDEMPOTENT))
    except UserError as failure:
        raise _explained_refusal(failure, database, file, names) from failure
    if applied:
        return created_names(database, applied)
    try:
        return apply(database, file)
    except UserError as failure:
        raise UserError(f"the tables were dropped, and then: {failure}. Mend that and run it again") from failure


def _explained_refusal(failure: UserError, database: Database, file: Path, names: list[str]) -> UserError:
    """Return the error for a reset that has failed and left everything as it was."""
    cause = failure.__cause__
    if not isinstance(cause, psycopg2.Error):
        return failure
    if is_dependency(cause):
        detail = "; ".join((cause.diag.message_detail or cause.diag.message_primary or "").splitlines())
        return UserError(
            f"nothing was dropped: something that {file.name} does not name depends on its tables. Drop that first: "
            f"{detail}"
        )
    if cause.pgcode == LOCK_NOT_AVAILABLE:
        return UserError(f"nothing was dropped: {failure}. {describe_lock_holders(database, ' '.join(names))}")
    return failure


def _table_names(database: Database, file: Path) -> list[str]:
    comparison = compare(database, file)
    if comparison.not_compared:
        raise UserError(f"it cannot be told which tables {file.name} names: {comparison.not_compared}")
    return comparison.tables


def _existing(cursor: Cursor, names: list[str]) -> list[Relation]:
    schema = search_path(cursor)[0]
    return [relation for relation in read_relations(cursor) if relation.schema == schema and relation.name in names]


def _partitions(cursor: Cursor, table: Relation) -> list[Relation]:
    if table.kind != "p":
        return []
    return [Relation(*row) for row in fetch(cursor, PARTITIONS, (table.identifier.as_string(cursor),))]


def _count(cursor: Cursor, table: Relation) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table.identifier))
    return int(cursor.fetchall()[0][0])


def _drop(cursor: Cursor, found: list[Relation]) -> None:
    """Drop these relations: first the views, each after the views that depend on it, then the tables."""
    left = [relation for relation in reversed(found) if relation.kind not in "rp"]
    while left:
        refused = [relation for relation in left if not _could_drop(cursor, relation)]
        if len(refused) == len(left):
            _execute_drop(cursor, refused[:1])  # something else depends on it: the server's error says what
        left = refused
    tables = [relation for relation in found if relation.kind in "rp"]
    if tables:
        _execute_drop(cursor, tables)


def _could_drop(cursor: Cursor, relation: Relation) -> bool:
    """Drop a relation, and return True; return False if something still depends on it."""
    cursor.execute("SAVEPOINT before_drop")
    try:
        _execute_drop(cursor, [relation])
    except psycopg2.Error as error:
        if not is_dependency(error):
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT before_drop")
        return False
    return True


def _execute_drop(cursor: Cursor, found: list[Relation]) -> None:
    identifiers = sql.SQL(", ").join(relation.identifier for relation in found)
    cursor.execute(sql.SQL("DROP {} {}").format(sql.SQL(KINDS[found[0].kind]), identifiers))
