"""Apply a schema file to a database."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extensions
from psycopg2 import errors, sql

from toolkit.console import UserError, say
from toolkit.database import (
    IDEMPOTENT,
    SINGLE_WRITE,
    Cursor,
    Database,
    DatabaseMissing,
    explained,
    run_or_explain,
    run_transaction,
)
from toolkit.database.catalog import is_cockroachdb, search_path
from toolkit.schema.ddl import NoDdlInTransactions, begin_ddl, lock_schema
from toolkit.schema.relations import Relation, read_relations
from toolkit.schema.sql_file import SchemaFile
from toolkit.schema.unique_rowid import create_unique_rowid


def apply(database: Database, file: Path) -> list[str]:
    """Apply a schema file in one transaction, and return the names of the tables and views that this has created.

    First creates the database if it is missing, and on PostgreSQL the function unique_rowid(). May be repeated, and run
    by several processes at once. Raises UserError, with the line in the file if a statement is at fault. Nothing of the
    file is applied then, unless the text says so.
    """
    script = SchemaFile(file)
    try:
        applied = _apply(database, script)
    except DatabaseMissing as missing:
        _create_database(database, missing)
        applied = _apply(database, script)
    return created_names(database, applied)


class AppliedFile(NamedTuple):
    """The tables and views that were there before a schema file was applied, and after it.

    after: None if it has to be read in another transaction: in one transaction CockroachDB v21.1 sees pg_class as it
    was at the first read. What another run has created meanwhile is in both lists or in neither, so it does not count.
    """

    before: list[Relation]
    after: list[Relation] | None


def _apply(database: Database, script: SchemaFile) -> AppliedFile:
    def run(cursor: Cursor) -> AppliedFile:
        script.check_server(cursor)
        lock_schema(cursor)
        begin_ddl(cursor)
        if is_cockroachdb(cursor) and not script.creates_relations:
            raise NoDdlInTransactions("CockroachDB sees a new column only after the COMMIT that adds it")
        return apply_in(cursor, script)

    try:
        return script.explain_errors(database, partial(run_transaction, database, run, IDEMPOTENT))
    except NoDdlInTransactions as reason:
        return _apply_one_by_one(database, script, reason)


def apply_in(cursor: Cursor, script: SchemaFile) -> AppliedFile:
    """Run a schema file in the transaction of a cursor."""
    create_unique_rowid(cursor)
    before = read_relations(cursor)
    script.run(cursor)
    return AppliedFile(before, None if is_cockroachdb(cursor) else read_relations(cursor))


def _apply_one_by_one(database: Database, script: SchemaFile, reason: NoDdlInTransactions) -> AppliedFile:
    """Run each statement of a schema file in a transaction of its own, and tell the person so."""
    before = run_or_explain(database, read_relations)
    say(f"{reason}: {script.path.name} is applied statement by statement, not as a whole")
    for number, statement in enumerate(script.statements):
        try:
            run = partial(script.run_statement, statement)
            script.explain_errors(database, partial(run_transaction, database, run, SINGLE_WRITE))
        except UserError as failure:
            raise UserError(f"{failure}\n  statements before it that are applied: {number}") from failure
    return AppliedFile(before, None)


def created_names(database: Database, applied: AppliedFile) -> list[str]:
    """Return the names of the tables and views that were created; with the schema, unless it is the current one."""

    def name(cursor: Cursor) -> list[str]:
        default_schema = search_path(cursor)[0]
        after = read_relations(cursor) if applied.after is None else applied.after
        new = [relation for relation in after if relation not in applied.before]
        return [name if schema == default_schema else f"{schema}.{name}" for schema, name, _ in new]

    return run_or_explain(database, name)


def _create_database(database: Database, missing: DatabaseMissing) -> None:
    """Create the database the URL names, from another one of the same server."""
    connection = _connect_elsewhere(database, missing)
    name = database.target.database
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass  # another run has created it
    except errors.InsufficientPrivilege as error:
        raise UserError(
            f"the server at {database.target.host} has no database {name}, and user {database.target.user} may not "
            "create it: have it created, or name another one in the URL"
        ) from error
    except psycopg2.Error as error:
        raise explained(error, database) from error
    finally:
        connection.close()


def _connect_elsewhere(database: Database, missing: DatabaseMissing) -> Any:
    for name in ("defaultdb", "postgres"):  # they always exist, on CockroachDB and on PostgreSQL
        try:
            return database.target.with_database(name).connect(psycopg2.extensions.connection)
        except DatabaseMissing:
            continue
    raise missing
