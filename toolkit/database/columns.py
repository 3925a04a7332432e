"""Read the columns of the tables and views from the catalog: the same Column for CockroachDB and PostgreSQL."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from toolkit.database.connection import Cursor
from toolkit.database.tables import TIMES, Column

# The columns of tables and views. Both queries return the values of ColumnPosition and _ColumnRow for each column. The
# identity is "a" for ALWAYS, "d" for BY DEFAULT, or "".
#
# Why two queries: PostgreSQL takes five times as long to plan one of information_schema.columns as for all the other
# queries of catalog.py together, and on older versions of CockroachDB pg_attribute lacks some of these.
OF_POSTGRESQL = """
    SELECT r.oid, s.nspname, r.relname, r.relkind::TEXT, a.attnum, false,
           a.attname, t.typname, n.nspname, t.typcategory = 'A',
           format_type(t.oid, CASE WHEN o.typtype = 'd' THEN o.typtypmod ELSE a.atttypmod END),
           NULL, NULL, NULL, NULL,
           NOT (a.attnotnull OR o.typnotnull),
           CASE WHEN a.attgenerated = '' THEN COALESCE(pg_get_expr(d.adbin, d.adrelid), o.typdefault) END,
           a.attidentity::TEXT,
           CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::TEXT ELSE '' END,
           true
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
    JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace
    JOIN pg_catalog.pg_type o ON o.oid = a.atttypid
    JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN o.typtype = 'd' THEN o.typbasetype ELSE o.oid END
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE s.nspname = ANY(%s)
      AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY r.relname, a.attnum"""
# CockroachDB's format_type() leaves out the size of an array's elements. crdb_sql_type has it, except for sizes that
# are 1 by default. It does not quote the names of user-defined types, which have no size.
SIZED_TYPE = """
    CASE WHEN c.udt_schema <> 'pg_catalog' THEN ''
         WHEN c.crdb_sql_type = 'CHAR[]' THEN 'CHAR(1)[]'
         WHEN c.crdb_sql_type = 'BIT[]' THEN 'BIT(1)[]'
         ELSE c.crdb_sql_type END"""
OF_COCKROACHDB = """
    SELECT r.oid, c.table_schema, r.relname, r.relkind::TEXT, a.attnum, c.is_hidden = 'YES',
           a.attname, c.udt_name, c.udt_schema, c.data_type = 'ARRAY',
           {sized_type},
           c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.datetime_precision,
           c.is_nullable = 'YES',
           CASE WHEN c.is_generated IN ('YES', 'ALWAYS') THEN NULL ELSE c.column_default END,
           CASE WHEN c.is_identity = 'YES' AND c.identity_generation = 'ALWAYS' THEN 'a'
                WHEN c.is_identity = 'YES' THEN 'd' ELSE '' END,
           CASE WHEN c.is_generated IN ('YES', 'ALWAYS') THEN c.generation_expression END,
           COALESCE(quote_ident(c.collation_name), ''),
           'infinity'::TIMESTAMPTZ::TEXT = 'infinity'
    FROM information_schema.columns c
    JOIN pg_catalog.pg_namespace n ON n.nspname = c.table_schema
    JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = c.table_name
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attname = c.column_name
    WHERE c.table_schema = ANY(%s) AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY r.relname, c.ordinal_position""".replace("{sized_type}", SIZED_TYPE)

LABELS = """
    SELECT n.nspname, t.typname, e.enumlabel
    FROM pg_catalog.pg_enum e
    JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    ORDER BY e.enumsortorder"""

# The labels of enums, by the type's schema and name.
Labels = dict[tuple[str, str], tuple[str, ...]]


class ColumnPosition(NamedTuple):
    """The table of a column, by its row in pg_class, and the column's number there.

    is_hidden: whether CockroachDB has added the column, and leaves it out of SELECT *: the key of a table without one
    (rowid), the shard of a hash-sharded key (crdb_internal_..._shard_8), the region of a row (crdb_region).
    """

    oid: int
    schema: str
    relation: str
    relkind: str
    number: int
    is_hidden: bool


def is_cockroachdb(cursor: Cursor) -> bool:
    """Whether the server is CockroachDB. It reports crdb_version when one connects, so nothing is sent."""
    return cursor.connection.get_parameter_status("crdb_version") is not None


class _ColumnRow(NamedTuple):
    """The columns of the queries above that come after those of ColumnPosition."""

    name: str
    kind: str
    type_schema: str
    is_array: bool
    full_type: str
    length: int | None
    precision: int | None
    scale: int | None
    decimals: int | None
    nullable: bool
    default: str | None
    identity: str
    expression: str | None
    collation: str
    has_infinity: bool


def read_columns(cursor: Cursor, schemas: Iterable[str]) -> list[tuple[ColumnPosition, Column]]:
    """Return the columns of all tables and views in these schemas, those of each table in their order."""
    on_cockroachdb = is_cockroachdb(cursor)
    cursor.execute(OF_COCKROACHDB if on_cockroachdb else OF_POSTGRESQL, (list(schemas),))
    of_place = len(ColumnPosition._fields)
    rows = [(ColumnPosition(*row[:of_place]), _ColumnRow(*row[of_place:])) for row in cursor.fetchall()]
    labels = _labels(cursor) if any(row.type_schema != "pg_catalog" for _, row in rows) else {}
    # CockroachDB, up to v25.4, does not have OVERRIDING SYSTEM VALUE in its grammar.
    return [(place, _column(row, labels, knows_overriding=not on_cockroachdb)) for place, row in rows]


def _labels(cursor: Cursor) -> Labels:
    cursor.execute(LABELS)
    labels: Labels = {}
    for schema, name, label in cursor.fetchall():
        labels[schema, name] = (*labels.get((schema, name), ()), label)
    return labels


def _column(row: _ColumnRow, labels: Labels, *, knows_overriding: bool) -> Column:
    element = row.kind[1:] if row.is_array else row.kind
    length, precision, scale = row.length, row.precision, row.scale
    if length is precision is row.decimals is None:
        length, precision, scale = _size(element, row.full_type)
    if element in TIMES:
        precision, scale = next(known for known in (row.decimals, precision, 6) if known is not None), None
    elif element != "numeric":
        precision = scale = None
    return Column(
        name=row.name,
        kind=row.kind,
        type=_type_name(element, length, precision, scale) + ("[]" if row.is_array else ""),
        type_schema=row.type_schema,
        length=length,
        precision=precision,
        scale=scale,
        nullable=row.nullable,
        default=row.default,
        generated=row.expression,
        given_by_server=row.expression is not None or (row.identity == "a" and not knows_overriding),
        sequence=row.identity != "" or (row.default or "").startswith("nextval("),
        labels=labels.get((row.type_schema, element), ()),
        identity=row.identity,
        collation=row.collation,
        has_infinity=row.has_infinity,
    )


def _size(element: str, full_type: str) -> tuple[int | None, int | None, int | None]:
    """Return length, precision and scale from a type such as numeric(10,2); of an array, those of its elements."""
    unquoted = re.sub('"[^"]*"', "", full_type) if '"' in full_type else full_type
    found = re.search(r"\((-?\d+)(?:,(-?\d+))?\)", unquoted)
    if not found:
        return None, None, None
    first, second = int(found[1]), int(found[2] or 0)
    return (None, first, second) if element in ("numeric", *TIMES) else (first, None, None)


def _type_name(kind: str, length: int | None, precision: int | None, scale: int | None) -> str:
    name = {"bpchar": "char"}.get(kind, kind)
    if kind == "numeric" and precision is not None:
        return f"{name}({precision},{scale or 0})"
    if kind in TIMES and precision not in (None, 6):
        return f"{name}({precision})"
    return f"{name}({length})" if length is not None else name
