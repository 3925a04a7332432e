"""Texts that are hard to quote, or too long, are stored and found as they are."""

from sample import STRANGE_TEXTS

from services import (
    InvalidValue,
    add_content,
    add_subscription,
    create_user,
    find_content,
    get_user_by_email,
    process_payment,
    review_content,
    update_user,
)
from toolkit.database import Database


def test_strange_texts_are_kept_as_they_are(db: Database) -> None:
    for text in STRANGE_TEXTS:
        keep(db, text)


def keep(db: Database, text: str) -> None:
    """Give a text to each service that stores or looks for one, and find it again."""
    user = create_user(db, name=text, email=text)
    assert (user["name"], get_user_by_email(db, email=text)["name"]) == (text, text)
    assert update_user(db, user_id=1, name=text)["name"] == text
    assert review_content(db, user_id=1, content_id=1, rating=1, review_text=text)["review_text"] == text
    assert process_payment(db, user_id=1, method=text)["method"] == text
    assert add_subscription(db, name=text, price=1, features={text: text})["features"] == {text: text}
    item = add_content(db, title="x", content_type="movie", genre=text)
    assert find_content(db, genre=text)["items"] == [item]


def test_a_text_too_long_for_the_index(db: Database) -> None:
    title = "".join(chr(0x4E00 + number) for number in range(4000))
    try:
        assert add_content(db, title=title, content_type="movie")["title"] == title
    except InvalidValue as refused:  # PostgreSQL
        assert refused.column == "title"  # noqa: PT017
        assert "too large" in refused.rule  # noqa: PT017
