"""The formats in which rows come: what is in a file is seen from its beginning, whatever its name promises."""

import codecs
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from seeding import load, query, run, write

from toolkit.console import UserError
from toolkit.loading.read.files import find_rows
from toolkit.loading.read.json_lines import JsonLines
from toolkit.loading.read.json_values import JsonValues, TableOfDocument
from toolkit.loading.read.row_source import RowSource

ROWS = [{"id": 1, "name": "Zoë"}, {"id": 2, "name": "ぼく"}, {"id": 3, "name": "\ufeff[{,"}]
FIRST, SECOND, THIRD = (json.dumps(row, ensure_ascii=False) for row in ROWS)
BOM = "\ufeff"
LINES = f"{FIRST}\n{SECOND}\n{THIRD}\n"
PRETTY = "\n".join(json.dumps(row, indent=2, ensure_ascii=False) for row in ROWS)
LIST = json.dumps(ROWS, ensure_ascii=False)


@pytest.fixture(scope="module")
def tables_url(module_url: str) -> str:
    """The URL of a database with two tables."""
    query(module_url, "CREATE TABLE users (id INT8 NOT NULL PRIMARY KEY, name TEXT, tags JSONB)")
    query(module_url, "CREATE TABLE films (id INT8 NOT NULL PRIMARY KEY, user_id INT8 REFERENCES users (id))")
    return module_url


@pytest.fixture
def url(tables_url: str) -> str:
    """The URL of the database, whose tables are empty."""
    query(tables_url, "DELETE FROM films")
    query(tables_url, "DELETE FROM users")
    return tables_url


# The text of a file that holds ROWS, and how it is read.
FORMS: dict[str, tuple[str, type[RowSource]]] = {
    "lines": (LINES, JsonLines),
    "lines without an end": (LINES.rstrip(), JsonLines),
    "lines of Windows": (LINES.replace("\n", "\r\n"), JsonLines),
    "lines of old": (LINES.replace("\n", "\r"), JsonLines),
    "empty lines between": (f"\n \n{FIRST}\n\n{SECOND}\n\t\n{THIRD}", JsonLines),
    "no line feeds": (f"{FIRST}{SECOND} {THIRD}", JsonLines),
    "joined without a line feed": (f"{FIRST}\n{SECOND}{THIRD}\n", JsonLines),
    "joined, each with its mark": (f"{BOM}{FIRST}\n{BOM}{SECOND}\n{BOM}{THIRD}\n", JsonLines),
    "joined, each with its mark and no line feed": (f"{BOM}{FIRST}{BOM}{SECOND}{BOM}{THIRD}", JsonLines),
    "pretty-printed": (PRETTY, JsonValues),
    "pretty-printed, each with a mark": (BOM + PRETTY.replace("}\n{", f"}}{BOM}{{"), JsonValues),
    "a list": (LIST, JsonValues),
    "a list with a mark": (BOM + LIST, JsonValues),
    "a pretty-printed list": (json.dumps(ROWS, indent=4), JsonValues),
    "a list of a row a line": (f"[\n{FIRST},\n{SECOND},\n{THIRD}\n]\n", JsonValues),
    "a list with leading commas": (f"[{FIRST}\n,{SECOND}\n,{THIRD}\n]\n", JsonValues),
    "lists one after the other": (f"[{FIRST}]\n[]\n[{SECOND},\n{THIRD}]", JsonValues),
    "a list, and rows": (f"[{FIRST}, {SECOND}]\n{THIRD}", JsonValues),
    "a document": (json.dumps({"users": ROWS}), TableOfDocument),
    "documents": (
        f'{{"users": [{FIRST}]}}{{"films": [], "users": [{SECOND}]}}\n{{"users": [{THIRD}]}}', TableOfDocument
    ),
    "a document a line": ("\n".join(f'{{"users": [{row}]}}' for row in (FIRST, SECOND, THIRD)), TableOfDocument),
    "documents, each with a mark": (
        "".join(f'{BOM}{{\n"users": [{row}]}}\n' for row in (FIRST, SECOND, THIRD)), TableOfDocument
    ),
}  # fmt: skip
ENCODED: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16 of other machines": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip in parts": lambda text: gzip.compress(text.encode()[:9]) + gzip.compress(text.encode()[9:]),
    "UTF-16 in gzip": lambda text: gzip.compress(text.encode("utf-16")),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name", ["users.json", "users.jsonl", "users.ndjson", "users.JSON", "users.2.JsonL.GZ", "users.NDJSON.gz"]
)
def test_a_form_is_read_whatever_the_name(url: str, tmp_path: Path, form: str, name: str) -> None:
    text, kind = FORMS[form]
    file = write(tmp_path, text.encode(), name)
    assert kind in map(type, find_rows([file]))
    assert load(url, file)["users"] == {"new": 3, "changed": 0, "unchanged": 0}
    assert query(url, "SELECT id, name FROM users ORDER BY id") == [tuple(row.values()) for row in ROWS]


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("form", ["lines", "pretty-printed", "a list", "a document"])
@pytest.mark.parametrize("name", ["users.json", "users.jsonl.gz"])
def test_an_encoding_is_read_whatever_the_name(url: str, tmp_path: Path, form: str, encoding: str, name: str) -> None:
    load(url, write(tmp_path, ENCODED[encoding](FORMS[form][0]), name))
    assert query(url, "SELECT id, name FROM users ORDER BY id") == [tuple(row.values()) for row in ROWS]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("form", [form for form, (_, kind) in FORMS.items() if kind is JsonValues])
