"""Content: found by conditions and by the beginning of a title, in pages, changed and removed."""

from decimal import Decimal
from typing import Any

from sample import STRANGE_TEXTS, all_pages, execute

from services import add_content, find_content, get_content, remove_content, update_content
from toolkit.database import Database


def test_content_is_found_by_all_conditions_together(db: Database) -> None:
    wanted = add_content(db, title="Night", content_type="movie", genre="drama", release_year=2019, rating=Decimal("6"))
    wanted_row = {name: value for name, value in wanted.items() if name != "content_id"}
    others: list[dict[str, Any]] = [
        {"content_type": "series"},
        {"genre": "crime"},
        {"release_year": 2018},
        {"rating": 5},
    ]
    for other in [*others, {"genre": None}, {"rating": None}]:  # each misses one condition
        add_content(db, **{**wanted_row, **other})
    found = find_content(
        db, title="Night", genre="drama", content_type="movie", release_year=2019, min_rating=Decimal("5.5")
    )
    assert [item["title"] for item in found["items"]] == ["Night", "Nightwatch"]
    assert wanted in found["items"]


def test_pages_of_titles_that_are_equal(db: Database) -> None:
    keys = {add_content(db, title="Same", content_type="movie")["content_id"] for _ in range(7)}
    pages = all_pages(find_content, db, title="Same", limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert {item["content_id"] for page in pages for item in page} == keys


def test_pages_go_on_after_a_blank_title(db: Database) -> None:
    execute(db, "INSERT INTO content (title, content_type) VALUES ('', 'movie'), (' ', 'movie')")
    pages = all_pages(find_content, db, limit=1)
    assert [item["title"] for page in pages for item in page] == ["", " ", "Night Train", "Nightwatch"]


def test_a_page_stays_where_it_was_when_titles_come(db: Database) -> None:
    first = find_content(db, limit=1)
    add_content(db, title="Aaa", content_type="movie")
    assert [item["title"] for item in find_content(db, after=first["next"])["items"]] == ["Nightwatch"]


def test_a_title_is_found_by_any_beginning(db: Database) -> None:
    titles = ["100% Wolf", "a_b", "back\\slash", *STRANGE_TEXTS, "100 Wolves", "acb", "backslash", "night", "NIGHT"]
    for title in titles:
        add_content(db, title=title, content_type="movie")
    everything = [*titles, "Night Train", "Nightwatch"]
    beginnings = {title[:length] for title in everything for length in range(1, len(title) + 1)}
    for beginning in [*beginnings, "nothing"]:
        found = [item["title"] for item in find_content(db, title=beginning)["items"]]
        assert sorted(found) == sorted(title for title in everything if title.startswith(beginning))


def test_content_is_changed_and_removed(db: Database) -> None:
    assert update_content(db, content_id=1, genre=None, rating=None, title="New") == {
        **get_content(db, content_id=1),
        "genre": None,
        "rating": None,
        "title": "New",
    }
    assert remove_content(db, content_id=1)["title"] == "New"
    assert execute(db, "SELECT count(*) FROM watch_history WHERE content_id = 1") == [(0,)]
    assert find_content(db, title="New") == {"items": [], "next": None}
