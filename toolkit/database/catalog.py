"""Read the tables of the live database from its catalog: columns, constraints, indexes and triggers.

From pg_catalog and information_schema, as far as CockroachDB (v20.2 and newer) has these.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import compress
from operator import and_
from typing import Any, NamedTuple

from psycopg2 import sql

from toolkit.console import UserError
from toolkit.database.columns import is_cockroachdb, read_columns
from toolkit.database.connection import Cursor
from toolkit.database.tables import Constraint, Table, TableName

__all__ = ["fetch", "is_cockroachdb", "read", "read_named", "search_path"]

CONSTRAINTS_OF_COCKROACHDB = """
    SELECT c.conrelid, c.conname, c.contype::TEXT, c.conkey, pg_get_constraintdef(c.oid), c.confrelid, c.confkey
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
    WHERE n.nspname = ANY(%s) AND c.contype IN ('p', 'u', 'f', 'c')
    ORDER BY c.conname"""
# A foreign key to a partitioned table has one more row for each partition, whose parent is the first row. (A foreign
# key of a partition has a parent, too, but that one belongs to another table.)
CONSTRAINTS_OF_POSTGRESQL = """
    SELECT c.conrelid, c.conname, c.contype::TEXT, c.conkey, pg_get_constraintdef(c.oid), c.confrelid, c.confkey
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
    LEFT JOIN pg_catalog.pg_constraint parent ON parent.oid = c.conparentid
    WHERE n.nspname = ANY(%s) AND c.contype IN ('p', 'u', 'f', 'c') AND parent.conrelid IS DISTINCT FROM c.conrelid
    ORDER BY c.conname"""

# The tables with triggers BEFORE INSERT or UPDATE, FOR EACH ROW (see pg_trigger.h for the bits). Those of a partition
# count for the whole table. Old versions of CockroachDB have no triggers, and no pg_partition_root().
ROW_TRIGGERS = """
    SELECT DISTINCT {root}
    FROM pg_catalog.pg_trigger g
    WHERE (g.tgtype & 3) = 3 AND (g.tgtype & 20) <> 0 AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')"""
ROOT_ON_POSTGRESQL = "COALESCE(pg_partition_root(g.tgrelid)::OID, g.tgrelid)"

INDEXES = """
    SELECT schemaname, tablename, indexname, indexdef
    FROM pg_catalog.pg_indexes
    WHERE schemaname = ANY(%s)
    ORDER BY indexname"""

# The columns of tables of other schemas, by the oids of the tables, for foreign keys that refer to them.
REFERENCED = """
    SELECT r.oid, n.nspname, r.relname, a.attnum, a.attname
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE r.oid = ANY(%s)"""

# After ALTER COLUMN TYPE has rewritten a column, CockroachDB's conkey and confkey may hold a number for it that is not
# in pg_attribute. These views have the names of the columns, those of a key in the order of conkey.
KEY_COLUMNS = """
    SELECT r.oid, k.constraint_name, k.column_name
    FROM information_schema.key_column_usage k
    JOIN pg_catalog.pg_namespace n ON n.nspname = k.table_schema
    JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = k.table_name
    ORDER BY k.ordinal_position"""
CHECKED_COLUMNS = """
    SELECT r.oid, k.constraint_name, k.column_name
    FROM information_schema.constraint_column_usage k
    JOIN pg_catalog.pg_namespace n ON n.nspname = k.table_schema
    JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = k.table_name"""


# In the place of a column's name that is not known yet.
UNKNOWN = "?"


def fetch(cursor: Cursor, query: str | sql.Composable, values: Any = None) -> list[Any]:
    """Run a query and return its rows."""
    cursor.execute(query, values)
    return cursor.fetchall()


def search_path(cursor: Cursor) -> list[str]:
    """Return the schemas of the search_path that exist; new tables go into the first. Raises UserError for none."""
    cursor.execute("SELECT current_schemas(false)::TEXT[]")
    path: list[str] = cursor.fetchall()[0][0]
    if not path:
        raise UserError("no schema of the search_path is there: create one, or correct the URL's options")
    return path


