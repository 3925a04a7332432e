"""Read the secondary indexes of tables, with the statements that create them again exactly as they are."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import fetch, is_cockroachdb
from toolkit.database.tables import TableName

# Without the indexes that cannot be dropped and created again: those of constraints, of partitioned tables and of
# partitions (which depend on each other), invalid ones, and those with properties that pg_get_indexdef() leaves out: a
# tablespace, CLUSTER, REPLICA IDENTITY, statistics targets, objects that depend on them, an extension they belong to.
INDEXES_OF_POSTGRESQL = """
    SELECT i.relname, pg_get_indexdef(i.oid), obj_description(i.oid, 'pg_class')
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = %s AND t.relname = %s AND t.relkind = 'r' AND NOT t.relispartition
      AND NOT x.indisunique AND NOT x.indisexclusion AND NOT x.indisclustered AND NOT x.indisreplident
      AND x.indisvalid AND i.reltablespace = 0
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_depend d
          WHERE (d.refclassid = 'pg_class'::regclass AND d.refobjid = i.oid)
             OR (d.classid = 'pg_class'::regclass AND d.objid = i.oid AND d.deptype NOT IN ('n', 'a')))
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.oid AND COALESCE(a.attstattarget, -1) >= 0)
    ORDER BY i.oid"""

# The line of an index in the output of CockroachDB's SHOW CREATE TABLE. (Before v22 its pg_get_indexdef() leaves out
# hash sharding and schemas.) Partitioned indexes, which take further lines, are not dropped, nor are those with a zone
# configuration, which stands below the table.
INDEX_OF_COCKROACHDB = re.compile(
    r"""^\t(?P<kind>(?:INVERTED |VECTOR )?INDEX) (?P<name>"(?:[^"]|"")+"|[^\s"(]+) (?P<rest>.*?),?$""",
    re.MULTILINE,
)


COMMENTS = """
    SELECT i.relname, obj_description(i.oid, 'pg_class')
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = %s AND t.relname = %s"""


class Index(NamedTuple):
    """A secondary index. statement: CREATE INDEX IF NOT EXISTS. comment: the text of COMMENT ON INDEX."""

    schema: str
    table: str
    name: str
    statement: str
    comment: str | None


def identifier_of(cursor: Cursor, index: Index) -> sql.Composable:
    """Return the name for DROP INDEX. Names are unique in a schema of PostgreSQL, in a table of CockroachDB."""
    if is_cockroachdb(cursor):
        return sql.Identifier(index.schema, index.table) + sql.SQL("@") + sql.Identifier(index.name)
    return sql.Identifier(index.schema, index.name)


def read_droppable_indexes(cursor: Cursor, table: TableName) -> list[Index]:
    """Return the indexes of a table that can be dropped and created again: not unique, and of no constraint."""
    if is_cockroachdb(cursor):
        return list(_of_cockroachdb(cursor, table))
    return [
        Index(table.schema, table.relation, name, statement.replace("INDEX", "INDEX IF NOT EXISTS", 1), comment)
        for name, statement, comment in fetch(cursor, INDEXES_OF_POSTGRESQL, (table.schema, table.relation))
        if statement is not None  # it is NULL if the index has just been dropped
    ]


def _of_cockroachdb(cursor: Cursor, table: TableName) -> Iterator[Index]:
    identifier = sql.Identifier(table.schema, table.relation)
    cursor.execute(sql.SQL("SELECT create_statement FROM [SHOW CREATE TABLE {}]").format(identifier))
    text = cursor.fetchall()[0][0]
    comments = dict(fetch(cursor, COMMENTS, (table.schema, table.relation)))
    for found in INDEX_OF_COCKROACHDB.finditer(text):
        name = found["name"]
        plain = name[1:-1].replace('""', '"') if name.startswith('"') else name
        if " PARTITION BY " in found["rest"] or f"@{name} CONFIGURE ZONE" in text:
            continue
        statement = f"CREATE {found['kind']} IF NOT EXISTS {name} ON {identifier.as_string(cursor)} {found['rest']}"
        yield Index(table.schema, table.relation, plain, statement, comments.get(plain))
