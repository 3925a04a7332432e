"""The tables of a load: which they are, whether rows can be loaded into them, and in which order."""

import re
from collections.abc import Iterable

from toolkit.console import UserError
from toolkit.database import Cursor, Database, catalog, run_or_explain
from toolkit.database.tables import Constraint, Table
from toolkit.exact_json import shortened
from toolkit.loading.problems import Problem
from toolkit.loading.read.row_source import Source

# What rows are for: the table that is named, and the schema and table that are meant if there is no such table.
Meant = tuple[str, tuple[str, str] | None]


def find_tables(database: Database, sources: list[Source]) -> tuple[list[Table], list[Problem]]:
    """Return the tables of the load and the rows that are for none.

    A table can be called by several names (users, public.users): the sources get the one that the Table has.
    """
    meant: dict[Meant, list[Source]] = {}
    for rows in sources:
        meant.setdefault((rows.table, rows.qualified), []).append(rows)
    known = run_or_explain(database, lambda cursor: _read(cursor, database, meant))
    tables: dict[str, Table] = {}
    problems = []
    for (name, qualified), those in meant.items():
        try:
            table = find_table(known, name, qualified)
        except ValueError as error:
            problems += [Problem(rows.file, str(error), name) for rows in those]
        else:
            tables[table.name] = table
            for rows in those:
                rows.table = table.name
    return list(tables.values()), problems


def _read(cursor: Cursor, database: Database, meant: Iterable[Meant]) -> dict[str, Table]:
    names = [name for table, qualified in meant for name in (table, ".".join(qualified or ())) if name]
    known = catalog.read_named(cursor, names)
    if names and not known:
        invisible = (
            f", or grant user {database.target.user} CONNECT on the database: CockroachDB shows tables only to those "
            "who have a privilege on their database"
        )
        raise UserError(
            f"the database {database.target.database} at {database.target.host} has no tables: run `python "
            f"streaming_services.py` first{invisible if catalog.is_cockroachdb(cursor) else ''}"
        )
    return known


def find_table(tables: dict[str, Table], name: str, qualified: tuple[str, str] | None = None) -> Table:
    """Return the table of that name, if rows can be loaded into it. Raises ValueError with the reason if not.

    qualified: a schema and a table in it, which are meant if there is no table of the name.
    """
    called = [table for table in tables.values() if name in table.name.spellings]
    if not called and qualified:
        called = [table for table in tables.values() if (table.name.schema, table.name.relation) == qualified]
    if not called:
        if qualified and any(table.name.schema == qualified[0] for table in tables.values()):
            name = ".".join(qualified)
        advice = nearest(name, tables) or "; tables are made by `python streaming_services.py`, from schema.sql"
        raise ValueError(f"the database has no table {shortened(name)}{advice}")
    if len(called) > 1:
        raise ValueError(f"{shortened(name)} can be {' or '.join(_whereabouts(table, name) for table in called)}")
    table = called[0]
    if table.is_view:
        raise ValueError(f"{shortened(table.name)} is a view, and rows are loaded into tables only")
    if not table.primary_key:
        raise ValueError(f"the table {shortened(table.name)} has no primary key, so its rows could not be told apart")
    key = [table.columns[column] for column in table.primary_key]
    if any(column.given_by_server for column in key):
        why = (
            "AS IDENTITY, and this server has no OVERRIDING SYSTEM VALUE" if any(c.identity for c in key) else "AS ..."
        )
        raise ValueError(
            f"the primary key of {shortened(table.name)} is made by the server (GENERATED ALWAYS {why}), so that "
            "loading its rows again would double them"
        )
    return table


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
    import difflib  # slow to import, and only needed for a message

    names = list(known)
    found = [other for other in names if other.casefold() == name.casefold()]
    found += difflib.get_close_matches(name, names, 1)
    found += sorted((other for other in names if _is_shard(name, other)), key=len, reverse=True)
    return f"; did you mean {shortened(found[0])}?" if found else ""


def _is_shard(name: str, table: str) -> bool:
    return re.match(re.escape(table) + r"(?:\W|_?\d)", name) is not None


def by_references(tables: Iterable[Table]) -> list[Table]:
    """Return the tables, each after those it refers to. Raises UserError if their foreign keys form a cycle."""
    left: dict[str, Table] = {table.name: table for table in tables}
    ordered: list[Table] = []
    while left:
        free = [table for table in left.values() if not referenced(table) & left.keys() - {table.name}]
        if not free:
            raise UserError(_advice(_cycle(left)))
        ordered += free
        for table in free:
            del left[table.name]
    return ordered


def _cycle(left: dict[str, Table]) -> dict[str, Table]:
    """Return the tables without those that only refer to a cycle: none of the others refers to them."""
    while True:
        targets = {name for table in left.values() for name in referenced(table) - {table.name}}
        if left.keys() <= targets:
            return left
        left = {name: table for name, table in left.items() if name in targets}


def _advice(cycle: dict[str, Table]) -> str:
    """Say how tables whose foreign keys form a cycle can be loaded, one at a time."""
    text = (
        f"the foreign keys of {', '.join(cycle)} form a cycle, and a load of more than 10,000 rows goes table by table"
    )
    waiting = dict(cycle)
    order: list[str] = []
    again: list[str] = []
    while waiting:
        # First those that refer to none of the others, then one whose references to them may be NULL.
        possible = [table for table in waiting.values() if _may_be_null(table, _open(table, waiting))]
        found = min(possible, key=lambda table: len(_open(table, waiting)), default=None)
        if found is None:
            return (
                f"{text}: load it in parts of at most 10,000 rows, with rows that refer to each other in the same part"
            )
        columns = [name for key in _open(found, waiting) for name in key.columns]
        order.append(found.name + (f" without {', '.join(columns)}" if columns else ""))
        again += [found.name] if columns else []
        del waiting[found.name]
    return f"{text}: load them one at a time: {', then '.join(order + [f'{name} as it is' for name in again])}"


def _open(table: Table, waiting: dict[str, Table]) -> list[Constraint]:
    """Return the foreign keys of a table to others that are waiting."""
    return [key for key in table.foreign_keys if key.referenced in waiting and key.referenced != table.name]


def _may_be_null(table: Table, keys: list[Constraint]) -> bool:
    return all(table.columns[name].nullable for key in keys for name in key.columns)


def referenced(table: Table) -> set[str]:
    """Return the names of the tables to which a table refers."""
    return {str(key.referenced) for key in table.foreign_keys}


def refers_to_itself(table: Table) -> bool:
    """Whether a foreign key of the table refers to the table itself."""
    return table.name in referenced(table)
