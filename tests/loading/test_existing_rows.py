"""Rows that are in the database already: what may change them, and what is judged when they change."""

from pathlib import Path
from typing import Any

import pytest
from disturbed_loads import LARGE
from seeding import load, query, run, snapshot, write
from test_any_schema import on_cockroachdb

import insert_data
from toolkit.console import UserError
from toolkit.database import Database

TABLES = ("subscriptions", "users", "content", "watch_history", "reviews", "payment_history")
FILM = {"title": "My own film", "content_type": "movie"}


@pytest.fixture
def loaded(database: Database, url: str) -> str:
    """The URL of a database with the sample data."""
    assert database
    load(url, insert_data.SAMPLE)
    return url


# A row without a key


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_row_without_a_key_changes_nobodys_row(loaded: str, tmp_path: Path, on_conflict: str, dry_run: bool) -> None:
    before = snapshot(loaded, TABLES)
    file = write(tmp_path, {"content": [FILM]})
    with pytest.raises(UserError) as caught:
        load(loaded, file, on_conflict=on_conflict, dry_run=dry_run)
    first, line = str(caught.value).splitlines()
    assert first == "1 problem in the fixtures. Nothing was written."
    assert line == (
        f"  {file}, table content, row 1, column content_id: missing, and content_id 1, which the row's position would "
        'give it, is another row of the database (title "My own film" here, The Last Lighthouse there): give all rows '
        "keys"
    )
    assert snapshot(loaded, TABLES) == before


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
@pytest.mark.parametrize("row", [{}, {"name": "Emma Johnson"}], ids=["nothing", "something"])
def test_a_row_without_a_key_gives_what_a_new_row_needs(
    loaded: str, tmp_path: Path, row: dict[str, str], on_conflict: str
) -> None:
    """Whoever has the key that its position gives it: it was "1 unchanged" where somebody had it."""
    with pytest.raises(UserError) as caught:
        load(loaded, write(tmp_path, {"users": [row]}), on_conflict=on_conflict)
    told = [line.partition("table users, row 1, column ")[2] for line in str(caught.value).splitlines()[1:]]
    missing = [name for name in ("name", "email") if name not in row]
    assert told == [f"{name}: missing: the column has no default and may not be NULL" for name in missing]


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_children_do_not_hang_on_somebody_elses_row(loaded: str, tmp_path: Path, on_conflict: str) -> None:
    before = snapshot(loaded, TABLES)
    review = {"user_id": 9, "content_id": 1, "rating": 1}
    with pytest.raises(UserError) as caught:
        load(loaded, write(tmp_path, {"reviews": [review], "content": [FILM]}), on_conflict=on_conflict)
    assert len(str(caught.value).splitlines()) == 2
    assert "table content, row 1, column content_id" in str(caught.value)
    assert snapshot(loaded, TABLES) == before


def test_all_rows_with_keys_of_others_are_told_with_what_else_is_wrong(loaded: str, tmp_path: Path) -> None:
    rows = [
        FILM,
        {**FILM, "title": "Another"},
        {**FILM, "content_type": 7},
        {"title": "Fifth", "content_type": "other"},
    ]
    review = {"review_id": "6f1c2a30-0000-4000-8000-00000000ffff", "user_id": 99, "content_id": 1, "rating": 1}
    with pytest.raises(UserError) as caught:
        load(loaded, write(tmp_path, {"content": rows, "reviews": [review]}))
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(", ")[2] for line in lines] == [
        *(f"row {number}" for number in range(1, 5)),
        "row 1 (review_id 6f1c2a30-0000-4000-8000-00000000ffff)",
    ]
    assert "column content_type: expected text, got 7" in lines[2]


