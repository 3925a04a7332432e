"""insert_data.py called from a test: in this process, or as the script that it is."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

import insert_data

SCRIPT = Path(insert_data.__file__)


def load(
    url: str,
    *files: Path,
    on_conflict: str = "update",
    dry_run: bool = False,
    table: str | None = None,
    as_format: str | None = None,
) -> dict[str, dict[str, int]]:
    """Load fixtures, and return what the report says: table -> {"new": 3, "changed": 0, ...}. Raises UserError."""
    sys.argv = [str(SCRIPT), *map(str, files), "--url", url, "--on-conflict", on_conflict]
    sys.argv += ["--dry-run"] if dry_run else []
    sys.argv += ["--table", table] if table else []
    sys.argv += ["--format", as_format] if as_format else []
    report = io.StringIO()
    with redirect_stdout(report):
        insert_data.main()
    return {
        line.split("  ")[0].rstrip(): {
            what: int(number.replace(",", "")) for number, what in re.findall(r"([\d,]+) ([a-z ]+)", counts)
        }
        for line, _, counts in (line.partition(" rows: ") for line in report.getvalue().splitlines()[:-1])
    }


def run(url: str, *files: Path, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the script in a process of its own."""
    command = [sys.executable, str(SCRIPT), *map(str, files), "--url", url, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def write(folder: Path, content: Any, name: str = "fixture.json") -> Path:
    """Write a fixture: bytes and text as they are, anything else as JSON; and return its path."""
    file = folder / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return file


def query(url: str, statement: str | sql.Composable, values: Any = None) -> list[Any]:
    """Run a statement in a transaction of its own, in UTC, and return its rows."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET timezone TO 'UTC'")
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def snapshot(url: str, tables: Iterable[str]) -> dict[str, list[Any]]:
    """Return all rows of these tables."""
    rows = {}
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            rows[table] = sorted(cursor.fetchall(), key=str)
    return rows
