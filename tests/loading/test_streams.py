"""Rows on standard input and in named pipes, which can be read only once: small loads and large ones."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from seeding import SCRIPT, query, write

from toolkit.loading.read import input_stream
from toolkit.loading.read.input_stream import InputStream

SMALL, LARGE = 9, 10_500


@pytest.fixture(scope="module")
def tables_url(module_url: str) -> str:
    """The URL of a database with two tables."""
    query(module_url, "CREATE TABLE users (id INT8 NOT NULL PRIMARY KEY, name TEXT)")
    query(module_url, "CREATE TABLE films (id INT8 NOT NULL PRIMARY KEY, user_id INT8 REFERENCES users (id))")
    query(module_url, "CREATE INDEX ON films (user_id)")  # by which rows of users are soon deleted
    return module_url


@pytest.fixture
def url(tables_url: str) -> str:
    """The URL of the database, whose tables are empty."""
    query(tables_url, "DELETE FROM films")
    query(tables_url, "DELETE FROM users")
    return tables_url


def lines(rows: int) -> bytes:
    return b"".join(b'{"id": %d, "name": "No. %d"}\n' % (number, number) for number in range(rows))


def run(url: str, *arguments: str | Path, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run the script with this on its standard input, and show what it says."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments), "--url", url]
    result = subprocess.run(command, input=given, capture_output=True, timeout=120, check=False)
    print(result.stdout.decode(), result.stderr.decode())
    return result


def count(url: str, table: str = "users") -> int:
    ((number,),) = query(url, f"SELECT count(*) FROM {table}")
    return int(number)


@pytest.mark.parametrize("rows", [0, SMALL, 10_000, LARGE])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_json_lines_on_standard_input(url: str, rows: int, packed: bool) -> None:
    given = gzip.compress(lines(rows)) if packed else lines(rows)
    result = run(url, "--table", "users", "-", given=given)
    assert result.returncode == 0
    assert result.stderr == b""
    found = query(url, "SELECT id, name FROM users ORDER BY id")
    assert found == [(number, f"No. {number}") for number in range(rows)]
    assert (b" new or changed" in result.stdout) == (rows > 10_000)


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_other_forms_on_standard_input(url: str, rows: int) -> None:
    parsed = [json.loads(line) for line in lines(rows).splitlines()]
    pretty = "\n".join(json.dumps(row, indent=2) for row in parsed)
    run(url, "--table", "users", "-", given=pretty.encode("utf-16"))
    assert count(url) == rows
    query(url, "DELETE FROM users")
    run(url, "--table", "users", "-", given=json.dumps(parsed).encode())
    assert count(url) == rows
    films = [{"id": row["id"], "user_id": row["id"]} for row in parsed]
    run(url, "-", given=json.dumps({"films": films, "users": parsed}).encode())
    assert count(url, "films") == rows


def test_what_is_wrong_on_standard_input_is_told_with_its_line(url: str) -> None:
    told = run(url, "--table", "users", "-", given=lines(5) + b'{"id": 6, "nmae": "x"}\n').stderr.decode()
    assert "standard input, table users, line 6 (id 6), column nmae: the table has no such column; did you" in told
    told = run(url, "--table", "users", "-", given=lines(LARGE) + b'{"id": 6, "name": 7}\n').stderr.decode()
    assert f"standard input, table users, line {LARGE + 1} (id 6), column name: expected text, got 7" in told
    told = run(url, "-", given=lines(5)).stderr.decode()
    assert "standard input: these are rows: say of which table, with --table NAME" in told
    told = run(url, "--table", "users", "-", given=b'{"users": [{"id": 1}]}').stderr.decode()
    assert "this is a document, which names its tables itself: leave out --table" in told
    told = run(url, "--table", "usrs", "-", given=lines(1)).stderr.decode()
    assert 'standard input, table usrs: the database has no table "usrs"; did you mean "users"?' in told
    assert "standard input: the file is empty" in run(url, "-").stderr.decode()
    assert "-: the file is given more than once" in run(url, "--table", "users", "-", "-").stderr.decode()


def test_standard_input_that_is_closed(url: str) -> None:
    command = f'exec "{sys.executable}" "{SCRIPT}" --url "{url}" --table users - <&-'
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (1, "error: standard input is closed\n")


@pytest.mark.parametrize("argument", ["", "--table="], ids=["FILE", "--table"])
def test_an_empty_name(url: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, lines(3), "users.jsonl")
    monkeypatch.chdir(tmp_path)  # which is what Path makes of an empty name
    result = run(url, argument)
    assert result.returncode == 2
    assert re.search(rb"error: argument (FILE|--table): the name of a (file or a folder|table) is empty", result.stderr)
    assert count(url) == 0


@contextmanager
def written(pipe: Path, data: bytes) -> Iterator[Path]:
    """A named pipe into which somebody writes these bytes."""
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(data))
    writer.start()
    yield pipe
    writer.join()


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_named_pipes(url: str, tmp_path: Path, rows: int) -> None:
    films = b"".join(b'{"id": %d, "user_id": %d}\n' % (number, number) for number in range(rows))
    with (
        written(tmp_path / "users.ndjson", lines(rows)) as users,
        written(tmp_path / "films.jsonl.gz", gzip.compress(films)) as packed,
    ):
        assert run(url, packed, users).returncode == 0
    assert (count(url), count(url, "films")) == (rows, rows)
    with written(tmp_path / "pipe", lines(rows + 1)) as pipe:  # a name that says nothing, as in <(...) of a shell
        assert run(url, "--table", "users", pipe).returncode == 0
    assert count(url) == rows + 1


def test_a_pipe_and_files_are_one_load(url: str, tmp_path: Path) -> None:
    film = write(tmp_path, {"films": [{"id": 1, "user_id": 4}]}, "films.json")
    users = write(tmp_path, lines(LARGE), "users.jsonl")
    with written(tmp_path / "more.jsonl", b'[{"user_id": 5}]') as more:  # the second film, as its position says
        assert run(url, "--dry-run", film, more, users).returncode == 1  # there is no table called more
    with written(tmp_path / "films.2.json", b'[{"user_id": 5}]') as more:
        assert run(url, film, more, users).returncode == 0
    assert query(url, "SELECT id, user_id FROM films ORDER BY id") == [(1, 4), (2, 5)]


def test_what_is_kept_of_a_pipe_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(input_stream, "KEPT_IN_MEMORY", 100_000)
    data = os.urandom(5_000) * 100
    file = tmp_path / "data"
    file.write_bytes(data)
    opened = 0

    def open_pipe() -> io.FileIO:
        nonlocal opened
        opened += 1
        return file.open("rb", 0)

    pipe = InputStream("pipe", open_pipe, is_pipe=True)
    for beginning in (10, 70_000, 300_000, 20):
        with pipe.opened() as stream:
            assert stream.read(beginning) == data[:beginning]
        assert pipe.fraction_read() == 0
    with pipe.opened(last=True) as stream:
        assert stream.read() == data
    assert (opened, pipe.fraction_read()) == (1, 1)


def test_memory_is_flat(url: str) -> None:
    """60 MB through a pipe, 20 MB of which come before it is known that it is a large load."""
    row = '{"id": %d, "name": "%s"}\\n'
    make = f"import sys\nfor n in range({3 * 9_999}): sys.stdout.write('{row}' % (n, 'x' * 2_000))"
    measure = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // (1024 if sys.platform == 'darwin' else 1))"
    )
    with subprocess.Popen([sys.executable, "-c", make], stdout=subprocess.PIPE) as maker:
        command = [sys.executable, "-c", measure, sys.executable, str(SCRIPT), "--table", "users", "-", "--url", url]
        peak = int(subprocess.run(command, stdin=maker.stdout, capture_output=True, timeout=120, check=True).stdout)
    assert count(url) == 3 * 9_999
    assert peak < 120_000  # kB


def test_interrupted_together_with_what_sends_the_rows(url: str) -> None:
    """Ctrl-C ends both ends of a pipe; a line that is cut off by that is no mistake in the rows."""
    make = "import sys, time\nsys.stdout.buffer.write(sys.stdin.buffer.read()[:-9]); sys.stdout.flush(); time.sleep(60)"
    shell = f"trap : INT; '{sys.executable}' -c '{make}' | '{sys.executable}' '{SCRIPT}' --table users -"
    process = subprocess.Popen(
        ["bash", "-c", shell],
        env={**os.environ, "DATABASE_URL": url},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stderr
    process.stdin.write(lines(25_000))
    process.stdin.close()
    end = time.monotonic() + 60
    while not count(url) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    said = process.stderr.read().decode()
    process.stderr.close()
    process.wait(30)
    assert said.splitlines()[-1] == "interrupted"
    assert re.search(r"Committed rows, at least: users 2\d,\d{3}\.", said)
    assert "not JSON" not in said


def start(url: str, given: int) -> "subprocess.Popen[bytes]":
    """Start the script with what can be read from a file descriptor on its standard input."""
    command = [sys.executable, str(SCRIPT), "--table", "users", "-", "--url", url]
    return subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_interrupted_while_nothing_comes(url: str) -> None:
    """Who sends the rows may live on, and be silent."""
    reading, writing = os.pipe()
    with start(url, reading) as loader:
        os.close(reading)
        with os.fdopen(writing, "wb", 0) as sender:
            sender.write(lines(25_000))
            end = time.monotonic() + 60
            while not count(url) and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(0.5)
            loader.send_signal(signal.SIGINT)
            out, err = loader.communicate(timeout=30)
    assert (loader.returncode, out) == (130, b"")
    assert re.fullmatch(rb"Committed rows, at least: users 2\d,\d{3}\. .*\ninterrupted\n", err), err


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_a_pipe_that_does_not_block_has_not_ended(url: str, rows: int) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with start(url, reading) as loader:
        os.close(reading)
        with os.fdopen(writing, "wb", 0) as sender:
            for part in (lines(rows)[:100], lines(rows)[100:]):
                time.sleep(1)
                sender.write(part)
        _, err = loader.communicate(timeout=60)
    assert (loader.returncode, err) == (0, b"")
    assert count(url) == rows
