"""What there is to watch: titles with a type, a genre that fits it, a language, releases and a quality."""

from math import fsum, sqrt
from random import Random
from typing import NamedTuple

from simulation.choices import weighted_choice
from simulation.locales import LOCALES
from simulation.names import TitleNames
from simulation.portable_math import approximately_normal
from simulation.profile import HitFigures
from simulation.window import Window

# The percentage of the titles that are of each type, and of a type that are of each genre, the most frequent first.
TYPES = {"movie": 50, "series": 30, "documentary": 14, "other": 6}
GENRES = {
    "movie": {"Drama": 20, "Comedy": 17, "Action": 13, "Thriller": 12, "Romance": 10, "Science Fiction": 8}
    | {"Horror": 8, "Crime": 7, "Family": 6, "Animation": 6, "Fantasy": 4, "Western": 2},
    "series": {"Drama": 20, "Crime": 17, "Comedy": 16, "Science Fiction": 10, "Thriller": 9, "Fantasy": 9}
    | {"Animation": 8, "Reality": 8, "Family": 7},
    "documentary": {"Nature": 22, "History": 20, "True Crime": 15, "Science": 14, "Music": 10, "Sport": 10, "Food": 9},
    "other": {"Comedy": 50, "Music": 30, "Sport": 20},
}
# A type has one of its genres for each 12 of its titles, and two at least: a small platform has the most frequent only.
TITLES_PER_GENRE = 12
# A title or an episode has this many minutes, from the least to below the most.
MINUTES = {"movie": (78, 146), "series": (40, 62), "documentary": (44, 98), "other": (46, 102)}
HALF_HOURS = {"Comedy", "Animation", "Family"}  # Series of these genres have shorter episodes.
HALF_HOUR_MINUTES = (20, 34)  # Such an episode has this many minutes, from the least to below the most.

# This share of the titles is made for one market, more for markets with more users; the others are for all the world.
FOR_ONE_MARKET = 0.35
# The percentage of the titles for all the world that each language has.
WORLD_LANGUAGES = {"en": 68, "ko": 8, "es": 7, "ja": 5, "fr": 4, "de": 3, "it": 2, "pt": 2, "hi": 1}

SEASON_EPISODES = (6, 13)  # All seasons of a series have the same number of episodes, from the least to below the most.
ANOTHER_SEASON = 0.5  # After each season this share of the series has one more.
MOST_SEASONS = 8  # No series has more seasons than this when the window begins.
SEQUELS = 0.08  # This share of the films continues another film.

# A genre has this many styles at most: what one drama has in common with some others, and no column says.
STYLES = 3
# It has one for each 1,000 titles of the platform: with fewer people are soon through with theirs.
TITLES_PER_STYLE = 1_000

BEFORE = -1  # This is the release day of all titles that came out before the window.
MEAN_QUALITY = 6.6  # points from 0 to 10


class Title(NamedTuple):
    """Something to watch.

    style: a number. market: the language of those for whom it is made; "": for all the world. released: the day.
    quality: about 0 to 10. critics: their rating, in tenths; None: not rated. minutes: of the title, or of an episode.
    episodes: of a series, at the end of the window; 0: it is none. renewed: the day on which the last season of a
    series comes out in the window; None: there was none after the first release. episodes_before: until then.
    """

    name: str
    content_type: str
    genre: str
    style: int
    market: str
    released: int
    release_year: int
    quality: float
    critics: int | None
    minutes: int
    episodes: int = 0
    renewed: int | None = None
    episodes_before: int = 0

    @property
    def premieres(self) -> list[int]:
        """The days in the window on which the title, or its last season, comes out."""
        return [day for day in (self.released, self.renewed) if day is not None and day != BEFORE]


