"""What the catalog says of tables in which there is one of everything, and of those that servers describe oddly."""

import threading
from contextlib import closing

import psycopg2
import pytest
from schema_files import execute, is_cockroachdb

from toolkit.database import Cursor, Database, catalog, columns, run_or_explain, run_transaction
from toolkit.database.tables import Table

EVERYTHING = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TABLE parents (a INT8, b TEXT, PRIMARY KEY (a, b));
    CREATE TABLE everything (
        id UUID PRIMARY KEY,
        small INT2 NOT NULL,
        name VARCHAR(20) DEFAULT 'x',
        code CHAR(3) UNIQUE,
        price DECIMAL(10, 2) NOT NULL DEFAULT 0,
        free DECIMAL,
        moment TIMESTAMP(3),
        zoned TIMESTAMPTZ,
        feeling mood,
        texts TEXT[],
        prices DECIMAL(5, 1)[],
        twice INT8 AS (small * 2) STORED,
        parent_a INT8,
        parent_b TEXT,
        CONSTRAINT everything_parent_fkey FOREIGN KEY (parent_a, parent_b) REFERENCES parents (a, b),
        CONSTRAINT price_not_negative CHECK (price >= 0)
    );
    CREATE INDEX everything_name_idx ON everything (name);
    CREATE VIEW names AS SELECT id, name FROM everything"""


@pytest.fixture
def tables(empty_database: Database) -> dict[str, Table]:
    def create(cursor: Cursor) -> None:
        for statement in EVERYTHING.split(";"):
            if not catalog.is_cockroachdb(cursor):
                statement = statement.replace(" AS (small * 2)", " GENERATED ALWAYS AS (small * 2)")
            cursor.execute(statement)

    # Statement by statement: CockroachDB may not use a type in the transaction that makes it.
    connection = empty_database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        create(cursor)
    connection.close()
    return run_transaction(empty_database, catalog.read)


def test_columns(tables: dict[str, Table]) -> None:
    columns = tables["everything"].columns
    assert list(columns)[:4] == ["id", "small", "name", "code"]
    assert {name: column.type for name, column in columns.items()} == {
        "id": "uuid",
        "small": "int2",
        "name": "varchar(20)",
        "code": "char(3)",
        "price": "numeric(10,2)",
        "free": "numeric",
        "moment": "timestamp(3)",
        "zoned": "timestamptz",
        "feeling": "mood",
        "texts": "text[]",
        "prices": "numeric(5,1)[]",
        "twice": "int8",
        "parent_a": "int8",
        "parent_b": "text",
    }
    assert [name for name, column in columns.items() if column.required] == ["id", "small"]
    assert [name for name, column in columns.items() if column.given_by_server] == ["twice"]
    assert columns["feeling"].labels == ("sad", "ok", "happy")
    assert columns["price"].default is not None
    assert columns["free"].default is None


def test_keys(tables: dict[str, Table]) -> None:
    table = tables["everything"]
    assert table.primary_key == ("id",)
    assert tables["parents"].primary_key == ("a", "b")
    assert table.unique_keys == [("code",)]
    (key,) = table.foreign_keys
    assert key.columns == ("parent_a", "parent_b")
    assert (key.referenced, key.referenced_columns) == ("parents", ("a", "b"))
    assert "price" in table.constraints["price_not_negative"].definition
    assert "(name" in table.indexes["everything_name_idx"]


def test_views_are_told_from_tables(tables: dict[str, Table]) -> None:
    assert {name for name, table in tables.items() if table.is_view} == {"names"}


def test_a_table_without_a_key_has_none(empty_database: Database) -> None:
    def create(cursor: Cursor) -> dict[str, Table]:
        cursor.execute("CREATE TABLE keyless (a INT8)")
        return catalog.read(cursor)

    table = run_transaction(empty_database, create)["keyless"]
    assert table.primary_key == ()
    assert list(table.columns) == ["a"]


def test_both_queries_for_columns_say_the_same(
    empty_database: Database, tables: dict[str, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = psycopg2.connect(**empty_database.target.parameters)
    if connection.get_parameter_status("crdb_version"):
        pytest.skip("pg_attribute of CockroachDB may know too little")
    query = columns.OF_COCKROACHDB.replace("c.is_hidden = 'YES'", "false")
    query = query.replace(columns.SIZED_TYPE, "format_type(a.atttypid, a.atttypmod)")
    monkeypatch.setattr(columns, "OF_POSTGRESQL", query)
    assert catalog.read(connection.cursor()) == tables
    connection.close()


def build(database: Database, statements: str) -> None:
    """Run statements one by one, each in a transaction of its own."""
    connection = database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements.split(";"):
            cursor.execute(statement)
    connection.close()


def on_cockroachdb(database: Database) -> bool:
    return run_transaction(database, catalog.is_cockroachdb)


SIZES = {
    "DECIMAL(5, 1)[]": "numeric(5,1)[]",
    "DECIMAL(5)[]": "numeric(5,0)[]",
    "DECIMAL[]": "numeric[]",
    "VARCHAR(3)[]": "varchar(3)[]",
    "CHAR(2)[]": "char(2)[]",
    "CHAR[]": "char(1)[]",
    "BIT(3)[]": "bit(3)[]",
    "BIT[]": "bit(1)[]",
    "VARBIT(3)[]": "varbit(3)[]",
    "TIMESTAMP(3)[]": "timestamp(3)[]",
    "TIME(0)[]": "time(0)[]",
    "INTERVAL(2)[]": "interval(2)[]",
    '"size(7)"': "size(7)",
}


def test_sizes_of_arrays_are_those_of_their_elements(empty_database: Database) -> None:
    given = ", ".join(f"c{number} {size}" for number, size in enumerate(SIZES))
    build(empty_database, f"""CREATE TYPE "size(7)" AS ENUM ('small'); CREATE TABLE sizes ({given})""")
    table = run_transaction(empty_database, catalog.read)["sizes"]
    assert [column.type for column in table.columns.values()] == list(SIZES.values())
    assert table.columns[f"c{len(SIZES) - 1}"].length is None


def test_a_foreign_key_to_a_partitioned_table_is_one(empty_database: Database) -> None:
    if on_cockroachdb(empty_database):
        pytest.skip("its partitions are no tables")
    build(
        empty_database,
        """
        CREATE TABLE p (id INT8 PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
        CREATE TABLE p1a PARTITION OF p1 FOR VALUES FROM (0) TO (5);
        CREATE TABLE t (id INT8 PRIMARY KEY, p_id INT8, CONSTRAINT t_p FOREIGN KEY (p_id) REFERENCES p)
            PARTITION BY RANGE (id);
        CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10);
        CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
        CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)""",
    )
    tables = run_transaction(empty_database, catalog.read)
    for name in ("t", "t1", "t2"):
        assert [(key.name, key.referenced) for key in tables[name].foreign_keys] == [("t_p", "p")]
        assert tables[name].primary_key == ("id",)
    assert not any(table.foreign_keys for name, table in tables.items() if name.startswith("p"))
    assert all(table.primary_key == ("id",) for table in tables.values())


def test_hidden_columns_of_a_key(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash-sharded key of CockroachDB; and on PostgreSQL what that would be if CockroachDB did not hide the shard."""
    shard = "crdb_internal_id_shard_4"
    if on_cockroachdb(empty_database):
        build(
            empty_database,
            "SET experimental_enable_hash_sharded_indexes = on;"
            "CREATE TABLE t (id INT8 NOT NULL, a INT8, PRIMARY KEY (id) USING HASH WITH BUCKET_COUNT = 4)",
        )
    else:
        build(
            empty_database,
            f"CREATE TABLE t (id INT8 NOT NULL, {shard} INT4 GENERATED ALWAYS AS (id % 4) STORED, a INT8,"
            f" PRIMARY KEY ({shard}, id), CHECK ({shard} IN (0, 1, 2, 3)))",
        )
        hidden = columns.OF_POSTGRESQL.replace("a.attnum, false", f"a.attnum, a.attname = '{shard}'")
        monkeypatch.setattr(columns, "OF_POSTGRESQL", hidden)
    table = run_transaction(empty_database, catalog.read)["t"]
    assert list(table.columns) == ["id", "a"]
    assert table.primary_key == ("id",)
    assert table.conflict_columns == (shard, "id")


