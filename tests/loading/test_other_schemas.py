"""Tables of other schemas than the current one: called auth.users in a fixture, and referred to from anywhere."""

import uuid
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from seeding import load, query, write

from toolkit.console import UserError

TABLES = """
    CREATE SCHEMA auth;
    CREATE TABLE auth.users (id INT8 NOT NULL PRIMARY KEY, email TEXT UNIQUE, boss INT8 REFERENCES auth.users (id));
    CREATE TABLE profiles (id INT8 NOT NULL PRIMARY KEY, user_id INT8 NOT NULL REFERENCES auth.users (id), name TEXT)"""


@pytest.fixture
def tables(url: str) -> str:
    for statement in TABLES.split(";"):
        query(url, statement)
    return url


def profiles(*users: int) -> list[dict[str, Any]]:
    return [{"id": 10 + user, "user_id": user, "name": f"n{user}"} for user in users]


def test_parents_in_another_schema_come_first(tables: str, tmp_path: Path) -> None:
    users = [{"id": 1, "email": "a", "boss": 2}, {"id": 2, "email": "b", "boss": 2}]
    file = write(tmp_path, {"profiles": profiles(1, 2), "auth.users": users})
    assert load(tables, file) == {
        "auth.users": {"new": 2, "changed": 0, "unchanged": 0},
        "profiles": {"new": 2, "changed": 0, "unchanged": 0},
    }
    assert load(tables, file)["auth.users"] == {"new": 0, "changed": 0, "unchanged": 2}
    users[0]["email"] = "c"
    assert load(tables, write(tmp_path, {"auth.users": users}))["auth.users"]["changed"] == 1
    assert query(tables, "SELECT email FROM auth.users ORDER BY id") == [("c",), ("b",)]
    assert load(tables, write(tmp_path, {"auth.users": users}), on_conflict="skip")["auth.users"]["left alone"] == 2


def test_a_reference_to_no_row_of_another_schema(tables: str, tmp_path: Path) -> None:
    query(tables, "INSERT INTO auth.users (id) VALUES (1)")
    file = write(tmp_path, {"profiles": profiles(1, 3)})
    with pytest.raises(UserError, match=r"row 2 \(id 13\), column user_id: user_id 3 refers to no row of auth\.users"):
        load(tables, file)
    assert load(tables, write(tmp_path, {"profiles": profiles(1)}))["profiles"]["new"] == 1


def test_problems_name_the_table_as_the_fixture_does(tables: str, tmp_path: Path) -> None:
    query(tables, "INSERT INTO auth.users (id, email) VALUES (7, 'a')")
    for row, problem in (
        ({"id": "x"}, 'row 1 (id "x"), column id: '),
        ({"id": 1, "mail": "a"}, 'column mail: the table has no such column; did you mean "email"?'),
        ({"id": 1, "email": "a"}, "in the row with id 7"),
        ({"id": 1, "boss": 5}, "boss 5 refers to no row of auth.users"),
    ):
        with pytest.raises(UserError) as caught:
            load(tables, write(tmp_path, {"auth.users": [row]}))
        assert "table auth.users, row 1" in str(caught.value)
        assert problem in str(caught.value)


def test_both_names_of_a_table_are_one_table(tables: str, tmp_path: Path) -> None:
    query(tables, "CREATE TABLE plans (id INT8 NOT NULL PRIMARY KEY, name TEXT)")
    file = write(tmp_path, {"public.plans": [{"name": "a"}], "plans": [{"id": 2, "name": "b"}]})
    assert load(tables, file) == {"plans": {"new": 2, "changed": 0, "unchanged": 0}}
    with pytest.raises(UserError, match=r"table plans, row 1 \(id 1\), column id: id 1 is in row 1"):
        load(tables, write(tmp_path, {"public.plans": [{"id": 1}], "plans": [{"id": 1}]}))


