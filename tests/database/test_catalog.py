"""What the catalog says of a table in which there is one of everything."""

import psycopg2
import pytest

from toolkit.database import Cursor, Database, catalog, run_transaction
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
    empty_database.discard(connection)
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
    monkeypatch.setattr(
        catalog, "COLUMNS_OF_POSTGRESQL", catalog.COLUMNS_OF_COCKROACHDB.replace("AND c.is_hidden = 'NO'", "")
    )
    assert catalog.read(connection.cursor()) == tables
    connection.close()
