"""Everything that runs have written, removed, so that the database is as it was before them."""

from collections.abc import Callable
from typing import Any

import services
from simulation.traffic.run_ids import RunId, known_run_ids
from simulation.traffic.verification import KEYS, values_of
from toolkit.database import Cursor, Database, run_or_explain

BATCH = 1_000  # rows in one transaction

# Plans come last, because their names are the register of the runs: what was interrupted can be run again.
DELETES = {
    "viewings": "DELETE FROM watch_history WHERE watch_id = ANY(%s::UUID[])",
    "reviews": "DELETE FROM reviews WHERE review_id = ANY(%s::UUID[])",
    "payments": "DELETE FROM payment_history WHERE payment_id = ANY(%s::UUID[])",
    "users": "DELETE FROM users WHERE user_id = ANY(%s::INT8[])",
}


def known_runs(database: Database) -> list[RunId]:
    """Return the ids of the runs whose rows are in the database. Raises UserError."""
    return run_or_explain(database, known_run_ids)


def count(database: Database, found: list[RunId]) -> dict[str, int]:
    """Return how many rows of each kind runs have in the database. Raises UserError."""
    counts = dict.fromkeys(KEYS, 0)
    for run_id in found:
        for name in KEYS:
            counts[name] += len(_keys(database, run_id, name))
    return counts


def clean(database: Database, found: list[RunId], removed: Callable[[str, int], None]) -> list[str]:
    """Remove all that runs have written. removed(kind, rows) is told after each transaction.

    May be repeated, also after it was interrupted. Return the plans that could not be removed, because others use
    them, each with the reason. Raises UserError.
    """
    kept = []
    for run_id in found:
        for name, statement in DELETES.items():
            keys = _keys(database, run_id, name)
            for place in range(0, len(keys), BATCH):

                def work(
                    cursor: Cursor, statement: str = statement, batch: list[str] = keys[place : place + BATCH]
                ) -> int:
                    cursor.execute(statement, (batch,))
                    return cursor.rowcount

                removed(name, run_or_explain(database, work))
        for key in _keys(database, run_id, "plans"):
            try:
                services.remove_subscription(database, subscription_id=int(key))
                removed("plans", 1)
            except services.StillInUse as failure:
                kept.append(str(failure))
            except services.NotFound:
                pass  # somebody else cleans, too
    return kept


def _keys(database: Database, run_id: RunId, name: str) -> list[str]:
    def work(cursor: Cursor) -> list[Any]:
        cursor.execute(KEYS[name], values_of(run_id))
        return cursor.fetchall()

    return [key for (key,) in run_or_explain(database, work)]
