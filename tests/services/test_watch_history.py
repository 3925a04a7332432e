"""Viewings: their progress, a user's history in pages, and what can be continued."""

from datetime import datetime, timezone
from decimal import Decimal

from sample import OTHER_VIEWING, VIEWING, all_pages, execute

from services import continue_watching, log_progress, start_watching, watch_history
from toolkit.database import Database

UTC = timezone.utc


def test_progress_never_goes_back(db: Database) -> None:
    logged = [log_progress(db, watch_id=VIEWING, progress=p)["progress"] for p in (40, Decimal("39.99"), 0, 100, 3)]
    assert logged == [40, 40, 40, 100, 100]


def test_history_is_newest_first_in_pages(db: Database) -> None:
    started = [start_watching(db, user_id=1, content_id=2)["watch_id"] for _ in range(3)]
    pages = all_pages(watch_history, db, user_id=1, limit=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item["watch_id"] for page in pages for item in page] == [*reversed(started), OTHER_VIEWING, VIEWING]
    assert pages[2][0]["watched_at"] == datetime(2026, 1, 5, 20, tzinfo=UTC)


def test_pages_of_viewings_of_the_same_moment(db: Database) -> None:
    execute(
        db,
        "INSERT INTO watch_history (user_id, content_id, watched_at) "
        "SELECT 2, 1, '2026-01-01 00:00:00.123456+00' FROM generate_series(1, 7)",
    )
    pages = all_pages(watch_history, db, user_id=2, limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert len({item["watch_id"] for page in pages for item in page}) == 7


def test_what_can_be_continued(db: Database) -> None:
    assert [item["watch_id"] for item in continue_watching(db, user_id=1)] == [VIEWING]
    again = start_watching(db, user_id=1, content_id=2)
    later = start_watching(db, user_id=1, content_id=1)
    assert continue_watching(db, user_id=1) == [later, again]
    assert continue_watching(db, user_id=1, limit=1) == [later]
    log_progress(db, watch_id=later["watch_id"], progress=100)
    assert continue_watching(db, user_id=1) == [again]
