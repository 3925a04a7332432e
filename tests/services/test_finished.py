"""What "finished" means is one number, wherever it stands."""

import re
from decimal import Decimal

from documents import PROJECT, text_of
from sample import VIEWING, execute

from services import FINISHED, continue_watching, log_progress
from services.rows import fetch
from simulation import watching
from toolkit.database import Database, run_transaction
from toolkit.queries import read_queries


def test_everything_agrees_on_what_finished_means() -> None:
    queries = set(re.findall(r"\bprogress (>=|<|>|<=|=) (\d+)\b", text_of("queries.sql")))
    assert queries - GIVEN_UP == {(">=", str(FINISHED)), ("<", str(FINISHED))}
    assert watching.FINISHED == 100 * FINISHED
    for document in ("docs/queries.md", "docs/services.md", "queries.sql", "schema.sql"):
        assert f"finished from {FINISHED}" in " ".join(text_of(document).split()), document


# Viewings that were given up: no word of them having been finished.
GIVEN_UP = {("<", "5")}


def test_who_stays_until_the_credits_has_finished(db: Database) -> None:
    assert [viewing["watch_id"] for viewing in continue_watching(db, user_id=1)] == [VIEWING]
    log_progress(db, watch_id=VIEWING, progress=FINISHED - 1)
    assert [viewing["watch_id"] for viewing in continue_watching(db, user_id=1)] == [VIEWING]
    log_progress(db, watch_id=VIEWING, progress=FINISHED)
    assert continue_watching(db, user_id=1) == []


def test_the_queries_have_finished_what_the_services_have(db: Database) -> None:
    statement, values = read_queries(PROJECT / "queries.sql")["continue_watching"].bind({"user_id": 1})
    for progress, begun in ((FINISHED - Decimal("0.01"), 2), (FINISHED, 0)):
        execute(db, f"UPDATE watch_history SET progress = {progress}")
        assert len(run_transaction(db, lambda cursor: fetch(cursor, statement, values))) == begun
