"""Drift: how the tables that are there differ from what a schema file says.

Nothing here reads SQL: what a file says is found out by building it, in a schema of its own that is rolled back.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from psycopg2 import sql

from toolkit.console import Failure
from toolkit.database import Cursor, Database, DatabaseUnreachable, catalog, run_transaction
from toolkit.database.tables import Column, Table
from toolkit.schema.server_side import create_unique_rowid, prepare, relations, search_path
from toolkit.schema.sql_file import SchemaFile

T = TypeVar("T")


class Comparison(NamedTuple):
    """What a schema file says and what is there.

    tables: the tables and views of the file, in its order. differences: each in plain words.
    not_compared: why the file could not be compared; None if it was. The other two are then empty.
    """

    tables: list[str]
    differences: list[str]
    not_compared: str | None = None


def compare(database: Database, file: Path) -> Comparison:
    """Return how the database's tables differ from what a schema file says.

    The file is built in a schema of its own and rolled back: nothing is written. Tables that the file does not name are
    no difference. Raises DatabaseUnreachable, and Failure when the file cannot be read.
    """
    script = SchemaFile(file)
    if script.qualifies_names():
        return Comparison([], [], f"{file.name} says itself in which schema its tables are")

    def build(cursor: Cursor) -> Comparison:
        prepare(cursor)
        path = search_path(cursor)
        present = catalog.read(cursor, path[0])
        aside = _build_aside(cursor, script, path)
        wanted = catalog.read(cursor, aside)
        names = [name for schema, name, _ in relations(cursor) if schema == aside and name in wanted]
        plain = _without_schemas([aside, *path])
        return Comparison(
            names,
            [line for name in names for line in _differences(present.get(name), wanted[name], file.name, plain)],
        )

    try:
        comparison = script.explaining(database, lambda: _rehearse(database, build))
    except DatabaseUnreachable:
        raise
    except Failure as failure:
        return Comparison([], [], str(failure))
    return comparison if comparison.tables else Comparison([], [], f"{file.name} creates no table in the search_path")


class _Rehearsed(BaseException):
    """Carries a result out of a transaction that is to be rolled back.

    Not an Exception: run_transaction closes the connection then, which on CockroachDB would keep its search_path.
    """


def _rehearse(database: Database, work: Callable[[Cursor], T]) -> T:
    """Run work(cursor) as run_transaction does, but roll back at the end."""
    results: list[T] = []

    def rehearsal(cursor: Cursor) -> None:
        results.append(work(cursor))
        raise _Rehearsed

    with suppress(_Rehearsed):
        run_transaction(database, rehearsal)
    return results[-1]


def _build_aside(cursor: Cursor, script: SchemaFile, path: list[str]) -> str:
    """Run a schema file in a new schema, and return that schema's name; for a transaction that is rolled back."""
    aside = f"rehearsal_{os.urandom(8).hex()}"
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
    # Of this connection, not of this transaction: older CockroachDB has no SET LOCAL search_path.
    cursor.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, [aside, *path]))))
    create_unique_rowid(cursor)
    script.run(cursor)
    return aside


def _without_schemas(schemas: list[str]) -> Callable[[str], str]:
    """Return what takes these schemas' names out of a definition: some servers and some definitions name them."""
    names = "|".join(map(re.escape, schemas))
    return partial(re.compile(rf'(?:\b\w+\.)?(?:"(?:{names})"|\b(?:{names}))\.').sub, "")


def _differences(present: Table | None, wanted: Table, file: str, plain: Callable[[str], str]) -> Iterator[str]:
    if present is None or present.is_view != wanted.is_view:
        yield f"{wanted.name}: there is no such {'view' if wanted.is_view else 'table'}"
        return
    there, said = _parts(present), _parts(wanted)
    for part in [*said, *(part for part in there if part not in said)]:
        if part not in there:
            yield f"{wanted.name}: {part} is missing, {file} says {plain(said[part])}"
        elif part not in said:
            yield f"{wanted.name}: {part} is {plain(there[part])}, {file} has none of that name"
        elif plain(there[part]) != plain(said[part]):
            yield f"{wanted.name}: {part} is {plain(there[part])}, {file} says {plain(said[part])}"


def _parts(table: Table) -> dict[str, str]:
    """What a table is made of: a name for each part, and its definition."""
    columns = {f"column {column.name}": _definition(column) for column in table.columns.values()}
    constraints = {f"constraint {name}": constraint.definition for name, constraint in table.constraints.items()}
    # The index of a primary key or unique constraint has the constraint's name, and is told by it.
    indexes = {f"index {name}": text for name, text in table.indexes.items() if name not in table.constraints}
    return columns | constraints | indexes


def _definition(column: Column) -> str:
    """A column as a CREATE TABLE statement would say it."""
    words = [column.type]
    if column.labels:
        words.append(f"({', '.join(column.labels)})")
    if not column.nullable:
        words.append("NOT NULL")
    if column.generated is not None:
        words.append(f"GENERATED ALWAYS AS {column.generated}")
    elif column.identity:
        words.append(f"GENERATED {'ALWAYS' if column.identity == 'a' else 'BY DEFAULT'} AS IDENTITY")
    elif column.default is not None:
        words.append(f"DEFAULT {column.default}")
    return " ".join(words)
