"""Apply a schema file to a database."""

from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2 import errors, sql

from toolkit.console import Failure
from toolkit.database import Cursor, Database, DatabaseMissing, explained, run_transaction
from toolkit.schema.server_side import create_unique_rowid, prepare, relations, search_path, wait_for_other_runs
from toolkit.schema.sql_file import SchemaFile


def apply(database: Database, file: Path) -> list[str]:
    """Apply a schema file in one transaction, and return the names of the tables and views this has created.

    A database that is missing is created first, and in a PostgreSQL database the function unique_rowid(). May be run
    again, and by several at once. Raises Failure, with the line in the file if a statement is at fault; nothing of
    the file is applied then.
    """
    script = SchemaFile(file)

    def build(cursor: Cursor) -> list[str]:
        prepare(cursor)
        wait_for_other_runs(cursor)
        return build_in(cursor, script)

    def transaction() -> list[str]:
        return run_transaction(database, build, repeatable=True)

    try:
        return script.explaining(database, transaction)
    except DatabaseMissing as missing:
        _create_database(database, missing)
    return script.explaining(database, transaction)


def build_in(cursor: Cursor, script: SchemaFile) -> list[str]:
    """Run a schema file in the transaction of a cursor; return the names of the tables and views this has created."""
    create_unique_rowid(cursor)
    before = relations(cursor)
    script.run(cursor)
    home = search_path(cursor)[0]
    created = [relation for relation in relations(cursor) if relation not in before]
    return [name if schema == home else f"{schema}.{name}" for schema, name, _ in created]


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
        raise Failure(
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