def test_values_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, piece: int) -> None:
    monkeypatch.setattr("toolkit.loading.read.json_values.PIECE", piece)
    text = FORMS[form][0].replace(
        '"id"', f'"id": -1.5e-7, "{"long" * 9}": [{{"\\u00e9\\ud83d\\ude00": true}}, 12], "id"'
    )
    [source] = find_rows([write(tmp_path, text, "users.json")])
    rows = [
        (number, dict(row)) for chunk in source.read() for number, row in zip(chunk.numbers, chunk.values, strict=True)
    ]
    assert [number for number, _ in rows] == [1, 2, 3]
    assert [row["name"] for _, row in rows] == [row["name"] for row in ROWS]
    assert len({str(row["long" * 9]) for _, row in rows}) == 1


def test_rows_in_lists_may_leave_out_their_keys_and_count_over_all_files(url: str, tmp_path: Path) -> None:
    files = [
        write(tmp_path, [{"name": "a"}, {"name": "b"}], "users.json"),
        write(tmp_path, {"films": [{}, {"user_id": 4}], "users": [{"name": "c"}]}, "both.json"),
        write(tmp_path, [{"name": "d"}], "users.2.jsonl"),
    ]
    load(url, *files)
    assert query(url, "SELECT id, name FROM users ORDER BY id") == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert query(url, "SELECT id, user_id FROM films ORDER BY id") == [(1, None), (2, 4)]


@pytest.mark.parametrize("name", ["users.json", "users.jsonl"])
@pytest.mark.parametrize("gap", ["\n", "\n\n  "], ids=["lines", "layout"])
def test_a_row_with_rows_in_it_is_a_row(url: str, tmp_path: Path, name: str, gap: str) -> None:
    rows = gap.join(f'{{"id": {number}, "tags": [{{"a": 1}}]}}' for number in (1, 2))
    assert load(url, write(tmp_path, rows, name)) == {"users": {"new": 2, "changed": 0, "unchanged": 0}}


# Rows that begin as exports of MongoDB do, and others that have rows in them; what of it there is a table, if anything.
ODD_ROWS = {
    "an object first": ['{"_id": {"$oid": "59a4"}, "id": 1, "location": {"geo": [1, 2]}}', '{"id": 2}'],
    "an object first, and a list of objects": ['{"_id": {"$oid": "5"}, "id": 1, "tags": [{"n": 1}]}', '{"id": 2}'],
    "a list of objects first": ['{"tags": [{"grade": 1.5}], "id": 1}', '{"tags": [], "id": 2}'],
    "an empty list first": ['{"tags": [], "id": 1}', '{"tags": [{}], "id": 2}'],
    "the name of a table": ['{"films": [7, 8], "id": 1, "tags": {"a": []}}', '{"films": [], "id": 2, "tags": null}'],
}


