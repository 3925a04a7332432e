"""Recommendations: what a user could watch next, from what users with similar tastes have finished.

This is user-based collaborative filtering with a bounded amount of work, however large and busy the platform is: it
reads a fixed number of the user's latest titles, for each the users who finished it last, and of those who have most
titles in common with the user (the neighbours) their latest viewings. Each is read from one index.
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

# Larger numbers cost time and bring more hits: benchmarks/recommend.py measures both.
USER_TITLES = 20  # the latest that the user has finished
VIEWERS_PER_TITLE = 60  # of each of these titles, the latest who have finished it
# They are searched among the latest FINISHES_PER_TITLE of its latest VIEWINGS_PER_TITLE, because some viewings are not
# over, and some users watch a title repeatedly. 300 finishes take longer and bring no more hits: in a year of 6,000
# users the first ten recommendations held a hit for 635 of 1,000 users, and for 636 with 120 finishes. (In a model
# without tastes: 528, 522.)
FINISHES_PER_TITLE, VIEWINGS_PER_TITLE = 120, 1_000
NEIGHBOURS = 80  # users who have finished most of these titles
VIEWINGS_PER_NEIGHBOUR = 40  # the latest of each neighbour
CANDIDATES = 100  # titles that most neighbours have finished
LATEST_VIEWINGS = 2_000  # viewings of all users, from which popular titles are counted

DISLIKED = 5  # a rating below this
OTHER_GENRES = 0.3  # the part of its score that a title keeps if the user has finished nothing of its genre


class _Watched(NamedTuple):
    """A title that the user has watched. liked: finished, and not rated badly."""

    content_id: int
    title: str
    genre: str | None
    liked: bool


class _Candidate(NamedTuple):
    """Why a title is recommended, and how strongly: by rank, and by score among those of the same rank."""

    rank: int
    score: float
    reason: str


# The ranks, by the source of the recommendation.
OF_NEIGHBOURS, POPULAR_IN_GENRE, POPULAR, RATED, NEW, UNKNOWN = 5, 4, 3, 2, 1, 0


@service
def recommend_content(
    database: Queryable, *, user_id: int, limit: int = 10, as_of: str | None = None
) -> list[Recommendation]:
    """Return titles that a user has not watched, the most promising first, each with a reason in words.

    First come titles that users with similar tastes have finished and not rated badly, then popular ones in the genres
    of which the user has finished a title, then other popular ones, then those with the best critics' ratings, then new
    ones, then any. There are fewer than limit (1 to 1000) only if the user has watched everything else. Raises NotFound
    for the user.

    >>> [(found["title"], found["reason"]) for found in recommend_content(database, user_id=2)]
    [('Rivers of Ice', 'because you finished Neon Harbor')]
    """
    check_limit(limit)

    def work(cursor: Cursor) -> list[Row]:
        seen = _read_watched(cursor, user_id)
        liked = [title for title in seen if title.liked]
        # Among this many titles are at least `limit` that the user has not watched, or there are no more.
        enough = limit + len(seen)
        found = _find_by_neighbours(cursor, user_id, liked)
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


def _read_watched(cursor: Cursor, user_id: int) -> list[_Watched]:
    """Return the titles that a user has watched, the latest first. Raises NotFound."""
    key = {"user_id": user_id}
    if not fetch(cursor, "SELECT user_id FROM users WHERE user_id = %(user_id)s", key):
        raise NotFound("users", key)
    seen = fetch(cursor, _WATCHED, key)
    content = _read_content(cursor, [row["content_id"] for row in seen])
    return [
        _Watched(
            row["content_id"],
            content[row["content_id"]]["title"],
            content[row["content_id"]]["genre"],
            row["progress"] >= FINISHED and (row["rating"] is None or row["rating"] >= DISLIKED),
        )
        for row in seen
    ]


def _find_by_neighbours(cursor: Cursor, user_id: int, liked: list[_Watched]) -> dict[int, _Candidate]:
    """Return titles that the neighbours have finished: content_id -> candidate."""
    shared: dict[int, set[int]] = defaultdict(set)  # user -> the titles that both have finished
    titles = {title.content_id: title.title for title in liked[:USER_TITLES]}
    depths = {"viewings": VIEWINGS_PER_TITLE, "finishes": FINISHES_PER_TITLE, "viewers": VIEWERS_PER_TITLE}
    for row in fetch(cursor, _VIEWERS, {"titles": list(titles), "finished": FINISHED, **depths}):
        if row["user_id"] != user_id:
            shared[row["user_id"]].add(row["content_id"])
    neighbours = sorted(shared, key=lambda key: (-len(shared[key]), key))[:NEIGHBOURS]

    scores: Counter[int] = Counter()
    because: dict[int, Counter[int]] = defaultdict(Counter)  # candidate -> title of the user -> how much it contributes
    for neighbour, candidate in _read_liked(cursor, neighbours):
        scores[candidate] += len(shared[neighbour])
        because[candidate].update(shared[neighbour])
    candidates = [key for key, _ in scores.most_common(CANDIDATES)]
    content = _read_content(cursor, candidates)
    return {
        key: _Candidate(
            OF_NEIGHBOURS,
            scores[key] * (OTHER_GENRES + _share_of_genre(liked, content[key]["genre"])),
            f"because you finished {titles[max(titles, key=because[key].__getitem__)]}",
        )
        for key in candidates
    }


def _read_liked(cursor: Cursor, users: list[int]) -> list[tuple[int, int]]:
    """Return what these users have finished lately and not rated badly, as pairs of user_id and content_id."""
    finished = fetch(cursor, _FINISHED_BY, {"users": users, "viewings": VIEWINGS_PER_NEIGHBOUR, "finished": FINISHED})
    disliked = fetch(cursor, _DISLIKED_BY, {"users": users, "disliked": DISLIKED})
    found = {(row["user_id"], row["content_id"]) for row in finished}
    return sorted(found - {(row["user_id"], row["content_id"]) for row in disliked})


def _find_popular(cursor: Cursor, liked: list[_Watched], titles: int) -> dict[int, _Candidate]:
    """Return the titles with most viewers now: content_id -> candidate, with a higher rank in the user's genres.

    A viewer who has finished a title counts twice: on a busy platform most of the latest viewings are not over.
    """
    popular = fetch(cursor, _POPULAR, {"viewings": LATEST_VIEWINGS, "titles": titles, "finished": FINISHED})
    scores = {row["content_id"]: row["viewers"] + row["finishers"] for row in popular}
    found = {}
    for key, row in _read_content(cursor, list(scores)).items():
        if _share_of_genre(liked, row["genre"]):
            found[key] = _Candidate(POPULAR_IN_GENRE, scores[key], f"popular in {row['genre']}")
        else:
            found[key] = _Candidate(POPULAR, scores[key], "popular now")
    return found


def _find_others(cursor: Cursor, titles: int) -> dict[int, _Candidate]:
    """Return titles that can be recommended without any viewings: content_id -> candidate."""
    values = {"titles": titles}
    unknown = {row["content_id"]: _Candidate(UNKNOWN, 0, "not watched yet") for row in fetch(cursor, _ANY, values)}
    new = {
        row["content_id"]: _Candidate(NEW, row["release_year"], f"released in {row['release_year']}")
        for row in fetch(cursor, _NEWEST, values)
    }
    rated = {
        row["content_id"]: _Candidate(RATED, row["rating"], f"rated {row['rating']} by critics")
        for row in fetch(cursor, _BEST_RATED, values)
    }
    return unknown | new | rated


def _share_of_genre(titles: list[_Watched], genre: str | None) -> float:
    """Return the share of these titles that are of a genre, from 0 to 1."""
    return sum(title.genre == genre for title in titles) / len(titles) if titles and genre else 0.0


def _read_content(cursor: Cursor, keys: list[int]) -> dict[int, Row]:
    return {row["content_id"]: row for row in fetch(cursor, _CONTENT, {"keys": keys})}


_WATCHED = """
    SELECT w.content_id, w.progress, r.rating
    FROM (
        SELECT content_id, max(progress) AS progress, max(watched_at) AS watched_at
        FROM watch_history WHERE user_id = %(user_id)s GROUP BY content_id
    ) w
    LEFT JOIN reviews r ON r.user_id = %(user_id)s AND r.content_id = w.content_id
    ORDER BY w.watched_at DESC, w.content_id"""

# For each row on its left, LATERAL reads only the first rows of a range of the index.
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
