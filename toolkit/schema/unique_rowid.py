"""Create CockroachDB's function unique_rowid() in a PostgreSQL database, which has none."""

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import fetch, is_cockroachdb, search_path

# The time since 2015 in units of 10 microseconds, shifted by 15 bits (GenerateUniqueInt in CockroachDB's
# pkg/sql/sem/builtins). There the low bits are the node's id; here the next value of a sequence is added. It need not
# fit into 15 bits: time and sequence both grow, so their sum does. Two ids could be equal only if, while one call was
# between reading the clock and drawing its value, others had drawn 32,768 values for each 10 microseconds. So a call
# that took longer than a millisecond for that is repeated.
UNIQUE_ROWID = """
    CREATE SEQUENCE {schema}.unique_rowid_sequence;
    GRANT USAGE ON SEQUENCE {schema}.unique_rowid_sequence TO PUBLIC;
    CREATE FUNCTION {schema}.unique_rowid() RETURNS INT8 LANGUAGE plpgsql AS $$
    DECLARE
        began TIMESTAMPTZ;
        number INT8;
    BEGIN
        LOOP
            began := clock_timestamp();
            number := nextval({sequence});
            EXIT WHEN clock_timestamp() < began + INTERVAL '1 millisecond';
        END LOOP;
        RETURN (((date_part('epoch', began) - 1420070400) * 100000)::INT8 << 15) + number;
    END $$;
    COMMENT ON FUNCTION {schema}.unique_rowid() IS 'As in CockroachDB: distinct, and increasing with time.'"""


def create_unique_rowid(cursor: Cursor) -> None:
    """Create unique_rowid() in the current schema of PostgreSQL, unless the search_path finds one already."""
    if not is_cockroachdb(cursor) and not fetch(cursor, "SELECT to_regprocedure('unique_rowid()')")[0][0]:
        schema = search_path(cursor)[0]
        sequence = sql.Identifier(schema, "unique_rowid_sequence").as_string(cursor)
        cursor.execute(sql.SQL(UNIQUE_ROWID).format(schema=sql.Identifier(schema), sequence=sql.Literal(sequence)))
