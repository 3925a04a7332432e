"""Looking at indexes, and at the record of those to be built, from the tests."""

from collections.abc import Callable

import pytest

from toolkit.database import Database, run_or_explain
from toolkit.database.catalog import read
from toolkit.database.tables import Table
from toolkit.indexes import RECORD
from toolkit.indexes.definitions import Index, read_droppable_indexes
from toolkit.indexes.record import read_missing


@pytest.fixture
def indexes(empty_database: Database) -> Callable[[], list[Index]]:
    """Return what the database says at this moment of all indexes that can be dropped and made again."""

    def look() -> list[Index]:
        tables = run_or_explain(empty_database, read).values()
        names = [table.name for table in tables if not table.is_view and table.name != RECORD]
        return run_or_explain(
            empty_database, lambda cursor: [index for name in names for index in read_droppable_indexes(cursor, name)]
        )

    return look


@pytest.fixture
def missing(empty_database: Database) -> Callable[[], list[str]]:
    """Return the names of the indexes that stand in the record at this moment."""
    return lambda: [index.name for index in read_missing(empty_database)]


@pytest.fixture
def tables(empty_database: Database) -> Callable[[], dict[str, Table]]:
    """Return the tables of the database at this moment."""
    return lambda: run_or_explain(empty_database, read)
