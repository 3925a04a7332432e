"""The figures of a page: named queries, all read in one snapshot of the database."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import psycopg2.errors
import psycopg2.extensions

from reporting.segment import Segment
from services.rows import READ_TIMESTAMPTZ
from toolkit.console import UserError
from toolkit.database import READ_ONLY, Cursor, Database, explained, run_transaction
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.historical_reads import run_historical_read
from toolkit.queries import Query

T = TypeVar("T")

SLOWEST = 5  # queries that are named

# Nothing that is written meanwhile is seen, and nobody who writes is waited for. CockroachDB reads what was there a
# moment ago: a time in the past is what makes its reads free of conflicts.
SNAPSHOT_ON_COCKROACHDB = "SET TRANSACTION AS OF SYSTEM TIME '-1ms'"
SNAPSHOT_ON_POSTGRESQL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# On PostgreSQL: memory to sort a million rows in, and no compiling of statements that take less time than that.
FOR_LARGE_QUERIES = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"


@dataclass(frozen=True)
class QueryResult:
    """What a query answered. sql: the statement as it was sent, with its parameters, for a SQL shell."""

    query: Query
    sql: str
    columns: list[str]
    rows: list[dict[str, Any]]


class Reader(NamedTuple):
    """Reads named queries in a transaction, about a segment. tell(name) is called before each.

    seconds: how long each query took that has been read.
    """

    cursor: Cursor
    queries: Mapping[str, Query]
    tell: Callable[[str], None]
    seconds: dict[str, float]
    segment: Segment = Segment()

    @property
    def slowest(self) -> str:
        """The queries that took longest, with their seconds, of those that took a tenth of a second."""
        longest = sorted(self.seconds.items(), key=lambda item: -item[1])[:SLOWEST]
        return ", ".join(f"{name} {seconds:,.1f} s" for name, seconds in longest if seconds >= 0.1)

    def read(self, name: str, **values: Any) -> QueryResult:
        """Return what a query answers with these parameters, and else its own.

        Raises UserError, which names the query, if it takes longer than the server allows.
        """
        self.tell(name)
        query = self.segment.narrow(self.queries[name])
        statement, parameters = query.bind({**self.segment.parameters, **values})
        began = time.monotonic()
        try:
            self.cursor.execute(statement, parameters)
        except psycopg2.errors.QueryCanceled as error:
            raise UserError(
                f"the query {name} was stopped after {time.monotonic() - began:,.1f} s"
                f" ({error.diag.message_primary}): allow it more time, or ask for less, with --since"
            ) from error
        self.seconds[name] = self.seconds.get(name, 0) + time.monotonic() - began
        columns = [column.name for column in self.cursor.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in self.cursor.fetchall()]
        return QueryResult(query, self.cursor.mogrify(statement, parameters).decode(), columns, rows)


def read_snapshot(
    database: Database,
    queries: Mapping[str, Query],
    work: Callable[[Reader], T],
    tell: Callable[[str], None],
    as_of: str | None = None,
) -> T:
    """Return what work(reader) returns; all that it reads is of one moment. It may be called more than once.

    as_of: the moment, as run_historical_read() takes it; None: now. Raises UserError if there is no server, or if the
    database is not one of schema.sql, or was not one then.
    """

    def read(cursor: Cursor) -> T:
        psycopg2.extensions.register_type(READ_TIMESTAMPTZ, cursor)
        if not is_cockroachdb(cursor):
            cursor.execute(SNAPSHOT_ON_POSTGRESQL)
            cursor.execute(FOR_LARGE_QUERIES)
        elif as_of is None:
            cursor.execute(SNAPSHOT_ON_COCKROACHDB)
        return work(Reader(cursor, queries, tell, {}))

    try:
        return (
            run_transaction(database, read, READ_ONLY) if as_of is None else run_historical_read(database, read, as_of)
        )
    except (
        psycopg2.errors.UndefinedTable,
        psycopg2.errors.UndefinedColumn,
        psycopg2.errors.UndefinedFunction,
    ) as error:
        raise UserError(
            f"{database.target.host}, database {database.target.database}: its tables are not those of schema.sql, "
            f"which the report is about ({error.diag.message_primary}): run `python streaming_services.py` first, "
            "which creates them, or use the URL of another database"
        ) from error
    except psycopg2.Error as error:
        raise explained(error, database) from error
