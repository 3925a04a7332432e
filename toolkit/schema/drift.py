"""Drift: how the tables in the database differ from those of a schema file.

Nothing here parses SQL: the file is run in a shadow schema, whose tables are compared, and rolled back.
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
from toolkit.schema.relations import read_relations
from toolkit.schema.sql_file import SchemaFile
from toolkit.schema.table_properties import TableProperties, read_properties
from toolkit.schema.unique_rowid import create_unique_rowid

T = TypeVar("T")

# What is not compared, for the person who reads that nothing differs.
NOT_LOOKED_AT = (
    "the order of columns, comments, owners, privileges, and functions, types and sequences by themselves; on "
    "CockroachDB also triggers, policies, zone configurations, localities and the queries of materialized views"
)


class Comparison(NamedTuple):
    """The result of compare().

    tables: the tables and views of the file, in its order. differences: a sentence for each.
    not_compared: why the file could not be compared, with the other two empty; None if it was compared.
    """

    tables: list[str]
    differences: list[str]
    not_compared: str | None = None


def compare(database: Database, file: Path) -> Comparison:
    """Return how the database's tables differ from those of a schema file, except for NOT_LOOKED_AT.

    The file is run in a shadow schema and rolled back: nothing is written. Tables that the file does not create are no
    difference. Raises DatabaseUnreachable, and UserError if the file cannot be read.
    """
    script = SchemaFile(file)
    if any(statement.qualifies_names for statement in script.statements):
        return Comparison([], [], f"{file.name} says itself in which schema its tables are")
    if not script.creates_relations:  # it would change the real tables
        return Comparison([], [], f"{file.name} creates no table")

    def build(cursor: Cursor) -> Comparison:
        begin_ddl(cursor)
        path = catalog.search_path(cursor)
        shadow = _build_shadow_schema(cursor, script, path)
        # Read both with the same search_path, in which the shadow schema comes first.
        tables = catalog.read_schemas(cursor, [shadow, path[0]])
        properties = read_properties(cursor, tables)
        wanted, present = tables[shadow], tables[path[0]]
        names = [name for schema, name, _ in read_relations(cursor) if schema == shadow and name in wanted]
        unseen = [name for name in _materialized_views(script) if name not in names]
        plain = _without_schemas([shadow, *path])
        differences: list[str] = []
        for name in names:
            if not _is_same_kind(present.get(name), wanted[name]):
                differences.append(f"{name}: there is no such {'view' if wanted[name].is_view else 'table'}")
            else:
                differences += _differences(name, properties[path[0]][name], properties[shadow][name], file.name, plain)
        differences += [f"{name}: there is no such view" for name in unseen if name not in present]
        return Comparison(names + unseen, differences)

    try:
        comparison = script.explain_errors(database, lambda: _run_and_roll_back(database, build))
    except DatabaseUnreachable:
        raise
    except UserError as failure:
        return Comparison([], [], str(failure))
    return comparison if comparison.tables else Comparison([], [], f"{file.name} creates no table in the search_path")


def _materialized_views(script: SchemaFile) -> list[str]:
    """Return the materialized views that a file creates: CockroachDB lists them only after COMMIT."""
    return [name for name in (statement.materialized_view for statement in script.statements) if name]


def _is_same_kind(present: Table | None, wanted: Table) -> bool:
    """Whether both are tables, or both are views."""
    return present is not None and present.is_view == wanted.is_view


class _RolledBack(BaseException):
    """Raised to roll back a transaction.

    Not an Exception, so that run_transaction() closes the connection, which on CockroachDB would keep its search_path.
    """


def _run_and_roll_back(database: Database, work: Callable[[Cursor], T]) -> T:
    """Run work(cursor) as run_transaction() does, but roll back at the end, and return its result."""
    results: list[T] = []

    def run(cursor: Cursor) -> None:
        results.append(work(cursor))
        raise _RolledBack

    with suppress(_RolledBack):
        run_transaction(database, run)
    return results[-1]


def _build_shadow_schema(cursor: Cursor, script: SchemaFile, path: list[str]) -> str:
    """Run a schema file in a new schema, and return the name of that. The caller has to roll back the transaction."""
    shadow = f"shadow_{os.urandom(8).hex()}"
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(shadow)))
    _set_search_path(cursor, [shadow, *path])
    create_unique_rowid(cursor)
    for statement in script.statements:
        if statement.is_drop:  # it must find only what the file has created, and never the real tables
            _set_search_path(cursor, [shadow])
        script.run_statement(statement, cursor)
        if statement.is_drop:
            _set_search_path(cursor, [shadow, *path])
    return shadow


def _set_search_path(cursor: Cursor, schemas: list[str]) -> None:
    """Set the search_path of the connection: older versions of CockroachDB have no SET LOCAL search_path."""
    cursor.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas))))


def _without_schemas(schemas: list[str]) -> Callable[[str], str]:
    """Return a function that removes the names of these schemas from a definition, as only some servers write them.

    In a string literal they are removed only if it is the name of a relation, such as a sequence.
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
