"""After a load, whatever became of it, the sequences give values that no row has."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from seeding import SCRIPT, load, query, run, write

from toolkit.database import Database, catalog, run_or_explain
from toolkit.loading.read.files import find_rows
from toolkit.loading.small_load import load_small
from toolkit.loading.write.sequences import advance, find_sequences

TICKETS = "CREATE TABLE tickets (id INT8 PRIMARY KEY DEFAULT nextval('numbers'), title TEXT)"


def make_tickets(url: str, sequence: str = "CREATE SEQUENCE numbers") -> None:
    query(url, sequence)
    query(url, TICKETS)


def write_lines(folder: Path, numbers: Any, *, broken: bool = False) -> Path:
    lines = [f'{{"id": {number}, "title": "Ticket"}}\n' for number in numbers]
    return write(folder, "".join(lines) + ("broken" if broken else ""), "tickets.jsonl")


def draw(url: str) -> int:
    """Return the key of a new row, as an application makes it."""
    return int(query(url, "INSERT INTO tickets (title) VALUES ('next') RETURNING id")[0][0])


def test_a_load_that_a_bad_row_stops(url: str, tmp_path: Path) -> None:
    make_tickets(url)
    end = run(url, write_lines(tmp_path, range(1, 21_001), broken=True))
    assert end.returncode == 1
    ((most,),) = query(url, "SELECT max(id) FROM tickets")
    assert most
    assert draw(url) > most


def test_a_load_that_is_killed(url: str, tmp_path: Path) -> None:
    make_tickets(url)
    file = write_lines(tmp_path, range(1, 300_001))
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(file), "--url", url])
    while query(url, "SELECT count(*) FROM tickets")[0][0] < 5_000 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(0.5)  # what the server was told to commit is committed by then
    ((most,),) = query(url, "SELECT max(id) FROM tickets")
    assert 5_000 <= most < 300_000
    assert draw(url) > most


@pytest.mark.parametrize("rows", [20, 12_000])
def test_a_descending_sequence(url: str, tmp_path: Path, rows: int) -> None:
    make_tickets(url, "CREATE SEQUENCE numbers INCREMENT BY -1")
    load(url, write_lines(tmp_path, range(-rows, 0)))
    assert draw(url) == -rows - 1


@pytest.mark.parametrize("rows", [20, 12_000])
def test_a_value_that_the_sequence_cannot_give(url: str, tmp_path: Path, rows: int) -> None:
    make_tickets(url, "CREATE SEQUENCE numbers MAXVALUE 100000")
    load(url, write_lines(tmp_path, [*range(1, rows), 200_000]))
    assert draw(url) == rows


def test_a_sequence_that_is_ahead_stays_there(url: str, tmp_path: Path) -> None:
    make_tickets(url, "CREATE SEQUENCE numbers START WITH 500")
    load(url, write_lines(tmp_path, range(1, 21)))
    assert draw(url) == 500


def test_loads_at_once(url: str, tmp_path: Path) -> None:
    """One moved it on while another, which had seen the value before, moved it back."""
    make_tickets(url)
    databases = [Database(url), Database(url)]
    for turn in range(40):
        begin = turn * 100
        files = []
        for number in range(2):
            folder = tmp_path / f"{turn}.{number}"
            folder.mkdir()
            files.append(write_lines(folder, range(begin + number + 1, begin + 51, 2)))
        loads = [
            threading.Thread(target=load_small, args=(database, rows), kwargs={"skip": False, "dry_run": False})
            for database, rows in zip(databases, map(find_rows, [[file] for file in files]), strict=True)
        ]
        for thread in loads:
            thread.start()
        for thread in loads:
            thread.join()
        assert draw(url) > begin + 50
        query(url, "DELETE FROM tickets WHERE title = 'next'")
    for database in databases:
        database.close()


@pytest.mark.parametrize("increment", [1, -3])
@pytest.mark.parametrize("ahead", [0, 2])
def test_an_application_that_draws_meanwhile_gets_no_value_twice(url: str, ahead: int, increment: int) -> None:
    """A load that finds the sequence just short of a value must not set it back there when it is past it.

    ahead: how far the values of the load are before those that are drawn.
    """
    make_tickets(url, f"CREATE SEQUENCE numbers INCREMENT BY {increment}")
    drawn: list[int] = []
    is_over = threading.Event()

    def draw_values() -> None:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not is_over.is_set():
                cursor.execute("SELECT nextval('numbers')")
                drawn.extend(value for (value,) in cursor.fetchall())

    applications = [threading.Thread(target=draw_values) for _ in range(2)]
    for application in applications:
        application.start()
    try:
        with Database(url) as database:
            table = run_or_explain(database, lambda cursor: catalog.read(cursor)["tickets"])
            (sequence,) = run_or_explain(database, partial(find_sequences, table=table))
            until = time.monotonic() + 4
            while time.monotonic() < until:
                value = (drawn[-1] if drawn else increment) + ahead * increment
                run_or_explain(database, partial(advance, sequence=sequence, value=value))
    finally:
        is_over.set()
        for application in applications:
            application.join()
    assert len(drawn) > 100
    assert len(drawn) == len(set(drawn))


def test_a_value_that_is_far_away(url: str, tmp_path: Path) -> None:
    make_tickets(url)
    for furthest in (5, 90, 12_000, 9_000_000_000, 9_000_000_001):
        load(url, write_lines(tmp_path, [furthest]))
        assert draw(url) == furthest + 1
        query(url, "DELETE FROM tickets WHERE title = 'next'")
    assert draw(url) == 9_000_000_003