def make_titles(count: int, new: float, window: Window, rng: Random) -> list[Title]:
    """Make up this many titles, in no order. new: the share of them that comes out in a year."""
    names = TitleNames(rng)
    styles = max(1, min(STYLES, count // TITLES_PER_STYLE))
    came_before = window.date(-1).year
    new = min(0.9, new * window.days / 365)
    last_day = int(window.days * 0.95)  # nothing comes out on the last ones: nobody could watch it
    markets = _markets(names.languages)
    titles: list[Title] = []
    originals: list[tuple[Title, str, int]] = []  # films that a sequel may follow, their names, and how many there are
    for kind in _types(count, rng):
        # There is something to watch on the first day.
        released = int(rng.random() * last_day) if titles and rng.random() < new else BEFORE
        age = rng.random()
        year = window.date(released).year if released != BEFORE else came_before - int(age * age * age * 60)
        quality = MEAN_QUALITY + 1.1 * approximately_normal(rng.random())
        genre = _genre(kind, count, rng)
        language, market = weighted_choice(markets, rng.random())
        if not names.fits(kind, genre, language):
            language, market = "en", ""
        style = int(rng.random() * styles)
        name = ""
        if kind == "movie":
            number = int(rng.random() / SEQUELS * len(originals))
            if number < len(originals) and originals[number][0].release_year < year:
                original, base, parts = originals[number]
                genre, style, market = original.genre, original.style, original.market
                quality = (quality + original.quality) / 2  # what was good is continued well, more often than not
                name = f"{base} {parts + 1}"
        named = name or names.title(kind, genre, language, year)
        least, most = HALF_HOUR_MINUTES if kind == "series" and genre in HALF_HOURS else MINUTES[kind]
        title = Title(
            named,
            kind,
            genre,
            style,
            market,
            released,
            year,
            quality,
            max(5, min(99, int((quality + 0.4 * approximately_normal(rng.random())) * 10 + 0.5)))
            if rng.random() < 0.92
            else None,
            least + int((rng.random() + rng.random()) / 2 * (most - least)),
        )
        if kind == "series":
            title = _with_seasons(title, came_before, new, last_day, rng)
        elif name:
            originals[number] = title, base, parts + 1
        elif kind == "movie" and not named.endswith(")"):
            originals.append((title, named, 1))
        titles.append(title)
    return titles


def hit_title(hit: HitFigures, window: Window) -> Title:
    """Return the title of a hit."""
    year = window.date(hit.day - 1).year
    minutes, _ = MINUTES[hit.content_type]
    episodes = SEASON_EPISODES[0] + 2 if hit.content_type == "series" else 0
    return Title(hit.title, hit.content_type, hit.genre, 0, "", hit.day - 1, year, 8.6, 88, minutes, episodes)


def _with_seasons(title: Title, came_before: int, new: float, last_day: int, rng: Random) -> Title:
    """Return a series with its episodes. As often as new titles come out an older one has a new season."""
    least, most = SEASON_EPISODES
    season = least + int(rng.random() * (most - least))
    if title.released != BEFORE:
        return title._replace(episodes=season)
    seasons = 1
    while seasons < min(MOST_SEASONS, came_before - title.release_year + 1) and rng.random() < ANOTHER_SEASON:
        seasons += 1
    before = seasons * season
    # The last ones of a good series are the likeliest to be followed by more.
    goes_on = new * (1.5 if title.quality > MEAN_QUALITY else 0.5) if came_before - title.release_year < 10 else 0.0
    if rng.random() >= goes_on:
        return title._replace(episodes=before)
    return title._replace(episodes=before + season, renewed=int(rng.random() * last_day), episodes_before=before)


def _types(count: int, rng: Random) -> list[str]:
    """Return the types of this many titles, in no order, but each as often as it should be, also among few."""
    types = [weighted_choice(TYPES, (number + rng.random()) / count) for number in range(count)]
    for last in range(count - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        types[last], types[other] = types[other], types[last]
    return types


def _genre(kind: str, count: int, rng: Random) -> str:
    return weighted_choice(
        dict(list(GENRES[kind].items())[: max(2, count * TYPES[kind] // 100 // TITLES_PER_GENRE)]), rng.random()
    )


def _markets(languages: set[str]) -> dict[tuple[str, str], float]:
    """Return the languages and markets of titles, and how many titles each has, next to others."""
    users: dict[str, float] = {}
    for locale in LOCALES:
        if locale.language in languages:
            users[locale.language] = users.get(locale.language, 0.0) + locale.share
    # Small markets have more titles for each of their people: nobody wants to be through with theirs in a month.
    weights = {language: sqrt(share) for language, share in users.items()}
    each = FOR_ONE_MARKET * 100 / fsum(weights.values())
    markets = {(language, language): each * weight for language, weight in weights.items()}
    world = (1 - FOR_ONE_MARKET) * 100 / sum(WORLD_LANGUAGES.values())
    return markets | {(language, ""): world * share for language, share in WORLD_LANGUAGES.items()}
