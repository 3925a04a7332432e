"""Start afresh: drop the tables and views of a schema file with all their rows, and apply it again."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg2
from psycopg2 import sql

from toolkit.console import UserError
from toolkit.database import IDEMPOTENT, Cursor, Database, run_or_explain, run_transaction
from toolkit.database.catalog import fetch, is_cockroachdb, search_path
from toolkit.schema.apply import Built, apply, build_in, created
from toolkit.schema.ddl import LOCK_NOT_AVAILABLE, begin_ddl, describe_lock_holders, is_dependency, wait_for_other_runs
from toolkit.schema.drift import compare
from toolkit.schema.relations import KINDS, Relation, relations
from toolkit.schema.sql_file import SchemaFile

# The partitions of a table, and theirs, as far as they hold rows. They are dropped with it.
PARTITIONS = """
    SELECT n.nspname, c.relname, c.relkind::TEXT
    FROM pg_partition_tree(%s::regclass) t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE t.level > 0 AND t.isleaf
    ORDER BY c.oid"""


class DropTarget(NamedTuple):
    """What reset() drops: its name, with the schema if it is another one, and what it is ("table", "view" ...).

    rows: how many it holds; None if it holds none (a view), or they lie elsewhere (a foreign table). partition_of: the
    table among whose rows these are counted, too; None if there is none.
    """

    name: str
    kind: str
    rows: int | None
    partition_of: str | None


def list_drop_targets(database: Database, file: Path) -> list[DropTarget]:
    """Return what reset() drops: the tables and views of a schema file that are there, and all partitions of these.

    Raises UserError when it cannot be found out which tables the file names.
    """
    names = _names(database, file)

    def look(cursor: Cursor) -> list[DropTarget]:
        home = search_path(cursor)[0]
        found = _present(cursor, names)
        partition_of = {part: table.name for table in found for part in _partitions(cursor, table)}
        targets = [relation for relation in found if relation not in partition_of] + list(partition_of)
        return [
            DropTarget(
                relation.name if relation.schema == home else f"{relation.schema}.{relation.name}",
                KINDS[relation.kind].lower(),
                _count(cursor, relation) if relation.kind in "rp" else None,
                partition_of.get(relation),
            )
            for relation in targets
        ]

    return run_or_explain(database, look)


def reset(database: Database, file: Path) -> list[str]:
    """Drop the tables and views of a schema file with all their rows, and apply the file; return their names.

    On PostgreSQL that is one transaction. On CockroachDB it is two, because there a table cannot be dropped and created
    in one: if it is interrupted between them, running it again, or applying the file, finishes. Raises UserError, with
    everything still there, when something that the file does not name depends on one of the tables.
    """
    names = _names(database, file)
    script = SchemaFile(file)

    def drop(cursor: Cursor) -> Built | None:
        wait_for_other_runs(cursor)
        begin_ddl(cursor)
        _drop(cursor, _present(cursor, names))
        return None if is_cockroachdb(cursor) else build_in(cursor, script)

    try:
        built = script.explaining(database, partial(run_transaction, database, drop, IDEMPOTENT))
    except UserError as failure:
        raise _undropped(failure, database, file, names) from failure
    if built:
        return created(database, built)
    try:
        return apply(database, file)
    except UserError as failure:
        raise UserError(f"the tables were dropped, and then: {failure}. Mend that and run it again") from failure


def _undropped(failure: UserError, database: Database, file: Path, names: list[str]) -> UserError:
    """Return what to say of a failure that has left everything as it was."""
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


def _names(database: Database, file: Path) -> list[str]:
    comparison = compare(database, file)
    if comparison.not_compared:
        raise UserError(f"it cannot be told which tables {file.name} names: {comparison.not_compared}")
    return comparison.tables


def _present(cursor: Cursor, names: list[str]) -> list[Relation]:
    schema = search_path(cursor)[0]
    return [relation for relation in relations(cursor) if relation.schema == schema and relation.name in names]


def _partitions(cursor: Cursor, table: Relation) -> list[Relation]:
    if table.kind != "p":
        return []
    return [Relation(*row) for row in fetch(cursor, PARTITIONS, (table.identifier.as_string(cursor),))]


def _count(cursor: Cursor, table: Relation) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table.identifier))
    return int(cursor.fetchall()[0][0])


def _drop(cursor: Cursor, found: list[Relation]) -> None:
    """Drop these relations, the views first: each after those that depend on it, whichever was made first."""
    left = [relation for relation in reversed(found) if relation.kind not in "rp"]
    while left:
        refused = [relation for relation in left if not _dropped(cursor, relation)]
        if len(refused) == len(left):
            _execute_drop(cursor, refused[:1])  # what depends on it is none of these, and the error says what it is
        left = refused
    tables = [relation for relation in found if relation.kind in "rp"]
    if tables:
        _execute_drop(cursor, tables)


def _dropped(cursor: Cursor, relation: Relation) -> bool:
    """Drop a relation, and return whether it could be dropped: not as long as something depends on it."""
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
