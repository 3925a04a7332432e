"""How a database differs from a schema file."""

import re
import time
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from schema_files import ROWS, SCHEMA, TABLES, THING, everything, execute, start, tables

from toolkit import schema
from toolkit.console import Failure
from toolkit.database import Database, DatabaseMissing


def test_no_drift(database: Database) -> None:
    assert schema.compare(database, SCHEMA) == (TABLES, [], None)


def test_tables_the_file_does_not_name_are_no_drift(database: Database) -> None:
    execute(database, "CREATE TABLE mine (id INT8 PRIMARY KEY, user_id INT8 REFERENCES users (user_id))")
    assert schema.compare(database, SCHEMA).differences == []


def test_an_empty_database_lacks_every_table(empty_database: Database) -> None:
    before = everything(empty_database)
    assert schema.compare(empty_database, SCHEMA).differences == [f"{name}: there is no such table" for name in TABLES]
    assert everything(empty_database) == before


def test_a_database_that_is_not_there(missing: str) -> None:
    with pytest.raises(DatabaseMissing):
        schema.compare(Database(missing), SCHEMA)


OWNERS = "CREATE TABLE IF NOT EXISTS owners (id INT8 NOT NULL, CONSTRAINT owners_pkey PRIMARY KEY (id));\n"


def things(*parts: str) -> str:
    """A schema with the table things of these parts."""
    return f"{OWNERS}CREATE TABLE IF NOT EXISTS things ({', '.join(parts)});"


PLAIN = ("id INT8 NOT NULL", "CONSTRAINT things_pkey PRIMARY KEY (id)")
OWNED = (*PLAIN, "owner INT8")
KEY = "CONSTRAINT things_owner_fkey FOREIGN KEY (owner) REFERENCES owners (id)"


# what is there, what the file says, and how the difference is told
DRIFT = [
    (things(*PLAIN), things(*PLAIN, "a TEXT"), "column a is missing, other.sql says text"),
    (things(*PLAIN, "a TEXT"), things(*PLAIN), "column a is text, other.sql has none of that name"),
    (things(*PLAIN, "a TEXT"), things(*PLAIN, "a INT8"), "column a is text, other.sql says int8"),
    (
        things(*PLAIN, "a DECIMAL(5, 2)"),
        things(*PLAIN, "a DECIMAL(6, 2)"),
        r"column a is numeric\(5,2\), other.sql says numeric\(6,2\)",
    ),
    (things(*PLAIN, "a VARCHAR(9)"), things(*PLAIN, "a TEXT"), r"column a is varchar\(9\), other.sql says text"),
    (things(*PLAIN, "a TEXT[]"), things(*PLAIN, "a TEXT"), r"column a is text\[\], other.sql says text"),
    (things(*PLAIN, "a TEXT NOT NULL"), things(*PLAIN, "a TEXT"), "column a is text NOT NULL, .* says text"),
    (things(*PLAIN, "a INT8 DEFAULT 1"), things(*PLAIN, "a INT8"), "a is int8 DEFAULT 1.*, .* says int8"),
    (things(*PLAIN, "a INT8 DEFAULT 1"), things(*PLAIN, "a INT8 DEFAULT 2"), "DEFAULT 1.*, .* DEFAULT 2"),
    (
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS (id + 1) STORED"),
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS (id + 2) STORED"),
        r"GENERATED ALWAYS AS .*1.* says .*GENERATED ALWAYS AS .*2",
    ),
    (
        things("id INT8 NOT NULL", "a INT8 NOT NULL", "CONSTRAINT things_pkey PRIMARY KEY (id, a)"),
        things("id INT8 NOT NULL", "a INT8 NOT NULL", "CONSTRAINT things_pkey PRIMARY KEY (id)"),
        r"constraint things_pkey is PRIMARY KEY \(id.*, a.*\), .* says PRIMARY KEY \(id",
    ),
    (
        things(*OWNED),
        things(*OWNED, "CONSTRAINT things_key UNIQUE (owner)"),
        r"constraint things_key is missing, .* says UNIQUE \(owner",
    ),
    (
        things(*OWNED, "CONSTRAINT things_key UNIQUE (owner)"),
        things(*OWNED, "CONSTRAINT things_key UNIQUE (id, owner)"),
        r"constraint things_key is UNIQUE \(owner.* says UNIQUE \(id",
    ),
    (
        things(*OWNED, "CONSTRAINT my_key UNIQUE (owner)"),
        things(*OWNED),
        r"constraint my_key is UNIQUE \(owner.* has none of that name",
    ),
    (things(*OWNED), things(*OWNED, KEY), r"constraint things_owner_fkey is missing, .* says FOREIGN KEY \(owner"),
    (
        things(*OWNED, KEY),
        things(*OWNED, f"{KEY} ON DELETE CASCADE"),
        "constraint things_owner_fkey is FOREIGN KEY .* says FOREIGN KEY .* ON DELETE CASCADE",
    ),
    (
        things(*PLAIN, "CONSTRAINT low CHECK (id < 5)"),
        things(*PLAIN, "CONSTRAINT low CHECK (id < 6)"),
        "constraint low is CHECK .*5.* says CHECK .*6",
    ),
    (
        things(*OWNED),
        things(*OWNED) + "CREATE INDEX IF NOT EXISTS things_owner_idx ON things (owner);",
        r"index things_owner_idx is missing, .* says USING \w+ \(owner",
    ),
    (
        things(*OWNED) + "CREATE INDEX things_owner_idx ON things (owner);",
        things(*OWNED) + "CREATE INDEX IF NOT EXISTS things_owner_idx ON things (owner DESC, id);",
        r"index things_owner_idx is USING \w+ \(owner.* says USING \w+ \(owner DESC",
    ),
    (
        things(*OWNED) + "CREATE INDEX my_idx ON things (owner);",
        things(*OWNED),
        "index my_idx is USING .* has none of that name",
    ),
    (f"{OWNERS} CREATE VIEW things AS SELECT id FROM owners", things(*PLAIN), "there is no such table"),
]


