"""Unique values that rows of one load take from each other are refused; those that are free are taken."""

import re
from pathlib import Path
from typing import Any

import pytest
from disturbed_loads import LARGE
from seeding import load, query, run, write
from test_any_schema import on_cockroachdb

from toolkit.console import UserError

WAYS_OUT = (
    "rows of one load cannot pass unique values on to each other. Make the constraint DEFERRABLE (PostgreSQL), or load "
    "twice, the first time with a third value in one of the rows"
)


def make_table(url: str, column: str = "TEXT") -> None:
    query(url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a {column}, name TEXT, CONSTRAINT t_a_key UNIQUE (a))")
    query(url, "INSERT INTO t (id, a) VALUES (1, 'x'), (2, 'y'), (3, 'z')")


def refused(url: str, file: Path) -> list[str]:
    """Load a file that is refused, and return what is told of each row."""
    before = query(url, "SELECT id, a FROM t ORDER BY id")
    with pytest.raises(UserError) as caught:
        load(url, file)
    assert query(url, "SELECT id, a FROM t ORDER BY id") == before
    return str(caught.value).splitlines()[1:]


@pytest.mark.parametrize("whole", [True, False], ids=["all columns", "some"])
@pytest.mark.parametrize("column", ["TEXT", "TEXT NOT NULL"])
def test_rows_that_swap_unique_values_are_refused(url: str, tmp_path: Path, column: str, whole: bool) -> None:
    make_table(url, column)
    rows: list[dict[str, Any]] = [{"id": 1, "a": "y"}, {"id": 2, "a": "x"}, {"id": 3, "a": "z"}]
    lines = refused(url, write(tmp_path, {"t": [{**row, "name": None} if whole else row for row in rows]}))
    assert len(lines) == 2
    for line, (number, other) in zip(lines, [(1, 2), (2, 1)], strict=True):
        assert f"table t, row {number} (id {number}), column a: breaks t_a_key: " in line
        assert f", in the row with id {other}, to which row {other} gives another: {WAYS_OUT}" in line


def test_children_that_follow_an_update_lose_nothing(url: str, tmp_path: Path) -> None:
    """Given NULL for a moment, the rows would take their children's references along: ON UPDATE CASCADE."""
    make_table(url)
    query(url, "CREATE TABLE c (id INT8 NOT NULL PRIMARY KEY, a TEXT REFERENCES t (a) ON UPDATE CASCADE)")
    query(url, "INSERT INTO c VALUES (1, 'x'), (2, 'y')")
    (first, second) = refused(url, write(tmp_path, {"t": [{"id": 1, "a": "y"}, {"id": 2, "a": "x"}]}))
    assert "row 1 (id 1)" in first
    assert f"in the row with id 2, to which row 2 gives another: {WAYS_OUT}" in first
    assert f"in the row with id 1, to which row 1 gives another: {WAYS_OUT}" in second
    assert query(url, "SELECT id, a FROM c ORDER BY id") == [(1, "x"), (2, "y")]
    # One of the ways out: two loads, the first with a third value. The children follow.
    load(url, write(tmp_path, {"t": [{"id": 1, "a": "third"}]}))
    load(url, write(tmp_path, {"t": [{"id": 2, "a": "x"}]}))
    load(url, write(tmp_path, {"t": [{"id": 1, "a": "y"}, {"id": 2, "a": "x"}]}))
    assert query(url, "SELECT id, a FROM c ORDER BY id") == [(1, "y"), (2, "x")]


def test_rows_swap_values_of_a_constraint_that_can_wait(url: str, tmp_path: Path) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB has no deferrable constraints")
    make_table(url)
    query(url, "ALTER TABLE t DROP CONSTRAINT t_a_key, ADD CONSTRAINT t_a_key UNIQUE (a) DEFERRABLE")
    swapped = write(tmp_path, {"t": [{"id": 1, "a": "y"}, {"id": 2, "a": "x"}]})
    assert load(url, swapped) == {"t": {"new": 0, "changed": 2, "unchanged": 0}}
    assert query(url, "SELECT id, a FROM t ORDER BY id") == [(1, "y"), (2, "x"), (3, "z")]


@pytest.mark.parametrize("whole", [True, False], ids=["all columns", "some"])
@pytest.mark.parametrize("giver", [1, 3])
@pytest.mark.parametrize("taker", [2, 9])
def test_a_chain_is_served_or_refused_in_the_same_words(
    url: str, tmp_path: Path, giver: int, taker: int, whole: bool
) -> None:
    """A row takes the value that another one gives up. Which of them comes first decides."""
    make_table(url)
    value = {1: "x", 3: "z"}[giver]
    rows: list[dict[str, Any]] = [{"id": taker, "a": value}, {"id": giver, "a": "new"}]
    file = write(tmp_path, {"t": [{**row, "name": None} if whole else row for row in rows]})
    try:
        load(url, file)
    except UserError as error:
        (line,) = str(error).splitlines()[1:]
        assert f"row 1 (id {taker}), column a: breaks t_a_key: " in line
        assert f", in the row with id {giver}, to which row 2 gives another: {WAYS_OUT}" in line
        assert query(url, "SELECT id, a FROM t ORDER BY id") == [(1, "x"), (2, "y"), (3, "z")]
    else:
        assert query(url, "SELECT a FROM t WHERE id = %s", (taker,)) == [(value,)]
        assert query(url, "SELECT a FROM t WHERE id = %s", (giver,)) == [("new",)]


def test_a_row_that_is_not_in_the_load_keeps_its_value(url: str, tmp_path: Path) -> None:
    make_table(url, "TEXT NOT NULL")
    rows = [{"id": 1, "a": "z"}, {"id": 2, "a": "new"}]
    (line,) = refused(url, write(tmp_path, {"t": rows}))
    assert "row 1 (id 1), column a: breaks t_a_key: " in line
    assert line.endswith(", in the row with id 3")
    file = write(tmp_path, {"t": rows})
    assert load(url, file, on_conflict="skip") == {"t": {"new": 0, "left alone": 2}}


def test_in_a_large_load_rows_that_swap_values_are_refused(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, place INT8 NOT NULL UNIQUE)")
    rows = [{"id": number, "place": number} for number in range(LARGE)]
    assert run(url, write(tmp_path, {"t": rows})).returncode == 0
    swapped = [{"id": number, "place": number ^ 1} for number in range(LARGE)]
    end = run(url, write(tmp_path, {"t": swapped}))
    assert end.returncode == 1
    assert re.search(rf"in the row with id \d+, to which row \d+ gives another: {re.escape(WAYS_OUT)}", end.stderr)
