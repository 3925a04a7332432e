"""What is told when the server refuses rows: of policies, sizes, many rows, and what is no row's fault."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from seeding import load, query, run, write
from test_any_schema import on_cockroachdb

from toolkit.console import UserError
from toolkit.loading.diagnose.error_classes import savepoint


@pytest.fixture
def role(url: str) -> Iterator[str]:
    """The URL of the database for a user who owns nothing there, and may read and write the table t, if it has rows."""
    if on_cockroachdb(url):
        pytest.skip("old versions of CockroachDB have no row-level security, and no role in the options of a URL")
    name = f"role_{uuid.uuid4().hex}"
    query(url, f"CREATE ROLE {name}; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {name}")
    query(url, f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO {name}")
    yield psycopg2.extensions.make_dsn(url, options=f"-c role={name}")
    query(url, f"DROP OWNED BY {name}; DROP ROLE {name}")


POLICY = """
    CREATE TABLE t (id INT8 PRIMARY KEY, owner TEXT DEFAULT 'nobody');
    ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON t USING (true) WITH CHECK (owner = 'me')"""


@pytest.mark.parametrize("rows", [3, 1_500])
def test_a_policy_refuses_a_row_and_not_a_user(role: str, url: str, tmp_path: Path, rows: int) -> None:
    query(url, POLICY)
    content = [{"id": number, "owner": "me"} for number in range(rows)]
    assert load(role, write(tmp_path, {"t": content}))["t"]["new"] == rows
    content[1] = {"id": rows + 1, "owner": "you"}
    with pytest.raises(UserError) as caught:
        load(role, write(tmp_path, {"t": content}))
    (line,) = str(caught.value).splitlines()[1:]
    assert f"table t, row 2 (id {rows + 1}): the server says: new row violates row-level security policy for" in line
    assert re.search(r"user role_\w+ may not write this row", line)
    assert "privilege" not in line
    # A row that is there is judged as it will be, not as a new one would be that has the defaults.
    assert load(role, write(tmp_path, {"t": [{"id": 0}]}))["t"]["unchanged"] == 1


def test_a_user_without_the_privilege_is_told_so(role: str, url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 PRIMARY KEY)")
    query(url, "REVOKE ALL ON t FROM " + psycopg2.extensions.parse_dsn(role)["options"].split("=")[1])
    end = run(role, write(tmp_path, {"t": [{"id": 1}]}))
    assert end.returncode == 1
    assert "permission denied for table t" in end.stderr
    assert "grant user" in end.stderr
    assert "Running it again finishes" not in end.stderr.replace("When that is mended, running it again finishes", "")


def test_many_refused_rows_of_a_wide_table(url: str, tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(60)]
    query(
        url,
        f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, {', '.join(f'{name} TEXT' for name in names)}, span INTERVAL)",
    )
    rows = [{"id": number, **dict.fromkeys(names, "x"), "span": "a fortnite"} for number in range(300)]
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, {"t": rows}))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("300 problems in the fixtures. Nothing was written.")
    assert "row 1 (id 0), column span: the server says: " in lines[1]


def test_no_savepoint_is_left(url: str) -> None:
    """A thousand of them take more memory than a server has."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        for statement in ("SELECT 1 / 0", "SELECT 'x'::INTERVAL", "SELECT 1"):
            with suppress(psycopg2.Error), savepoint(cursor):
                cursor.execute(statement)
        cursor.execute("SELECT 1")
        with pytest.raises(psycopg2.Error, match="savepoint"):
            cursor.execute("RELEASE SAVEPOINT part")


def test_what_is_refused_only_together_is_tried_again_with_pauses(url: str, tmp_path: Path) -> None:
    if on_cockroachdb(url):
        pytest.skip("old versions of CockroachDB have no triggers")
    query(url, """
        CREATE TABLE t (id INT8 PRIMARY KEY);
        CREATE FUNCTION alone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM fresh) > 1 THEN RAISE 'one at a time' USING ERRCODE = '23505'; END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER alone AFTER INSERT ON t REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION alone()""")  # fmt: skip
    end = run(url, write(tmp_path, {"t": [{"id": 1}, {"id": 2}]}), options=("--retry-for", "3"))
    assert end.returncode == 1
    [tries] = re.findall(r"given up after (\d+) tries in", end.stderr)
    assert 3 <= int(tries) < 60
    assert "one at a time" in end.stderr
    assert query(url, "SELECT count(*) FROM t") == [(0,)]


def largest_statement(url: str, table: str) -> None:
    """Let a table on PostgreSQL note the size of the largest statement that inserts rows into it."""
    query(url, f"""
        CREATE TABLE sizes (size INT8);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO sizes VALUES (length(current_query())); RETURN NULL;
        END $$;
        CREATE TRIGGER note AFTER INSERT ON {table} EXECUTE FUNCTION note()""")  # fmt: skip


@pytest.mark.parametrize("cycle", [False, True], ids=["a chain", "a cycle"])
def test_no_statement_is_near_what_a_message_may_be(url: str, tmp_path: Path, cycle: bool) -> None:
    """CockroachDB takes 16 MiB, and refuses more; PostgreSQL is asked how large the statements were."""
    query(url, "CREATE TABLE staff (id INT8 NOT NULL PRIMARY KEY, boss INT8 REFERENCES staff (id), note TEXT)")
    if not on_cockroachdb(url):
        largest_statement(url, "staff")
    rows = [
        {"id": number, "boss": number - 1 if number else (8_999 if cycle else None), "note": "n" * 3_000}
        for number in range(9_000)
    ]
    for what in ("new", "unchanged"):
        assert load(url, write(tmp_path, {"staff": rows}))["staff"][what] == 9_000
    if not on_cockroachdb(url):
        ((size,),) = query(url, "SELECT max(size) FROM sizes")
        assert size < 3_000_000


@pytest.mark.parametrize("as_lines", [False, True], ids=["small", "large"])
def test_a_row_that_is_too_large_is_told(url: str, tmp_path: Path, as_lines: bool) -> None:
    if not on_cockroachdb(url):
        pytest.skip("PostgreSQL takes a gigabyte")
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, note TEXT)")
    rows = [
        {"id": number, "note": "n" if number != 7 else "n" * 17_000_000} for number in range(10_500 if as_lines else 9)
    ]
    if as_lines:
        file = write(tmp_path, "".join(f"{json.dumps(row)}\n" for row in rows), "t.jsonl")
    else:
        file = write(tmp_path, {"t": rows})
    end = run(url, file, options=("--retry-for", "5"))
    assert end.returncode == 1
    assert (
        f"{'line' if as_lines else 'row'} 8 (id 7): larger than the server takes in one message: 17.0 MB: "
        in end.stderr
    )
    assert "sql.conn.max_read_buffer_message_size" in end.stderr
    assert len(end.stderr) < 1_000