@pytest.mark.parametrize("odd", ODD_ROWS)
@pytest.mark.parametrize("gap", ["\n", "\n\n  "], ids=["lines", "layout"])
@pytest.mark.parametrize("count", [1, 2])
def test_rows_that_begin_oddly_are_rows(url: str, tmp_path: Path, odd: str, gap: str, count: int) -> None:
    """What is in them are no tables of the database, so it is no document."""
    query(url, "ALTER TABLE users ADD COLUMN _id JSONB, ADD COLUMN location JSONB, ADD COLUMN films JSONB")
    try:
        file = write(tmp_path, gap.join(ODD_ROWS[odd][:count]), "users.json")
        assert load(url, file) == {"users": {"new": count, "changed": 0, "unchanged": 0}}
    finally:
        query(url, "ALTER TABLE users DROP COLUMN _id, DROP COLUMN location, DROP COLUMN films")


EITHER = '{"films": [{"id": 1}], "id": 1}'


def test_what_could_be_a_row_or_a_document_is_asked_for(url: str, tmp_path: Path) -> None:
    query(url, "ALTER TABLE users ADD COLUMN films JSONB")
    try:
        file = write(tmp_path, EITHER, "users.json")
        with pytest.raises(UserError) as caught:
            load(url, file)
        (line,) = str(caught.value).splitlines()[1:]
        assert line.endswith(
            'users.json: this can be a row of the table "users", or a document that gives the table "films": say which '
            "it is, with --table users or --format json"
        )
        with pytest.raises(UserError, match=r"table id: expected a list of rows, got 1$"):
            load(url, file, as_format="json")
        one = {"users": {"new": 1, "changed": 0, "unchanged": 0}}
        assert load(url, file, table="users", dry_run=True) == one
        assert load(url, file, as_format="rows", dry_run=True) == one
        assert load(url, file, as_format="jsonl") == one
    finally:
        query(url, "ALTER TABLE users DROP COLUMN films")


@pytest.mark.parametrize("text", ['{"users": null}', '{"users": {"id": 1}}', '{"films": null, "users": [{"id": 1}]}'])
def test_a_table_without_a_list_is_told(url: str, tmp_path: Path, text: str) -> None:
    with pytest.raises(
        UserError, match=r"fixture\.json, table \w+: expected a list of rows, got (null|\{\"id\": 1\})$"
    ):
        load(url, write(tmp_path, text))


def test_the_format_that_is_told_overrules_what_is_seen(url: str, tmp_path: Path) -> None:
    file = write(tmp_path, {"users": ROWS}, "films.jsonl")
    for name in ("jsonl", "rows"):
        with pytest.raises(UserError, match=r"column users: the table has no such column"):
            load(url, file, as_format=name)
    assert load(url, file, as_format="json")["users"]["new"] == 3
    assert load(url, write(tmp_path, LIST, "users.json"), as_format="rows")["users"]["unchanged"] == 3
    with pytest.raises(UserError, match="expected an object, table name -> list of rows, got "):
        load(url, write(tmp_path, LIST, "users.json"), as_format="json")
    with pytest.raises(UserError, match="which names its tables itself: leave out --table"):
        load(url, file, as_format="json", table="users")


@pytest.mark.parametrize("name", ["users.json", "users.jsonl"])
@pytest.mark.parametrize("content", ["[]", "[]\n\n[ ]", '{"users": []}', '{"films": []}\n{"users": []}'])
def test_no_rows(url: str, tmp_path: Path, name: str, content: str) -> None:
    assert load(url, write(tmp_path, content, name))["users"] == {}


