"""How a database differs from a schema file."""

import re
import time
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from schema_files import ROWS, SCHEMA, TABLES, THING, everything, execute, is_cockroachdb, start, tables

from toolkit import schema
from toolkit.console import UserError
from toolkit.database import Database, DatabaseMissing
from toolkit.schema.reset import reset


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
    assert reset(database, SCHEMA) == TABLES
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
        with pytest.raises(UserError, match="cannot be told which tables"):
            reset(empty_database, file)


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


# What is there, what the file says, and how the difference is told: on both servers.
FURTHER_DRIFT = [
    (
        things(*PLAIN) + "CREATE VIEW chosen AS SELECT id FROM things WHERE id > 1;",
        things(*PLAIN) + "CREATE VIEW chosen AS SELECT id FROM things WHERE id > 2;",
        r"^chosen: query is SELECT .* > 1.*, .* says SELECT .* > 2",
    ),
    (
        things(*PLAIN, "a TEXT DEFAULT 'public.x'"),
        things(*PLAIN, "a TEXT DEFAULT 'x'"),
        r"column a is text DEFAULT 'public\.x'.*, .* says text DEFAULT 'x'",
    ),
    (
        things(*PLAIN, "a TEXT DEFAULT 'it''s public.x'"),
        things(*PLAIN, "a TEXT DEFAULT 'it''s x'"),
        r"column a is text DEFAULT .*public\.x",
    ),
    (
        things(*PLAIN, "a TEXT", "CONSTRAINT c CHECK (a <> 'public.x')"),
        things(*PLAIN, "a TEXT", "CONSTRAINT c CHECK (a <> 'x')"),
        r"constraint c is CHECK .*public\.x",
    ),
    (
        things(*PLAIN, 'a DECIMAL(5, 1)[]'),
        things(*PLAIN, 'a DECIMAL(6, 1)[]'),
        r"column a is numeric\(5,1\)\[\], .* says numeric\(6,1\)\[\]",
    ),
    (
        things(*PLAIN, 'a VARCHAR(3)[]'),
        things(*PLAIN, 'a VARCHAR(4)[]'),
        r"column a is varchar\(3\)\[\], .* says varchar\(4\)\[\]",
    ),
]  # fmt: skip

SEES = """CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"""
EVENTS = "CREATE TABLE things (id INT8 NOT NULL, CONSTRAINT things_pkey PRIMARY KEY (id)) PARTITION BY "

# The same for what PostgreSQL alone has, or this version of CockroachDB may not have.
DRIFT_OF_POSTGRESQL = [
    (
        things(*PLAIN) + "CREATE MATERIALIZED VIEW chosen AS SELECT id FROM things WHERE id > 1;",
        things(*PLAIN) + "CREATE MATERIALIZED VIEW chosen AS SELECT id FROM things WHERE id > 2;",
        r"^chosen: query is SELECT .* > 1.*, .* says SELECT .* > 2",
    ),
    (
        things(*PLAIN) + "CREATE VIEW chosen AS SELECT id FROM things;",
        things(*PLAIN) + "CREATE MATERIALIZED VIEW chosen AS SELECT id FROM things;",
        r"^chosen: materialized is missing, .* says MATERIALIZED",
    ),
    (things(*PLAIN, 'a TEXT COLLATE "C"'), things(*PLAIN, "a TEXT"), 'column a is text COLLATE "C", .* says text$'),
    (
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS (id + 1) STORED"),
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS (id + 1) VIRTUAL"),
        "column a is int8 GENERATED ALWAYS AS .* STORED, .* VIRTUAL",
    ),
    (
        things(*PLAIN, "a INT8 GENERATED BY DEFAULT AS IDENTITY (INCREMENT 5)"),
        things(*PLAIN, "a INT8 GENERATED BY DEFAULT AS IDENTITY"),
        r"column a is .* AS IDENTITY \(START 1 INCREMENT 5 .*, .* AS IDENTITY \(START 1 INCREMENT 1 ",
    ),
    (
        things(*PLAIN, "a INT8 GENERATED BY DEFAULT AS IDENTITY"),
        things(*PLAIN, "a INT8 GENERATED ALWAYS AS IDENTITY"),
        "column a is .* GENERATED BY DEFAULT AS IDENTITY .*, .* GENERATED ALWAYS AS IDENTITY",
    ),
    (
        "CREATE UNLOGGED TABLE things (id INT8 NOT NULL, CONSTRAINT things_pkey PRIMARY KEY (id));",
        things(*PLAIN),
        "unlogged is UNLOGGED, .* has none of that name",
    ),
    (
        things(*PLAIN) + "ALTER TABLE things ENABLE ROW LEVEL SECURITY;",
        things(*PLAIN),
        "row-level security is enabled, .* has none of that name",
    ),
    (
        things(*PLAIN) + "CREATE POLICY mine ON things USING (id > 1);",
        things(*PLAIN) + "CREATE POLICY mine ON things USING (id > 2);",
        r"policy mine is PERMISSIVE FOR ALL TO public USING \(\(id > 1\)\), .* USING \(\(id > 2\)\)",
    ),
    (
        things(*PLAIN) + "CREATE TRIGGER look BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION seen();",
        things(*PLAIN),
        "trigger look is CREATE TRIGGER look BEFORE INSERT ON things .*, .* has none of that name",
    ),
    (
        things(*PLAIN) + "CREATE TRIGGER look BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION seen();"
        "ALTER TABLE things DISABLE TRIGGER look;",
        things(*PLAIN) + "CREATE TRIGGER look BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION seen();",
        "trigger look is .*, disabled, .* says CREATE TRIGGER",
    ),
    (
        things(*PLAIN, "a INT4RANGE", "CONSTRAINT apart EXCLUDE USING gist (a WITH &&)"),
        things(*PLAIN, "a INT4RANGE", "CONSTRAINT apart EXCLUDE USING gist (a WITH =)"),
        r"constraint apart is EXCLUDE USING gist \(a WITH &&\), .* \(a WITH =\)",
    ),
    (
        "CREATE DOMAIN small AS INT8;" + things(*PLAIN, "a small"),
        things(*PLAIN, "a INT8"),
        "column a is small, .* says int8",
    ),
    (EVENTS + "RANGE (id);", things(*PLAIN), r"partitions is PARTITION BY RANGE \(id\), .* has none of that name"),
    (EVENTS + "RANGE (id);", EVENTS + "HASH (id);", r"PARTITION BY RANGE \(id\), .* PARTITION BY HASH \(id\)"),
    (
        things(*PLAIN).replace("constraint", "") + "ALTER TABLE things SET (fillfactor = 70);",
        things(*PLAIN),
        "options is fillfactor=70, .* has none of that name",
    ),
]


