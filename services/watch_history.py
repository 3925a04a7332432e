"""Who watches what, and how far they have come: the table watch_history, in which a row is one viewing."""

from typing import cast
from uuid import UUID, uuid4

from services.arguments import Number, service
from services.pages import Order, check_limit, read_page, read_time
from services.row_types import Page, Viewing, ViewingToContinue
from services.rows import Entity, read
from services.transactions import Queryable

# The percent from which on a viewing counts as finished: few people watch the credits. queries.sql has the same number.
FINISHED = 90

_VIEWINGS: Entity[Viewing] = Entity(
    "watch_history",
    "watch_id",
    """SELECT t.watch_id, t.user_id, t.content_id, c.title, t.episode, t.watched_at, t.progress
       FROM {source} t JOIN content c ON c.content_id = t.content_id""",
    identity=("user_id", "content_id", "episode"),
    new_key=lambda _: uuid4(),
)
_OF_USER = ("t.user_id = %(user_id)s",)
_LATEST_VIEWINGS = Order({"t.watched_at": read_time, "t.watch_id": UUID}, descending=True)


@service
def start_watching(
    database: Queryable, *, user_id: int, content_id: int, episode: int | None = None, watch_id: UUID | None = None
) -> Viewing:
    """Begin a viewing, now and at 0 %, and return it. episode: of a series, counted from 1.

    With a watch_id given, the same call again returns the same viewing, even if it has more progress by then. Raises
    NotFound for the user or the content; AlreadyExists if the watch_id is another viewing's: of another user,
    title or episode.

    >>> viewing = start_watching(database, user_id=3, content_id=2, episode=1)
    >>> viewing["title"], viewing["episode"], viewing["progress"]
    ('Neon Harbor', 1, Decimal('0.00'))
    """
    return _VIEWINGS.create(database, watch_id, user_id=user_id, content_id=content_id, episode=episode)


@service
def log_progress(database: Queryable, *, watch_id: UUID, progress: Number) -> Viewing:
    """Log how far a viewing is, in percent (0 to 100), and return it. Raises NotFound.

    The furthest position counts: several devices may log in any order, and late or repeated calls move nothing back.

    >>> viewing = start_watching(database, user_id=3, content_id=1)
    >>> log_progress(database, watch_id=viewing["watch_id"], progress=62.5)["progress"]
    Decimal('62.50')
    >>> log_progress(database, watch_id=viewing["watch_id"], progress=40)["progress"]
    Decimal('62.50')
    """
    return _VIEWINGS.write_one(database, _LOG_PROGRESS, {"watch_id": watch_id, "progress": progress})


# greatest() alone would silently ignore a negative progress. It is written instead, so that the column's CHECK refuses
# it.
_LOG_PROGRESS = _VIEWINGS.select_written("""
    UPDATE watch_history
    SET progress = CASE WHEN %(progress)s >= 0 THEN greatest(progress, %(progress)s) ELSE %(progress)s END
    WHERE watch_id = %(watch_id)s RETURNING *""")


@service
def watch_history(
    database: Queryable, *, user_id: int, after: str | None = None, limit: int = 20, as_of: str | None = None
) -> Page[Viewing]:
    """Return a page of a user's viewings, the latest first, with the titles.

    >>> [(viewing["title"], viewing["progress"]) for viewing in watch_history(database, user_id=1)["items"]]
    [('The Last Lighthouse', Decimal('100.00')), ('One Night at the Cellar', Decimal('100.00'))]
    """
    return read_page(database, _VIEWINGS, _OF_USER, _LATEST_VIEWINGS, after, limit, as_of, user_id=user_id)


@service
def continue_watching(
    database: Queryable, *, user_id: int, limit: int = 20, as_of: str | None = None
) -> list[ViewingToContinue]:
    """Return what a user can go on watching: the latest viewing of each title, the latest first, and the next_episode.

    If the latest viewing was not finished (90 %), next_episode is the same episode. If it was finished, the title is
    listed only if it is a series with a further episode, which is next_episode.

    >>> [(viewing["title"], viewing["next_episode"]) for viewing in continue_watching(database, user_id=2)]
    [('One Night at the Cellar', None), ('The Last Lighthouse', None), ('Neon Harbor', 3)]
    """
    check_limit(limit)
    values = {"user_id": user_id, "limit": limit, "finished": FINISHED}
    return cast(list[ViewingToContinue], read(database, _CONTINUE, values, as_of))


# The innermost query finds the latest viewing of each title, finished or not. Only then are those dropped that leave
# nothing to watch: for a finished one the number of episodes is looked up by the key of its title.
_CONTINUE = """
    SELECT t.watch_id, t.user_id, t.content_id, c.title, t.episode, t.watched_at, t.progress,
           CASE WHEN t.progress < %(finished)s THEN t.episode ELSE t.episode + 1 END AS next_episode
    FROM (
        SELECT * FROM (
            SELECT DISTINCT ON (content_id) watch_id, user_id, content_id, episode, watched_at, progress
            FROM watch_history WHERE user_id = %(user_id)s
            ORDER BY content_id, watched_at DESC, watch_id DESC
        ) latest
        WHERE progress < %(finished)s
           OR episode < (SELECT series.episodes FROM content series WHERE series.content_id = latest.content_id)
        ORDER BY watched_at DESC, watch_id DESC LIMIT %(limit)s
    ) t
    JOIN content c ON c.content_id = t.content_id
    ORDER BY t.watched_at DESC, t.watch_id DESC"""
