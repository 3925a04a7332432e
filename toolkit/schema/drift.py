"""Drift: how the tables that are there differ from what a schema file says.

Nothing here reads SQL: what a file says is found out by building it in a shadow schema, which is rolled back.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from psycopg2 import sql

from toolkit.console import UserError
from toolkit.database import Cursor, Database, DatabaseUnreachable, catalog, run_transaction
from toolkit.database.tables import Table
from toolkit.schema.ddl import begin_ddl
from toolkit.schema.relations import relations
from toolkit.schema.sql_file import SchemaFile
from toolkit.schema.table_properties import TableProperties, read_properties
from toolkit.schema.unique_rowid import create_unique_rowid

T = TypeVar("T")

# What is not looked at, for the person who reads that nothing differs.
NOT_LOOKED_AT = (
    "the order of columns, comments, owners, privileges, and functions, types and sequences by themselves; on "
    "CockroachDB also triggers, policies, zone configurations, localities and the queries of materialized views"
)


class Comparison(NamedTuple):
    """What a schema file says and what is there.

    tables: the tables and views of the file, in its order. differences: each in plain words.
    not_compared: why the file could not be compared; None if it was. The other two are then empty.
    """

    tables: list[str]
    differences: list[str]
    not_compared: str | None = None


def compare(database: Database, file: Path) -> Comparison:
    """Return how the database's tables differ from what a schema file says; NOT_LOOKED_AT says in what they may, too.

    The file is built in a shadow schema and rolled back: nothing is written. Tables that the file does not name are
    no difference. Raises DatabaseUnreachable, and UserError when the file cannot be read.
    """
    script = SchemaFile(file)
    if any(statement.qualifies_names for statement in script.statements):
        return Comparison([], [], f"{file.name} says itself in which schema its tables are")
    if not script.creates_relations:  # what it changes would be what is really there
        return Comparison([], [], f"{file.name} creates no table")

    def build(cursor: Cursor) -> Comparison:
        begin_ddl(cursor)
        path = catalog.search_path(cursor)
        shadow = _build_shadow_schema(cursor, script, path)
        # Both at once. The file's tables are found first now, so definitions of those that are there name their schema.
        tables = catalog.read_schemas(cursor, [shadow, path[0]])
        properties = read_properties(cursor, tables)
        wanted, present = tables[shadow], tables[path[0]]
        names = [name for schema, name, _ in relations(cursor) if schema == shadow and name in wanted]
        unseen = [name for name in _materialized_views(script) if name not in names]
        plain = _without_schemas([shadow, *path])
        differences: list[str] = []
        for name in names:
            if not _is_alike(present.get(name), wanted[name]):
                differences.append(f"{name}: there is no such {'view' if wanted[name].is_view else 'table'}")
            else:
                differences += _differences(name, properties[path[0]][name], properties[shadow][name], file.name, plain)
        differences += [f"{name}: there is no such view" for name in unseen if name not in present]
        return Comparison(names + unseen, differences)

    try:
        comparison = script.explaining(database, lambda: _run_and_roll_back(database, build))
    except DatabaseUnreachable:
        raise
    except UserError as failure:
        return Comparison([], [], str(failure))
    return comparison if comparison.tables else Comparison([], [], f"{file.name} creates no table in the search_path")


def _materialized_views(script: SchemaFile) -> list[str]:
    """Return the materialized views that a file creates: CockroachDB shows them after COMMIT only."""
    return [name for name in (statement.materialized_view for statement in script.statements) if name]


def _is_alike(present: Table | None, wanted: Table) -> bool:
    """Whether what is there is a table where a table is wanted, or a view where that is wanted."""
    return present is not None and present.is_view == wanted.is_view


class _RolledBack(BaseException):
    """Carries a result out of a transaction that is to be rolled back.

    Not an Exception: run_transaction closes the connection then, which on CockroachDB would keep its search_path.
    """


def _run_and_roll_back(database: Database, work: Callable[[Cursor], T]) -> T:
    """Run work(cursor) as run_transaction does, but roll back at the end."""
    results: list[T] = []

    def run(cursor: Cursor) -> None:
        results.append(work(cursor))
        raise _RolledBack

    with suppress(_RolledBack):
        run_transaction(database, run)
    return results[-1]


def _build_shadow_schema(cursor: Cursor, script: SchemaFile, path: list[str]) -> str:
    """Run a schema file in a new schema, and return that schema's name; for a transaction that is rolled back."""
    shadow = f"shadow_{os.urandom(8).hex()}"
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(shadow)))
    _set_search_path(cursor, [shadow, *path])
    create_unique_rowid(cursor)
    for statement in script.statements:
        if statement.is_drop:  # of what the file has not built before: never of what is really there
            _set_search_path(cursor, [shadow])
        script.run_statement(statement, cursor)
        if statement.is_drop:
            _set_search_path(cursor, [shadow, *path])
    return shadow


def _set_search_path(cursor: Cursor, schemas: list[str]) -> None:
    """Set the search_path of the connection: older CockroachDB has no SET LOCAL search_path."""
    cursor.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas))))


def _without_schemas(schemas: list[str]) -> Callable[[str], str]:
    """Return what takes these schemas' names out of a definition: some servers and some definitions name them.

    Of a literal it takes them out only if that is the name of a sequence or another relation.
    """
    name = r'(?:"(?:[^"]|"")*"|\w+)'
    schema = "|".join(f'"{re.escape(schema)}"|{re.escape(schema)}' for schema in schemas)
    prefix = rf"(?:{name}\.)?(?:{schema})\.(?={name})"
    literal = r"e?'(?:[^'\\]|\\.|'')*'"
    relation = rf"'{prefix}(?=[^']*'(?:::+STRING)?::+regclass)"
    tokens = re.compile(rf"(?P<relation>{relation})|(?P<prefix>{prefix})|{literal}|{name}", re.IGNORECASE)

    def replace(found: re.Match[str]) -> str:
        return {"relation": "'", "prefix": ""}.get(str(found.lastgroup), found[0])

    return partial(tokens.sub, replace)


def _differences(
    name: str, present: TableProperties, wanted: TableProperties, file: str, plain: Callable[[str], str]
) -> Iterator[str]:
    for what in [*wanted, *(what for what in present if what not in wanted)]:
        there, said = plain(present.get(what, "")), plain(wanted.get(what, ""))
        if what not in present:
            yield f"{name}: {what} is missing, {file} says {said}"
        elif what not in wanted:
            yield f"{name}: {what} is {there}, {file} has none of that name"
        elif there != said:
            yield f"{name}: {what} is {there}, {file} says {said}"