def test_a_made_uuid_changes_nobodys_row(loaded: str, tmp_path: Path) -> None:
    review = {"user_id": 9, "content_id": 1, "rating": 1}
    assert load(loaded, write(tmp_path, {"reviews": [review]})) == {"reviews": {"new": 1, "changed": 0, "unchanged": 0}}
    assert load(loaded, write(tmp_path, {"reviews": [review]})) == {"reviews": {"new": 0, "changed": 0, "unchanged": 1}}
    before = snapshot(loaded, TABLES)
    with pytest.raises(
        UserError, match=r"row 1, column review_id: missing, and review_id [0-9a-f-]{36}, which .* \(rating"
    ):
        load(loaded, write(tmp_path, {"reviews": [{**review, "rating": 2}]}))
    assert snapshot(loaded, TABLES) == before


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_rows_without_keys_load_again(database: Database, url: str, tmp_path: Path, on_conflict: str) -> None:
    assert database
    file = write(tmp_path, {"content": [FILM, {**FILM, "title": "Another"}], "reviews": []})
    for what in ("new", "unchanged" if on_conflict == "update" else "left alone"):
        assert load(url, file, on_conflict=on_conflict)["content"][what] == 2
    longer = write(tmp_path, {"content": [FILM, {**FILM, "title": "Another"}, {**FILM, "title": "Third"}]})
    assert load(url, longer, on_conflict=on_conflict)["content"]["new"] == 1
    assert query(url, "SELECT content_id, title FROM content ORDER BY 1") == [
        (1, "My own film"), (2, "Another"), (3, "Third")
    ]  # fmt: skip


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_a_row_without_a_key_changes_nobodys_row_in_a_large_load(loaded: str, tmp_path: Path, on_conflict: str) -> None:
    before = snapshot(loaded, TABLES)
    rows = [{**FILM, "title": f"Film {number}"} for number in range(1, LARGE + 1)]
    file = write(tmp_path, {"content": rows, "reviews": [{"user_id": 9, "content_id": 1, "rating": 1}]})
    end = run(loaded, file, options=("--on-conflict", on_conflict, "--connections", "1"))
    assert end.returncode == 1
    for number in range(1, 5):
        assert f"row {number}, column content_id: missing, and content_id {number}, which" in end.stderr
    assert "row 5" not in end.stderr
    assert snapshot(loaded, ("reviews",))["reviews"] == before["reviews"]
    assert query(loaded, "SELECT * FROM content WHERE content_id < 5 ORDER BY content_id") == before["content"]
    query(loaded, "DELETE FROM watch_history; DELETE FROM reviews; DELETE FROM content")
    for _ in range(2):
        assert run(loaded, file, options=("--on-conflict", on_conflict)).returncode == 0
    assert query(loaded, "SELECT count(*) FROM content") == [(LARGE,)]


# Rows that leave columns out

RANGES = """
    CREATE TABLE ranges (
        id INT8 NOT NULL PRIMARY KEY, lo INT8 NOT NULL DEFAULT 0, hi INT8 NOT NULL DEFAULT 1, name TEXT NOT NULL,
        CONSTRAINT ranges_order CHECK (lo < hi)
    );
    INSERT INTO ranges VALUES (1, 0, 10, 'a'), (2, 0, 20, 'b')"""


@pytest.fixture
def ranges(url: str) -> str:
    query(url, RANGES)
    return url


def test_a_row_that_is_there_is_judged_as_it_will_be(ranges: str, tmp_path: Path) -> None:
    file = write(tmp_path, {"ranges": [{"id": 1, "lo": 7}, {"id": 2, "lo": 0}]})
    assert load(ranges, file) == {"ranges": {"new": 0, "changed": 1, "unchanged": 1}}
    assert load(ranges, file) == {"ranges": {"new": 0, "changed": 0, "unchanged": 2}}
    assert query(ranges, "SELECT * FROM ranges ORDER BY id") == [(1, 7, 10, "a"), (2, 0, 20, "b")]
    with pytest.raises(UserError, match=r"row 1 \(id 2\), column lo, hi: breaks ranges_order: .*, got lo 20"):
        load(ranges, write(tmp_path, {"ranges": [{"id": 2, "lo": 20}, {"id": 1, "lo": 8}]}))
    assert query(ranges, "SELECT lo FROM ranges ORDER BY id") == [(7,), (0,)]


