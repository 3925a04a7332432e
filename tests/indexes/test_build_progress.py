"""How far the builds of indexes are is asked of the server, and told while they go on."""

import threading
import time
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest
from schema_files import execute, is_cockroachdb

from toolkit.database import Database
from toolkit.database.tables import TableName
from toolkit.indexes import progress
from toolkit.indexes.build import build_missing
from toolkit.indexes.definitions import Index
from toolkit.indexes.drop import drop_before_load

ROWS = "INSERT INTO t SELECT n, n % 100 FROM generate_series(1, 20000) AS g (n)"


def test_builds_are_told_of_while_they_go_on(
    empty_database: Database,
    url: str,
    indexes: Callable[[], list[Index]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    execute(empty_database, "CREATE TABLE t (id INT8 PRIMARY KEY, a INT8); CREATE INDEX i ON t (a)")
    before = indexes()
    drop_before_load(empty_database, [TableName("public", "t", "t")])
    execute(empty_database, ROWS)
    with closing(psycopg2.connect(url)) as holder, holder.cursor() as cursor:
        if not is_cockroachdb(empty_database):  # a build waits for those who are writing
            cursor.execute("LOCK TABLE t IN ROW EXCLUSIVE MODE")
            threading.Timer(2, holder.rollback).start()
        begin = time.monotonic()
        assert [index.name for index in build_missing(empty_database, connections=2)] == ["i"]
        waited = time.monotonic() - begin
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == "building indexes: 100% of 1"
    assert len(said) > 1 or waited < 1
    assert all(line.startswith("building indexes: ") for line in said)
    assert indexes() == before
