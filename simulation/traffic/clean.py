"""Remove everything that runs have written."""

from collections.abc import Callable

import services
from simulation.traffic.run_ids import APPLICATION, RunId, known_run_ids
from simulation.traffic.stored_rows import KEYS, keys_of_runs
from toolkit.console import UserError
from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.catalog import is_cockroachdb

BATCH = 1_000  # rows in one transaction

# Plans are removed last (see clean()), because known_run_ids() finds a run by its plans: so clean can be run again.
DELETES = {
    "viewings": "DELETE FROM watch_history WHERE watch_id = ANY(%s::UUID[])",
    "reviews": "DELETE FROM reviews WHERE review_id = ANY(%s::UUID[])",
    "payments": "DELETE FROM payment_history WHERE payment_id = ANY(%s::UUID[])",
    "users": "DELETE FROM users WHERE user_id = ANY(%s::INT8[])",
}

# The application_name of each session.
SESSIONS_ON_COCKROACHDB = "SELECT application_name FROM [SHOW SESSIONS]"
SESSIONS_ON_POSTGRESQL = "SELECT application_name FROM pg_stat_activity"

Keys = dict[str, list[str]]  # by kind of row


def runs_in(database: Database) -> list[RunId]:
    """Return the ids of the runs whose plans or users are in the database. Raises UserError."""
    return run_or_explain(database, known_run_ids)


def find(database: Database, run_ids: list[RunId]) -> Keys:
    """Return the keys of all rows with the id of one of these runs. Reads each table in full. Raises UserError."""
    return {kind: list(keys_of_runs(database, run_ids, kind)) for kind in KEYS}


def check_none_is_live(database: Database, run_ids: list[RunId]) -> None:
    """Raise UserError if one of these runs is going on, as far as the server lets this user see its sessions."""

    def work(cursor: Cursor) -> list[str]:
        cursor.execute(SESSIONS_ON_COCKROACHDB if is_cockroachdb(cursor) else SESSIONS_ON_POSTGRESQL)
        return [name for (name,) in cursor.fetchall()]

    names = run_or_explain(database, work)
    for run_id in run_ids:
        sessions = names.count(APPLICATION.format(run_id=run_id))
        if sessions:
            raise UserError(
                f"run {run_id} is going on ({sessions} connections at {database.target.host}), and would take what is "
                "removed for lost: wait for its end, or say --force"
            )


def clean(database: Database, keys: Keys, removed: Callable[[str, int], None]) -> list[str]:
    """Remove the rows with these keys. removed(kind, rows) is called after each transaction.

    May be repeated, also after an interruption. Return a sentence for each plan that stays because others use it.
    Raises UserError.
    """
    kept = []
    for kind, statement in DELETES.items():
        for place in range(0, len(keys[kind]), BATCH):

            def work(
                cursor: Cursor, statement: str = statement, batch: list[str] = keys[kind][place : place + BATCH]
            ) -> int:
                cursor.execute(statement, (batch,))
                return cursor.rowcount

            removed(kind, run_or_explain(database, work))
    for key in keys["plans"]:
        try:
            services.remove_subscription(database, subscription_id=int(key))
            removed("plans", 1)
        except services.StillInUse as failure:
            kept.append(str(failure))
        except services.NotFound:
            pass  # another clean was faster
    return kept
