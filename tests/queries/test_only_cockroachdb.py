"""The queries of cockroachdb/ run on the CockroachDB that the tests have, where they have one."""

import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from documents import PROJECT
from seeding import load

from toolkit.console import UserError
from toolkit.queries import read_queries
from toolkit.schema import SchemaFile

FILES = sorted((PROJECT / "cockroachdb").glob("queries*.sql"))
MAY_BE_EMPTY = {"statistics", "jobs", "contended_tables", "contended_indexes"}
RETURNS_NOTHING = {"make_statistics"}
# They ask about regions, which a scratch database has none of.
OF_REGIONS = "queries_of_regions.sql"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("file", [file for file in FILES if file.name != OF_REGIONS], ids=lambda file: file.name)
def test_they_run_and_show_something(file: Path, url: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                SchemaFile(file).check_server(cursor)
            except UserError as refusal:
                pytest.skip(str(refusal))
            load(url, PROJECT / "test_data.json")
            time.sleep(1.1)  # for what was a second ago
            for name, query in read_queries(file).items():
                cursor.execute(*query.bind({"ago": "-1s"} if "ago" in query.defaults else {}))
                if name not in RETURNS_NOTHING:
                    assert cursor.fetchall() or name in MAY_BE_EMPTY, name
