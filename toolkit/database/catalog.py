"""What the live database says about its tables: one reading and one form, for the drift check and for the loader.

Reads pg_catalog and information_schema, of which CockroachDB (v20.2 and newer) has the parts used here.
"""

import re
from typing import Any

from toolkit.database.pool import Cursor
from toolkit.database.tables import TIMES, Column, Constraint, Table

# The columns of tables and views. Both queries return the same, a row for each column: the table's oid, name, relkind;
# number, name, type, the type's schema, whether it is an array, the type in full; length, precision, scale, decimals of
# a second; whether it is nullable, default, identity (a: ALWAYS, d: BY DEFAULT), expression, collation.
#
# information_schema.columns knows everything on either server, but takes PostgreSQL five times as long to plan as all
# the other queries here together; pg_attribute knows too little on older versions of CockroachDB.
COLUMNS_OF_POSTGRESQL = """
    SELECT r.oid, r.relname, r.relkind::TEXT, a.attnum, a.attname, t.typname, n.nspname, t.typcategory = 'A',
           format_type(t.oid, CASE WHEN o.typtype = 'd' THEN o.typtypmod ELSE a.atttypmod END),
           NULL, NULL, NULL, NULL,
           NOT (a.attnotnull OR o.typnotnull),
           CASE WHEN a.attgenerated = '' THEN COALESCE(pg_get_expr(d.adbin, d.adrelid), o.typdefault) END,
           a.attidentity::TEXT,
           CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::TEXT ELSE '' END
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
    JOIN pg_catalog.pg_type o ON o.oid = a.atttypid
    JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN o.typtype = 'd' THEN o.typbasetype ELSE o.oid END
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s)
      AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY r.relname, a.attnum"""
COLUMNS_OF_COCKROACHDB = """
    SELECT r.oid, r.relname, r.relkind::TEXT, a.attnum, a.attname, c.udt_name, c.udt_schema, c.data_type = 'ARRAY',
           format_type(a.atttypid, a.atttypmod),
           c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.datetime_precision,
           c.is_nullable = 'YES',
           CASE WHEN c.is_generated IN ('YES', 'ALWAYS') THEN NULL ELSE c.column_default END,
           CASE WHEN c.is_identity = 'YES' AND c.identity_generation = 'ALWAYS' THEN 'a'
                WHEN c.is_identity = 'YES' THEN 'd' ELSE '' END,
           CASE WHEN c.is_generated IN ('YES', 'ALWAYS') THEN c.generation_expression END,
           COALESCE(quote_ident(c.collation_name), '')
    FROM information_schema.columns c
    JOIN pg_catalog.pg_namespace n ON n.nspname = c.table_schema
    JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = c.table_name
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attname = c.column_name
    WHERE c.table_schema = %s AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.is_hidden = 'NO'
    ORDER BY r.relname, c.ordinal_position"""

CONSTRAINTS = """
    SELECT c.conrelid, c.conname, c.contype::TEXT, c.conkey, pg_get_constraintdef(c.oid), c.confrelid, c.confkey
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
    WHERE n.nspname = %s AND c.contype IN ('p', 'u', 'f', 'c')
    ORDER BY c.conname"""

INDEXES = "SELECT tablename, indexname, indexdef FROM pg_catalog.pg_indexes WHERE schemaname = %s ORDER BY indexname"

# The tables with triggers BEFORE INSERT or UPDATE, FOR EACH ROW (see pg_trigger.h for the bits); a partition's count as
# those of the whole table. Old versions of CockroachDB have no triggers, and no pg_partition_root().
ROW_TRIGGERS = """
    SELECT DISTINCT {root}
    FROM pg_catalog.pg_trigger g
    WHERE (g.tgtype & 3) = 3 AND (g.tgtype & 20) <> 0 AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')"""
ROOT_ON_POSTGRESQL = "COALESCE(pg_partition_root(g.tgrelid)::OID, g.tgrelid)"

LABELS = """
    SELECT n.nspname, t.typname, e.enumlabel
    FROM pg_catalog.pg_enum e
    JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    ORDER BY e.enumsortorder"""


def is_cockroachdb(cursor: Cursor) -> bool:
    """Whether the server is CockroachDB: it says its version unasked."""
    return cursor.connection.get_parameter_status("crdb_version") is not None


