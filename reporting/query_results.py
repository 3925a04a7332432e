"""Run the named queries of a page, all in one snapshot of the database."""

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

# In a snapshot, concurrent writes are not seen and not waited for. On CockroachDB it is a read a moment in the past,
# which cannot conflict with writes.
SNAPSHOT_ON_COCKROACHDB = "SET TRANSACTION AS OF SYSTEM TIME '-1ms'"
SNAPSHOT_ON_POSTGRESQL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# On PostgreSQL: enough memory to sort a million rows, and no JIT, which would take longer than the statements.
FOR_LARGE_QUERIES = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"


@dataclass(frozen=True)
class QueryResult:
    """The result of a query. sql: the statement with its parameters, as it was sent, to run in a SQL shell."""

    query: Query
    sql: str
    columns: list[str]
    rows: list[dict[str, Any]]


class Reader(NamedTuple):
    """Runs named queries in a transaction, narrowed to a segment. tell(name) is called before each.

    seconds: query -> the seconds that it has taken.
    """

    cursor: Cursor
    queries: Mapping[str, Query]
    tell: Callable[[str], None]
    seconds: dict[str, float]
    segment: Segment = Segment()

    @property
    def slowest(self) -> str:
        """The slowest queries with their seconds, without those of less than 0.1 s, as text."""
        longest = sorted(self.seconds.items(), key=lambda item: -item[1])[:SLOWEST]
        return ", ".join(f"{name} {seconds:,.1f} s" for name, seconds in longest if seconds >= 0.1)

    def read(self, name: str, **values: Any) -> QueryResult:
        """Run a query with these parameters, and its defaults for others, and return the result.

        Raises UserError with the name of the query if the server cancels it because it takes too long.
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
    """Return the result of work(reader), which reads everything as of one moment, and may run more than once.

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
