"""How fast insert_data.py loads a large set of fixtures, next to other ways, in one run and on the same rows.

    python benchmarks/load.py URL [--rows N]

Makes a database of its own on the server of URL and drops it at the end. Each way begins with empty tables that have
all their keys, checks and indexes. The last line of the output is one JSON object with the figures.
"""

import argparse
import compileall
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

import psycopg2
import psycopg2.extensions
import psycopg2.extras

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from toolkit.database import Database, catalog, run_or_explain  # noqa: E402
from toolkit.indexes.build import build_missing  # noqa: E402
from toolkit.indexes.drop import drop_before_load  # noqa: E402

TABLES = ("subscriptions", "users", "content", "watch_history", "reviews", "payment_history")
SAMPLE = 20_000  # rows written one by one


class Figures(NamedTuple):
    """What one way took."""

    rows: int
    seconds: float
    cpu_seconds: float  # user and system time of the Python process
    peak_mb: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare insert_data.py with other ways of loading rows.")
    parser.add_argument("url", metavar="URL")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, metavar="N", help="of watch_history (default: 1,000,000)"
    )
    arguments = parser.parse_args()
    compileall.compile_dir(PROJECT / "toolkit", quiet=1)  # no process has to compile its modules first
    name = f"benchmark_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(arguments.url)) as admin, tempfile.TemporaryDirectory() as folder:
        admin.autocommit = True
        database = psycopg2.extensions.make_dsn(arguments.url, dbname=name)
        try:
            _report(arguments.rows, _compare(database, Path(folder), arguments.rows))
        finally:
            cockroachdb = admin.get_parameter_status("crdb_version")
            admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")


def _compare(url: str, folder: Path, rows: int) -> dict[str, Figures]:
    _say(f"making the data of {rows:,} viewings")
    make_data(folder, rows)
    total = sum(1 for table in TABLES for _ in (folder / f"{table}.jsonl").open())
    ways: dict[str, Callable[[], Figures]] = {
        "COPY": lambda: _in_process(url, total, lambda connection: copy(connection, folder)),
        "COPY, indexes last": lambda: _in_process(
            url, total, lambda connection: _copy_indexes_last(url, connection, folder)
        ),
        "insert_data.py": lambda: _insert_data(url, folder, total),
        "insert_data.py again": lambda: _insert_data(url, folder, total),
        "with --indexes-last": lambda: _insert_data(url, folder, total, "--indexes-last"),
        "execute_values": lambda: _in_process(url, total, lambda connection: many_values(connection, folder)),
        "row by row": lambda: _row_by_row(url, folder, min(SAMPLE, rows)),
    }
    figures = {}
    for way, run in ways.items():
        if way != "insert_data.py again":
            _empty(url)
        _say(way)
        figures[way] = run()
    return figures


