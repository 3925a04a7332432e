"""How fast simulate.py generates, next to a bare loop, and how long the way from nothing to a loaded database is.

    python benchmarks/generate.py [URL] [--users N]

Measures whole processes. Without URL the database is the local one. Makes a database of its own on the server and drops
it at the end. The last line of the output is one JSON object with the figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extensions

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from toolkit import local  # noqa: E402 - lies beside this folder

ROUNDS = 5

# Lines like those of watch_history with nothing behind them: the least that a script in Python could do.
BARE = """
import random, sys
chance, lines = random.Random(1).random, []
dates = [f"2025-{month:02}-{day:02}T" for month in range(1, 13) for day in range(1, 29)]
with open(sys.argv[1], "w") as file:
    for number in range(int(sys.argv[2])):
        second, key = int(chance() * 86_400), f"{number << 20:012x}"
        lines.append(
            f'{{"watch_id": "{key[:8]}-{key[8:]}-4abc-8def-{int(chance() * 2**48):012x}", "user_id": {number // 30}, '
            f'"content_id": {int(chance() * 1_000)}, "watched_at": "{dates[int(chance() * 336)]}{second // 3600:02}:'
            f'{second // 60 % 60:02}:{second % 60:02}Z", "progress": {int(chance() * 10_000) / 100:.2f}}}\\n'
        )
        if len(lines) == 1_000:
            file.write("".join(lines))
            lines.clear()
    file.write("".join(lines))
"""


class Taken(NamedTuple):
    """What a process took. cpu: its own time and the system's for it, in seconds."""

    seconds: float
    cpu: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the generation of a platform, and how it is loaded.")
    parser.add_argument("url", nargs="?", metavar="URL", help="the server (default: the local database)")
    parser.add_argument("--users", type=int, default=20_000, metavar="N", help="how many users (default: 20,000)")
    arguments = parser.parse_args()
    server = arguments.url or local.url()
    name = f"benchmark_{uuid.uuid4().hex}"
    url = psycopg2.extensions.make_dsn(server, dbname=name)
    with closing(psycopg2.connect(server)) as admin, tempfile.TemporaryDirectory() as folder:
        admin.autocommit = True
        try:
            _measure(url, Path(folder), arguments.users)
        finally:
            cockroachdb = admin.get_parameter_status("crdb_version")
            admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")


def _measure(url: str, folder: Path, users: int) -> None:
    year, bare = folder / "year", folder / "bare.py"
    bare.write_text(BARE)
    generate = [PROJECT / "simulate.py", "generate", "--users", users, "--out", year, "--force"]
    rounds = [(_run(generate, url), _run([bare, folder / "bare.jsonl", 30 * users], url)) for _ in range(ROUNDS)]
    viewings = _lines(year / "watch_history.jsonl")
    rows = sum(map(_lines, year.glob("*.jsonl")))
    # The time of the processor, which others that use the machine do not lengthen much.
    made = median(viewings / generated.cpu for generated, _ in rounds)
    written = median(30 * users / loop.cpu for _, loop in rounds)
    generated = min((generated for generated, _ in rounds), key=lambda taken: taken.seconds)
    schema = _run([PROJECT / "streaming_services.py", "--no-compare"], url)
    load = _run([PROJECT / "insert_data.py", year], url)
    whole = generated.seconds + schema.seconds + load.seconds
    print(f"{users:,} users, {viewings:,} viewings, {rows:,} rows in all")
    print(f"generate           {made:10,.0f} viewings/s of processor time, {generated.peak_mb:.0f} MB")
    print(f"a bare loop        {written:10,.0f} lines/s; generate reaches {made / written:.2f} of that")
    print(f"generate           {generated.seconds:10.1f} s")
    print(f"create the tables  {schema.seconds:10.1f} s")
    print(f"load               {load.seconds:10.1f} s, {rows / load.seconds:,.0f} rows/s")
    print(f"from nothing       {whole:10.1f} s, {rows / whole:,.0f} rows/s")
    figures = {
        "users": users,
        "viewings": viewings,
        "rows": rows,
        "viewings_per_second": round(made),
        "ratio_to_bare_loop": round(made / written, 3),
        "peak_mb": round(generated.peak_mb, 1),
        "seconds": {"generate": generated.seconds, "schema": schema.seconds, "load": load.seconds, "whole": whole},
    }
    print(json.dumps(figures))


def _run(command: list[Any], url: str) -> Taken:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], env={**os.environ, "DATABASE_URL": url}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        sys.exit(f"{command[0]} failed")
    kilobytes = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Taken(time.perf_counter() - begin, used.ru_utime + used.ru_stime, kilobytes / 1024)


def _lines(file: Path) -> int:
    with file.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


if __name__ == "__main__":
    main()
