"""What there is to watch: titles with a type, a genre that fits it, a release and a quality."""

from itertools import accumulate
from random import Random
from typing import NamedTuple

from simulation.names import TitleNames
from simulation.portable_math import approximately_normal
from simulation.profile import HitFigures
from simulation.window import Window

# In percent of the titles; and of the titles of each type, the most frequent genre first.
TYPES = {"movie": 50, "series": 30, "documentary": 14, "other": 6}
GENRES = {
    "movie": {"Drama": 20, "Comedy": 17, "Action": 13, "Thriller": 12, "Romance": 10, "Science Fiction": 8}
    | {"Horror": 8, "Crime": 7, "Family": 6, "Animation": 6, "Fantasy": 4, "Western": 2},
    "series": {"Drama": 20, "Crime": 17, "Comedy": 16, "Science Fiction": 10, "Thriller": 9, "Fantasy": 9}
    | {"Animation": 8, "Reality": 8, "Family": 7},
    "documentary": {"Nature": 22, "History": 20, "True Crime": 15, "Science": 14, "Music": 10, "Sport": 10, "Food": 9},
    "other": {"Comedy": 50, "Music": 30, "Sport": 20},
}
TITLES_PER_GENRE = 4  # a small platform has the most frequent genres only
MINUTES = {"movie": (84, 140), "series": (24, 58), "documentary": (46, 96), "other": (48, 100)}

STYLES = 3  # of a genre: what one drama has in common with some others, and no column says
TITLES_PER_STYLE = 120  # of all titles, for a style of each genre

BEFORE = -1  # the release day of what came out before the window
MEAN_QUALITY = 6.6


class Title(NamedTuple):
    """style: a number. released: the day. quality: about 0 to 10. critics: their rating, in tenths; None: not rated.

    minutes: of the title, or of an episode.
    """

    name: str
    content_type: str
    genre: str
    style: int
    released: int
    release_year: int
    quality: float
    critics: int | None
    minutes: int


def make_titles(count: int, new: float, window: Window, rng: Random) -> list[Title]:
    """Make up so many titles in no order. new: the share of them that comes out in a year."""
    names = TitleNames(rng)
    styles = max(1, min(STYLES, count // TITLES_PER_STYLE))
    came_before = window.date(-1).year
    new = min(0.9, new * window.days / 365)
    titles: list[Title] = []
    for kind in _types(count, rng):
        allowed = dict(list(GENRES[kind].items())[: max(2, count * TYPES[kind] // 100 // TITLES_PER_GENRE)])
        genre = _one_of(allowed, rng.random())
        # There is something to watch on the first day, and nothing comes out on the last ones: nobody could watch it.
        released = int(rng.random() * window.days * 0.95) if titles and rng.random() < new else BEFORE
        age = rng.random()
        year = window.date(released).year if released != BEFORE else came_before - int(age * age * age * 60)
        quality = MEAN_QUALITY + 1.1 * approximately_normal(rng.random())
        critics = max(5, min(99, int((quality + 0.4 * approximately_normal(rng.random())) * 10 + 0.5)))
        least, most = MINUTES[kind]
        titles.append(
            Title(
                names.title(kind),
                kind,
                genre,
                int(rng.random() * styles),
                released,
                year,
                quality,
                critics if rng.random() < 0.92 else None,
                least + int(rng.random() * (most - least)),
            )
        )
    return titles


def hit_title(hit: HitFigures, window: Window) -> Title:
    """Return the title of a hit."""
    year = window.date(hit.day - 1).year
    return Title(hit.title, hit.content_type, hit.genre, 0, hit.day - 1, year, 8.6, 88, MINUTES[hit.content_type][0])


def _types(count: int, rng: Random) -> list[str]:
    """Return the types of so many titles, in no order, but each as often as it should be, also among few."""
    types = [_one_of(TYPES, (number + rng.random()) / count) for number in range(count)]
    for last in range(count - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        types[last], types[other] = types[other], types[last]
    return types


def _one_of(shares: dict[str, int], place: float) -> str:
    """Return the choice at a place from 0 to 1."""
    place *= sum(shares.values())
    return next(choice for choice, end in zip(shares, accumulate(shares.values()), strict=True) if place < end)
