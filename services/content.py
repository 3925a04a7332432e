"""The titles that can be watched: the table content."""

from typing import cast

from services.arguments import Number, service
from services.pages import Order, read_page
from services.removals import remove
from services.row_types import Content, Page
from services.rows import NOT_GIVEN, Entity, Row
from services.transactions import Queryable

CONTENT: Entity[Content] = Entity(
    "content",
    "content_id",
    """SELECT t.content_id, t.title, t.content_type, t.genre, t.release_year, t.rating, t.duration_minutes, t.episodes
       FROM {source} t""",
    identity=("title",),
)


@service
def add_content(
    database: Queryable,
    *,
    title: str,
    content_type: str,
    genre: str | None = None,
    release_year: int | None = None,
    rating: Number | None = None,
    duration_minutes: int | None = None,
    episodes: int | None = None,
    content_id: int | None = None,
) -> Content:
    """Add a title and return it.

    content_type: movie, series, documentary or other. rating: the critics', 0 to 10. duration_minutes: of a film, or of
    an episode. episodes: how many a series has. With a content_id given, the same call again returns the same title,
    even if other columns than its name were changed since. Raises AlreadyExists if the content_id is of a title of
    another name.

    >>> add_content(database, title="Low Tide", content_type="movie", rating=7.5)["rating"]
    Decimal('7.5')
    """
    row = {"title": title, "content_type": content_type, "genre": genre, "release_year": release_year, "rating": rating}
    return CONTENT.create(database, content_id, **row, duration_minutes=duration_minutes, episodes=episodes)


@service
def get_content(database: Queryable, *, content_id: int, as_of: str | None = None) -> Content:
    """Return a title. Raises NotFound.

    >>> get_content(database, content_id=1)["title"]
    'The Last Lighthouse'
    """
    return CONTENT.get(database, as_of, content_id=content_id)


@service
def find_content(
    database: Queryable,
    *,
    title: str | None = None,
    genre: str | None = None,
    content_type: str | None = None,
    release_year: int | None = None,
    min_rating: Number | None = None,
    after: str | None = None,
    limit: int = 20,
    as_of: str | None = None,
) -> Page[Content]:
    """Return a page of the content that meets all conditions given, in the order of the titles.

    title: its beginning, in exactly this spelling. min_rating: the lowest rating by critics. On a PostgreSQL database
    whose collation is not C, a search by title reads all titles, because it cannot use an index of schema.sql.

    >>> [found["title"] for found in find_content(database, title="R", min_rating=7.5)["items"]]
    ['Rivers of Ice']
    """
    given = {"genre": genre, "content_type": content_type, "release_year": release_year, "min_rating": min_rating}
    values: Row = {name: value for name, value in given.items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values]
    if title is not None:
        # LIKE can use the index on titles, but % _ and \ have a special meaning in it. So it gets only the text up to
        # the first of these, and left() compares its results with the whole text.
        plain = min((title.index(special) for special in "%_\\" if special in title), default=len(title))
        values.update(title=title, length=len(title), pattern=title[:plain] + "%")
        conditions += ["t.title LIKE %(pattern)s", "left(t.title, %(length)s) = %(title)s"]
    return read_page(database, CONTENT, tuple(conditions), _BY_TITLE, after, limit, as_of, **values)


_BY_TITLE = Order({"t.title": str, "t.content_id": int})
_CONDITIONS = {
    "genre": "t.genre = %(genre)s",
    "content_type": "t.content_type = %(content_type)s",
    "release_year": "t.release_year = %(release_year)s",
    "min_rating": "t.rating >= %(min_rating)s",
}


@service
def update_content(
    database: Queryable,
    *,
    content_id: int,
    title: str = NOT_GIVEN,
    content_type: str = NOT_GIVEN,
    genre: str | None = NOT_GIVEN,
    release_year: int | None = NOT_GIVEN,
    rating: Number | None = NOT_GIVEN,
    duration_minutes: int | None = NOT_GIVEN,
    episodes: int | None = NOT_GIVEN,
) -> Content:
    """Change the given columns of a title (None: not known), and return it. Raises NotFound.

    >>> update_content(database, content_id=2, episodes=16)["episodes"]
    16
    """
    row = {"title": title, "content_type": content_type, "genre": genre, "release_year": release_year, "rating": rating}
    return CONTENT.update(database, content_id, **row, duration_minutes=duration_minutes, episodes=episodes)


@service
def remove_content(database: Queryable, *, content_id: int) -> Content:
    """Remove a title with its viewings and reviews, and return it as it was. Raises NotFound.

    >>> remove_content(database, content_id=2)["title"]
    'Neon Harbor'
    """
    return cast(Content, remove(database, CONTENT, content_id=content_id))
