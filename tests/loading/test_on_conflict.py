"""Rows that are there already, dry runs, and several files as one load."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from seeding import load, query, run, snapshot, write
from test_any_schema import rows_of

import insert_data
from toolkit.console import UserError
from toolkit.database import Database

KEYS = {
    "subscriptions": "subscription_id",
    "users": "user_id",
    "content": "content_id",
    "watch_history": "watch_id",
    "reviews": "review_id",
    "payment_history": "payment_id",
}


@pytest.fixture
def six(database: Database, url: str) -> str:
    """The URL of a database with the six tables, empty."""
    assert database
    return url


def sample() -> dict[str, list[dict[str, Any]]]:
    """Return what test_data.json says, its decimals exactly."""
    document: dict[str, list[dict[str, Any]]] = json.loads(insert_data.SAMPLE.read_text("utf-8"), parse_float=Decimal)
    return document


def counts(new: int = 0, changed: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"new": new, "changed": changed, "unchanged": unchanged}


def test_the_sample_data_arrives_value_by_value_and_once(six: str) -> None:
    rows = sample()
    assert load(six, insert_data.SAMPLE) == {table: counts(new=len(rows[table])) for table in KEYS}
    for table, key in KEYS.items():
        assert len(rows_of(six, table, (key,))) == len(rows[table])
        for row in rows[table]:
            assert [found for found in rows_of(six, table, tuple(row)) if found[key] == row[key]] == [row]
    before = snapshot(six, KEYS)
    assert load(six, insert_data.SAMPLE) == {table: counts(unchanged=len(rows[table])) for table in KEYS}
    assert snapshot(six, KEYS) == before


def test_the_sample_data_without_its_keys(six: str, tmp_path: Path) -> None:
    rows = sample()
    keyless = {
        table: [{name: value for name, value in row.items() if name != KEYS[table]} for row in rows[table]]
        for table in KEYS
    }
    file = write(tmp_path, json.dumps(keyless, default=float))
    assert load(six, file) == {table: counts(new=len(rows[table])) for table in KEYS}
    before = snapshot(six, KEYS)
    assert load(six, file) == {table: counts(unchanged=len(rows[table])) for table in KEYS}
    assert snapshot(six, KEYS) == before
    # The sample's integer keys are the positions.
    whole = write(tmp_path, json.dumps({table: rows[table] for table in ("users", "content")}, default=float))
    assert load(six, whole) == {"users": counts(unchanged=10), "content": counts(unchanged=4)}


def test_the_script_reports_what_it_did(six: str) -> None:
    for what, others in (("new", "changed"), ("unchanged", "new")):
        result = run(six)
        assert (result.returncode, result.stderr) == (0, "")
        lines = result.stdout.splitlines()
        assert lines[0].split() == ["subscriptions", "4", "rows:", *lines[0].split()[3:]]
        assert f" 4 {what}" in lines[0]
        assert f" 0 {others}" in lines[0]
        assert lines[-1].startswith(f"Loaded {sum(map(len, sample().values())):,} rows in ")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--on-conflict", "replace", "invalid choice"),
        ("--retry-for", "soon", "expected a number of seconds"),
        ("--retry-for", "-1", "expected a number of seconds"),
        ("--retry-for", "nan", "expected a number of seconds"),
        ("--connections", "many", "expected a number from 1 to 64"),
        ("--connections", "0", "expected a number from 1 to 64"),
    ],
)
def test_a_wrong_option_is_a_matter_of_usage(server_url: str, option: str, value: str, expected: str) -> None:
    result = run(server_url, options=(f"{option}={value}",))
    assert (result.returncode, result.stdout) == (2, "")
    assert expected in result.stderr


PLANS = {
    "subscriptions": [
        {"subscription_id": 1, "name": "Basic", "price": 5},
        {"subscription_id": 2, "name": "Plus", "price": 9},
    ]
}


def test_update_writes_rows_that_differ_and_only_the_columns_given(six: str, tmp_path: Path) -> None:
    query(six, """INSERT INTO subscriptions (subscription_id, name, price, features) VALUES
                  (1, 'Basic', 5.00, '{"ads": true}'), (2, 'Plus', 8.50, '{"ads": false}')""")  # fmt: skip
    rows = [*PLANS["subscriptions"], {"subscription_id": 3, "name": "New", "price": 1}]
    assert load(six, write(tmp_path, {"subscriptions": rows})) == {"subscriptions": counts(1, 1, 1)}
    assert query(six, "SELECT subscription_id, price, features FROM subscriptions ORDER BY 1") == [
        (1, 5, {"ads": True}),
        (2, 9, {"ads": False}),
        (3, 1, {}),
    ]


def test_a_row_that_is_the_same_is_not_written(six: str, tmp_path: Path) -> None:
    file = write(tmp_path, '{"subscriptions": [{"subscription_id": 1, "name": "Basic", "price": 5.990}]}')
    load(six, file)
    same = write(
        tmp_path, '{"subscriptions": [{"price": 5.99, "name": "Basic", "subscription_id": 1, "features": {}}]}'
    )
    ((version,),) = query(six, "SELECT version()")
    stamp = "crdb_internal_mvcc_timestamp" if version.startswith("CockroachDB") else "xmin::TEXT"
    before = query(six, f"SELECT {stamp} FROM subscriptions")
    assert load(six, same) == {"subscriptions": counts(unchanged=1)}
    assert query(six, f"SELECT {stamp} FROM subscriptions") == before


def test_null_differs_from_a_value_and_not_from_null(six: str, tmp_path: Path) -> None:
    def content(genre: str, year: str) -> Path:
        row = f'{{"content_id": 1, "title": "A", "content_type": "movie", "genre": {genre}, "release_year": {year}}}'
        return write(tmp_path, f'{{"content": [{row}]}}')

    load(six, content("null", "1999"))
    for genre, year, what in (("null", "1999", "unchanged"), ('""', "1999", "changed"), ('""', "null", "changed"),
                              ("null", "null", "changed"), ("null", "null", "unchanged")):  # fmt: skip
        assert load(six, content(genre, year))["content"][what] == 1
    assert query(six, "SELECT genre, release_year FROM content") == [(None, None)]


def test_intervals_that_the_server_takes_for_equal_are_not_the_same(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a INTERVAL, b INTERVAL[])")
    for value, what in (("1 month", "new"), ("30 days", "changed"), ("30 days", "unchanged"), ("720:00:00", "changed")):
        assert load(url, write(tmp_path, {"t": [{"id": 1, "a": value, "b": [value]}]}))["t"][what] == 1
    assert query(url, "SELECT a::TEXT, b::TEXT FROM t") == [("720:00:00", "{720:00:00}")]


def test_skip_leaves_alone_what_is_there(six: str, tmp_path: Path) -> None:
    query(six, "INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'Mine', 3), (7, 'Plus', 4)")
    before = query(six, "SELECT * FROM subscriptions ORDER BY 1")
    rows = [*PLANS["subscriptions"], {"subscription_id": 3, "name": "New", "price": 1}]
    file = write(tmp_path, {"subscriptions": rows})
    # The first has a key that is there, the second a name: both are left out.
    assert load(six, file, on_conflict="skip") == {"subscriptions": {"new": 1, "left alone": 2}}
    after = query(six, "SELECT * FROM subscriptions ORDER BY 1")
    assert [row for row in after if row[0] != 3] == before
    assert load(six, file, on_conflict="skip") == {"subscriptions": {"new": 0, "left alone": 3}}
    assert query(six, "SELECT * FROM subscriptions ORDER BY 1") == after


def test_somebodys_row_on_another_unique_value_is_an_error_that_names_both(six: str, tmp_path: Path) -> None:
    query(six, "INSERT INTO users (user_id, name, email) VALUES (70, 'Ann', 'ann@example.com')")
    before = snapshot(six, KEYS)
    rows = [
        {"user_id": 1, "name": "Bob", "email": "bob@example.com"},
        {"user_id": 2, "name": "Ann", "email": "ann@example.com"},
    ]
    file = write(tmp_path, {"users": rows})
    with pytest.raises(UserError) as caught:
        load(six, file)
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith(
        f"  {file}, table users, row 2 (user_id 2), column email: breaks users_email_key: Key (email)=("
    )
    assert "ann@example.com" in line
    assert line.endswith("in the row with user_id 70")
    assert snapshot(six, KEYS) == before
    assert load(six, file, on_conflict="skip") == {"users": {"new": 1, "left alone": 1}}
    assert query(six, "SELECT user_id, name FROM users ORDER BY 1") == [(1, "Bob"), (70, "Ann")]


def test_a_row_that_refers_to_one_left_out_is_an_error(six: str, tmp_path: Path) -> None:
    query(six, "INSERT INTO subscriptions (subscription_id, name, price) VALUES (7, 'Basic', 4)")
    before = snapshot(six, KEYS)
    user = {"user_id": 1, "name": "Bob", "email": "bob@example.com", "subscription_id": 1}
    with pytest.raises(
        UserError, match=r"row 1 \(user_id 1\), column subscription_id: breaks users_subscription_id_fkey: "
    ):
        load(six, write(tmp_path, {**PLANS, "users": [user]}), on_conflict="skip")
    assert snapshot(six, KEYS) == before


# What is wrong with a document, and can be seen only by the server, or when it is asked.
JUDGED: dict[str, tuple[str, dict[str, Any], str]] = {
    "CHECK": ("subscriptions", {"subscription_id": 1, "name": "a", "price": -1}, "subscriptions_price_range"),
    "UNIQUE": ("subscriptions", {"subscription_id": 2, "name": "There", "price": 1}, "subscriptions_name_key"),
    "a reference": ("users", {"name": "a", "email": "a", "subscription_id": 9}, "users_subscription_id_fkey"),
}


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_a_dry_run_writes_nothing(six: str, on_conflict: str) -> None:
    query(six, "INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'Basic', 3)")
    before = snapshot(six, KEYS)
    dry = load(six, insert_data.SAMPLE, on_conflict=on_conflict, dry_run=True)
    assert snapshot(six, KEYS) == before
    assert load(six, insert_data.SAMPLE, on_conflict=on_conflict) == dry


@pytest.mark.parametrize("name", JUDGED)
def test_a_dry_run_finds_what_the_server_judges(six: str, tmp_path: Path, name: str) -> None:
    query(six, "INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'There', 3)")
    before = snapshot(six, KEYS)
    table, row, constraint = JUDGED[name]
    with pytest.raises(UserError, match=constraint):
        load(six, write(tmp_path, {table: [row]}), dry_run=True)
    assert snapshot(six, KEYS) == before


def test_a_dry_run_says_so(six: str) -> None:
    result = run(six, options=("--dry-run",))
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1].startswith("Dry run, nothing was written: checked ")


def test_a_dry_run_does_not_move_sequences(url: str, tmp_path: Path) -> None:
    query(url, "CREATE SEQUENCE numbers")
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY DEFAULT nextval('numbers'), a INT8)")
    load(url, write(tmp_path, {"t": [{"id": 500, "a": 1}]}), dry_run=True)
    assert query(url, "INSERT INTO t (a) VALUES (1) RETURNING id") == [(1,)]


USERS = [{"user_id": number, "name": f"n{number}", "email": f"{number}@example.com"} for number in range(1, 6)]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def test_several_files_are_one_load(six: str, tmp_path: Path) -> None:
    child = write(tmp_path, {"users": [{**USERS[0], "subscription_id": 1}]}, "a.json")
    parent = write(tmp_path, {**PLANS, "users": [USERS[1]]}, "b.json")
    assert load(six, child, parent) == {"users": counts(new=2), "subscriptions": counts(new=2)}
    bad = write(tmp_path, {"users": [{**USERS[2], "subscription_id": 99}]}, "c.json")
    good = write(tmp_path, {"users": [{**USERS[0], "name": "other"}]}, "d.json")
    before = snapshot(six, KEYS)
    with pytest.raises(UserError, match=r"c\.json, table users, row 1"):
        load(six, good, bad)
    assert snapshot(six, KEYS) == before


FORMS = {
    "users.json": json.dumps({"users": USERS}).encode(),
    "users.json.gz": gzip.compress(json.dumps({"users": USERS}).encode()),
    "anything.json": json.dumps({"users": USERS}, indent=4).encode("utf-8-sig"),
    "users.jsonl": lines(USERS).encode(),
    "users.0001.jsonl": lines(USERS).removesuffix("\n").encode(),
    "users.part.jsonl.gz": gzip.compress(lines(USERS).encode()),
    "users.a.b.jsonl": lines(USERS).replace("\n", " \r\n\n \t\n").encode("utf-8-sig"),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("as_folder", [False, True], ids=["file", "folder"])
def test_every_form_of_file(six: str, tmp_path: Path, name: str, as_folder: bool) -> None:
    file = write(tmp_path, FORMS[name], name)
    write(tmp_path, "not a fixture", "README.txt")
    assert load(six, tmp_path if as_folder else file) == {"users": counts(new=5)}
    there = query(six, "SELECT user_id, name, email FROM users ORDER BY user_id")
    assert there == [tuple(row.values()) for row in USERS]


def test_a_folder_is_read_whole_and_no_deeper(six: str, tmp_path: Path) -> None:
    write(tmp_path, lines(USERS[:2]), "users.1.jsonl")
    write(tmp_path, gzip.compress(lines(USERS[2:4]).encode()), "users.2.jsonl.gz")
    write(tmp_path, PLANS, "plans.json")
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper", "bad", "users.jsonl")
    assert load(six, tmp_path) == {"users": counts(new=4), "subscriptions": counts(new=2)}


def test_a_file_given_twice_is_an_error(six: str, tmp_path: Path) -> None:
    # Without their keys, the rows would be there twice.
    file = write(tmp_path, {"content": [{"title": "A", "content_type": "movie"}]})
    link = tmp_path / "link.json"
    link.symlink_to(file)
    for files in ([file, file], [tmp_path], [file, tmp_path / ".." / tmp_path.name / file.name]):
        with pytest.raises(UserError, match=r"fixture\.json: the file is given more than once"):
            load(six, *files)
    assert query(six, "SELECT count(*) FROM content") == [(0,)]
    assert load(six, link) == {"content": counts(new=1)}


def test_nothing_to_load(six: str, tmp_path: Path) -> None:
    before = snapshot(six, KEYS)
    assert load(six, write(tmp_path, {})) == {}
    load(six, write(tmp_path, {"users": []}))
    load(six, write(tmp_path, "", "users.jsonl"))
    assert snapshot(six, KEYS) == before


def test_rows_of_a_load_may_trade_what_is_left_by_others(six: str, tmp_path: Path) -> None:
    load(six, write(tmp_path, {"users": USERS}))
    renamed = [{**row, "email": f"new{row['user_id']}@example.com"} for row in USERS]
    newcomer = {"user_id": 9, "name": "Ninth", "email": "1@example.com"}
    load(six, write(tmp_path, {"users": renamed}))
    assert load(six, write(tmp_path, {"users": [*renamed, newcomer]})) == {"users": counts(new=1, unchanged=5)}
