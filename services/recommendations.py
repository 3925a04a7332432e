"""What a user could watch next, from what people with like tastes finished.

The work is bounded, whatever the platform's size and however busy it is: a fixed number of the user's latest titles,
for each the people who finished it last, and of those who share most with the user their latest viewings. Each is read
from one index.
"""

from collections import Counter, defaultdict
from typing import NamedTuple, cast

from services.arguments import service
from services.errors import NotFound
from services.pages import check_limit
from services.row_types import Recommendation
from services.rows import Row, fetch
from services.transactions import Queryable, transact_read
from services.watch_history import FINISHED
from toolkit.database import Cursor

# More of each costs time and gains hits: benchmarks/recommend.py measures both.
TITLES = 20  # of the user's, the latest finished
VIEWERS = 60  # of each of these, the latest who finished it
# They are looked for among its latest finishes, so many out of so many viewings: some viewings are under way, and some
# people watch a title again and again. 300 finishes are more to read, and hit no more often: in a year of 6,000 users
# ten titles held a hit for 635 of 1,000 users, and for 636 with 120. (Where nobody has tastes: for 528, and for 522.)
FINISHES, VIEWINGS_OF_TITLE = 120, 1_000
NEIGHBOURS = 80  # those who share most of these titles
VIEWINGS = 40  # of each neighbour, the latest
CANDIDATES = 100  # titles that most of the neighbours finished
LATEST = 2_000  # viewings of everybody, which say what is popular now

DISLIKED = 5  # a rating below this
OTHER_GENRES = 0.3  # of its score remains to a title of a genre of which the user has finished nothing


class _Seen(NamedTuple):
    """A title that the user has watched. liked: finished, and not rated badly."""

    content_id: int
    title: str
    genre: str | None
    liked: bool


class _Found(NamedTuple):
    """How promising a title is, and why. What has a higher rank comes first, whatever the scores."""

    rank: int
    score: float
    reason: str


# The ranks.
OF_NEIGHBOURS, POPULAR_IN_GENRE, POPULAR, RATED, NEW, UNKNOWN = 5, 4, 3, 2, 1, 0


@service
def recommend_content(
    database: Queryable, *, user_id: int, limit: int = 10, as_of: str | None = None
) -> list[Recommendation]:
    """Return titles that a user has not watched, the most promising first, each with a reason in words.

    First comes what people with like tastes finished and did not rate badly, then what is popular in the genres of
    which the user has finished a title, then what else is popular now, then what the critics rate highest, then what is
    new. There are fewer than limit (1 to 1000) only where the user has watched everything else. Raises NotFound for the
    user.

    >>> [(found["title"], found["reason"]) for found in recommend_content(database, user_id=2)]
    [('Rivers of Ice', 'because you finished Neon Harbor')]
    """
    check_limit(limit)

    def work(cursor: Cursor) -> list[Row]:
        seen = _read_seen(cursor, user_id)
        liked = [title for title in seen if title.liked]
        # So many titles of anything hold as many as are asked for that the user has not watched, or all there are.
        enough = limit + len(seen)
        found = _find_among_neighbours(cursor, user_id, liked)
        if len(found.keys() - {title.content_id for title in seen}) < limit:
            found = _find_popular(cursor, liked, enough) | found
        if len(found.keys() - {title.content_id for title in seen}) < limit:
            found = _find_others(cursor, enough) | found
        for title in seen:
            found.pop(title.content_id, None)
        best = sorted(found, key=lambda key: (-found[key].rank, -found[key].score, key))[:limit]
        content = _read_content(cursor, best)
        return [{**content[key], "reason": found[key].reason} for key in best]

    return cast(list[Recommendation], transact_read(database, work, as_of))


def _read_seen(cursor: Cursor, user_id: int) -> list[_Seen]:
    """Return the titles that a user has watched, the latest first. Raises NotFound."""
    key = {"user_id": user_id}
    if not fetch(cursor, "SELECT user_id FROM users WHERE user_id = %(user_id)s", key):
        raise NotFound("users", key)
    seen = fetch(cursor, _SEEN, key)
    content = _read_content(cursor, [row["content_id"] for row in seen])
    return [
        _Seen(
            row["content_id"],
            content[row["content_id"]]["title"],
            content[row["content_id"]]["genre"],
            row["progress"] >= FINISHED and (row["rating"] is None or row["rating"] >= DISLIKED),
        )
        for row in seen
    ]


def _find_among_neighbours(cursor: Cursor, user_id: int, liked: list[_Seen]) -> dict[int, _Found]:
    """Return what those have finished who finished the same titles as the user: content_id -> how promising it is."""
    shared: dict[int, set[int]] = defaultdict(set)  # user -> those of the titles that they finished, too
    titles = {title.content_id: title.title for title in liked[:TITLES]}
    depths = {"viewings": VIEWINGS_OF_TITLE, "finishes": FINISHES, "viewers": VIEWERS}
    for row in fetch(cursor, _VIEWERS, {"titles": list(titles), "finished": FINISHED, **depths}):
        if row["user_id"] != user_id:
            shared[row["user_id"]].add(row["content_id"])
    neighbours = sorted(shared, key=lambda key: (-len(shared[key]), key))[:NEIGHBOURS]

    scores: Counter[int] = Counter()
    because: dict[int, Counter[int]] = defaultdict(Counter)  # how much each of the titles speaks for a candidate
    for neighbour, candidate in _read_liked(cursor, neighbours):
        scores[candidate] += len(shared[neighbour])
        because[candidate].update(shared[neighbour])
    candidates = [key for key, _ in scores.most_common(CANDIDATES)]
    content = _read_content(cursor, candidates)
    return {
        key: _Found(
            OF_NEIGHBOURS,
            scores[key] * (OTHER_GENRES + _share(liked, content[key]["genre"])),
            f"because you finished {titles[max(titles, key=because[key].__getitem__)]}",
        )
        for key in candidates
    }


