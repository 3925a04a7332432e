"""The properties of tables and views as texts, by name: what drift.py compares.

Columns, constraints and indexes come from toolkit/database/catalog.py; properties that only drift needs are read here.
"""

from typing import NamedTuple

from toolkit.database import Cursor
from toolkit.database.catalog import fetch, is_cockroachdb
from toolkit.database.tables import Column, Table

# "column price" -> "numeric(10,2) NOT NULL", "constraint price_positive" -> "CHECK (...)" and so on.
TableProperties = dict[str, str]

# Properties of a table or view as a whole; NULL for those that it does not have.
RELATIONS_OF_POSTGRESQL = """
    SELECT n.nspname, c.relname, c.relkind::TEXT, c.relpersistence = 'u', c.relrowsecurity, c.relforcerowsecurity,
           array_to_string(c.reloptions, ', '), pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
           CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"""
RELATIONS_OF_COCKROACHDB = """
    SELECT n.nspname, c.relname, c.relkind::TEXT, c.relpersistence = 'u', c.relrowsecurity, c.relforcerowsecurity,
           array_to_string(c.reloptions, ', '), NULL, NULL, COALESCE(v.definition, m.definition)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_views v ON v.schemaname = n.nspname AND v.viewname = c.relname
    LEFT JOIN pg_catalog.pg_matviews m ON m.schemaname = n.nspname AND m.matviewname = c.relname
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'v', 'm')"""

# Further properties of a column: the domain that is its type, whether a generated value is stored ("s") or virtual
# ("v"), and the options of its own sequence (of an identity or a serial).
COLUMNS_OF_POSTGRESQL = """
    SELECT n.nspname, c.relname, a.attname, CASE WHEN t.typtype = 'd' THEN format_type(t.oid, NULL) END,
           a.attgenerated::TEXT, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN (pg_catalog.pg_depend d JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid)
        ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0 AND NOT a.attisdropped"""
COLUMNS_OF_COCKROACHDB = """
    SELECT k.table_schema, k.table_name, k.column_name, NULL, a.attgenerated::TEXT,
           k.identity_start, k.identity_increment, k.identity_minimum, k.identity_maximum, k.identity_cycle = 'YES'
    FROM information_schema.columns k
    JOIN pg_catalog.pg_namespace n ON n.nspname = k.table_schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = k.table_name
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = k.column_name
    WHERE k.table_schema = ANY(%(schemas)s)"""

# Further properties: a table's schema and name; the kind, name and definition of the property.
FURTHER_OF_POSTGRESQL = """
    SELECT n.nspname, c.relname, 'constraint', x.conname, pg_get_constraintdef(x.oid)
    FROM pg_catalog.pg_constraint x
    JOIN pg_catalog.pg_class c ON c.oid = x.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND x.contype = 'x'
    UNION ALL
    SELECT n.nspname, c.relname, 'trigger', t.tgname,
           pg_get_triggerdef(t.oid, true) || CASE t.tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ', disabled'
                                             WHEN 'A' THEN ', enabled always' ELSE ', enabled on replicas' END
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND NOT t.tgisinternal
    UNION ALL
    SELECT n.nspname, c.relname, 'index', i.relname, 'invalid: an earlier statement could not finish it'
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND NOT x.indisvalid AND c.relkind <> 'p'
    UNION ALL
    SELECT p.schemaname, p.tablename, 'policy', p.policyname,
           concat(p.permissive, ' FOR ', p.cmd, ' TO ', array_to_string(p.roles, ', '),
                  ' USING (' || p.qual || ')', ' WITH CHECK (' || p.with_check || ')')
    FROM pg_catalog.pg_policies p
    WHERE p.schemaname = ANY(%(schemas)s)"""

# The name of a hash-sharded index's first column ends with the number of buckets; pg_indexes of v21.1 leaves it out.
FURTHER_OF_COCKROACHDB = """
    SELECT table_schema, table_name, 'sharding of index', index_name,
           'by hash, ' || regexp_extract(column_name, '[0-9]+$') || ' buckets'
    FROM information_schema.statistics
    WHERE table_schema = ANY(%(schemas)s) AND seq_in_index = 1
      AND column_name LIKE 'crdb\\_internal\\_%%\\_shard\\_%%'"""