def test_drift(empty_database: Database, file: Path) -> None:
    for there, said, difference in DRIFT:
        execute(empty_database, there)
        file.write_text(said)
        before = everything(empty_database)
        names, differences, not_compared = schema.compare(empty_database, file)
        assert (names, not_compared) == (["owners", "things"], None)
        assert [bool(re.search(f"^things: .*{difference}", text)) for text in differences] == [True], differences
        assert everything(empty_database) == before
        execute(empty_database, "DROP VIEW things" if "VIEW" in there else "DROP TABLE things")
        schema.apply(empty_database, file)
        assert schema.compare(empty_database, file).differences == []
        execute(empty_database, "DROP TABLE things")


def test_a_unique_index_is_not_a_plain_one(empty_database: Database, file: Path) -> None:
    execute(empty_database, things(*OWNED) + "CREATE INDEX things_owner_idx ON things (owner);")
    file.write_text(things(*OWNED) + "CREATE UNIQUE INDEX IF NOT EXISTS things_owner_idx ON things (owner);")
    assert schema.compare(empty_database, file).differences
    execute(empty_database, "DROP TABLE things")
    schema.apply(empty_database, file)
    assert schema.compare(empty_database, file).differences == []


def test_types_of_ones_own(empty_database: Database, file: Path) -> None:
    colour = "CREATE TYPE colour AS ENUM ('red', 'green');"
    execute(empty_database, colour + things(*PLAIN, "c colour DEFAULT 'red'", "n SERIAL"))
    file.write_text(colour + things(*PLAIN, "c colour DEFAULT 'red'", "n SERIAL"))
    assert schema.compare(empty_database, file) == (["owners", "things"], [], None)
    file.write_text(colour.replace("green", "blue") + things(*PLAIN, "c colour DEFAULT 'red'", "n SERIAL"))
    [difference] = schema.compare(empty_database, file).differences
    assert "(red, green)" in difference
    assert "(red, blue)" in difference


def test_a_schema_of_ones_own(url: str) -> None:
    owner = Database(url)
    execute(owner, 'CREATE SCHEMA "My-app"')
    database = Database(psycopg2.extensions.make_dsn(url, options='-csearch_path="My-app"'))
    assert schema.apply(database, SCHEMA) == TABLES
    assert schema.apply(database, SCHEMA) == []
    execute(database, ROWS)
    assert schema.compare(database, SCHEMA) == (TABLES, [], None)
    assert schema.reset(database, SCHEMA) == TABLES
    assert tables(owner) == []
    owner.close()
    database.close()


def test_a_file_that_names_schemas_is_not_compared(empty_database: Database, file: Path) -> None:
    for text in (
        "CREATE TABLE IF NOT EXISTS public.things (id INT8 PRIMARY KEY);",
        THING + 'CREATE INDEX IF NOT EXISTS i ON "public".things (id);',
        THING + "CREATE TABLE IF NOT EXISTS more (id INT8 PRIMARY KEY REFERENCES public . things (id));",
    ):
        file.write_text(text)
        schema.apply(empty_database, file)
        assert "in which schema its tables are" in (schema.compare(empty_database, file).not_compared or "")
        with pytest.raises(Failure, match="cannot be told which tables"):
            schema.reset(empty_database, file)


def test_comments_that_look_like_qualified_names(empty_database: Database, file: Path) -> None:
    file.write_text(f"-- more on example.com, a table public.x\n/* on public.y */ {THING}")
    schema.apply(empty_database, file)
    assert schema.compare(empty_database, file) == (["things"], [], None)


def test_a_file_without_tables_is_not_compared(empty_database: Database, file: Path) -> None:
    file.write_text("SELECT 1")
    assert "creates no table" in (schema.compare(empty_database, file).not_compared or "")


def test_a_bad_file_is_not_compared(empty_database: Database, file: Path) -> None:
    file.write_text(THING + "NONSENSE;")
    assert "line 6" in (schema.compare(empty_database, file).not_compared or "")


def test_a_killed_comparison_leaves_nothing(empty_database: Database, file: Path, url: str) -> None:
    before = everything(empty_database)
    file.write_text(THING + "SELECT pg_sleep(1.5);")
    comparing = start("compare", url, file)
    time.sleep(0.7)
    assert comparing.poll() is None
    comparing.kill()
    comparing.wait()
    assert everything(empty_database) == before
    time.sleep(1.2)
    assert everything(empty_database) == before
