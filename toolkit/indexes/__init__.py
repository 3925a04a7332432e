"""Indexes after the rows: a load drops them first, and they are built in one sorted pass each when the rows are there.

Between the two the definitions are kept in the database itself, in a table of their own (record.py), so that whatever
happens to the script that dropped them, the next one finds them there and builds them.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from toolkit.console import printable, say
from toolkit.database import SINGLE_READ, Database, run_or_explain
from toolkit.database.catalog import fetch
from toolkit.database.tables import TableName

T = TypeVar("T")

# The table, in each schema of whose tables indexes were dropped, that says which.
RECORD = "indexes_to_build_after_load"


def may_be_missing(database: Database) -> bool:
    """Whether a load may have dropped indexes that are not built yet; if so, record.read_missing() tells them.

    Every load asks, and most have no use for more of this package: so it is one round trip, and imports nothing else.
    """
    query = "SELECT 1 FROM pg_catalog.pg_class WHERE relname = %s LIMIT 1"
    return bool(run_or_explain(database, lambda cursor: fetch(cursor, query, (RECORD,)), SINGLE_READ))


def load_indexes_last(
    database: Database, load: Callable[[], T], *, without_indexes: Sequence[TableName], connections: int
) -> T:
    """Run a load, and afterwards build the indexes that it, or another one before it, has dropped; return its result.

    without_indexes: tables whose indexes are dropped first, if they are empty. connections: how many indexes are built
    at once. May be repeated, also after a kill. Raises what load raises, and UserError if an index of these tables
    cannot be dropped or built; which are missing then is told. Those of others that cannot be built are told only.
    """
    if not (without_indexes or may_be_missing(database)):
        return load()
    from toolkit.indexes.build import CannotBuild, build_missing  # most loads have no use for them
    from toolkit.indexes.record import read_missing
    from toolkit.indexes.set_aside import set_aside

    missing = read_missing(database)
    if missing:
        say(f"{_indexes(len(missing))} missing since another load, which was cut off or still runs")
    if without_indexes:
        for table in set_aside(database, without_indexes).kept:
            say(f"{printable(table)} holds rows: its indexes stay")
        missing = read_missing(database)
    try:
        result = load()
        build_missing(database, connections)
    except CannotBuild as error:
        if without_indexes:
            raise
        say(f"warning: {error}")
    except BaseException:
        if missing:
            say(f"At most {_indexes(len(missing))} to be built yet: the next load does that at its end, however small")
        raise
    return result


def _indexes(count: int) -> str:
    return "1 index is" if count == 1 else f"{count} indexes are"
