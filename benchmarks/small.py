"""How long the two scripts take on the sample data, next to bare scripts that do the same with ready SQL.

    python benchmarks/small.py [URL]

Measures whole processes, on a server that runs already (default: the local database) and a schema that is there. Makes
a database of its own on it and drops it at the end. The last line of the output is one JSON object with the ratios.
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
from typing import Any

import psycopg2
import psycopg2.extensions

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from toolkit import local  # noqa: E402 - lies beside this folder

ROUNDS = 21

BARE = """
import sys, psycopg2
connection = psycopg2.connect(sys.argv[1])
with open(sys.argv[2]) as file:
    connection.cursor().execute(file.read())
connection.commit()
connection.close()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the two scripts with bare ones.")
    parser.add_argument("url", nargs="?", metavar="URL", help="the server (default: the local database)")
    server = parser.parse_args().url or local.url()
    name = f"benchmark_{uuid.uuid4().hex}"
    url = psycopg2.extensions.make_dsn(server, dbname=name)
    with closing(psycopg2.connect(server)) as admin, tempfile.TemporaryDirectory() as folder:
        admin.autocommit = True
        try:
            _compare(url, Path(folder))
        finally:
            cockroachdb = admin.get_parameter_status("crdb_version")
            admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")


def _compare(url: str, folder: Path) -> None:
    bare, load = folder / "bare.py", folder / "load.sql"
    bare.write_text(BARE)
    scripts: dict[str, list[Any]] = {
        "schema, bare": [bare, url, PROJECT / "schema.sql"],
        "streaming_services.py --no-compare": [PROJECT / "streaming_services.py", "--no-compare"],
        "streaming_services.py": [PROJECT / "streaming_services.py"],
        "data, bare": [bare, url, load],
        "insert_data.py": [PROJECT / "insert_data.py"],
    }
    _seconds(scripts["streaming_services.py"], url)
    _seconds(scripts["insert_data.py"], url)
    with closing(psycopg2.connect(url)) as connection:
        load.write_text(ready_sql(connection.cursor()))
    taken: dict[str, list[float]] = {script: [] for script in scripts}
    for _ in range(ROUNDS):  # in turn, so that a busy moment of the machine meets all alike
        for script, command in scripts.items():
            taken[script].append(_seconds(command, url))
    ratios = {}
    for script, times in taken.items():
        base = median(taken["data, bare" if script in ("data, bare", "insert_data.py") else "schema, bare"])
        ratios[script] = round(median(times) / base, 2)
        print(f"{script:36}{median(times) * 1000:8.1f} ms{ratios[script]:8.2f} x")
    print(json.dumps(ratios))


def _seconds(command: list[Any], url: str) -> float:
    # The first run, which is not counted, writes the bytecode of the modules, as on anybody's machine.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["DATABASE_URL"] = url
    begin = time.perf_counter()
    subprocess.run([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def ready_sql(cursor: Any) -> str:
    """Return statements that write the sample data as insert_data.py does: rows there are updated if they differ."""
    statements = []
    for table, rows in json.loads((PROJECT / "test_data.json").read_text()).items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        values = [
            [json.dumps(row[name]) if isinstance(row.get(name), dict) else row.get(name) for name in names]
            for row in rows
        ]
        form = "(" + ", ".join(["%s"] * len(names)) + ")"
        texts = ", ".join(cursor.mogrify(form, row).decode() for row in values)
        new = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        differ = " OR ".join(f"{table}.{name} IS DISTINCT FROM excluded.{name}" for name in names[1:])
        statements.append(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES {texts} "
            f"ON CONFLICT ({names[0]}) DO UPDATE SET {new} WHERE {differ};\n"
        )
    return "".join(statements)


if __name__ == "__main__":
    main()