class _RelationRow(NamedTuple):
    """A row of RELATIONS_OF_..., after schema and name."""

    kind: str
    is_unlogged: bool
    has_row_security: bool | None
    is_forced: bool | None
    options: str | None
    partition_key: str | None
    partition_bound: str | None
    query: str | None

    def properties(self) -> TableProperties:
        """Return the properties of a table or view as a whole."""
        found = {
            "unlogged": "UNLOGGED" if self.is_unlogged else None,
            "row-level security": ("forced" if self.is_forced else "enabled") if self.has_row_security else None,
            "options": self.options,
            "partitions": f"PARTITION BY {self.partition_key}" if self.partition_key else None,
            "partition": self.partition_bound,
            "materialized": "MATERIALIZED" if self.kind == "m" else None,
            "query": " ".join(self.query.rstrip(";").split()) if self.query else None,
        }
        return {name: text for name, text in found.items() if text}


class _ColumnRow(NamedTuple):
    """A row of COLUMNS_OF_..., after schema, table and name."""

    domain: str | None = None
    generated: str | None = None
    start: int | None = None
    increment: int | None = None
    least: int | None = None
    most: int | None = None
    is_cycle: bool | None = None

    @property
    def storage(self) -> str:
        """The SQL for how a generated value is stored."""
        return {"s": " STORED", "v": " VIRTUAL"}.get(self.generated or "", "")

    @property
    def sequence(self) -> str:
        """The SQL for the options of the column's own sequence."""
        if self.start is None:
            return ""
        cycle = " CYCLE" if self.is_cycle else ""
        return f" (START {self.start} INCREMENT {self.increment} MINVALUE {self.least} MAXVALUE {self.most}{cycle})"


def read_properties(cursor: Cursor, schemas: dict[str, dict[str, Table]]) -> dict[str, dict[str, TableProperties]]:
    """Return schema -> name -> properties, for the tables and views of catalog.read_schemas()."""
    on_cockroachdb = is_cockroachdb(cursor)
    values = {"schemas": list(schemas)}
    found: dict[str, dict[str, TableProperties]] = {schema: {} for schema in schemas}
    of_relations = RELATIONS_OF_COCKROACHDB if on_cockroachdb else RELATIONS_OF_POSTGRESQL
    for schema, name, *row in fetch(cursor, of_relations, values):
        if name in schemas[schema]:
            found[schema][name] = _RelationRow(*row).properties()
    of_columns = COLUMNS_OF_COCKROACHDB if on_cockroachdb else COLUMNS_OF_POSTGRESQL
    columns = {
        (schema, name, column): _ColumnRow(*row) for schema, name, column, *row in fetch(cursor, of_columns, values)
    }
    for schema, of_schema in found.items():
        for name, of_table in of_schema.items():
            of_table.update(_of_catalog(schemas[schema][name], columns))
    further = FURTHER_OF_COCKROACHDB if on_cockroachdb else FURTHER_OF_POSTGRESQL
    for schema, name, what, its_name, definition in fetch(cursor, further, values):
        if name in found[schema]:
            found[schema][name][f"{what} {its_name}"] = definition
    return found


def _of_catalog(table: Table, rows: dict[tuple[str, str, str], _ColumnRow]) -> TableProperties:
    columns = {
        f"column {column.name}": _definition(
            column, rows.get((table.name.schema, table.name.relation, column.name), _ColumnRow())
        )
        for column in table.columns.values()
    }
    # Without the CHECK of the server's own on the hidden column of a hash-sharded index.
    constraints = {
        f"constraint {name}": constraint.definition
        for name, constraint in table.constraints.items()
        if constraint.columns or not constraint.shards
    }
    # Without the indexes of primary keys and unique constraints, which have the name of the constraint.
    indexes = {f"index {name}": text for name, text in table.indexes.items() if name not in table.constraints}
    return columns | constraints | indexes


def _definition(column: Column, row: _ColumnRow) -> str:
    """Return the definition of a column as in CREATE TABLE."""
    words = [row.domain or column.type]
    if column.labels:
        words.append(f"({', '.join(column.labels)})")
    if column.collation:
        words.append(f"COLLATE {column.collation}")
    if not column.nullable:
        words.append("NOT NULL")
    if column.generated is not None:
        words.append(f"GENERATED ALWAYS AS {column.generated}{row.storage}")
    elif column.identity:
        words.append(f"GENERATED {'ALWAYS' if column.identity == 'a' else 'BY DEFAULT'} AS IDENTITY")
    elif column.default is not None:
        words.append(f"DEFAULT {column.default}")
    return " ".join(words) + row.sequence
