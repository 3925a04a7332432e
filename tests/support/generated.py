"""Generated fixtures, made by the script and read from its files alone."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from documents import PROJECT

Row = dict[str, Any]


class Year(NamedTuple):
    """The rows of each table, in the order of the files, with times as datetimes and numbers exact."""

    subscriptions: list[Row]
    users: list[Row]
    content: list[Row]
    watch_history: list[Row]
    reviews: list[Row]
    payment_history: list[Row]


def generate(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `simulate.py generate` with a folder."""
    command = [sys.executable, str(PROJECT / "simulate.py"), "generate", "--out", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows(folder: Path, table: str) -> Iterator[Row]:
    """Yield the rows of all shards of a table."""
    for file in sorted(folder.glob(f"{table}.*jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row: Row = json.loads(line, parse_float=Decimal)
            yield {name: moment(value) if name.endswith(("_at", "_date")) else value for name, value in row.items()}


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


def read(folder: Path) -> Year:
    return Year(*(list(rows(folder, table)) for table in Year._fields))


def of_each(found: list[Row], column: str) -> dict[int, list[Row]]:
    """Return the rows for each value of a column, in their order."""
    grouped = defaultdict(list)
    for row in found:
        grouped[row[column]].append(row)
    return grouped
