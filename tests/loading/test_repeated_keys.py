"""Rows of one key in different windows of a large load: the later one stands, in the order of files and lines."""

import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from seeding import load, query, write

ROWS = 40_000
REPEATED = 5_500
AGAIN_AFTER = 20_000  # rows: a window has some 11,000


def spelled(number: int, kind: str, zeros: str = "0") -> str:
    if kind == "UUID":
        return f'"00000000-0000-4000-8000-{number:012d}"'
    # A decimal is the same number with more zeros behind the point.
    return f"{number}.{zeros}" if kind == "DECIMAL" else str(number)


@pytest.mark.parametrize("kind", ["INT8", "UUID", "DECIMAL"])
@pytest.mark.parametrize("files", [1, 2])
def test_the_later_row_stands(url: str, tmp_path: Path, kind: str, files: int) -> None:
    """The first of two rows is in a batch that takes long, because somebody else holds the key before it."""
    query(url, f"CREATE TABLE things (id {kind} PRIMARY KEY, version INT8)")
    lines = [f'{{"id": {spelled(number, kind)}, "version": 0}}\n' for number in range(ROWS)]
    lines.insert(REPEATED + AGAIN_AFTER, f'{{"id": {spelled(REPEATED, kind, "000")}, "version": 1}}\n')
    middle = ROWS // 2 if files == 2 else ROWS + 1
    write(tmp_path, "".join(lines[:middle]), "things.1.jsonl")
    if files == 2:
        write(tmp_path, "".join(lines[middle:]), "things.2.jsonl")
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        beside = spelled(REPEATED - 1, kind).strip('"')
        cursor.execute("INSERT INTO things VALUES (%s, 0)", (beside,))
        loading = threading.Thread(target=load, args=(url, tmp_path))
        loading.start()
        time.sleep(3)
        connection.rollback()
    loading.join()
    for _ in range(2):
        versions = query(url, "SELECT version, count(*) FROM things GROUP BY version ORDER BY version")
        assert versions == [(0, ROWS - 1), (1, 1)]
        load(url, tmp_path)