def read(cursor: Cursor) -> dict[str, Table]:
    """Return the tables and views of the current schema by name."""
    schema = search_path(cursor)[0]
    return _CatalogReader(cursor, [schema], [schema]).tables()


def read_schemas(cursor: Cursor, schemas: list[str]) -> dict[str, dict[str, Table]]:
    """Return the tables and views of each of these schemas, by their names without the schema.

    In definitions, names are written without their schema only where the search_path finds them.
    """
    found: dict[str, dict[str, Table]] = {schema: {} for schema in schemas}
    for table in _CatalogReader(cursor, schemas, schemas[:1]).tables().values():
        found[table.name.schema][table.name.relation] = table
    return found


SYSTEM_SCHEMAS = {"crdb_internal", "information_schema", "pg_catalog", "pg_extension", "pg_toast"}


def read_named(cursor: Cursor, names: Iterable[str]) -> dict[str, Table]:
    """Return by name the tables and views of the search_path, and of the schemas with which one of these names begins.

    A table that the search_path does not find is named schema.table. The server's own schemas are left out, because a
    superuser could write to their tables.
    """
    path = search_path(cursor)
    beginnings = [name[:dot].strip('"') for name in names for dot in range(len(name)) if name[dot] == "."]
    schemas = [schema for schema in dict.fromkeys([*path, *beginnings]) if schema not in SYSTEM_SCHEMAS]
    schemas = [schema for schema in schemas if "\0" not in schema and _is_utf8(schema)]  # no server has any other
    return _CatalogReader(cursor, schemas, path).tables()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _ConstraintRow(NamedTuple):
    """A row of pg_constraint. columns: their numbers. other, other_columns: the table to which a foreign key refers."""

    oid: int
    name: str
    kind: str
    columns: list[int]
    definition: str
    other: int
    other_columns: list[int]


