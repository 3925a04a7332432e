"""What users think of titles: the table reviews, with one review for each user and title."""

from typing import cast
from uuid import UUID, uuid4

from services.arguments import Number, service
from services.content import CONTENT
from services.errors import AlreadyExists, NotFound
from services.pages import Order, read_page, read_time
from services.removals import remove
from services.row_types import ContentRating, Page, Review, ReviewRow
from services.rows import Entity, read, write
from services.transactions import Queryable

_REVIEWS: Entity[Review] = Entity(
    "reviews",
    "review_id",
    """SELECT t.review_id, t.user_id, u.name, t.content_id, t.rating, t.review_text, t.reviewed_at
       FROM {source} t JOIN users u ON u.user_id = t.user_id""",
)
_OF_CONTENT = ("t.content_id = %(content_id)s",)
_LATEST_REVIEWS = Order({"t.reviewed_at": read_time, "t.review_id": UUID}, descending=True)


@service
def review_content(
    database: Queryable,
    *,
    user_id: int,
    content_id: int,
    rating: Number,
    review_text: str | None = None,
    review_id: UUID | None = None,
) -> Review:
    """Rate a title from 0 to 10, in steps of 0.1, with or without a text, and return the review.

    A second call for the same user and title replaces rating, text and time of their review; with a review_id given,
    only if the review has this key. Raises NotFound for the user or the content; AlreadyExists if there is another
    review of the user and title, or if the review_id is another review's.

    >>> review_content(database, user_id=2, content_id=1, rating=8.5, review_text="What an end!")["rating"]
    Decimal('8.5')
    """
    values = {"user_id": user_id, "content_id": content_id, "rating": rating, "review_text": review_text}
    statement = _REVIEW if review_id is None else _REVIEW_WITH_KEY
    for row in write(database, statement, {**values, "review_id": review_id or uuid4()}):
        return cast(Review, row)
    raise AlreadyExists(_REVIEWS.table, {"user_id": user_id, "content_id": content_id})


# Idempotent with any review_id: user and content together are a unique key, which is known before the write.
_UPSERT = """
    INSERT INTO reviews (review_id, user_id, content_id, rating, review_text)
    VALUES (%(review_id)s, %(user_id)s, %(content_id)s, %(rating)s, %(review_text)s)
    ON CONFLICT (user_id, content_id) DO UPDATE
    SET rating = excluded.rating, review_text = excluded.review_text, reviewed_at = excluded.reviewed_at"""
_REVIEW = _REVIEWS.select_written(_UPSERT + " RETURNING *")
_REVIEW_WITH_KEY = _REVIEWS.select_written(_UPSERT + " WHERE reviews.review_id = excluded.review_id RETURNING *")


@service
def list_reviews(
    database: Queryable, *, content_id: int, after: str | None = None, limit: int = 20, as_of: str | None = None
) -> Page[Review]:
    """Return a page of a title's reviews, the latest first, each with its author's name.

    >>> [(review["name"], review["rating"]) for review in list_reviews(database, content_id=1, limit=2)["items"]]
    [('Emma Johansson', Decimal('9.5')), ('Aisha Rahman', Decimal('6.5'))]
    """
    return read_page(database, _REVIEWS, _OF_CONTENT, _LATEST_REVIEWS, after, limit, as_of, content_id=content_id)


@service
def content_rating(database: Queryable, *, content_id: int, as_of: str | None = None) -> ContentRating:
    """Return the average of a title's reviews (to 2 decimals; None without reviews) and their number. Raises NotFound.

    >>> content_rating(database, content_id=1)
    {'content_id': 1, 'title': 'The Last Lighthouse', 'average': Decimal('8.38'), 'reviews': 4}
    """
    key = {"content_id": content_id}
    for row in read(database, _RATING, key, as_of):
        return cast(ContentRating, row)
    raise NotFound(CONTENT.table, key)


_RATING = """
    SELECT c.content_id, c.title, round(avg(r.rating), 2) AS average, count(r.rating) AS reviews
    FROM content c LEFT JOIN reviews r ON r.content_id = %(content_id)s
    WHERE c.content_id = %(content_id)s
    GROUP BY c.content_id, c.title"""


@service
def remove_review(database: Queryable, *, user_id: int, content_id: int) -> ReviewRow:
    """Remove a user's review of a title, and return it as it was. Raises NotFound.

    >>> remove_review(database, user_id=1, content_id=1)["rating"]
    Decimal('9.0')
    """
    return cast(ReviewRow, remove(database, _REVIEWS, user_id=user_id, content_id=content_id))
