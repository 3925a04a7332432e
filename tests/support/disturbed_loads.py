"""Fixtures of any size for the six tables, insert_data.py as a process that can be disturbed, and what came of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2

from toolkit.database import IDEMPOTENT, Cursor, Database, run_transaction

PROJECT = Path(__file__).resolve().parents[2]

Tables = dict[str, list[dict[str, Any]]]

# As insert_data.py runs itself, but it tells when it has begun: what comes before that is Python's own. And Ctrl-C is
# not ignored, as it is in what a shell starts in the background.
BEGIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import insert_data
from toolkit import console
print("begun", flush=True)
console.run(insert_data.main)
"""

# What a large load into empty tables begins with.
HINT = "The tables are empty: --indexes-last builds their indexes at the end, which can take half the time\n"

SMALL = 600
LARGE = 10_500


def sample(rows: int, variant: int = 0) -> Tables:
    """Return so many rows of five tables. Variants have the same keys and references and other values."""
    users, titles = rows // 10, rows // 20
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    tables: Tables = {
        "subscriptions": [
            {"subscription_id": n, "name": f"Plan {n}", "price": Decimal(n) + variant, "features": {"variant": variant}}
            for n in range(1, 6)
        ],
        "users": [
            {
                "user_id": n,
                "name": f"User {n}, variant {variant}",
                "email": f"{n}@example.com",
                "subscription_id": n % 5 + 1,
                "created_at": begin.isoformat(),
            }
            for n in range(1, users + 1)
        ],
        "content": [
            {
                "content_id": n,
                "title": f"Title {n}, variant {variant}",
                "content_type": "movie",
                "genre": None if n % 3 else "drama",
                "release_year": 2000 + n % 20,
                "rating": Decimal(n % 100) / 10,
            }
            for n in range(1, titles + 1)
        ],
    }
    viewings = rows - sum(map(len, tables.values()))
    tables["watch_history"] = [
        {
            "watch_id": str(uuid.UUID(int=n * 2**90 % 2**128)),
            "user_id": n % users + 1,
            "content_id": n % titles + 1,
            "watched_at": (begin + timedelta(minutes=n)).isoformat(),
            "progress": Decimal(n % 1000 + variant) / 100,
        }
        for n in range(1, viewings + 1)
    ]
    return tables


def as_json(value: Any) -> str:
    # Floats of the sample's few digits are written as they were.
    return json.dumps(value, default=float, ensure_ascii=False)


def write_document(folder: Path, tables: Tables, name: str = "sample") -> Path:
    """Write the tables as one JSON document."""
    file = folder / f"{name}.json"
    file.write_text(as_json(tables), "utf-8")
    return file


def write_lines(folder: Path, tables: Tables, name: str = "sample") -> Path:
    """Write each table as JSON Lines, in a new folder."""
    files = folder / name
    files.mkdir()
    for table, rows in tables.items():
        (files / f"{table}.jsonl").write_text("".join(f"{as_json(row)}\n" for row in rows), "utf-8")
    return files


def stored(url: str, tables: Tables) -> Tables:
    """Return all rows of these tables, each with the columns that the sample gives, in the sample's form and order."""
    found: Tables = {}
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        # One snapshot of all tables: the COMMIT of a loader that was killed may still be under way.
        connection.set_session(isolation_level="SERIALIZABLE")
        cursor.execute("SET timezone TO 'UTC'")
        for table, rows in tables.items():
            columns = list(rows[0])
            cursor.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]}")
            found[table] = [dict(zip(columns, map(_as_in_sample, row), strict=True)) for row in cursor.fetchall()]
    return found


def _as_in_sample(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def in_order(tables: Tables) -> Tables:
    """Return the tables with their rows in the order of their keys, the first column."""
    return {table: sorted(rows, key=lambda row: next(iter(row.values()))) for table, rows in tables.items()}


class Damage(NamedTuple):
    """What became of a load: rows that are not there as they should be, and rows too many."""

    lost: int
    doubled: int


UNDAMAGED = Damage(0, 0)


def damage(url: str, tables: Tables) -> Damage:
    """Compare what is stored with what was to be loaded."""
    lost = doubled = 0
    for table, found in stored(url, tables).items():
        there = set(map(as_json, found))
        lost += sum(as_json(row) not in there for row in tables[table])
        doubled += max(0, len(found) - len(tables[table]))
    return Damage(lost, doubled)


def empty(url: str) -> None:
    """Delete all rows of the six tables. The server may still be busy with what a loader has sent that is no more."""
    tables = ("watch_history", "reviews", "payment_history", "users", "content", "subscriptions")

    def delete(cursor: Cursor) -> None:
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")

    with closing(Database(url)) as database:
        run_transaction(database, delete, IDEMPOTENT)


class Loader:
    """insert_data.py as a process. begun: wait until its main function has begun."""

    def __init__(self, url: str, *arguments: Path | str, begun: bool = True) -> None:
        command = [sys.executable, "-c", BEGIN, *map(str, arguments)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process: subprocess.Popen[str] = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, "DATABASE_URL": url}, text=True, **pipes
        )
        assert self.process.stdout
        if begun:
            assert self.process.stdout.readline() == "begun\n", self.end()
            time.sleep(0.002)  # the function that it tells before

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, timeout: float = 120) -> "Ended":
        """Wait for the end, and return what was said. Nothing that only a programmer understands must be."""
        stdout, stderr = self.process.communicate(timeout=timeout)
        assert "Traceback" not in stderr, stderr
        assert "Exception ignored" not in stderr, stderr
        assert "Fatal Python error" not in stderr, stderr
        return Ended(self.process.returncode, stdout.removeprefix("begun\n"), stderr)

    def told(self, text: str, timeout: float = 60) -> str:
        """Return what it says on stderr up to the line with this text. After the timeout it is killed."""
        assert self.process.stderr
        said = ""
        timer = threading.Timer(timeout, self.process.kill)
        timer.start()
        for line in self.process.stderr:
            said += line
            if text in line:
                timer.cancel()
                return said
        raise AssertionError(f"it never said {text!r}: {said}")


class Ended(NamedTuple):
    """How a loader ended, and what it said."""

    status: int
    stdout: str
    stderr: str


def load(url: str, *arguments: Path | str) -> Ended:
    """Run insert_data.py undisturbed."""
    return Loader(url, *arguments, begun=False).end()


def apply_schema(url: str) -> Ended:
    """Run streaming_services.py."""
    command, environment = [sys.executable, "streaming_services.py"], {**os.environ, "DATABASE_URL": url}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)