@pytest.mark.parametrize("dry_run", [False, True])
def test_only_a_row_that_is_there_may_leave_out_what_must_be_given(ranges: str, tmp_path: Path, dry_run: bool) -> None:
    before = snapshot(ranges, ["ranges"])
    rows = [{"id": 1, "hi": 11}, {"id": 3, "hi": 4}, {"id": 4}, {"id": 2, "lo": "x"}]
    file = write(tmp_path, {"ranges": rows})
    with pytest.raises(UserError) as caught:
        load(ranges, file, dry_run=dry_run)
    assert [line.replace(str(file), "") for line in str(caught.value).splitlines()[1:]] == [
        "  , table ranges, row 2 (id 3), column name: missing: the column has no default and may not be NULL",
        "  , table ranges, row 3 (id 4), column name: missing: the column has no default and may not be NULL",
        '  , table ranges, row 4 (id 2), column lo: expected an integer from -9223372036854775808 to 9223372036854775807, got "x"',  # noqa: E501
    ]
    assert snapshot(ranges, ["ranges"]) == before


def test_what_a_new_row_gives_is_not_missing(loaded: str, tmp_path: Path) -> None:
    """Of a row that left out one column, every column that a new row needs was told as missing."""
    with pytest.raises(UserError) as caught:
        load(loaded, write(tmp_path, {"users": [{"user_id": 99, "name": "Emma Johnson"}]}))
    told = [line.partition("(user_id 99), column ")[2] for line in str(caught.value).splitlines()[1:]]
    assert told == ["email: missing: the column has no default and may not be NULL"]


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_new_and_old_rows_that_leave_out_different_columns(ranges: str, tmp_path: Path, on_conflict: str) -> None:
    rows = [
        {"id": 1, "lo": 9},
        {"id": 3, "name": "c"},
        {"id": 2, "hi": 5, "name": "B"},
        {"id": 4, "hi": 9, "name": "d"},
    ]
    file = write(tmp_path, {"ranges": rows})
    skip = on_conflict == "skip"
    expected = {"new": 2, "left alone": 2} if skip else {"new": 2, "changed": 2, "unchanged": 0}
    assert load(ranges, file, on_conflict=on_conflict) == {"ranges": expected}
    assert query(ranges, "SELECT * FROM ranges ORDER BY id") == [
        *([(1, 0, 10, "a"), (2, 0, 20, "b")] if skip else [(1, 9, 10, "a"), (2, 0, 5, "B")]),
        (3, 0, 1, "c"),
        (4, 0, 9, "d"),
    ]


def test_a_large_load_updates_the_rows_that_are_there(ranges: str, tmp_path: Path) -> None:
    query(ranges, f"INSERT INTO ranges SELECT n, 0, 100, 'x' FROM generate_series(3, {LARGE}) AS g (n)")
    for content in ([{"id": number, "lo": 50} for number in range(1, LARGE + 1)],):
        rows = [*content[2:], {"id": LARGE + 1, "hi": 60, "name": "new"}]
        end = run(ranges, write(tmp_path, {"ranges": rows}))
        assert (end.returncode, end.stderr) == (0, "")
        assert f"ranges     {LARGE - 1:,} rows: {LARGE - 1:,} new or changed, 0 unchanged" in end.stdout
    assert query(ranges, "SELECT count(*) FROM ranges WHERE lo = 50 AND hi = 100") == [(LARGE - 2,)]


