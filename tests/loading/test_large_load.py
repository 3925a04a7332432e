"""Loads of more than 10,000 rows: in one pass, by several connections, in the order of the foreign keys."""

import gc
import gzip
import json
import os
import random
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import seeding
from disturbed_loads import (
    HINT,
    LARGE,
    Ended,
    Loader,
    Tables,
    as_json,
    empty,
    in_order,
    load,
    sample,
    stored,
    write_document,
    write_lines,
)
from server_faults import sessions
from terminal import Terminal

from toolkit import progress, schema
from toolkit.console import UserError
from toolkit.database import Database
from toolkit.loading.read.files import find_rows

PROJECT = Path(__file__).resolve().parents[2]
ON_CI = os.environ.get("CI") == "true"
SCHEMA = PROJECT / "schema.sql"

MOST_MEMORY = 120_000  # kB

# Tells the peak memory of the process that it runs, in kB.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
unit = 1024 if sys.platform == "darwin" else 1
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit)
"""


@pytest.fixture(scope="module")
def tables_url(module_url: str) -> str:
    database = Database(module_url)
    schema.apply(database, SCHEMA)
    database.close()
    return module_url


@pytest.fixture
def url(tables_url: str) -> str:
    """The URL of a database with the six tables, which are empty."""
    empty(tables_url)
    return tables_url


@pytest.fixture(scope="module")
def tables() -> Tables:
    return sample(LARGE)


def run_sql(url: str, statement: str, values: Any = None) -> list[Any]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def write_rows(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(f"{as_json(row)}\n" for row in rows), "utf-8")
    return file


def report(end: Ended) -> dict[str, dict[str, int]]:
    """Return what the loader's report says: table -> {"new or changed": 3, "unchanged": 0}."""
    assert end.status == 0, end
    found = {}
    for line in end.stdout.splitlines():
        if match := re.fullmatch(r"(\w+) +([\d,]+) rows: (.*)", line):
            counts = (part.partition(" ") for part in re.split(", (?=[0-9])", match[3]))
            found[match[1]] = {what: int(number.replace(",", "")) for number, _, what in counts}
    return found


def committed(end: Ended) -> dict[str, int]:
    """Return what the loader says is committed of each table."""
    [said] = re.findall(r"Committed rows, at least: ([^.]*)\.", end.stderr)
    return {table: int(rows.replace(",", "")) for table, rows in (part.split(" ") for part in said.split(", "))}


# What is in the files is in the tables