def test_a_first_row_longer_than_what_is_looked_at(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.loading.read.formats.HEAD_BYTES", 40)
    long = [{"id": number, "name": "x" * 100} for number in (1, 2)]
    for number, content in enumerate(
        ["\n".join(map(json.dumps, long)), json.dumps(long), json.dumps(long, indent=1), json.dumps({"users": long})]
    ):
        assert sum(load(url, write(tmp_path, content, f"users.{number}.jsonl"))["users"].values()) == 2
    pretty = "\n".join(json.dumps(row, indent=1) for row in long)
    assert load(url, write(tmp_path, pretty, "users.jsonl"))["users"] == {"new": 0, "changed": 0, "unchanged": 2}
    by_name = json.dumps({"users": {str(row["id"]): row for row in long}})
    with pytest.raises(UserError, match="table users: expected a list of rows, got "):
        load(url, write(tmp_path, by_name, "users.json"))


# What is in users.jsonl, and the one thing that is told of it.
CSV = "id,name\n" + "1,Ann\n" * 5_000
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "CSV": (CSV, "line 1: expected an object, got id,name; this is not JSON, it looks like CSV: rows are written {"),
    "quoted CSV": ('"id","name"\n1,"Ann"\n', "it looks like CSV"),
    "SQL": ("INSERT INTO users VALUES (1);\n" * 9, "it looks like SQL"),
    "XML": ("<users>\n" * 9, "it looks like XML or HTML"),
    "YAML": ("id: 1\nname: Ann\n", "it looks like YAML"),
    "prose": ("hello\nworld\n", "expected an object, got hello; this is not JSON: rows are written"),
    "numbers": ("1\n2\n3\n4\n5\n", "line 1: expected an object, got 1"),
    "texts": ('"a"\n' * 9, 'line 1: expected an object, got "a"'),
    "lists without names": ('["id", "name"]\n' + '[1, "Ann"]\n' * 9, 'line 1: expected an object, got ["id", "name"];'),
    "a list of numbers": ("[\n1,\n2,\n3,\n4\n]", "line 1: expected an object, got [; a list at the top is one of rows"),
    "commas at the ends": ('{"id": 1},\n' * 9, "line 1: the rows have commas between them, but no [ before"),
    "Python's repr": ("{'id': 1}\n" * 99, "line 1: not JSON at column 2: Expecting property name enclosed in double "
                      "quotes; texts and names stand in double quotes (Python's json.dumps() writes them so); likewise "
                      "lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 88 more"),
    "Python's words": ('{"id": 1, "name": None}\n' * 9, "not JSON at column 19: Expecting value; JSON writes true"),
    "Latin-1": ("".join(f'{{"id": {n}, "name": "Zoë"}}\n' if n % 2 else f'{{"id": {n}}}\n' for n in range(99))
                .encode("latin-1"), "line 2: not UTF-8: the byte 0xeb; save it as UTF-8"),
    "UTF-16 without its mark": (LINES.encode("utf-16-le"), "line 1: this is UTF-16 without its mark"),
    "a trailing comma": ('{\n"id": 1,\n}\n' * 9, "no comma comes after the last one"),
    "a list cut off": ('[\n{"id": 1},\n{"id": 2},', "row 3: not JSON at line 3 column 11: it ends too early"),
    "a list that is not ended": ('[{"id": 1}, {"id": 2}\n', "row 3: not JSON at line 2 column 1: it ends too early"),
    "a list without a comma": ('[{"id": 1}\n{"id": 2}]', "row 2: not JSON at line 2 column 1: Expecting ',' delimiter"),
    "a list with a comma too many": ('[{"id": 1},\n]', "row 2: not JSON at line 2 column 1: "),
    "something after a list": ('[{"id": 1}]\nx', "row 2: not JSON at line 2 column 1: Expecting value"),
    "bad bytes in a list": (b'[{"id": 1},\n\n{"id": 2, "name": "\xff"}]', "row 2: not UTF-8: the byte 0xff in line 3"),
    "numbers in a list": ('[{"id": 1}' + ",\n5" * 20 + "]", "row 2: expected an object, got 5; likewise rows 3, 4, 5,"),
    "layout after lines": ('{"id": 1}\n' + PRETTY * 9, "not JSON at column 2: it ends too early (cut off?); likewise "
                           "lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and "),
    "nested deeply in a list": ('[{"id": 1, "tags": ' + "[" * 10_000 + "]" * 10_000 + "}]", "nested too deeply"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00", "is compressed: only gzip is unpacked here; give it unpacked, or through a "
             "pipe: zstd -dc FILE | ... --table NAME -"),
    "half a UTF-16": (LINES.encode("utf-16")[:-1], "cannot be read: it begins as utf-16"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_mistake_of_the_whole_file_is_told_once(url: str, tmp_path: Path, case: str) -> None:
    content, told = REFUSED[case]
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, content, "users.jsonl"))
    said = str(caught.value).splitlines()
    assert len(said) == (1 if "cannot be read" in told or "compressed" in told else 2)
    assert told in said[-1]
    assert said[-1].strip().startswith(str(tmp_path / "users.jsonl"))
    assert query(url, "SELECT count(*) FROM users") == [(0,)]