def test_a_table_whose_own_name_has_a_dot(url: str, tmp_path: Path) -> None:
    query(url, 'CREATE TABLE "auth.users" (id INT8 NOT NULL PRIMARY KEY, a TEXT)')
    query(url, 'CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY REFERENCES "auth.users" (id))')
    rows = {"t": [{"id": 1}], "auth.users": [{"id": 1, "a": "literal"}]}
    assert load(url, write(tmp_path, rows))["auth.users"]["new"] == 1
    query(url, "CREATE SCHEMA auth")  # without a table of that name
    assert load(url, write(tmp_path, rows))["auth.users"]["unchanged"] == 1
    query(url, "CREATE TABLE auth.users (id INT8 NOT NULL PRIMARY KEY, a TEXT)")
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, rows))
    assert (
        '"auth.users" can be the table "auth.users" of the schema "public" (then write "public.auth.users") or '
        'the table "users" of the schema "auth" (then write "\\"auth\\".\\"users\\"")'
    ) in str(caught.value)
    both = {"public.auth.users": [{"id": 2, "a": "literal"}], '"auth"."users"': [{"id": 3, "a": "schema"}]}
    load(url, write(tmp_path, both))
    assert query(url, 'SELECT id FROM "auth.users" ORDER BY id') == [(1,), (2,)]
    assert query(url, "SELECT id, a FROM auth.users") == [(3, "schema")]


def test_schemas_and_tables_with_dots_in_their_names(url: str, tmp_path: Path) -> None:
    for statement in (
        'CREATE SCHEMA "a.b"',
        "CREATE SCHEMA a",
        'CREATE TABLE "a.b"."%s.t" (id INT8 NOT NULL PRIMARY KEY)',
        'CREATE TABLE a."b.c" (id INT8 NOT NULL PRIMARY KEY)',
    ):
        query(url, statement)
    load(url, write(tmp_path, {"a.b.%s.t": [{"id": 1}], "a.b.c": [{"id": 2}]}))
    assert query(url, 'SELECT (SELECT max(id) FROM "a.b"."%s.t"), (SELECT max(id) FROM a."b.c")') == [(1, 2)]
    query(url, 'CREATE TABLE "a.b".c (id INT8 NOT NULL PRIMARY KEY)')
    with pytest.raises(UserError, match=r'"a\.b\.c" can be the table .* or the table '):
        load(url, write(tmp_path, {"a.b.c": [{"id": 2}]}))


def test_a_name_that_leads_nowhere(tables: str, tmp_path: Path) -> None:
    for name, advice in (("auth.usrs", 'did you mean "auth.users"?'), ("aut.users", ""), ("auth.", ""), (".users", "")):
        with pytest.raises(UserError) as caught:
            load(tables, write(tmp_path, {name: [{"id": 1}]}))
        assert f'the database has no table "{name}"' in str(caught.value)
        assert advice in str(caught.value)


def test_all_schemas_of_the_search_path_are_looked_through(tables: str, tmp_path: Path) -> None:
    query(tables, "CREATE TABLE auth.profiles (id INT8 NOT NULL PRIMARY KEY REFERENCES profiles (id))")
    url = psycopg2.extensions.make_dsn(tables, options="-csearch_path=auth,public")
    query(url, "CREATE TABLE public.plans (id INT8 NOT NULL PRIMARY KEY)")
    rows = {
        "profiles": [{"id": 11}],
        "public.profiles": profiles(1),
        "users": [{"id": 1}],
        "plans": [{"id": 1}],
    }
    assert sorted(load(url, write(tmp_path, rows))) == ["plans", "profiles", "public.profiles", "users"]
    assert query(url, "SELECT id FROM auth.profiles") == [(11,)]


def test_keys_from_the_position_do_not_depend_on_how_a_table_is_called(url: str, tmp_path: Path) -> None:
    query(url, "CREATE SCHEMA app")
    query(url, "CREATE TABLE app.t (id UUID NOT NULL PRIMARY KEY, a TEXT)")
    load(url, write(tmp_path, {"app.t": [{"a": "x"}]}))
    there = psycopg2.extensions.make_dsn(url, options="-csearch_path=app")
    assert load(there, write(tmp_path, {"t": [{"a": "x"}]}))["t"]["unchanged"] == 1