def test_a_folder_of_files_arrives_exactly(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    first = load(url, folder)
    assert stored(url, tables) == in_order(tables)
    assert report(first) == {table: {"new or changed": len(rows), "unchanged": 0} for table, rows in tables.items()}
    assert re.fullmatch(rf"Loaded {LARGE:,} rows in [\d.]+ s: .*", first.stdout.splitlines()[-1])
    assert first.stderr == HINT
    again = load(url, folder)
    assert report(again) == {table: {"new or changed": 0, "unchanged": len(rows)} for table, rows in tables.items()}
    assert stored(url, tables) == in_order(tables)


@pytest.mark.parametrize("last", ["", "broken"], ids=["fine", "no JSON"])
def test_garbage_is_collected_again_afterwards(url: str, tmp_path: Path, last: str) -> None:
    seeding.query(url, "CREATE TABLE IF NOT EXISTS plain (id INT8 NOT NULL PRIMARY KEY)")
    lines = "".join(f'{{"id": {number}}}\n' for number in range(LARGE))
    with pytest.raises(UserError) if last else nullcontext():
        seeding.load(url, seeding.write(tmp_path, lines + last, "plain.jsonl"))
    assert gc.isenabled()


def test_a_document_arrives_exactly(url: str, tables: Tables, tmp_path: Path) -> None:
    backwards = {table: tables[table] for table in reversed(tables)}
    assert load(url, write_document(tmp_path, backwards)).status == 0
    assert stored(url, tables) == in_order(tables)


@pytest.mark.parametrize("connections", [1, 2, 16])
def test_several_files_a_table_in_any_order(url: str, tables: Tables, tmp_path: Path, connections: int) -> None:
    viewings = random.sample(tables["watch_history"], len(tables["watch_history"]))
    files: list[Path | str] = []
    for number in range(4):
        lines = "".join(f"{as_json(row)}\n" for row in viewings[number::4]).encode()
        name = f"watch_history.{number:04}.jsonl"
        file = tmp_path / (f"{name}.gz" if number % 2 else name)
        file.write_bytes(gzip.compress(lines) if number % 2 else lines)
        files.append(file)
    document = write_document(tmp_path, {table: tables[table] for table in ("users", "subscriptions")})
    content = write_rows(tmp_path / "content.jsonl", tables["content"])
    assert load(url, *files, document, content, "--connections", str(connections)).status == 0
    assert stored(url, tables) == in_order(tables)


def test_rows_that_give_different_columns(url: str, tables: Tables, tmp_path: Path) -> None:
    load(url, write_lines(tmp_path, tables, "before"))
    optional = {"users": "subscription_id", "content": "genre", "watch_history": "progress"}
    changed = sample(LARGE, variant=1)
    partial = {
        table: [
            {name: value for name, value in row.items() if number % 2 or name != optional.get(table)}
            for number, row in enumerate(rows)
        ]
        for table, rows in changed.items()
    }
    assert load(url, write_lines(tmp_path, partial, "after")).status == 0
    expected = {
        table: [{**old, **new} for old, new in zip(rows, partial[table], strict=True)] for table, rows in tables.items()
    }
    assert stored(url, tables) == in_order(expected), "columns not given are not touched"


def test_a_column_left_out_of_a_new_row_takes_its_default(url: str, tables: Tables, tmp_path: Path) -> None:
    viewings = [
        {name: value for name, value in row.items() if number % 3 or name != "progress"}
        for number, row in enumerate(tables["watch_history"])
    ]
    assert load(url, write_lines(tmp_path, {**tables, "watch_history": viewings})).status == 0
    expected = {"watch_history": [{**row, "progress": row.get("progress", 0)} for row in viewings]}
    assert stored(url, {"watch_history": tables["watch_history"]}) == in_order(expected)


def test_rows_of_more_than_a_megabyte(url: str, tables: Tables, tmp_path: Path) -> None:
    letters = "aé日🎬\\\"',{}\n"
    content = [dict(row) for row in tables["content"]]
    users = [dict(row) for row in tables["users"]]
    for number in range(0, len(users), 100):
        users[number]["name"] = "".join(random.choices(letters, k=700_000 + number))
    changed = {**tables, "content": content, "users": users}
    assert load(url, write_lines(tmp_path, changed)).status == 0
    assert stored(url, changed) == in_order(changed)


def test_rows_that_are_there_can_be_left_alone(url: str, tables: Tables, tmp_path: Path) -> None:
    half = {table: rows[::2] if table == "watch_history" else rows for table, rows in tables.items()}
    load(url, write_lines(tmp_path, half, "before"))
    changed = sample(LARGE, variant=1)
    end = load(url, write_lines(tmp_path, changed, "after"), "--on-conflict", "skip")
    there = {table: len(rows) for table, rows in half.items()}
    assert report(end) == {
        table: {"new": len(rows) - there[table], "left alone": there[table]} for table, rows in changed.items()
    }
    expected = {**tables, "watch_history": half["watch_history"] + changed["watch_history"][1::2]}
    assert stored(url, tables) == in_order(expected)


def test_sequences_are_moved_on(url: str, tmp_path: Path) -> None:
    run_sql(url, "CREATE SEQUENCE ticket_numbers")
    run_sql(url, "CREATE TABLE tickets (id INT8 PRIMARY KEY DEFAULT nextval('ticket_numbers'), title TEXT)")
    rows = [{"id": number, "title": f"Ticket {number}"} for number in random.sample(range(1, 10_502), 10_501)]
    file = write_rows(tmp_path / "tickets.jsonl", rows)
    for _ in range(2):
        assert load(url, file).status == 0
    assert run_sql(url, "INSERT INTO tickets (title) VALUES ('next') RETURNING id") == [(10_502,)]


def test_a_table_that_refers_to_itself(url: str, tmp_path: Path) -> None:
    """Parents come before their children: within a window in any order, and over the whole file."""
    run_sql(
        url,
        "CREATE TABLE employees (employee_id UUID PRIMARY KEY, name TEXT NOT NULL, manager_id UUID,"
        " CONSTRAINT employees_manager_id_fkey FOREIGN KEY (manager_id) REFERENCES employees (employee_id))",
    )
    keys = [str(uuid.uuid4()) for _ in range(12_000)]
    rows = [
        {"employee_id": key, "name": f"No. {number}"}
        | ({} if number == 0 else {"manager_id": keys[random.randrange(number)]})
        for number, key in enumerate(keys)
    ]
    beginning = rows[:3_000]
    random.shuffle(beginning)
    file = write_rows(tmp_path / "employees.jsonl", beginning + rows[3_000:])
    for _ in range(2):
        assert load(url, file).status == 0
    found = dict(run_sql(url, "SELECT employee_id::TEXT, manager_id::TEXT FROM employees"))
    assert found == {row["employee_id"]: row.get("manager_id") for row in rows}

    orphan = {"employee_id": str(uuid.uuid4()), "name": "early", "manager_id": str(uuid.uuid4())}
    end = load(url, write_rows(file, [*rows, orphan]))
    assert end.status == 1
    assert "line 12001" in end.stderr
    assert "employees_manager_id_fkey" in end.stderr


# A bad row stops the load

VIEWING = "watch_history.jsonl"


@pytest.mark.parametrize(
    ("line", "change", "told"),
    [
        (8_000, {"progress": "12 %"}, "column progress: expected"),
        (8_000, {"watched_at": "2026-02-30T00:00:00Z"}, "column watched_at: "),
        (3_000, {"user_id": 999_999}, "watch_history_user_id_fkey"),
        (8_000, {"progress": 150}, "breaks watch_history_progress_range: CHECK"),
        (8_000, {"watch_id": "00000000-0000-0000-0000-000000000001", "content_id": None}, "column content_id: "),
        (8_000, {"proggress": 1}, "progress"),
    ],
)
def test_a_bad_row_stops_the_load(
    url: str, tables: Tables, tmp_path: Path, line: int, change: dict[str, Any], told: str
) -> None:
    bad = [dict(row) for row in tables["watch_history"]]
    bad[line - 1] |= change
    folder = write_lines(tmp_path, {**tables, "watch_history": bad})
    end = load(url, folder)
    assert end.status == 1
    assert end.stderr.startswith(HINT + "error: 1 problem in the fixtures. Committed rows, at least: ")
    assert "Mend them and run it again: that finishes." in end.stderr
    [problem] = [part for part in end.stderr.splitlines() if VIEWING in part]
    assert f"{folder / VIEWING}, table watch_history, line {line} " in problem
    assert told in problem
    assert_prefix(url, tables, committed(end))

    write_rows(folder / VIEWING, tables["watch_history"])
    assert load(url, folder).status == 0
    assert stored(url, tables) == in_order(tables)


def assert_prefix(url: str, tables: Tables, said: dict[str, int]) -> None:
    """What was said to be committed is there, and no row that is not in the files or without those it refers to."""
    there = stored(url, tables)
    assert {table: len(rows) for table, rows in there.items()} == said
    for table, rows in there.items():
        assert {as_json(row) for row in rows} <= {as_json(row) for row in tables[table]}
    users = {row["user_id"] for row in there["users"]}
    titles = {row["content_id"] for row in there["content"]}
    assert all(row["user_id"] in users and row["content_id"] in titles for row in there["watch_history"])


def test_a_line_that_is_no_json(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    lines = (folder / VIEWING).read_text("utf-8").splitlines(keepends=True)
    (folder / VIEWING).write_text("".join([*lines[:5_000], '{"watch_id": \n', *lines[5_000:]]), "utf-8")
    end = load(url, folder)
    assert end.status == 1
    assert f"{folder / VIEWING}, table watch_history, line 5001: not JSON" in end.stderr
    assert_prefix(url, tables, committed(end))


def test_rows_after_megabytes_of_empty_lines(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    lines = (folder / VIEWING).read_text("utf-8").splitlines(keepends=True)
    (folder / VIEWING).write_text("".join([*lines[:5_000], *[" " * 10_000 + "\n"] * 2_000, *lines[5_000:]]), "utf-8")
    assert load(url, folder).status == 0
    assert stored(url, tables) == in_order(tables)


def test_a_damaged_file(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    content = gzip.compress((folder / VIEWING).read_bytes())
    (folder / VIEWING).unlink()
    (folder / f"{VIEWING}.gz").write_bytes(content[: len(content) * 9 // 10])
    end = load(url, folder)
    assert end.status == 1
    assert f"{VIEWING}.gz cannot be read" in end.stderr


@pytest.mark.parametrize("line_as", ["{}\n", "  {}\n"], ids=["alike", "unlike the others"])
def test_a_key_twice_in_a_window(url: str, tables: Tables, tmp_path: Path, line_as: str) -> None:
    folder = write_lines(tmp_path, tables)
    lines = (folder / VIEWING).read_text("utf-8").splitlines(keepends=True)
    lines.insert(30, as_json({**tables["watch_history"][20], "progress": 1}) + "\n")
    lines[20] = line_as.format(lines[20].strip())
    (folder / VIEWING).write_text("".join(lines), "utf-8")
    end = load(url, folder)
    assert end.status == 1
    key = tables["watch_history"][20]["watch_id"]
    assert f"line 31 (watch_id {key}), column watch_id: watch_id {key} is in line 21 already" in end.stderr
    assert_prefix(url, tables, committed(end))


def test_bad_rows_are_told_in_their_order(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    lines = (folder / VIEWING).read_text("utf-8").splitlines(keepends=True)
    row = tables["watch_history"][0]
    lines[10] = lines[30] = as_json({**row, "progress": 101.5, "user_id": "x"}) + "\n"
    lines[20] = as_json(dict(reversed({**row, "user_id": "y"}.items()))) + "\n"
    lines[25] = "null\n"
    lines[28] = "{\n"
    (folder / VIEWING).write_text("".join(lines), "utf-8")
    end = load(url, folder)
    assert end.status == 1
    assert re.findall(r"table watch_history, line (\d+)", end.stderr) == ["11", "21", "26", "29", "31"]


def test_a_row_that_meets_somebody_elses(url: str, tables: Tables, tmp_path: Path) -> None:
    run_sql(url, "INSERT INTO users (user_id, name, email) VALUES (-1, 'Somebody', '700@example.com')")
    folder = write_lines(tmp_path, tables)
    end = load(url, folder)
    assert end.status == 1
    assert f"{folder / 'users.jsonl'}, table users, line 700 (user_id 700)" in end.stderr
    assert "users_email_key" in end.stderr
    assert "in the row with user_id -1" in end.stderr
    assert committed(end)["watch_history"] == 0


def test_a_table_that_is_not_there(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    (folder / VIEWING).rename(folder / "watch_histories.jsonl")
    end = load(url, folder)
    assert end.status == 1
    assert "Nothing was written" in end.stderr
    assert "did you mean" in end.stderr
    assert not any(stored(url, tables).values())


# Connections


@contextmanager
def locked(url: str, table: str, rows: list[dict[str, Any]]) -> Iterator[Callable[[], None]]:
    """Somebody else's transaction has just inserted these rows, and does not end before it is told to.

    The table must have an earlier row, or CockroachDB cannot tell whether it is empty before that transaction ends.
    """
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for row in rows:
            columns, places = ", ".join(row), ", ".join(["%s"] * len(row))
            cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values()))
        yield connection.rollback


@pytest.mark.parametrize("connections", [1, 3])
def test_so_many_connections_are_used(url: str, tmp_path: Path, connections: int) -> None:
    tables = sample(LARGE + 3_000)
    viewings = tables.pop("watch_history")
    first, *others = sorted(viewings, key=lambda row: str(row["watch_id"]))
    assert load(url, write_document(tmp_path, {**tables, "watch_history": [first]})).status == 0
    file = write_rows(tmp_path / VIEWING, viewings)
    in_the_way = others[::300]  # in each batch one
    named = psycopg2.extensions.make_dsn(url, application_name="counted")
    with locked(url, "watch_history", in_the_way) as release:
        loader = Loader(named, file, "--connections", str(connections))
        assert soon(lambda: len(sessions(url, "counted")) >= connections)
        time.sleep(0.5)
        # CockroachDB counts what it asks itself for a query about the catalog as a session of the same name.
        assert soon(lambda: len(sessions(url, "counted")) == connections)
        release()
    assert loader.end().status == 0


def test_tables_that_do_not_depend_on_each_other_are_loaded_at_the_same_time(
    url: str, tables: Tables, tmp_path: Path
) -> None:
    load(url, write_document(tmp_path, {"content": tables["content"][:1]}))
    with locked(url, "content", tables["content"][-1:]) as release:
        loader = Loader(url, write_lines(tmp_path, tables))
        assert soon(lambda: len(stored(url, {"users": tables["users"]})["users"]) == len(tables["users"]))
        assert run_sql(url, "SELECT count(*) FROM watch_history") == [(0,)]
        release()
    assert loader.end().status == 0
    assert stored(url, tables) == in_order(tables)


def soon(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until the condition holds; return whether it does in the end."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return holds


# What is checked only


def test_a_dry_run(url: str, tables: Tables, tmp_path: Path) -> None:
    folder = write_lines(tmp_path, tables)
    end = load(url, folder, "--dry-run")
    assert report(end) == {table: {"checked": len(rows)} for table, rows in tables.items()}
    assert "judged by the server" in end.stdout
    assert f"Dry run, nothing was written: checked {LARGE:,} rows" in end.stdout
    write_rows(folder / VIEWING, [*tables["watch_history"], {**tables["watch_history"][0], "progress": None}])
    end = load(url, folder, "--dry-run")
    assert end.status == 1
    assert "line 8921" in end.stderr
    assert "Nothing was written" in end.stderr
    assert not any(stored(url, tables).values())


# Memory and progress


def test_memory_is_flat(url: str, tmp_path: Path) -> None:
    run_sql(
        url,
        "CREATE TABLE measurements (id INT8 PRIMARY KEY, name TEXT, amount DECIMAL(10, 2), at TIMESTAMPTZ,"
        " key UUID, note TEXT)",
    )
    peaks = []
    sizes = (100_000, 250_000 if ON_CI else 400_000)
    for rows in sizes:
        file = tmp_path / "measurements.jsonl"
        with file.open("w") as lines:
            for number in range(rows):
                row = {"id": number, "name": f"Measurement {number}", "amount": number / 100}
                row |= {"at": "2026-01-01T00:00:00Z", "key": str(uuid.UUID(int=number)), "note": "x" * 40}
                lines.write(json.dumps(row) + "\n")
        script = PROJECT / "insert_data.py"
        command = [sys.executable, "-c", MEASURE, sys.executable, str(script), str(file), "--url", url]
        peaks.append(int(subprocess.check_output(command)))
        assert run_sql(url, "SELECT count(*) FROM measurements") == [(rows,)]
    print(f"peak memory in kB: {peaks}")
    assert max(peaks) <= MOST_MEMORY
    # The shortest text takes 50 bytes, and an entry of a set 16 more: not even that is kept of a row. (What is under
    # way at the same moment is some megabytes more or less, as chance and a busy machine have it.)
    assert (peaks[1] - peaks[0]) * 1024 < (sizes[1] - sizes[0]) * 66


def test_bars_on_a_terminal(url: str, tables: Tables, tmp_path: Path) -> None:
    """One for each table that takes longer than a second. Here it is that of which the last batch has to wait."""
    first, *_, last = tables["users"]
    load(url, write_document(tmp_path, {"subscriptions": tables["subscriptions"], "users": [first]}))
    begin = time.monotonic()
    with locked(url, "users", [{**last, "subscription_id": None}]) as release:  # nor is a plan locked
        terminal = on_a_terminal(url, write_lines(tmp_path, tables))
        time.sleep(2.5)
        release()
        assert terminal.end() == 0
    is_quick = time.monotonic() - begin < 3.5  # on a busy machine other tables take a second, too
    bars = [line for line in re.split("[\r\n]+", terminal.shown) if "rows/s" in line]
    of_users = [bar for bar in bars if bar.startswith("users")]
    assert re.match(r"users: +100%\|.*\| 1,050 rows, [\d,]+ rows/s, 00:00 left", of_users[-1])
    if is_quick:
        assert bars == of_users
        assert terminal.shown.count("\n") == 1


def on_a_terminal(url: str, path: Path) -> Terminal:
    """Start a loader whose messages go to a terminal, and nothing else."""
    return Terminal("insert_data.py", str(path), "--url", url, columns=100, stdout=subprocess.DEVNULL)


def test_no_bars_for_a_short_load(url: str, tables: Tables, tmp_path: Path) -> None:
    terminal = on_a_terminal(url, write_document(tmp_path, {**tables, "watch_history": []}))
    assert terminal.end() == 0
    assert terminal.shown == ""


def test_lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert progress.LINE_EVERY == 10
    monkeypatch.setattr(progress, "LINE_EVERY", 0.3)
    told = progress.Progress()
    told("users", 100, 0.2)
    assert capsys.readouterr().err == ""
    time.sleep(0.4)
    told("content", 50, 0.5)
    told("users", 200, 0.4)
    assert re.fullmatch(r"150 rows, \d+ rows/s; content 50% read\n", capsys.readouterr().err)
    time.sleep(0.4)
    told("users", 300, 0)
    told.close()
    assert re.fullmatch(r"350 rows, \d+ rows/s; users under way\n", capsys.readouterr().err)


@pytest.mark.parametrize("name", ["watch_history.jsonl", "watch_history.jsonl.gz"])
def test_how_much_of_a_file_is_read(tables: Tables, tmp_path: Path, name: str) -> None:
    content = "".join(f"{as_json(row)}\n" for row in tables["watch_history"]).encode()
    # Not compressed, for Python reads 128 kB of such a file at once.
    (tmp_path / name).write_bytes(gzip.compress(content, compresslevel=0) if name.endswith(".gz") else content)
    [rows] = find_rows([tmp_path / name])
    fractions = [rows.fraction_read(), *(rows.fraction_read() for _ in rows.read()), rows.fraction_read()]
    assert fractions[0] == 0
    assert len(fractions) > 5
    assert fractions == sorted(fractions)
    assert 0 < fractions[1] < fractions[-2] <= fractions[-1] == 1
