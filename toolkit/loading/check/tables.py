"""The tables of a load: which they are, and whether rows can be loaded into them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from toolkit.console import UserError
from toolkit.database import Cursor, Database, catalog, run_or_explain
from toolkit.database.tables import Table
from toolkit.exact_json import shortened
from toolkit.loading.problems import Problem
from toolkit.loading.read.row_source import RowSource

# How a file names its table: the name, and the schema and table that it means if there is no table of that name.
NameInFile = tuple[str, tuple[str, str] | None]


class TableSources(NamedTuple):
    """A table of a load, and what holds its rows."""

    table: Table
    sources: list[RowSource]


def find_tables(database: Database, sources: list[RowSource]) -> tuple[list[TableSources], list[Problem]]:
    """Return the tables of a load, each with its rows, and a Problem for each source whose rows are for none.

    A table can be called by several names (users, public.users): the sources are returned with the one that it has.
    """
    by_name: dict[NameInFile, list[RowSource]] = {}
    for source in sources:
        by_name.setdefault((source.table, source.qualified), []).append(source)
    known = run_or_explain(database, lambda cursor: _read(cursor, database, by_name))
    found: dict[str, TableSources] = {}
    problems = []
    for (name, qualified), same_name in by_name.items():
        try:
            table = _find_table(known, name, qualified, database)
        except ValueError as error:
            problems += [Problem(source.file, str(error), name) for source in same_name]
        else:
            rows = found.setdefault(table.name, TableSources(table, []))
            rows.sources.extend(source.renamed(table.name) for source in same_name)
    return list(found.values()), problems


def which_are_tables(database: Database, names: list[str]) -> set[str]:
    """Return those of some names by which a table of the database can be called."""
    known = run_or_explain(database, lambda cursor: catalog.read_named(cursor, list(filter(None, names))))
    spellings: set[str] = {name for table in known.values() for name in table.name.spellings}
    return spellings.intersection(names)


def _read(cursor: Cursor, database: Database, names_in_files: Iterable[NameInFile]) -> dict[str, Table]:
    names = [name for table, qualified in names_in_files for name in (table, ".".join(qualified or ())) if name]
    known = catalog.read_named(cursor, names)
    if names and not known:
        invisible = (
            f", or grant user {database.target.user} CONNECT on the database: CockroachDB shows tables only to those "
            "who have a privilege on their database"
        )
        raise UserError(
            f"the database {database.target.database} at {database.target.host} has no tables: "
            f"{database.target.how_to_create('them')}{invisible if catalog.is_cockroachdb(cursor) else ''}"
        )
    return known


def _find_table(tables: dict[str, Table], name: str, qualified: tuple[str, str] | None, database: Database) -> Table:
    """Return the table of that name, if rows can be loaded into it. Raises ValueError with the reason if not.

    qualified: a schema and a table in it, which are meant if there is no table of the name.
    """
    called = [table for table in tables.values() if name in table.name.spellings]
    if not called and qualified:
        called = [table for table in tables.values() if (table.name.schema, table.name.relation) == qualified]
    if not called:
        if qualified and any(table.name.schema == qualified[0] for table in tables.values()):
            name = ".".join(qualified)
        advice = nearest(name, tables) or f"; if it is to be one, {database.target.how_to_create('it')}"
        raise ValueError(f"the database has no table {shortened(name)}{advice}")
    if len(called) > 1:
        raise ValueError(f"{shortened(name)} can be {' or '.join(_whereabouts(table, name) for table in called)}")
    if reason := _why_not_loadable(called[0]):
        raise ValueError(reason)
    return called[0]


def _why_not_loadable(table: Table) -> str | None:
    """Return why no rows can be loaded into a table; None if they can."""
    name = shortened(table.name)
    if table.is_view:
        return f"{name} is a view, and rows are loaded into tables only"
    if not table.primary_key:
        return f"the table {name} has no primary key, so its rows could not be told apart"
    made = [column for column in map(table.columns.__getitem__, table.primary_key) if column.given_by_server]
    if not made:
        return None
    is_identity = any(column.identity for column in made)
    how = "AS IDENTITY, and this server has no OVERRIDING SYSTEM VALUE" if is_identity else "AS ..."
    return (
        f"the primary key of {name} is made by the server (GENERATED ALWAYS {how}), so that loading its rows again "
        "would double them"
    )


def _whereabouts(table: Table, name: str) -> str:
    """Say where a table is that has the same name as another, and how it can be called instead."""
    schema, relation = table.name.schema, table.name.relation
    other_name = table.name if table.name != name else f"{schema}.{relation}"
    return f"the table {shortened(relation)} of the schema {shortened(schema)} (then write {shortened(other_name)})"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the question whether one of the known names was meant, for the end of a message; "" if none is near.

    A name is near that differs in its case or in a few letters, or that is the beginning of what a shard is called
    (users-000000000000 of users-000000000000.jsonl.gz).
    """
    import difflib  # 1 ms, and only needed for a message

    names = list(known)
    found = [other for other in names if other.casefold() == name.casefold()]
    found += difflib.get_close_matches(name, names, 1)
    found += sorted((other for other in names if _is_shard(name, other)), key=len, reverse=True)
    return f"; did you mean {shortened(found[0])}?" if found else ""


def _is_shard(name: str, table: str) -> bool:
    return re.match(re.escape(table) + r"(?:\W|_?\d)", name) is not None
