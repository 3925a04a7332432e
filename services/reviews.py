"""What users think of titles: the table reviews, with one review for each user and title."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.arguments import service
from services.content import CONTENT
from services.errors import NotFound
from services.pages import Order, Page, read_page
from services.rows import Entity, Row, fetch
from toolkit.database import Cursor, Database, run_transaction

_REVIEWS = Entity(
    "reviews",
    "review_id",
    """SELECT t.review_id, t.user_id, u.name, t.content_id, t.rating, t.review_text, t.reviewed_at
       FROM {source} t JOIN users u ON u.user_id = t.user_id""",
)
_LATEST_REVIEWS = Order({"t.reviewed_at": datetime.fromisoformat, "t.review_id": UUID}, descending=True)


@service
def review_content(
    database: Database, *, user_id: int, content_id: int, rating: Decimal | int, review_text: str | None = None
) -> Row:
    """Rate a title from 0 to 10, in steps of 0.1, with or without words, and return the review.

    A second call for the same user and title replaces rating, words and time of their review. Raises NotFound for the
    user or the content.

    >>> review_content(database, user_id=2, content_id=1, rating=9, review_text="What an end!")["rating"]
    Decimal('9.0')
    """
    values = {"user_id": user_id, "content_id": content_id, "rating": rating, "review_text": review_text}

    def work(cursor: Cursor) -> Row:
        return _REVIEWS.read(cursor, review_id=fetch(cursor, _REVIEW, values)[0]["review_id"])

    return run_transaction(database, work, repeatable=True)


# May be repeated, although the server makes the review_id: user and content together are a unique key, which is known
# before the write.
_REVIEW = """
    INSERT INTO reviews (user_id, content_id, rating, review_text)
    VALUES (%(user_id)s, %(content_id)s, %(rating)s, %(review_text)s)
    ON CONFLICT (user_id, content_id) DO UPDATE
    SET rating = excluded.rating, review_text = excluded.review_text, reviewed_at = excluded.reviewed_at
    RETURNING review_id"""


@service
def list_reviews(database: Database, *, content_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a title's reviews, the latest first, each with its author's name.

    >>> [(review["name"], review["rating"]) for review in list_reviews(database, content_id=1)["items"]]
    [('Ann', Decimal('7.5'))]
    """
    conditions = ["t.content_id = %(content_id)s"]
    return read_page(database, _REVIEWS, conditions, _LATEST_REVIEWS, after, limit, content_id=content_id)


@service
def content_rating(database: Database, *, content_id: int) -> Row:
    """Return the average of a title's reviews (to 2 decimals; None without reviews) and their number. Raises NotFound.

    >>> content_rating(database, content_id=1)
    {'content_id': 1, 'title': 'Night Train', 'average': Decimal('7.50'), 'reviews': 1}
    """
    key = {"content_id": content_id}
    found = run_transaction(database, lambda cursor: fetch(cursor, _RATING, key), repeatable=True)
    if not found:
        raise NotFound(CONTENT.table, key)
    return found[0]


_RATING = """
    SELECT c.content_id, c.title, round(avg(r.rating), 2) AS average, count(r.rating) AS reviews
    FROM content c LEFT JOIN reviews r ON r.content_id = %(content_id)s
    WHERE c.content_id = %(content_id)s
    GROUP BY c.content_id, c.title"""


@service
def remove_review(database: Database, *, user_id: int, content_id: int) -> Row:
    """Remove a user's review of a title, and return it as it was. Raises NotFound.

    >>> remove_review(database, user_id=1, content_id=1)["rating"]
    Decimal('7.5')
    """
    return _REVIEWS.remove(database, user_id=user_id, content_id=content_id)
