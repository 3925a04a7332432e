"""Every line of the table in docs/fixtures.md is so: what is read, and as what; what is refused, and in which words."""

import gzip
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from seeding import load, query, write

from toolkit.console import UserError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "fixtures.md"
TABLE = DOCUMENT.read_text("utf-8").partition("\n## Spellings\n")[2].partition("\n## ")[0]
ROW = re.compile(r"\| `(?P<text>.*)`(?P<packing>[^`]*?) \| (?P<place>.*?) \| (?P<result>.*) \|")
REFUSED = "refused: "
# What is said of a file beside its text -> its bytes.
PACKINGS: dict[str, Callable[[str], bytes]] = {
    "": str.encode,
    ", each line with a byte order mark": lambda text: text.replace("{", "\ufeff{").encode(),
    " in UTF-16 with its mark": lambda text: text.encode("utf-16"),
    " in UTF-16 without its mark": lambda text: text.encode("utf-16-le"),
    ", packed by gzip": lambda text: gzip.compress(text.encode()),
    ", not packed": str.encode,
}


class Line(NamedTuple):
    """A line of the table."""

    text: str
    packing: str
    place: str
    result: str


LINES = [
    Line(match["text"], match["packing"], match["place"].replace("`", ""), match["result"])
    for match in map(ROW.fullmatch, TABLE.splitlines())
    if match
]
FILES = [line for line in LINES if "." in line.place or "standard input" in line.place]
VALUES = [line for line in LINES if line not in FILES]


def test_the_table_is_read_whole() -> None:
    assert len(LINES) == TABLE.count("\n|") - 2  # its head
    assert len(FILES) > 20
    assert len(VALUES) > 50
    assert {line.packing for line in LINES} == PACKINGS.keys()


@pytest.fixture
def cockroachdb(url: str) -> bool:
    """Whether the server is CockroachDB."""
    return str(query(url, "SELECT version()")[0][0]).startswith("CockroachDB")


@pytest.mark.parametrize("as_lines", [False, True], ids=["document", "lines"])
@pytest.mark.parametrize("line", VALUES, ids=lambda line: f"{line.place}={line.text}")
def test_a_value(url: str, tmp_path: Path, line: Line, as_lines: bool, cockroachdb: bool) -> None:
    expected, _, remark = line.result.partition(" (") if not line.result.startswith(REFUSED) else (line.result, "", "")
    if cockroachdb and (remark.startswith("CockroachDB has no") or line.place.endswith("[][]")):
        pytest.skip(remark or "CockroachDB has no arrays of arrays")
    query(url, f"CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, a {line.place})")
    row = f'{{"id": 1, "a": {line.text}}}'
    file = write(tmp_path, row, "t.jsonl") if as_lines else write(tmp_path, f'{{"t": [{row}]}}')
    if expected.startswith(REFUSED):
        assert_refused(expected, url, file)
        return
    assert load(url, file) == {"t": {"new": 1, "changed": 0, "unchanged": 0}}
    value = "" if expected == "an empty text" else expected.strip("`")
    assert query(url, f"SELECT a = CAST(%s AS {line.place}), a::TEXT FROM t", (value,))[0][0]
    assert load(url, file) == {"t": {"new": 0, "changed": 0, "unchanged": 1}}


@pytest.mark.parametrize("line", FILES, ids=lambda line: f"{line.place}={line.text}")
def test_a_file(url: str, tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    query(url, "CREATE TABLE t (id INT8 NOT NULL PRIMARY KEY, name TEXT)")
    content = PACKINGS[line.packing](line.text.replace("⏎", "\n"))
    file, table = Path("-"), line.place.partition("--table ")[2]
    if line.place.startswith("standard input"):
        given = write(tmp_path, content, "given")
        monkeypatch.setattr(sys, "stdin", given.open(encoding="utf-8"))
    else:
        file = write(tmp_path, content, line.place)
    if line.result.startswith(REFUSED):
        assert_refused(line.result, url, file, table)
    else:
        assert line.result == f"{load(url, file, table=table)['t']['new']} rows"


def assert_refused(result: str, url: str, file: Path, table: str | None = None) -> None:
    with pytest.raises(UserError) as caught:
        load(url, file, table=table)
    said = str(caught.value).splitlines()
    assert result.removeprefix(REFUSED) in said[-1]
    assert len(said) == 2, "one mistake is told once"
