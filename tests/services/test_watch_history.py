"""Viewings: their progress, a user's history in pages, and what can be continued."""

from datetime import datetime, timezone
from decimal import Decimal

from sample import OTHER_VIEWING, VIEWING, all_pages, execute

from services import FINISHED, continue_watching, log_progress, start_watching, update_content, watch_history
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
    assert continue_watching(db, user_id=1) == [{**later, "next_episode": None}, {**again, "next_episode": None}]
    assert [item["watch_id"] for item in continue_watching(db, user_id=1, limit=1)] == [later["watch_id"]]
    log_progress(db, watch_id=later["watch_id"], progress=100)
    assert [item["watch_id"] for item in continue_watching(db, user_id=1)] == [again["watch_id"]]


def test_a_series_goes_on_with_the_next_episode(db: Database) -> None:
    update_content(db, content_id=1, episodes=3)

    def next_episode() -> list[int | None]:
        return [item["next_episode"] for item in continue_watching(db, user_id=2)]

    def watch(episode: int, progress: int) -> None:
        viewing = start_watching(db, user_id=2, content_id=1, episode=episode)
        assert viewing["episode"] == episode
        log_progress(db, watch_id=viewing["watch_id"], progress=progress)

    watch(1, progress=40)
    assert next_episode() == [1]
    watch(1, progress=FINISHED)
    assert next_episode() == [2]
    watch(2, progress=100)
    watch(3, progress=10)
    assert next_episode() == [3]
    watch(3, progress=95)
    assert next_episode() == [], "all of it was seen"
    update_content(db, content_id=1, episodes=4)
    assert next_episode() == [4], "a further one has come"
    watch(1, progress=100)
    assert next_episode() == [2], "who begins again goes on from there"


def test_what_has_no_episodes_has_no_next_one(db: Database) -> None:
    assert [(item["watch_id"], item["next_episode"]) for item in continue_watching(db, user_id=1)] == [(VIEWING, None)]
    update_content(db, content_id=2, episodes=9)  # whose viewing was finished and says of no episode
    assert [item["watch_id"] for item in continue_watching(db, user_id=1)] == [VIEWING]


# What Python has no time for, latest first.
BEYOND_PYTHON = [
    "infinity",
    "200000-01-01 00:00:00+00",
    "10000-01-01 00:00:00+00",
    "0044-03-15 12:30:00+00 BC",
    "-infinity",
]


def test_pages_lose_no_time_that_python_cannot_hold(db: Database) -> None:
    for time in BEYOND_PYTHON * 2:
        execute(db, f"INSERT INTO watch_history (user_id, content_id, watched_at) VALUES (2, 1, '{time}')")
    execute(
        db, "INSERT INTO watch_history (user_id, content_id, watched_at) VALUES (2, 1, '9999-12-31 23:59:59.999999Z')"
    )
    stored = execute(db, "SELECT watch_id FROM watch_history WHERE user_id = 2 ORDER BY watched_at DESC, watch_id DESC")
    pages = all_pages(watch_history, db, user_id=2, limit=1)
    assert [(str(item["watch_id"]),) for [item] in pages] == stored
    times = {str(item["watch_id"]): item["watched_at"] for [item] in pages}
    for key, time in times.items():
        assert execute(db, f"SELECT watched_at = '{time}' FROM watch_history WHERE watch_id = '{key}'") == [(True,)]
    assert sum(isinstance(time, str) for time in times.values()) == 10
    [last] = [time for time in times.values() if isinstance(time, datetime)]
    assert last == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
