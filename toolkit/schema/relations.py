"""List the tables and views of all schemas, for applying and dropping."""

from typing import NamedTuple

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import fetch

RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind::TEXT
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('information_schema', 'crdb_internal') AND left(n.nspname, 3) <> 'pg_'
    ORDER BY c.oid"""  # the order in which they were created

# pg_class.relkind -> the words of SQL.
KINDS = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE"}


class Relation(NamedTuple):
    """A table or a view. kind: as in pg_class: "r" table, "p" partitioned table, "v" view, "m" materialized view,
    "f" foreign table.
    """

    schema: str
    name: str
    kind: str

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def read_relations(cursor: Cursor) -> list[Relation]:
    """Return the tables and views of the database, in the order in which they were created.

    On CockroachDB v21.1 the result is the same before and after DDL in the same transaction.
    """
    return [Relation(*row) for row in fetch(cursor, RELATIONS)]