def test_a_sequence_of_another_schema_is_moved(url: str, tmp_path: Path) -> None:
    query(url, "CREATE SCHEMA app")
    query(url, "CREATE SEQUENCE app.numbers")
    query(url, "CREATE TABLE app.t (id INT8 NOT NULL PRIMARY KEY DEFAULT nextval('app.numbers'), a TEXT)")
    load(url, write(tmp_path, {"app.t": [{"id": 1, "a": "x"}, {"id": 2, "a": "y"}]}))
    query(url, "INSERT INTO app.t (a) VALUES ('z')")
    assert query(url, "SELECT id FROM app.t WHERE a = 'z'") == [(3,)]


def test_a_large_load_into_another_schema(tables: str, tmp_path: Path) -> None:
    users = [{"id": n, "email": f"{n}"} for n in range(1, 6_001)]
    names = [{"id": n, "user_id": n} for n in range(1, 6_001)]
    file = write(tmp_path, {"profiles": names, "auth.users": users})
    for what in ("new or changed", "unchanged"):
        counts = load(tables, file)
        assert (counts["auth.users"][what], counts["profiles"][what]) == (6_000, 6_000)


@pytest.fixture
def loader(tables: str) -> Any:
    """The URL of a user who may write profiles, and who may not even see what is in the schema auth."""
    name, password = f"loader_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    try:
        query(tables, f"CREATE USER {name} WITH PASSWORD '{password}'")
    except psycopg2.Error:  # CockroachDB in insecure mode has no passwords
        query(tables, f"CREATE USER {name}")
    database = psycopg2.extensions.parse_dsn(tables)["dbname"]
    query(tables, f"GRANT CONNECT ON DATABASE {database} TO {name}")
    query(tables, f"GRANT SELECT, INSERT, UPDATE ON profiles TO {name}")
    yield psycopg2.extensions.make_dsn(tables, user=name, password=password)
    query(tables, f"REVOKE ALL ON profiles FROM {name}")
    query(tables, f"REVOKE CONNECT ON DATABASE {database} FROM {name}")
    query(tables, f"DROP USER {name}")


def test_parents_that_the_user_may_not_read_are_left_to_the_server(tables: str, loader: str, tmp_path: Path) -> None:
    if "CockroachDB" in query(tables, "SELECT version()")[0][0]:
        pytest.skip("CockroachDB itself wants SELECT on the tables that are referred to")
    query(tables, "INSERT INTO auth.users (id) VALUES (1)")
    with pytest.raises(UserError, match=r"row 2 \(id 13\), column user_id: breaks "):
        load(loader, write(tmp_path, {"profiles": profiles(1, 3)}))
    assert load(loader, write(tmp_path, {"profiles": profiles(1)}))["profiles"]["new"] == 1


def test_the_names_of_files(tables: str, tmp_path: Path) -> None:
    files = [
        write(tmp_path, '{"id": 1}\n', "auth.users.jsonl"),
        write(tmp_path, '{"id": 2}\n', "auth.users.0002.jsonl"),
        write(tmp_path, '[{"id": 3}]', "auth.users.json"),
        write(tmp_path, '{"id": 11, "user_id": 3}\n', "profiles.users.jsonl"),
    ]
    assert list(load(tables, *files)) == ["auth.users", "profiles"]
    assert query(tables, "SELECT count(*) FROM auth.users") == [(3,)]
    with pytest.raises(UserError, match=r'the database has no table "auth\.usrs"; did you mean "auth\.users"\?'):
        load(tables, write(tmp_path, '{"id": 1}\n', "auth.usrs.jsonl"))
    with pytest.raises(UserError, match=r'the database has no table "profles"; did you mean "profiles"\?'):
        load(tables, write(tmp_path, '{"id": 1}\n', "profles.0001.jsonl"))
    query(tables, "CREATE TABLE auth (id INT8 NOT NULL PRIMARY KEY)")
    assert list(load(tables, files[0])) == ["auth"]
    query(tables, 'DROP TABLE auth; CREATE TABLE "auth.users" (id INT8 NOT NULL PRIMARY KEY)')
    assert load(tables, files[0]) == {'"auth"."users"': {"new": 0, "changed": 0, "unchanged": 1}}