@pytest.mark.parametrize(("there", "said", "difference"), [*FURTHER_DRIFT, *DRIFT_OF_POSTGRESQL])
def test_further_drift(empty_database: Database, file: Path, there: str, said: str, difference: str) -> None:
    if (there, said, difference) in DRIFT_OF_POSTGRESQL:
        if is_cockroachdb(empty_database):
            pytest.skip("CockroachDB, or some of its versions, has no such thing")
        execute(empty_database, SEES)
    execute(empty_database, there)
    file.write_text(said)
    before = everything(empty_database)
    comparison = schema.compare(empty_database, file)
    assert comparison.not_compared is None
    assert any(re.search(difference, text) for text in comparison.differences), comparison.differences
    assert everything(empty_database) == before
    file.write_text(there)
    assert schema.compare(empty_database, file).differences == []


@pytest.mark.parametrize("kind", ["COLLATE", "STORED"])
def test_drift_of_cockroachdb(empty_database: Database, file: Path, kind: str) -> None:
    if not is_cockroachdb(empty_database):
        pytest.skip("these are written otherwise on PostgreSQL, and tested there by test_further_drift")
    there, said = {
        "COLLATE": ("a STRING COLLATE en", "a STRING COLLATE de"),
        "STORED": ("a INT8 AS (id + 1) STORED", "a INT8 AS (id + 1) VIRTUAL"),
    }[kind]
    execute(empty_database, things(*PLAIN, there))
    file.write_text(things(*PLAIN, said))
    assert kind in str(schema.compare(empty_database, file).differences)
    file.write_text(things(*PLAIN, there))
    assert schema.compare(empty_database, file) == (["owners", "things"], [], None)


def test_live_partitions_are_no_drift(empty_database: Database, file: Path) -> None:
    if is_cockroachdb(empty_database):
        pytest.skip("CockroachDB's partitions are no tables")
    refers = "CREATE TABLE IF NOT EXISTS notes (id INT8 PRIMARY KEY REFERENCES things (id));"
    file.write_text(f"{EVENTS.replace('TABLE', 'TABLE IF NOT EXISTS')} RANGE (id); {refers}")
    schema.apply(empty_database, file)
    execute(empty_database, "CREATE TABLE things_1 PARTITION OF things FOR VALUES FROM (0) TO (10)")
    assert schema.compare(empty_database, file) == (["things", "notes"], [], None)


def test_a_file_that_drops_something_drops_nothing_when_it_is_compared(empty_database: Database, file: Path) -> None:
    file.write_text(f"{THING} CREATE TABLE old (id INT8 PRIMARY KEY);")
    schema.apply(empty_database, file)
    file.write_text(f"DROP TABLE IF EXISTS old; {THING} DROP VIEW IF EXISTS nothing;")
    other = empty_database.connect()
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM old")  # whoever dropped it would wait for this transaction
        assert schema.compare(empty_database, file) == (["things"], [], None)
    other.close()


def test_drift_needs_no_privilege_but_says_which_is_missing(stranger: str) -> None:
    database = Database(stranger)
    text = schema.compare(database, SCHEMA).not_compared or ""
    assert "streaming_services.py" not in text
    assert re.search("CREATE privilege|permission denied", text)
    assert "grant user" in text
    database.close()


def test_a_materialized_view_that_is_not_there(empty_database: Database, file: Path) -> None:
    execute(empty_database, things(*PLAIN))
    file.write_text(things(*PLAIN) + "CREATE MATERIALIZED VIEW chosen AS SELECT id FROM things;")
    assert schema.compare(empty_database, file).differences == ["chosen: there is no such view"]
    execute(empty_database, "CREATE MATERIALIZED VIEW chosen AS SELECT id FROM things")
    assert schema.compare(empty_database, file) == (["owners", "things", "chosen"], [], None)