def _read_liked(cursor: Cursor, users: list[int]) -> list[tuple[int, int]]:
    """Return what these users have finished lately and did not rate badly: user_id and content_id."""
    finished = fetch(cursor, _FINISHED_BY, {"users": users, "viewings": VIEWINGS, "finished": FINISHED})
    disliked = fetch(cursor, _DISLIKED_BY, {"users": users, "disliked": DISLIKED})
    found = {(row["user_id"], row["content_id"]) for row in finished}
    return sorted(found - {(row["user_id"], row["content_id"]) for row in disliked})


def _find_popular(cursor: Cursor, liked: list[_Seen], titles: int) -> dict[int, _Found]:
    """Return what most people watch now: content_id -> how promising it is, first in the genres of what the user liked.

    Who has finished a title counts twice: on a busy platform most of the latest viewings are under way.
    """
    popular = fetch(cursor, _POPULAR, {"viewings": LATEST, "titles": titles, "finished": FINISHED})
    scores = {row["content_id"]: row["viewers"] + row["finishers"] for row in popular}
    found = {}
    for key, row in _read_content(cursor, list(scores)).items():
        if _share(liked, row["genre"]):
            found[key] = _Found(POPULAR_IN_GENRE, scores[key], f"popular in {row['genre']}")
        else:
            found[key] = _Found(POPULAR, scores[key], "popular now")
    return found


def _find_others(cursor: Cursor, titles: int) -> dict[int, _Found]:
    """Return what needs no viewers to be found, so that there is something on every platform: content_id -> why."""
    values = {"titles": titles}
    unknown = {row["content_id"]: _Found(UNKNOWN, 0, "not watched yet") for row in fetch(cursor, _ANY, values)}
    new = {
        row["content_id"]: _Found(NEW, row["release_year"], f"released in {row['release_year']}")
        for row in fetch(cursor, _NEWEST, values)
    }
    rated = {
        row["content_id"]: _Found(RATED, row["rating"], f"rated {row['rating']} by critics")
        for row in fetch(cursor, _BEST_RATED, values)
    }
    return unknown | new | rated


def _share(titles: list[_Seen], genre: str | None) -> float:
    """Return how many of these titles are of a genre, as a share."""
    return sum(title.genre == genre for title in titles) / len(titles) if titles and genre else 0.0


def _read_content(cursor: Cursor, keys: list[int]) -> dict[int, Row]:
    return {row["content_id"]: row for row in fetch(cursor, _CONTENT, {"keys": keys})}


_SEEN = """
    SELECT w.content_id, w.progress, r.rating
    FROM (
        SELECT content_id, max(progress) AS progress, max(watched_at) AS watched_at
        FROM watch_history WHERE user_id = %(user_id)s GROUP BY content_id
    ) w
    LEFT JOIN reviews r ON r.user_id = %(user_id)s AND r.content_id = w.content_id
    ORDER BY w.watched_at DESC, w.content_id"""

# LATERAL reads for each row on its left the first rows of a part of the index, and no more of it.
_VIEWERS = """
    SELECT t.content_id, w.user_id
    FROM unnest(%(titles)s::INT8[]) AS t (content_id), LATERAL (
        SELECT user_id FROM (
            SELECT user_id, watched_at FROM (
                SELECT user_id, watched_at, progress FROM watch_history
                WHERE content_id = t.content_id ORDER BY watched_at DESC, watch_id DESC LIMIT %(viewings)s
            ) latest
            WHERE progress >= %(finished)s ORDER BY watched_at DESC LIMIT %(finishes)s
        ) finishes
        GROUP BY user_id ORDER BY max(watched_at) DESC, user_id LIMIT %(viewers)s
    ) w"""
_FINISHED_BY = """
    SELECT DISTINCT n.user_id, w.content_id
    FROM unnest(%(users)s::INT8[]) AS n (user_id), LATERAL (
        SELECT content_id, progress FROM watch_history
        WHERE user_id = n.user_id ORDER BY watched_at DESC, watch_id DESC LIMIT %(viewings)s
    ) w
    WHERE w.progress >= %(finished)s"""
_DISLIKED_BY = """
    SELECT user_id, content_id FROM reviews
    WHERE user_id = ANY (%(users)s::INT8[]) AND rating < %(disliked)s"""
_POPULAR = """
    SELECT content_id, count(DISTINCT user_id) AS viewers,
           count(DISTINCT CASE WHEN progress >= %(finished)s THEN user_id END) AS finishers
    FROM (SELECT user_id, content_id, progress FROM watch_history ORDER BY watched_at DESC LIMIT %(viewings)s) w
    GROUP BY content_id ORDER BY 2 DESC, 3 DESC, 1 LIMIT %(titles)s"""
_BEST_RATED = """
    SELECT content_id, rating FROM content WHERE rating IS NOT NULL
    ORDER BY rating DESC, title DESC, content_id DESC LIMIT %(titles)s"""
_NEWEST = """
    SELECT content_id, release_year FROM content WHERE release_year IS NOT NULL
    ORDER BY release_year DESC, title DESC, content_id DESC LIMIT %(titles)s"""
_ANY = "SELECT content_id FROM content ORDER BY content_id LIMIT %(titles)s"
_CONTENT = """
    SELECT c.content_id, c.title, c.content_type, c.genre, c.release_year, c.rating, c.duration_minutes, c.episodes
    FROM content c WHERE c.content_id = ANY (%(keys)s::INT8[])"""