@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=["", "dry run"])
def test_a_large_load_tells_which_new_rows_leave_out_what_must_be_given(
    ranges: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    rows: list[dict[str, Any]] = [{"id": number, "hi": 60, "name": "x"} for number in range(10, LARGE + 10)]
    rows[5].pop("name")
    rows[7] = {"id": 1, "hi": 61}
    end = run(ranges, write(tmp_path, {"ranges": rows}), options=options)
    assert end.returncode == 1
    assert "1 problem in the fixtures." in end.stderr
    assert "row 6 (id 15), column name: missing: the column has no default and may not be NULL" in end.stderr


# Identities and deferrable keys


def test_an_identity_that_is_always_generated_can_be_given(url: str, tmp_path: Path) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB has no OVERRIDING SYSTEM VALUE")
    query(url, "CREATE TABLE t (id INT8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a TEXT)")
    query(url, "CREATE TABLE u (id INT8 PRIMARY KEY, n INT8 GENERATED ALWAYS AS IDENTITY, a TEXT)")
    rows = {"t": [{"id": 7, "a": "x"}, {"id": 9, "a": "y"}], "u": [{"id": 1, "n": 20, "a": "x"}, {"id": 2, "a": "y"}]}
    for what in ("new", "unchanged"):
        assert load(url, write(tmp_path, rows)) == {table: {"new": 0, "changed": 0, "unchanged": 0, what: 2} for table in rows}  # fmt: skip  # noqa: E501
    rows["t"][0]["a"] = rows["u"][0]["a"] = "z"
    assert [counts["changed"] for counts in load(url, write(tmp_path, rows)).values()] == [1, 1]
    assert query(url, "SELECT * FROM t ORDER BY id") == [(7, "z"), (9, "y")]
    assert query(url, "INSERT INTO t (a) VALUES ('next') RETURNING id") == [(10,)]
    assert query(url, "SELECT n FROM u WHERE id = 1") == [(20,)]
    rows["u"][0]["n"] = 21
    with pytest.raises(UserError, match=r"table u, row 1 \(id 1\), column n: the row is there already, with 20, which"):
        load(url, write(tmp_path, rows))
    assert load(url, write(tmp_path, {"t": [{"a": "by position"}]})) == {"t": {"new": 1, "changed": 0, "unchanged": 0}}


def test_an_identity_that_this_server_always_generates(url: str, tmp_path: Path) -> None:
    if not on_cockroachdb(url):
        pytest.skip("PostgreSQL has OVERRIDING SYSTEM VALUE")
    ((version,),) = query(url, "SELECT version()")
    if " v20" in version or " v21.1" in version:
        pytest.skip("this CockroachDB has no identity columns")
    query(url, "CREATE TABLE t (id INT8 PRIMARY KEY, n INT8 GENERATED ALWAYS AS IDENTITY)")
    with pytest.raises(UserError, match="has no OVERRIDING SYSTEM VALUE: leave it out"):
        load(url, write(tmp_path, {"t": [{"id": 1, "n": 2}]}))


DEFERRABLE = {
    "INITIALLY IMMEDIATE": "a INT8 NOT NULL, UNIQUE (a) DEFERRABLE",
    "INITIALLY DEFERRED": "a INT8 NOT NULL, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED",
    "key": "a INT8 NOT NULL, PRIMARY KEY (id) DEFERRABLE, UNIQUE (a) DEFERRABLE",
}


@pytest.mark.parametrize("kind", DEFERRABLE)
def test_tables_with_deferrable_keys(url: str, tmp_path: Path, kind: str) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB has no deferrable constraints")
    query(url, f"CREATE TABLE t (id INT8 NOT NULL, {DEFERRABLE[kind]}" + ("" if kind == "key" else ", PRIMARY KEY (id)") + ")")  # fmt: skip  # noqa: E501
    rows = [{"id": number, "a": number} for number in range(2_500)]
    for on_conflict, what in (("skip", "new"), ("update", "unchanged"), ("skip", "left alone")):
        assert load(url, write(tmp_path, {"t": rows}), on_conflict=on_conflict)["t"][what] == 2_500
    turned = [{"id": number, "a": (number + 1) % 2_500} for number in range(2_500)]
    assert load(url, write(tmp_path, {"t": turned})) == {"t": {"new": 0, "changed": 2_500, "unchanged": 0}}
    meets = [{"id": 9_000, "a": 7}, {"id": 9_001, "a": 9_001}]
    assert load(url, write(tmp_path, {"t": meets}), on_conflict="skip") == {"t": {"new": 1, "left alone": 1}}
    with pytest.raises(UserError, match=r"row 1 \(id 9000\), column a: breaks t_a_key: .*, in the row with id 6"):
        load(url, write(tmp_path, {"t": meets}))
