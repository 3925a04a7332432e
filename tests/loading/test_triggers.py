"""Tables whose triggers change rows or drop them: what is counted is what the server says it wrote."""

from pathlib import Path
from typing import Any

import pytest
from disturbed_loads import LARGE
from seeding import load, query, run, write
from test_any_schema import on_cockroachdb

TABLE = """
    CREATE TABLE t (id INT8 PRIMARY KEY, a TEXT, b INT8 UNIQUE);
    CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
    CREATE TRIGGER act BEFORE {when} ON t FOR EACH ROW EXECUTE FUNCTION act()"""
DROP = "IF NEW.a = 'drop' THEN RETURN NULL; END IF; RETURN NEW;"
LOWER = "NEW.a = lower(NEW.a); RETURN NEW;"


@pytest.fixture
def postgresql(url: str) -> str:
    if on_cockroachdb(url):
        pytest.skip("old versions of CockroachDB have no triggers")
    return url


def rows(*texts: str) -> dict[str, Any]:
    return {"t": [{"id": number, "a": text, "b": number} for number, text in enumerate(texts, 1)]}


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_new_rows_that_a_trigger_drops(postgresql: str, tmp_path: Path, on_conflict: str) -> None:
    query(postgresql, TABLE.format(when="INSERT", body=DROP))
    file = write(tmp_path, rows("keep", "drop"))
    rest = {"left alone": 0} if on_conflict == "skip" else {"changed": 0, "unchanged": 0}
    assert load(postgresql, file, on_conflict=on_conflict) == {"t": {"new": 1, **rest, "not stored": 1}}
    again = load(postgresql, file, on_conflict=on_conflict)["t"]
    assert (again["new"], again["not stored"], sum(again.values())) == (0, 1, 2)
    assert query(postgresql, "SELECT id FROM t") == [(1,)]
    query(postgresql, "INSERT INTO t VALUES (9, 'held', 3)")
    file = write(tmp_path, rows("keep", "drop", "meets the unique value of 9"))
    if on_conflict == "skip":
        assert load(postgresql, file, on_conflict="skip") == {"t": {"new": 0, "left alone": 2, "not stored": 1}}


def test_changes_that_a_trigger_drops(postgresql: str, tmp_path: Path) -> None:
    query(postgresql, TABLE.format(when="UPDATE", body=DROP))
    load(postgresql, write(tmp_path, rows("a", "b", "c")))
    file = write(tmp_path, rows("drop", "B", "c", "drop"))
    assert load(postgresql, file) == {"t": {"new": 1, "changed": 1, "unchanged": 1, "not stored": 1}}
    assert query(postgresql, "SELECT a FROM t ORDER BY id") == [("a",), ("B",), ("c",), ("drop",)]


def test_values_that_a_trigger_changes_are_stored(postgresql: str, tmp_path: Path) -> None:
    query(postgresql, TABLE.format(when="INSERT OR UPDATE", body=LOWER))
    file = write(tmp_path, rows("A", "b"))
    assert load(postgresql, file) == {"t": {"new": 2, "changed": 0, "unchanged": 0}}
    again = load(postgresql, file)["t"]
    assert "not stored" not in again
    assert sum(again.values()) == 2
    assert query(postgresql, "SELECT a FROM t ORDER BY id") == [("a",), ("b",)]


def test_a_trigger_of_a_partition(postgresql: str, tmp_path: Path) -> None:
    query(postgresql, """
        CREATE TABLE t (id INT8 PRIMARY KEY, a TEXT, b INT8) PARTITION BY RANGE (id);
        CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (1000000);
        CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER act BEFORE UPDATE ON t1 FOR EACH ROW EXECUTE FUNCTION act()""")  # fmt: skip
    load(postgresql, write(tmp_path, rows("a", "b")))
    assert load(postgresql, write(tmp_path, rows("a", "c")))["t"] == {"new": 0, "changed": 0, "unchanged": 1, "not stored": 1}  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
def test_a_large_load(postgresql: str, tmp_path: Path, on_conflict: str) -> None:
    query(postgresql, TABLE.format(when="INSERT", body=DROP))
    texts = ["drop" if number % 3 == 0 else "keep" for number in range(LARGE)]
    dropped = texts.count("drop")
    kept = LARGE - dropped
    file = write(tmp_path, rows(*texts))
    new, rest = ("new", "left alone") if on_conflict == "skip" else ("new or changed", "unchanged")
    for expected in (f"{kept:,} {new}, 0 {rest}, {dropped:,} not stored", f"0 {new}, {kept:,} {rest}, {dropped:,} not stored"):  # fmt: skip  # noqa: E501
        end = run(postgresql, file, options=("--on-conflict", on_conflict))
        assert (end.returncode, end.stderr) == (0, "")
        assert expected in end.stdout
    assert query(postgresql, "SELECT count(*) FROM t") == [(kept,)]