def test_a_few_lines_that_are_wrong_are_told_one_by_one(url: str, tmp_path: Path) -> None:
    lines = ['{"id": 1}', '{"id": 2', '{"id": 3}', "{id: 4}", '{"id": 5}', '["id"]', "6"]
    result = run(url, write(tmp_path, "\n".join(lines), "users.jsonl"))
    told = [line.partition("users.jsonl, table users, ")[2] for line in result.stderr.splitlines()[1:]]
    assert [line.partition(":")[0] for line in told] == ["line 2", "line 4", "line 6", "line 7"]


# A folder, and what is said of it.


def test_every_fixture_of_a_folder_is_read(url: str, tmp_path: Path) -> None:
    write(tmp_path, {"users": [{"id": 1}]}, "A.JSON")
    write(tmp_path, '{"id": 2}', "users.NDJSON")
    write(tmp_path, '{"id": 3}', "users.2.ndjson")
    write(tmp_path, gzip.compress(b'{"id": 4}'), "users.3.JSONL.gz")
    (tmp_path / "users.5.jsonl").symlink_to(tmp_path / "users.NDJSON")
    result = run(url, tmp_path)
    assert "is given more than once" in result.stderr
    (tmp_path / "users.5.jsonl").unlink()
    result = run(url, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert query(url, "SELECT id FROM users ORDER BY id") == [(1,), (2,), (3,), (4,)]


def test_what_is_left_out_of_a_folder_is_told_in_one_line(url: str, tmp_path: Path) -> None:
    write(tmp_path, '{"id": 1}', "users.jsonl")
    write(tmp_path, b"\x00\x05\x16\x07", "._users.jsonl")
    for name in ("README.md", "_SUCCESS", "users.csv", "users.jsonl.bak"):
        write(tmp_path, "", name)
    (tmp_path / "more").mkdir()
    (tmp_path / "gone").symlink_to("nothing")
    result = run(url, tmp_path)
    assert result.returncode == 0
    [said] = result.stderr.splitlines()
    assert said == (
        f"{tmp_path}: left out ._users.jsonl, users.jsonl.bak, README.md, _SUCCESS, gone and 2 more: "
        "fixtures end in .json, .json.gz, .jsonl, .jsonl.gz, .ndjson, .ndjson.gz"
    )


def test_fixtures_of_a_folder_that_cannot_be_read_are_refused(url: str, tmp_path: Path) -> None:
    write(tmp_path, '{"id": 1}', "users.jsonl")
    (tmp_path / "films.jsonl").symlink_to("nothing.jsonl")
    (tmp_path / "loop.json").symlink_to("loop.json")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "spark.jsonl").mkdir()
    write(tmp_path / "spark.jsonl", '{"id": 7}', "part-00000-6f1c.json")
    result = run(url, tmp_path)
    assert result.returncode == 1
    said = [line.strip().removeprefix(f"{tmp_path}/").split(":")[:2] for line in result.stderr.splitlines()[1:]]
    assert said == [
        ["films.jsonl", " is a link that leads to nothing"],
        ["loop.json", " is a link that leads to nothing"],
        ["pipe.jsonl", " is no file"],
        ["spark.jsonl", " is a folder, and folders in a folder are not read"],
    ]
    assert query(url, "SELECT count(*) FROM users") == [(0,)]
    # It says how the files of Spark are loaded.
    result = run(url, tmp_path / "spark.jsonl", options=("--table", "users"))
    assert (result.returncode, query(url, "SELECT id FROM users")) == (0, [(7,)])
