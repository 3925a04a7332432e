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
from toolkit.schema.ddl import DdlStandsAlone, begin_ddl, wait_for_other_runs
from toolkit.schema.needed_server import check_server
from toolkit.schema.relations import Relation, relations
from toolkit.schema.sql_file import SchemaFile
from toolkit.schema.unique_rowid import create_unique_rowid


def apply(database: Database, file: Path) -> list[str]:
    """Apply a schema file in one transaction, and return the names of the tables and views this has created.

    A database that is missing is created first, and in a PostgreSQL database the function unique_rowid(). May be run
    again, and by several at once. Raises UserError, with the line in the file if a statement is at fault; nothing of
    the file is applied then, unless the text says so.
    """
    script = SchemaFile(file)
    try:
        built = _build(database, script)
    except DatabaseMissing as missing:
        _create_database(database, missing)
        built = _build(database, script)
    return created(database, built)


class Built(NamedTuple):
    """The tables and views that were there before a schema file was applied, and those after it.

    after: None where only another transaction can tell. CockroachDB v21.1 reads pg_class once in a transaction, and
    does not see what was made since. On PostgreSQL a transaction that has waited for another run sees neither before
    nor after what that run has made, which is as it should be.
    """

    before: list[Relation]
    after: list[Relation] | None


def _build(database: Database, script: SchemaFile) -> Built:
    def build(cursor: Cursor) -> Built:
        check_server(cursor, script.path, script.needs)
        wait_for_other_runs(cursor)
        begin_ddl(cursor)
        if is_cockroachdb(cursor) and not script.creates_relations:
            raise DdlStandsAlone("CockroachDB sees a new column only after the COMMIT that adds it")
        return build_in(cursor, script)

    try:
        return script.explaining(database, partial(run_transaction, database, build, IDEMPOTENT))
    except DdlStandsAlone as reason:
        return _build_one_by_one(database, script, reason)


def build_in(cursor: Cursor, script: SchemaFile) -> Built:
    """Run a schema file in the transaction of a cursor."""
    create_unique_rowid(cursor)
    before = relations(cursor)
    script.run(cursor)
    return Built(before, None if is_cockroachdb(cursor) else relations(cursor))


def _build_one_by_one(database: Database, script: SchemaFile, reason: DdlStandsAlone) -> Built:
    """Run the statements of a schema file, each in a transaction of its own, and say that this is so."""
    before = run_or_explain(database, relations)
    say(f"{reason}: {script.path.name} is applied statement by statement, not as a whole")
    for number, statement in enumerate(script.statements):
        try:
            run = partial(script.run_statement, statement)
            script.explaining(database, partial(run_transaction, database, run, SINGLE_WRITE))
        except UserError as failure:
            raise UserError(f"{failure}\n  statements before it that are applied: {number}") from failure
    return Built(before, None)


def created(database: Database, built: Built) -> list[str]:
    """Return the names of the tables and views that were made; with their schema if unqualified ones go elsewhere."""

    def name(cursor: Cursor) -> list[str]:
        home = search_path(cursor)[0]
        after = relations(cursor) if built.after is None else built.after
        made = [relation for relation in after if relation not in built.before]
        return [name if schema == home else f"{schema}.{name}" for schema, name, _ in made]

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
        pass  # another run was first
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
    for name in ("defaultdb", "postgres"):  # what CockroachDB and PostgreSQL bring
        try:
            return database.target.with_database(name).connect(psycopg2.extensions.connection)
        except DatabaseMissing:
            continue
    raise missing