def make_data(folder: Path, rows: int) -> None:
    """Write the fixtures and, for COPY, the same as text: users are a tenth of the viewings, titles a hundredth."""
    users, titles = max(10, rows // 10), max(10, rows // 100)
    chance = random.Random(20)
    begin = datetime(2024, 1, 1)

    def when() -> str:
        return (begin + timedelta(seconds=chance.randrange(60_000_000))).isoformat() + "Z"

    def key() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    def reviews() -> Iterator[tuple[Any, ...]]:
        for number in range(rows // 10):  # a user reviews different titles, in the order of the users
            user, title = number % users + 1, (number // users * 7919 + number) % titles + 1
            yield key(), user, title, chance.randrange(101) / 10, f'It is "{number}" \\ good, {chance.random()}', when()

    columns: dict[str, str] = {
        "subscriptions": "subscription_id name price features",
        "users": "user_id name email subscription_id created_at",
        "content": "content_id title content_type genre release_year rating",
        "watch_history": "watch_id user_id content_id watched_at progress",
        "reviews": "review_id user_id content_id rating review_text reviewed_at",
        "payment_history": "payment_id user_id subscription_id amount method payment_date",
    }
    data: dict[str, Iterator[tuple[Any, ...]]] = {
        "subscriptions": ((n, f"Plan {n}", n + 0.99, {"streams": n}) for n in range(1, 5)),
        "users": ((n, f"User {n}", f"user{n}@example.com", n % 4 + 1, when()) for n in range(1, users + 1)),
        "content": (
            (n, f"Title {n}", "movie", f"Genre {n % 20}", 1960 + n % 65, n % 101 / 10) for n in range(1, titles + 1)
        ),
        "watch_history": (
            (key(), chance.randint(1, users), chance.randint(1, titles), when(), chance.randrange(10_001) / 100)
            for _ in range(rows)
        ),
        "reviews": reviews(),
        "payment_history": (
            (key(), chance.randint(1, users), plan, plan + 0.99, "card", when())
            for plan in (chance.randint(1, 4) for _ in range(rows // 10))
        ),
    }
    for table, made in data.items():
        names = columns[table].split()
        with (folder / f"{table}.jsonl").open("w") as lines, (folder / f"{table}.copy").open("w") as text:
            text.write(",".join(names) + "\n")
            for row in made:
                lines.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
                text.write("\t".join(map(_copy_text, row)) + "\n")


def _copy_text(value: Any) -> str:
    return (json.dumps(value) if isinstance(value, dict) else str(value)).replace("\\", "\\\\")


def copy(connection: Any, folder: Path) -> None:
    """COPY each table from its ready text file, on one connection."""
    with connection.cursor() as cursor:
        for table in TABLES:
            with (folder / f"{table}.copy").open() as text:
                cursor.copy_expert(f"COPY {table} ({text.readline().strip()}) FROM STDIN", _Rest(text))
            connection.commit()


def _copy_indexes_last(url: str, connection: Any, folder: Path) -> None:
    """COPY into tables without their indexes, which are dropped and built as insert_data.py --indexes-last does."""
    with closing(Database(url)) as database:
        names = [table.name for table in run_or_explain(database, catalog.read).values()]
        drop_before_load(database, names)
        copy(connection, folder)
        build_missing(database, connections=4)


class _Rest:
    """The rest of a file of which a line was read."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def read(self, size: int) -> str:
        return self._file.read(size)

    readline = read


def many_values(connection: Any, folder: Path) -> None:
    """INSERT with 1,000 rows a statement by execute_values, and a transaction for each."""
    with connection.cursor() as cursor:
        for table in TABLES:
            rows: list[tuple[Any, ...]] = []
            for names, row in _rows(folder, table):
                rows.append(row)
                if len(rows) == 1_000:
                    _write_many(cursor, table, names, rows)
            if rows:
                _write_many(cursor, table, names, rows)


def _write_many(cursor: Any, table: str, names: str, rows: list[tuple[Any, ...]]) -> None:
    psycopg2.extras.execute_values(cursor, f"INSERT INTO {table} ({names}) VALUES %s", rows, page_size=1_000)
    cursor.connection.commit()
    rows.clear()


def _rows(folder: Path, table: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    with (folder / f"{table}.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            values = (psycopg2.extras.Json(value) if isinstance(value, dict) else value for value in row.values())
            yield ",".join(row), tuple(values)


def _row_by_row(url: str, folder: Path, rows: int) -> Figures:
    """INSERT ... RETURNING for each of some rows of watch_history, in one transaction; the other tables are there."""

    def work(connection: Any) -> None:
        with connection.cursor() as cursor:
            for number, (names, row) in enumerate(_rows(folder, "watch_history")):
                if number == rows:
                    break
                places = ",".join(["%s"] * len(row))
                statement = f"INSERT INTO watch_history ({names}) VALUES ({places}) RETURNING watch_id"
                cursor.execute(statement, row)
                cursor.fetchone()
        connection.commit()

    with closing(psycopg2.connect(url)) as connection:
        copy(connection, folder)
        connection.cursor().execute("TRUNCATE watch_history")
        connection.commit()
    return _in_process(url, rows, work)


def _in_process(url: str, rows: int, work: Callable[[Any], None]) -> Figures:
    connection = psycopg2.connect(url)
    begin, used = time.perf_counter(), _cpu(resource.getrusage(resource.RUSAGE_SELF))
    work(connection)
    seconds = time.perf_counter() - begin
    connection.close()
    return Figures(rows, seconds, _cpu(resource.getrusage(resource.RUSAGE_SELF)) - used)


def _insert_data(url: str, folder: Path, rows: int, *options: str) -> Figures:
    begin = time.perf_counter()
    files = [str(folder / f"{table}.jsonl") for table in TABLES]
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "insert_data.py"), *files, *options],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        sys.exit("insert_data.py failed")
    kilobytes = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Figures(rows, time.perf_counter() - begin, _cpu(used), kilobytes / 1024)


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def _empty(url: str) -> None:
    """Make the tables anew, in the database that the first call creates."""
    script = [sys.executable, str(PROJECT / "streaming_services.py")]
    environment = {**os.environ, "DATABASE_URL": url}
    subprocess.run([*script, "--no-compare"], env=environment, stdout=subprocess.DEVNULL, check=True)
    subprocess.run([*script, "--reset", "--yes"], env=environment, stdout=subprocess.DEVNULL, check=True)


def _report(rows: int, figures: dict[str, Figures]) -> None:
    copy_rate = figures["COPY"].rows / figures["COPY"].seconds
    result: dict[str, Any] = {"watch_history_rows": rows, "rows": figures["COPY"].rows}
    print(f"{'':22}{'rows':>12}{'seconds':>10}{'rows/s':>10}{'x COPY':>8}{'CPU us/row':>12}{'peak MB':>9}")
    for way, taken in figures.items():
        rate = taken.rows / taken.seconds
        cpu = taken.cpu_seconds / taken.rows * 1e6
        peak = f"{taken.peak_mb:9.0f}" if taken.peak_mb else ""
        ratio = rate / copy_rate
        print(f"{way:22}{taken.rows:12,}{taken.seconds:10.1f}{rate:10,.0f}{ratio:8.2f}{cpu:12.1f}{peak}")
        result[way] = {
            "rows_per_second": round(rate),
            "ratio_to_copy": round(ratio, 3),
            "cpu_us_per_row": round(cpu, 2),
            **({"peak_mb": round(taken.peak_mb, 1)} if taken.peak_mb else {}),
        }
    one_by_one = figures["row by row"].seconds / figures["row by row"].rows
    once = figures["insert_data.py"].rows / figures["insert_data.py"].seconds
    result["insert_data_ratio_to_row_by_row"] = round(once * one_by_one, 2)
    print(f"insert_data.py is {once * one_by_one:.1f} x row by row")
    print(json.dumps(result))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
