"""The queries of cockroachdb.sql run on the CockroachDB that the tests have, where they have one."""

import re
import time
from contextlib import closing

import psycopg2
import pytest
from documents import PROJECT
from seeding import load

from toolkit.queries import read_queries

QUERIES = read_queries(PROJECT / "cockroachdb.sql")
MAY_BE_EMPTY = {"statistics", "jobs", "contended_tables", "contended_indexes"}
RETURNS_NOTHING = {"make_statistics"}


@pytest.mark.usefixtures("database")
def test_they_run_and_show_something(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        server = connection.get_parameter_status("crdb_version")
        if not server:
            pytest.skip("PostgreSQL knows none of them")
        found = re.search(r"v(\d+)\.(\d+)", server)
        assert found
        version = tuple(map(int, found.groups()))
        load(url, PROJECT / "test_data.json")
        time.sleep(1.1)  # for what was a second ago
        with connection.cursor() as cursor:
            for name, query in QUERIES.items():
                first = re.search(r"From v(\d+)\.(\d+)\.", query.description)
                if first and version < tuple(map(int, first.groups())):
                    continue
                cursor.execute(*query.bind({"ago": "-1s"} if "ago" in query.defaults else {}))
                if name not in RETURNS_NOTHING:
                    assert cursor.fetchall() or name in MAY_BE_EMPTY, name
