"""Recommendations: what people with like tastes finished, and what is popular, each with a reason."""

import pytest
from sample import execute

from services import NotFound, add_content, create_user, recommend_content, review_content
from toolkit.database import Database

TITLES = {1: "drama", 2: "drama", 3: "comedy", 4: "comedy", 5: "drama", 6: None}


@pytest.fixture
def platform(database: Database) -> Database:
    """Six titles and five users, who have watched nothing so far."""
    for key, genre in TITLES.items():
        add_content(database, content_id=key, title=f"Title {key}", content_type="movie", genre=genre)
    for key in range(1, 6):
        create_user(database, user_id=key, name=f"User {key}", email=f"{key}@example.com")
    return database


def watch(database: Database, user: int, *titles: int, progress: int = 100) -> None:
    for title in titles:
        execute(
            database,
            "INSERT INTO watch_history (user_id, content_id, watched_at, progress)"
            f" VALUES ({user}, {title}, '2026-01-01 20:00Z'::TIMESTAMPTZ + INTERVAL '{title} hours', {progress})",
        )


def recommended(database: Database, user: int, limit: int = 10) -> list[tuple[str, str]]:
    return [(row["title"], row["reason"]) for row in recommend_content(database, user_id=user, limit=limit)]


def test_what_people_with_like_tastes_finished(platform: Database) -> None:
    watch(platform, 1, 1, 2)
    watch(platform, 2, 1, 2, 3)  # shares two titles
    watch(platform, 3, 1, 4)  # shares one
    watch(platform, 4, 6)  # shares none
    assert recommended(platform, 1) == [
        ("Title 3", "because you finished Title 2"),
        ("Title 4", "because you finished Title 1"),
        ("Title 6", "popular now"),
        ("Title 5", "not watched yet"),
    ]
    assert recommended(platform, 1, limit=1) == [("Title 3", "because you finished Title 2")]


def test_genres_that_the_user_finishes_come_first(platform: Database) -> None:
    watch(platform, 1, 1, 2)
    watch(platform, 2, 1, 3, 5)
    assert [title for title, _ in recommended(platform, 1, limit=2)] == ["Title 5", "Title 3"]


def test_what_was_given_up_or_rated_badly_recommends_nothing(platform: Database) -> None:
    watch(platform, 1, 1, 2)
    watch(platform, 2, 1, 3)
    watch(platform, 2, 4, progress=20)
    watch(platform, 2, 5)
    review_content(platform, user_id=2, content_id=5, rating=2)
    found = dict(recommended(platform, 1))
    assert found["Title 3"] == "because you finished Title 1"
    assert found["Title 4"] == "popular now"  # it was begun, after all
    assert found["Title 5"] == "popular in drama"  # it was finished
    review_content(platform, user_id=1, content_id=1, rating=1)
    assert dict(recommended(platform, 1))["Title 3"] == "popular now"


def test_what_is_popular_where_nobody_is_alike(platform: Database) -> None:
    watch(platform, 1, 2)
    watch(platform, 2, 3, 4)
    watch(platform, 3, 3, 5)
    assert recommended(platform, 1, limit=3) == [
        ("Title 5", "popular in drama"),
        ("Title 3", "popular now"),
        ("Title 4", "popular now"),
    ]
    assert recommended(platform, 5)[0] == ("Title 3", "popular now")  # who has watched nothing


def test_nothing_that_was_watched_however_little(platform: Database) -> None:
    watch(platform, 1, 1, 2, 5)
    watch(platform, 1, 3, progress=1)
    watch(platform, 2, 1, 3, 4)
    assert [title for title, _ in recommended(platform, 1)] == ["Title 4", "Title 6"]
    watch(platform, 1, 4, 6, progress=0)
    assert recommended(platform, 1) == []


def test_a_platform_on_which_nobody_has_watched_anything(platform: Database) -> None:
    assert [title for title, _ in recommended(platform, 1)] == [f"Title {key}" for key in TITLES]
    execute(platform, "UPDATE content SET rating = content_id::DECIMAL WHERE content_id < 3")
    execute(platform, "UPDATE content SET release_year = 2020 + content_id WHERE content_id IN (2, 4, 5)")
    assert recommended(platform, 1) == [
        ("Title 2", "rated 2.0 by critics"),
        ("Title 1", "rated 1.0 by critics"),
        ("Title 5", "released in 2025"),
        ("Title 4", "released in 2024"),
        ("Title 3", "not watched yet"),
        ("Title 6", "not watched yet"),
    ]
    with pytest.raises(NotFound):
        recommend_content(platform, user_id=99)


def test_a_platform_whose_titles_were_begun_and_never_finished(platform: Database) -> None:
    watch(platform, 2, 3, 4, progress=20)
    watch(platform, 3, 4, progress=20)
    assert recommended(platform, 1, limit=2) == [("Title 4", "popular now"), ("Title 3", "popular now")]


def test_whoever_has_not_seen_everything_gets_something(platform: Database) -> None:
    execute(
        platform,
        "INSERT INTO content (content_id, title, content_type, rating, release_year)"
        " SELECT g, 'Further ' || g::TEXT, 'movie', 9, 2026 FROM generate_series(100, 400) AS numbers (g)",
    )
    execute(
        platform,
        "INSERT INTO watch_history (user_id, content_id, progress)"
        " SELECT 1, content_id, 100 FROM content WHERE content_id <> 6",
    )
    assert recommended(platform, 1) == [("Title 6", "not watched yet")]


# A platform as it is in the evening: so many have begun each title and not finished it.
UNDER_WAY = """
    INSERT INTO users (user_id, name, email)
        SELECT g, 'user ' || g::TEXT, 'user' || g::TEXT || '@x' FROM generate_series(1000, 1399) AS numbers (g);
    INSERT INTO watch_history (user_id, content_id, watched_at, progress)
        SELECT g, c.content_id, '2026-01-02 20:00Z'::TIMESTAMPTZ + g * INTERVAL '1 second', g % 89
        FROM generate_series(1000, 1399) AS numbers (g), content c WHERE c.content_id < 6;"""


def test_viewings_under_way_hide_nobody_who_has_finished(platform: Database) -> None:
    watch(platform, 1, 1)
    watch(platform, 2, 1, 3)
    execute(platform, UNDER_WAY)
    assert recommended(platform, 1, limit=1) == [("Title 3", "because you finished Title 1")]
    assert len(recommended(platform, 5)) == 6, "a new user"


def test_a_title_seen_again_and_again_by_one_hides_nobody(platform: Database) -> None:
    watch(platform, 1, 1)
    watch(platform, 2, 1, 3)
    watch(platform, 3, 6)
    watch(platform, 4, 6)
    for _ in range(100):
        watch(platform, 5, 1)
    assert recommended(platform, 1, limit=1) == [("Title 3", "because you finished Title 1")]
    watch(platform, 2, 4)
    for _ in range(8):
        watch(platform, 5, 4)
    assert recommended(platform, 1, limit=4)[2] == ("Title 6", "popular now"), "two people, and not one ten times"


def test_rows_are_titles_with_a_reason(platform: Database) -> None:
    watch(platform, 2, 1)
    row = recommend_content(platform, user_id=1)[0]
    assert (row["title"], row["content_type"], row["reason"]) == ("Title 1", "movie", "popular now")
