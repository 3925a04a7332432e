"""Secondary indexes during a large load: dropped before it, and built after it, in one sorted pass each.

Meanwhile their definitions are in a table of the database (record.py). So the next load finds and builds them if the
script that dropped them was killed.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from toolkit.console import printable, say
from toolkit.database import SINGLE_READ, Database, run_or_explain
from toolkit.database.catalog import fetch
from toolkit.database.tables import TableName

T = TypeVar("T")

# The table with the definitions of the dropped indexes: one in each schema whose tables have lost any.
RECORD = "indexes_to_build_after_load"


def may_lack_indexes(database: Database) -> bool:
    """Whether an earlier load may have left indexes that are not built yet; record.read_missing() returns them.

    Every load asks this first. So it takes one round trip, and no further import of this package.
    """
    query = "SELECT 1 FROM pg_catalog.pg_class WHERE relname = %s LIMIT 1"
    return bool(run_or_explain(database, lambda cursor: fetch(cursor, query, (RECORD,)), SINGLE_READ))


def load_indexes_last(
    database: Database, load: Callable[[], T], *, without_indexes: Sequence[TableName], connections: int
) -> T:
    """Run load() and return its result; then build the indexes that were dropped for it, or for an earlier load.

    without_indexes: tables whose indexes are dropped first; a table that holds rows keeps them. connections: how many
    indexes are built at the same time. May be repeated, also after a kill. Raises what load() raises, and UserError if
    an index of these tables cannot be dropped or built, with a list of those that are missing. An index of an earlier
    load that cannot be built is only a warning.
    """
    if not (without_indexes or may_lack_indexes(database)):
        return load()
    from toolkit.indexes.build import CannotBuild, build_missing  # most loads do not need these
    from toolkit.indexes.drop import drop_before_load
    from toolkit.indexes.record import read_missing

    missing = read_missing(database)
    if missing:
        say(f"{_indexes(len(missing))} missing since another load, which was cut off or still runs")
    if without_indexes:
        for table in drop_before_load(database, without_indexes).tables_with_rows:
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