def test_the_region_of_a_row_is_no_part_of_its_key(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REGIONAL BY ROW needs a cluster of several regions: tested by what the catalog would say of one."""
    if on_cockroachdb(empty_database):
        pytest.skip("a single node has no regions, and its own columns cannot be hidden before v22.1")
    build(
        empty_database,
        """
        CREATE TABLE p (crdb_region TEXT NOT NULL DEFAULT 'here', id INT8, email TEXT, PRIMARY KEY (crdb_region, id),
            UNIQUE (crdb_region, email));
        CREATE TABLE t (crdb_region TEXT NOT NULL DEFAULT 'here', id INT8, p_id INT8, PRIMARY KEY (crdb_region, id),
            FOREIGN KEY (crdb_region, p_id) REFERENCES p)""",
    )
    hidden = columns.OF_POSTGRESQL.replace("a.attnum, false", "a.attnum, a.attname = 'crdb_region'")
    monkeypatch.setattr(columns, "OF_POSTGRESQL", hidden)
    tables = run_transaction(empty_database, catalog.read)
    assert tables["p"].primary_key == tables["p"].conflict_columns == ("id",)
    assert tables["p"].unique_keys == [("email",)]
    [key] = tables["t"].foreign_keys
    assert (key.columns, key.referenced, key.referenced_columns) == (("p_id",), "p", ("id",))


def test_columns_that_constraints_call_by_other_numbers(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an ALTER COLUMN TYPE of CockroachDB; on PostgreSQL the numbers are made so."""
    parent = "CREATE TABLE p (id INT8 PRIMARY KEY, a INT8, b INT8 NOT NULL);"
    keys = "ALTER TABLE p ADD CONSTRAINT p_a_b UNIQUE (b, a);"
    child = """
        CREATE TABLE t (id INT8 PRIMARY KEY, pa TEXT, pb INT8, n TEXT, CONSTRAINT n_known CHECK (n < 'x' AND id > 0),
            CONSTRAINT t_p FOREIGN KEY (pb, pa) REFERENCES p (b, a))"""
    if on_cockroachdb(empty_database):
        general = "SET enable_experimental_alter_column_type_general = true; ALTER TABLE p ALTER COLUMN a TYPE TEXT;"
        build(empty_database, parent + general + keys + child)
    else:
        build(empty_database, parent + "ALTER TABLE p ALTER COLUMN a TYPE TEXT;" + keys + child)
        numbers = "unnest({}) WITH ORDINALITY AS u (n, o)"
        moved = f"(SELECT array_agg(CASE n WHEN 2 THEN 12 WHEN 4 THEN 14 ELSE n END ORDER BY o) FROM {numbers})"
        query = catalog.CONSTRAINTS_OF_POSTGRESQL
        for name in ("c.conkey", "c.confkey"):
            query = query.replace(name, moved.format(name))
        monkeypatch.setattr(catalog, "CONSTRAINTS_OF_POSTGRESQL", query)
    tables = run_transaction(empty_database, catalog.read)
    assert tables["p"].unique_keys == [("b", "a")]
    [key] = tables["t"].foreign_keys
    assert (key.columns, key.referenced, key.referenced_columns) == (("pb", "pa"), "p", ("b", "a"))
    assert set(tables["t"].constraints["n_known"].columns) == {"n", "id"}


def test_tables_of_several_schemas(empty_database: Database) -> None:
    build(
        empty_database,
        """
        CREATE SCHEMA auth;
        CREATE SCHEMA other;
        CREATE TABLE auth.users (id INT8 PRIMARY KEY);
        CREATE TABLE other.films (id INT8 PRIMARY KEY, a INT8 UNIQUE);
        CREATE TABLE films (id INT8 PRIMARY KEY REFERENCES auth.users (id), film INT8 REFERENCES other.films (a));
        CREATE TABLE "other.films" (id INT8 PRIMARY KEY REFERENCES other.films (id))""",
    )

    def read(*names: str) -> dict[str, tuple[str, str, list[str]]]:
        tables = run_transaction(empty_database, lambda cursor: catalog.read_named(cursor, names))
        return {
            str(name): (
                table.name.schema,
                table.name.relation,
                sorted(str(key.referenced) for key in table.foreign_keys),
            )
            for name, table in tables.items()
        }

    public = {
        "films": ("public", "films", ['"other"."films"', "auth.users"]),
        "other.films": ("public", "other.films", ['"other"."films"']),
    }
    assert read() == read("films", "nowhere.films", ".films", "films.") == public
    assert read("auth.users") == {**public, "auth.users": ("auth", "users", [])}
    assert read("other.films") == {**public, '"other"."films"': ("other", "films", [])}


def test_the_catalog_is_read_while_indexes_are_dropped(url: str) -> None:
    """Functions such as pg_get_indexdef() look for what the rows of the catalog around them still have."""
    with closing(Database(url)) as database:
        execute(database, "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8)")
        stop = threading.Event()

        def change() -> None:
            with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
                connection.autocommit = True
                while not stop.is_set():
                    cursor.execute("CREATE INDEX i ON t (a)")
                    cursor.execute("DROP INDEX i")

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(300 if not is_cockroachdb(database) else 10):
                assert run_or_explain(database, catalog.read).keys() == {"t"}
        finally:
            stop.set()
            thread.join()
