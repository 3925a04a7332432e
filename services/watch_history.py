"""Who watches what, and how far they have come: the table watch_history, in which a row is one viewing."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from services.arguments import service
from services.pages import Order, Page, check_limit, read_page
from services.rows import Entity, Row, read
from toolkit.database import Database

# Percent from which on a viewing counts as finished: few stay for the credits. The statements of queries.sql and an
# index of schema.sql have the number, too.
FINISHED = 90

_VIEWINGS = Entity(
    "watch_history",
    "watch_id",
    """SELECT t.watch_id, t.user_id, t.content_id, c.title, t.watched_at, t.progress
       FROM {source} t JOIN content c ON c.content_id = t.content_id""",
    lambda _: uuid4(),
)
_OF_USER = ("t.user_id = %(user_id)s",)
_LATEST_VIEWINGS = Order({"t.watched_at": datetime.fromisoformat, "t.watch_id": UUID}, descending=True)


@service
def start_watching(database: Database, *, user_id: int, content_id: int, watch_id: UUID | None = None) -> Row:
    """Begin a viewing, now and at 0 %, and return it.

    With a watch_id of the caller's, the same call again returns the same viewing, whatever its progress is by then.
    Raises NotFound for the user or the content; AlreadyExists if the watch_id is another viewing's.

    >>> start_watching(database, user_id=2, content_id=1)["progress"]
    Decimal('0.00')
    """
    return _VIEWINGS.create(database, watch_id, user_id=user_id, content_id=content_id)


@service
def log_progress(database: Database, *, watch_id: UUID, progress: Decimal | int) -> Row:
    """Log how far a viewing is, in percent (0 to 100), and return it. Raises NotFound.

    The furthest position counts: several devices may log in any order, and late or repeated calls move nothing back.

    >>> viewing = start_watching(database, user_id=2, content_id=1)
    >>> log_progress(database, watch_id=viewing["watch_id"], progress=40)["progress"]
    Decimal('40.00')
    >>> log_progress(database, watch_id=viewing["watch_id"], progress=Decimal("12.5"))["progress"]
    Decimal('40.00')
    """
    return _VIEWINGS.write_one(database, _LOG_PROGRESS, {"watch_id": watch_id, "progress": progress})


# greatest() alone would let a negative progress pass without a word, because the present one is greater. It is written
# as it is instead, and the column's CHECK refuses it.
_LOG_PROGRESS = _VIEWINGS.written_by("""
    UPDATE watch_history
    SET progress = CASE WHEN %(progress)s >= 0 THEN greatest(progress, %(progress)s) ELSE %(progress)s END
    WHERE watch_id = %(watch_id)s RETURNING *""")


@service
def watch_history(database: Database, *, user_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a user's viewings, the latest first, with the titles.

    >>> [(viewing["title"], viewing["progress"]) for viewing in watch_history(database, user_id=1)["items"]]
    [('Nightwatch', Decimal('100.00')), ('Night Train', Decimal('35.50'))]
    """
    return read_page(database, _VIEWINGS, _OF_USER, _LATEST_VIEWINGS, after, limit, user_id=user_id)


@service
def continue_watching(database: Database, *, user_id: int, limit: int = 20) -> list[Row]:
    """Return the latest viewing of each title that a user has not finished (90 %), the latest first.

    A title whose latest viewing was finished is not among them, even if an older one was not.

    >>> [viewing["title"] for viewing in continue_watching(database, user_id=1)]
    ['Night Train']
    """
    check_limit(limit)
    return read(database, _CONTINUE, {"user_id": user_id, "limit": limit, "finished": FINISHED})


# The subquery finds the latest viewing of each title, finished or not; only then those that were finished are left out.
_CONTINUE = (
    _VIEWINGS.of("""(
    SELECT * FROM (
        SELECT DISTINCT ON (content_id) watch_id, user_id, content_id, watched_at, progress
        FROM watch_history WHERE user_id = %(user_id)s
        ORDER BY content_id, watched_at DESC, watch_id DESC
    ) latest
    WHERE progress < %(finished)s ORDER BY watched_at DESC, watch_id DESC LIMIT %(limit)s
)""")
    + _LATEST_VIEWINGS.clause()
)