class _CatalogReader:
    """Reads the tables of these schemas.

    path: those of the schemas that are in the search_path, so that their tables are named without the schema.
    """

    def __init__(self, cursor: Cursor, schemas: list[str], path: list[str]) -> None:
        self._cursor = cursor
        self._schemas = schemas
        self._columns = read_columns(cursor, schemas)
        oids = {(place.schema, place.relation): place.oid for place, _ in self._columns}
        # An unqualified name -> the first schema of the search_path that has a table of this name.
        self._plain = {
            relation: schema for schema in reversed(path) for in_schema, relation in oids if in_schema == schema
        }
        self._dotted = Counter(map(".".join, oids))
        self._names = {oid: self._name(schema, relation) for (schema, relation), oid in oids.items()}
        self._numbers = {(place.oid, place.number): column.name for place, column in self._columns}
        hidden = [(place.oid, column) for place, column in self._columns if place.is_hidden]
        self._hidden = {(oid, column.name) for oid, column in hidden}
        self._shards = {(oid, column.name) for oid, column in hidden if column.generated is not None}

    def tables(self) -> dict[str, Table]:
        """Return the tables by name."""
        triggered = self._tables_with_row_triggers()
        tables: dict[int, Table] = {}
        for place, column in self._columns:
            is_view = place.relkind not in ("r", "p")
            name = self._names[place.oid]
            table = tables.setdefault(place.oid, Table(name, is_view, {}, {}, {}, place.oid in triggered))
            if not place.is_hidden:
                table.columns[column.name] = column
        for row in self._constraint_rows():
            if row.oid in tables:
                tables[row.oid].constraints[row.name] = self._constraint(row)
        self._add_indexes(tables.values())
        return {table.name: table for table in tables.values()}

    def _name(self, schema: str, relation: str) -> TableName:
        if self._plain.get(relation) == schema:
            return TableName(schema, relation, relation)
        called = f"{schema}.{relation}"
        if called in self._plain or self._dotted[called] > 1:  # names may have dots of their own
            called = f'"{schema}"."{relation}"'
        return TableName(schema, relation, called)

    def _tables_with_row_triggers(self) -> set[int]:
        """Return the oids of the tables with a row trigger that fires before the write."""
        root = "g.tgrelid" if is_cockroachdb(self._cursor) else ROOT_ON_POSTGRESQL
        self._cursor.execute(ROW_TRIGGERS.format(root=root))
        return {oid for (oid,) in self._cursor.fetchall()}

    def _constraint_rows(self) -> list[_ConstraintRow]:
        query = CONSTRAINTS_OF_COCKROACHDB if is_cockroachdb(self._cursor) else CONSTRAINTS_OF_POSTGRESQL
        self._cursor.execute(query, (self._schemas,))
        rows = [
            _ConstraintRow(oid, name, kind, columns or [], definition, other, other_columns or [])
            for oid, name, kind, columns, definition, other, other_columns in self._cursor.fetchall()
            if definition is not None  # it is NULL if the constraint has just been dropped
        ]
        elsewhere = {row.other for row in rows if row.kind == "f"} - self._names.keys()
        if elsewhere:
            self._read_referenced(list(elsewhere))
        if any(UNKNOWN in self._columns_of(row.oid, row.columns) for row in rows):
            self._read_numbers(rows)
        return rows

    def _read_referenced(self, oids: list[int]) -> None:
        """Add the names and columns of tables that are in none of the schemas."""
        self._cursor.execute(REFERENCED, (oids,))
        for oid, schema, relation, number, column in self._cursor.fetchall():
            self._names.setdefault(oid, self._name(schema, relation))
            self._numbers[oid, number] = column

    def _read_numbers(self, rows: list[_ConstraintRow]) -> None:
        """Add the names of the columns whose numbers in pg_constraint are not those of pg_attribute."""
        keys = self._used_columns(KEY_COLUMNS)
        for row in rows:
            numbers = ((row.oid, number) for number in row.columns)
            self._numbers.update(zip(numbers, keys.get((row.oid, row.name), ()), strict=False))
        checks = self._used_columns(CHECKED_COLUMNS)
        for row in rows:
            if row.kind == "c":  # the order of a CHECK's columns does not matter
                unknown = [(row.oid, number) for number in row.columns if (row.oid, number) not in self._numbers]
                known = self._columns_of(row.oid, row.columns)
                names = (column for column in checks.get((row.oid, row.name), ()) if column not in known)
                self._numbers.update(zip(unknown, names, strict=False))

    def _used_columns(self, query: str) -> dict[tuple[int, str], list[str]]:
        """Return the columns of each constraint, by its table's oid and its name."""
        self._cursor.execute(query)
        used: dict[tuple[int, str], list[str]] = {}
        for oid, constraint, column in self._cursor.fetchall():
            used.setdefault((oid, constraint), []).append(column)
        return used

    def _columns_of(self, oid: int, numbers: Iterable[int]) -> list[str]:
        return [self._numbers.get((oid, number), UNKNOWN) for number in numbers]

    def _constraint(self, row: _ConstraintRow) -> Constraint:
        columns = self._columns_of(row.oid, row.columns)
        shown = [(row.oid, column) not in self._hidden for column in columns]
        if row.kind != "f":
            shards = tuple(column for column in columns if (row.oid, column) in self._shards)
            return Constraint(row.name, row.kind, tuple(compress(columns, shown)), row.definition, None, (), shards)
        others = self._columns_of(row.other, row.other_columns)
        shown = [*map(and_, shown, ((row.other, other) not in self._hidden for other in others))]
        is_known = any(shown) and UNKNOWN not in columns + others
        return Constraint(
            row.name,
            row.kind,
            tuple(compress(columns, shown)),
            row.definition,
            self._names.get(row.other) if is_known else None,
            tuple(compress(others, shown)),
        )

    def _add_indexes(self, tables: Iterable[Table]) -> None:
        by_place = {(table.name.schema, table.name.relation): table for table in tables}
        self._cursor.execute(INDEXES, (self._schemas,))
        for schema, relation, name, definition in self._cursor.fetchall():
            if definition is not None and (schema, relation) in by_place:  # None: the index has just been dropped
                head, _, rest = definition.partition(" USING ")
                unique = "UNIQUE " if head.startswith("CREATE UNIQUE ") else ""
                by_place[schema, relation].indexes[name] = f"{unique}USING {rest}"
