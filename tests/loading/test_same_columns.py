"""A column left out of a fixture that has to be the same as a given one, as a CHECK says, has the value of that one."""

import json
from pathlib import Path
from typing import Any

import pytest
from seeding import load, query, write

from toolkit.console import UserError

NOTES = """
    CREATE TABLE notes (
        id INT8 PRIMARY KEY,
        writer INT8,
        written_by INT8,
        kind TEXT,
        kind_again TEXT DEFAULT 'plain',
        CONSTRAINT the_writer CHECK (written_by = writer),
        CONSTRAINT one_kind CHECK (kind_again = kind)
    )"""


def notes(url: str) -> list[tuple[Any, ...]]:
    return query(url, "SELECT id, writer, written_by FROM notes WHERE id < 5 ORDER BY id")


@pytest.mark.parametrize("more", [0, 20_000], ids=["small", "large"])
def test_new_rows_have_it(url: str, tmp_path: Path, more: int) -> None:
    query(url, NOTES)
    rows = [{"id": 1, "writer": 7}, {"id": 2, "writer": 8, "written_by": None}, {"id": 3}, {"id": 4, "writer": None}]
    rows += [{"id": number, "writer": number} for number in range(5, 5 + more)]
    file = write(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "notes.jsonl")
    load(url, file)
    assert notes(url) == [(1, 7, 7), (2, 8, None), (3, None, None), (4, None, None)]
    assert query(url, "SELECT count(*) FROM notes WHERE id > 4 AND written_by = id") == [(more,)]


def test_a_row_that_is_there_keeps_its_own(url: str, tmp_path: Path) -> None:
    query(url, NOTES)
    query(url, "INSERT INTO notes (id, writer, kind) VALUES (1, 7, 'plain')")
    file = write(tmp_path, {"notes": [{"id": 1, "writer": 8}, {"id": 2, "writer": 8}]})
    assert load(url, file)["notes"] == {"new": 1, "changed": 1, "unchanged": 0}
    assert notes(url) == [(1, 8, None), (2, 8, 8)]
    assert load(url, file)["notes"] == {"new": 0, "changed": 0, "unchanged": 2}


def test_a_default_goes_before(url: str, tmp_path: Path) -> None:
    query(url, NOTES)
    load(url, write(tmp_path, {"notes": [{"id": 1, "kind": "plain"}]}))
    with pytest.raises(UserError, match="one_kind"):
        load(url, write(tmp_path, {"notes": [{"id": 2, "kind": "rich"}]}))
