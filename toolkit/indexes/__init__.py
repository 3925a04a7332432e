"""Indexes after the rows: a load drops them first, and they are built in one sorted pass each when the rows are there.

Between the two the definitions are kept in the database itself, in a table of their own (record.py), so that whatever
happens to the script that dropped them, the next one finds them there and builds them.
"""

from toolkit.database import ONE_READ, Database, run_or_explain
from toolkit.database.catalog import fetch

# The table, in each schema of whose tables indexes were dropped, that says which.
RECORD = "indexes_to_build_after_load"


def may_be_missing(database: Database) -> bool:
    """Whether a load may have dropped indexes that are not built yet; if so, record.read_missing() tells them.

    Every load asks, and most have no use for more of this package: so it is one round trip, and imports nothing else.
    """
    query = "SELECT 1 FROM pg_catalog.pg_class WHERE relname = %s LIMIT 1"
    return bool(run_or_explain(database, lambda cursor: fetch(cursor, query, (RECORD,)), ONE_READ))
