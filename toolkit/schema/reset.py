"""Start afresh: drop the tables of a schema file with their rows, and apply it again."""

from pathlib import Path

from psycopg2 import errors, sql

from toolkit.console import Failure
from toolkit.database import Cursor, Database, run_or_explain, run_transaction
from toolkit.database.catalog import is_cockroachdb
from toolkit.schema.apply import apply, build_in
from toolkit.schema.drift import compare
from toolkit.schema.server_side import Relation, prepare, relations, search_path, wait_for_other_runs
from toolkit.schema.sql_file import SchemaFile


def count_rows(database: Database, file: Path) -> dict[str, int]:
    """Return how many rows each table of a schema file has that is in the database: what reset() deletes.

    Raises Failure when it cannot be found out which tables the file names.
    """
    names = _names(database, file)

    def count(cursor: Cursor) -> dict[str, int]:
        counts = {}
        for relation in _present(cursor, names):
            if relation.kind != "v":
                cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(relation.identifier))
                counts[relation.name] = cursor.fetchall()[0][0]
        return counts

    return run_or_explain(database, count)


def reset(database: Database, file: Path) -> list[str]:
    """Drop the tables and views of a schema file with all their rows, and apply the file; return their names.

    On PostgreSQL that is one transaction. On CockroachDB it is two, because there a table cannot be dropped and created
    in one: if it is interrupted between them, running it again, or applying the file, finishes. Raises Failure, with
    everything still there, when something that the file does not name depends on one of the tables.
    """
    names = _names(database, file)
    script = SchemaFile(file)

    def drop(cursor: Cursor) -> list[str] | None:
        prepare(cursor)
        wait_for_other_runs(cursor)
        present = _present(cursor, names)
        for word, kinds in (("VIEW", "v"), ("TABLE", "rp")):
            found = [relation.identifier for relation in present if relation.kind in kinds]
            if found:
                cursor.execute(sql.SQL("DROP {} {}").format(sql.SQL(word), sql.SQL(", ").join(found)))
        return None if is_cockroachdb(cursor) else build_in(cursor, script)

    try:
        created = script.explaining(database, lambda: run_transaction(database, drop, repeatable=True))
    except Failure as failure:
        if not isinstance(failure.__cause__, errors.DependentObjectsStillExist):
            raise
        diagnosis = failure.__cause__.diag
        detail = "; ".join((diagnosis.message_detail or diagnosis.message_primary or "").splitlines())
        raise Failure(
            f"nothing was dropped: something that {file.name} does not name depends on its tables. Drop that first: "
            f"{detail}"
        ) from failure
    if created is not None:
        return created
    try:
        return apply(database, file)
    except Failure as failure:
        raise Failure(f"the tables were dropped, and then: {failure}. Mend that and run it again") from failure


def _names(database: Database, file: Path) -> list[str]:
    comparison = compare(database, file)
    if comparison.not_compared:
        raise Failure(f"it cannot be told which tables {file.name} names: {comparison.not_compared}")
    return comparison.tables


def _present(cursor: Cursor, names: list[str]) -> list[Relation]:
    schema = search_path(cursor)[0]
    return [relation for relation in relations(cursor) if relation.schema == schema and relation.name in names]
