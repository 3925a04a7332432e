"""Rows that are there and exchange unique values, pass them on, or leave them to new rows."""

from pathlib import Path
from typing import Any

import pytest
from disturbed_loads import LARGE
from seeding import load, query, run, write
from test_any_schema import on_cockroachdb

from toolkit.console import UserError
from toolkit.database import Database


def counts(new: int = 0, changed: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"new": new, "changed": changed, "unchanged": unchanged}


# The type of a column, and three values of it.
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "text": ("TEXT NOT NULL", ["x", "y", "z"]),
    "text that may be NULL": ("TEXT", ["x", "y", "z"]),
    "text of a length": ("VARCHAR(8) NOT NULL", ["x", "y", "z"]),
    "integers": ("INT8 NOT NULL CHECK (a > 0)", [1, 2, 3]),
    "small integers": ("INT2 NOT NULL", [1, 2, 3]),
    "decimals": ("DECIMAL(12, 2) NOT NULL", [1, 2, 3]),
    "UUIDs": ("UUID NOT NULL", [f"6f1c2a30-0000-4000-8000-00000000000{number}" for number in range(3)]),
    "days": ("DATE NOT NULL", ["2024-01-01", "2024-01-02", "2024-01-03"]),
    "moments": ("TIMESTAMPTZ NOT NULL", ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z"]),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("whole", [True, False], ids=["all columns", "some"])
def test_unique_values_are_exchanged(url: str, tmp_path: Path, name: str, whole: bool) -> None:
    column, (first, second, third) = COLUMNS[name]
    query(url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a {column}, name TEXT, CONSTRAINT t_a_key UNIQUE (a))")

    def content(*values: Any) -> Path:
        rows = [{"id": number, "a": value} for number, value in enumerate(values, 1)]
        return write(tmp_path, {"t": [{**row, "name": "n"} if whole else row for row in rows]})

    load(url, content(first, second, third))
    before = dict(query(url, "SELECT id, a FROM t"))
    assert load(url, content(second, first, third), dry_run=True) == {"t": counts(changed=2, unchanged=1)}
    assert dict(query(url, "SELECT id, a FROM t")) == before
    assert load(url, content(second, first, third)) == {"t": counts(changed=2, unchanged=1)}
    assert dict(query(url, "SELECT id, a FROM t")) == {1: before[2], 2: before[1], 3: before[3]}
    assert load(url, content(second, first, third)) == {"t": counts(unchanged=3)}


def test_the_users_of_the_six_tables_exchange_their_addresses(database: Database, url: str, tmp_path: Path) -> None:
    assert database
    users = [{"user_id": number, "name": f"n{number}", "email": f"{number}@example.com"} for number in range(1, 6)]
    load(url, write(tmp_path, {"users": users}))
    users[0]["email"], users[1]["email"], users[4]["email"] = "2@example.com", "1@example.com", "new@example.com"
    users.append({"user_id": 9, "name": "newcomer", "email": "5@example.com"})
    assert load(url, write(tmp_path, {"users": list(reversed(users))})) == {"users": counts(1, 3, 2)}
    assert query(url, "SELECT user_id, email FROM users ORDER BY user_id") == [
        (user["user_id"], user["email"]) for user in users
    ]


@pytest.mark.parametrize("step", [1, -1])
def test_a_chain_over_several_batches(url: str, tmp_path: Path, step: int) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, place INT8 NOT NULL UNIQUE)")
    load(url, write(tmp_path, {"t": [{"id": number, "place": number} for number in range(2_500)]}))
    moved = write(tmp_path, {"t": [{"id": number, "place": number + step} for number in range(2_500)]})
    assert load(url, moved) == {"t": counts(changed=2_500)}
    assert query(url, "SELECT count(*) FROM t WHERE place = id + %s", (step,)) == [(2_500,)]