def current_schema(cursor: Cursor) -> str:
    """The schema in which unqualified names are looked for first."""
    cursor.execute("SELECT current_schema()")
    return str(_fetch(cursor)[0][0])


def read(cursor: Cursor, schema: str | None = None) -> dict[str, Table]:
    """Return the tables and views of a schema (default: the current one) by name.

    Names in definitions are written as that schema's own only if it is the first in the search_path.
    """
    schema = schema or current_schema(cursor)
    on_cockroachdb = is_cockroachdb(cursor)
    cursor.execute(COLUMNS_OF_COCKROACHDB if on_cockroachdb else COLUMNS_OF_POSTGRESQL, (schema,))
    columns = _fetch(cursor)
    labels = _labels(cursor) if any(row[6] != "pg_catalog" for row in columns) else {}
    names = {row[0]: row[1] for row in columns}
    numbers = {(row[0], row[3]): row[4] for row in columns}

    cursor.execute(ROW_TRIGGERS.format(root="g.tgrelid" if on_cockroachdb else ROOT_ON_POSTGRESQL))
    triggered = {oid for (oid,) in _fetch(cursor)}
    tables: dict[str, Table] = {}
    for oid, table, relkind, _, *rest in columns:
        entry = tables.setdefault(table, Table(table, relkind not in ("r", "p"), {}, {}, {}, oid in triggered))
        column = _column(labels, not on_cockroachdb, *rest)
        entry.columns[column.name] = column
    cursor.execute(CONSTRAINTS, (schema,))
    for oid, name, kind, key, definition, referenced_oid, referenced_key in _fetch(cursor):
        if names.get(oid) in tables:
            tables[names[oid]].constraints[name] = Constraint(
                name,
                kind,
                tuple(numbers.get((oid, number), "?") for number in key or ()),
                definition,
                names.get(referenced_oid) if kind == "f" else None,
                tuple(numbers.get((referenced_oid, number), "?") for number in referenced_key or ()),
            )
    cursor.execute(INDEXES, (schema,))
    for table, name, definition in _fetch(cursor):
        if table in tables:
            head, _, rest = definition.partition(" USING ")
            unique = "UNIQUE " if head.startswith("CREATE UNIQUE ") else ""
            tables[table].indexes[name] = f"{unique}USING {rest}"
    return tables


def _fetch(cursor: Cursor) -> list[Any]:
    return cursor.fetchall()


def _labels(cursor: Cursor) -> dict[tuple[str, str], tuple[str, ...]]:
    cursor.execute(LABELS)
    labels: dict[tuple[str, str], tuple[str, ...]] = {}
    for schema, name, label in _fetch(cursor):
        labels[schema, name] = (*labels.get((schema, name), ()), label)
    return labels


def _column(
    labels: dict[tuple[str, str], tuple[str, ...]],
    knows_overriding: bool,  # OVERRIDING SYSTEM VALUE: the grammar of CockroachDB, up to v25.4, has no such thing
    name: str,
    kind: str,
    type_schema: str,
    is_array: bool,
    full_type: str,
    length: int | None,
    precision: int | None,
    scale: int | None,
    decimals: int | None,
    nullable: bool,
    default: str | None,
    identity: str,
    expression: str | None,
    collation: str,
) -> Column:
    element = kind[1:] if is_array else kind
    if length is precision is decimals is None:
        length, precision, scale = _size(element, full_type)
    if element in TIMES:
        precision, scale = next(known for known in (decimals, precision, 6) if known is not None), None
    elif element != "numeric":
        precision = scale = None
    return Column(
        name,
        kind,
        _type_name(element, length, precision, scale) + ("[]" if is_array else ""),
        type_schema,
        length,
        precision,
        scale,
        nullable,
        default,
        expression,
        expression is not None or (identity == "a" and not knows_overriding),
        identity != "" or (default or "").startswith("nextval("),
        labels.get((type_schema, element), ()),
        identity,
        collation,
    )


def _size(element: str, full_type: str) -> tuple[int | None, int | None, int | None]:
    """Return length, precision and scale as the written type has them; of an array they are its elements'."""
    found = re.search(r"\((-?\d+)(?:,(-?\d+))?\)", full_type)
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