def test_a_key_of_two_columns(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (list INT8 NOT NULL, id INT8 NOT NULL, place INT8 NOT NULL, PRIMARY KEY (list, id),"
               " UNIQUE (list, place))")  # fmt: skip
    rows = [{"list": number % 2, "id": number, "place": number} for number in range(6)]
    load(url, write(tmp_path, {"t": rows}))
    turned = [{**row, "place": (row["id"] + 2) % 6} for row in rows]
    assert load(url, write(tmp_path, {"t": turned})) == {"t": counts(changed=6)}
    assert query(url, "SELECT count(*) FROM t WHERE place = (id + 2) % 6") == [(6,)]


# What keeps two rows from exchanging their values: the column, what else there is, and why not.
REFUSED = {
    "CHECK": ("TEXT NOT NULL CONSTRAINT t_a_check CHECK (a LIKE '%@%')", "", "the server says: "),
    "a type without values": (
        "colour NOT NULL",
        "CREATE TYPE colour AS ENUM ('x@', 'y@')",
        "no value of colour can be ",
    ),
    "a length": ("VARCHAR(4) NOT NULL", "", "no value of varchar(4) can be made up for that"),
    "a child": ("TEXT NOT NULL", "", "the server says: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_why_values_cannot_be_exchanged_is_told(url: str, tmp_path: Path, name: str) -> None:
    column, before, why = REFUSED[name]
    query(url, before or "SELECT 1")
    query(url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a {column}, CONSTRAINT t_a_key UNIQUE (a))")
    load(url, write(tmp_path, {"t": [{"id": 1, "a": "x@"}, {"id": 2, "a": "y@"}]}))
    if name == "a child":
        query(url, "CREATE TABLE c (id INT8 NOT NULL PRIMARY KEY, a TEXT REFERENCES t (a))")
        query(url, "INSERT INTO c VALUES (1, 'x@'), (2, 'y@')")
    there = query(url, "SELECT id, a FROM t ORDER BY id")
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, {"t": [{"id": 1, "a": "y@"}, {"id": 2, "a": "x@"}]}))
    lines = str(caught.value).splitlines()[1:]
    if name != "a child":
        assert "table t, row 1 (id 1), column a: breaks t_a_key: " in lines[0]
        assert (
            "in the row with id 2; rows cannot exchange such values here, because one of them would need " in lines[0]
        )
        assert f" another value meanwhile, and {why}" in lines[0]
    assert "table t, row 1 (id 1)" in lines[0]
    assert query(url, "SELECT id, a FROM t ORDER BY id") == there


def test_a_row_that_is_not_in_the_load_keeps_its_value(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a TEXT NOT NULL, CONSTRAINT t_a_key UNIQUE (a))")
    query(url, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')")
    rows = [{"id": 1, "a": "y"}, {"id": 2, "a": "z"}]
    with pytest.raises(
        UserError, match=r"row 2 \(id 2\), column a: breaks t_a_key: .*, in the row with id 3$"
    ) as caught:
        load(url, write(tmp_path, {"t": rows}))
    assert len(str(caught.value).splitlines()) <= 3
    assert query(url, "SELECT id, a FROM t ORDER BY id") == [(1, "x"), (2, "y"), (3, "z")]
    assert load(url, write(tmp_path, {"t": rows}), on_conflict="skip") == {"t": {"new": 0, "left alone": 2}}


def test_in_a_large_load_rows_of_a_batch_exchange_their_values(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, place INT8 NOT NULL UNIQUE)")
    rows = [{"id": number, "place": number} for number in range(LARGE)]
    assert run(url, write(tmp_path, {"t": rows})).returncode == 0
    swapped = [{"id": number, "place": number ^ 1} for number in range(LARGE)]
    end = run(url, write(tmp_path, {"t": swapped}))
    assert end.returncode == 0, end.stderr
    assert query(url, "SELECT count(*) FROM t WHERE place <> id") == [(LARGE,)]


def test_null_that_is_not_distinct(url: str, tmp_path: Path) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB has no NULLS NOT DISTINCT")
    ((version,),) = query(url, "SELECT current_setting('server_version_num')::INT4")
    if version < 150_000:
        pytest.skip("PostgreSQL has it since version 15")
    query(url, "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8, UNIQUE NULLS NOT DISTINCT (a))")
    query(url, "INSERT INTO t VALUES (1, 1), (2, 2), (3, NULL)")
    assert load(url, write(tmp_path, {"t": [{"id": 1, "a": 2}, {"id": 2, "a": 1}]})) == {"t": counts(changed=2)}
