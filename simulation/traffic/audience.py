"""Who watches what: the model of `generate`, applied to the users and titles of the database."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import accumulate
from math import sqrt
from random import Random
from typing import Any, NamedTuple

import services
from simulation import profile
from simulation.attention import ATTENTION_SCALE, Attention, power_law
from simulation.billing import METHODS
from simulation.choices import weighted_choice
from simulation.locales import LOCALES
from simulation.names import People
from simulation.popularity import Popularity, Tastes
from simulation.portable_math import approximately_normal
from simulation.reviewing import Reviewing
from simulation.sessions import EVENING_SD, WEEKDAY_HOURS, WEEKEND_HOURS
from simulation.titles import BEFORE, MEAN_QUALITY, MINUTES, Title
from simulation.watching import Watching
from simulation.window import DAY, HOUR, Window
from toolkit.console import UserError
from toolkit.database import Database

# How many titles, and how many of the users who are there before the run, take part: those that are listed first.
MOST_TITLES = 10_000
MOST_USERS = 10_000


class Viewer(NamedTuple):
    """A simulated user.

    offset: of their time zone from UTC, in seconds. habit: the minute of the day around which their evening sessions
    begin. rating_bias: by how many points they rate higher than others.
    """

    user_id: int
    offset: int
    habit: int
    tastes: Tastes
    rating_bias: float
    language: str
    locale: str
    method: str


class Audience:
    """The titles and users of a database, and how users choose titles. Immutable: all workers share it."""

    def __init__(self, database: Database) -> None:
        """Read titles and users. Raises UserError if there are no titles."""
        rows = _read_pages(services.find_content, database, MOST_TITLES)
        if not rows:
            raise UserError("there is nothing to watch: run `python insert_data.py` first, which loads the sample data")
        self.profile = profile.load()
        self.titles = [row["title"] for row in rows]
        self.genres = [row["genre"] for row in rows]
        self.content_ids = [row["content_id"] for row in rows]
        self.numbers = {content_id: number for number, content_id in enumerate(self.content_ids)}
        titles = [_title(row) for row in rows]
        window = Window(date(2026, 1, 1), 1)
        attention = Attention(self.profile, titles, _on_release(self.profile.titles.exponent, titles))
        self.popularity = Popularity(self.profile, window, titles, attention)
        self.watching = Watching(self.profile, window, self.popularity)
        self.reviewing = Reviewing(self.profile, window, self.popularity)
        self.people = People()
        self._locales = list(accumulate(locale.share for locale in LOCALES))
        users = [self.viewer(row["user_id"], Random(row["user_id"])) for row in _users(database)]
        self.users = users
        # A Lomax distribution with shape 4, as in subscribers.py: many watch little, a few very much.
        self.activities = [1 / sqrt(sqrt(1 - Random(-1 - user.user_id).random())) - 0.98 for user in users]

    def viewer(self, user_id: int, rng: Random) -> Viewer:
        """Return a user with random traits."""
        locale = LOCALES[bisect_right(self._locales, rng.random() * self._locales[-1])]
        return Viewer(
            user_id,
            int(HOUR * weighted_choice(locale.offsets, rng.random())),
            19 * 60 + 40 + int(40 * approximately_normal(rng.random())),
            self.popularity.tastes(locale.language, rng),
            0.7 * approximately_normal(rng.random()),
            locale.language,
            locale.code,
            weighted_choice(METHODS, rng.random()),
        )

    def watches(self, viewer: Viewer, moment: float, rng: Random) -> bool:
        """Return at random whether somebody watches at a moment (seconds since 1970): likelier in their evening."""
        local = moment + viewer.offset
        minute = int(local % DAY) // 60
        after = (minute - viewer.habit + 720) % 1440 - 720
        if abs(after) <= 2 * EVENING_SD:
            return True
        weekend = int(local // DAY + 3) % 7 >= 5  # 1970 began on a Thursday
        hours = WEEKEND_HOURS if weekend else WEEKDAY_HOURS
        return rng.random() < (1 - self.profile.viewings.evening) * hours[minute // 60] / max(hours)

    def pick(self, viewer: Viewer, rng: Random) -> int:
        """Return the number of the title that somebody picks at random, by their tastes."""
        return self.popularity.pick(0, viewer.tastes, rng)

    def review(self, viewer: Viewer, title: int, rng: Random) -> tuple[Decimal, str | None]:
        """Return somebody's rating of a title, and a text that fits it, or None."""
        rating = self.reviewing.rating(self.popularity.titles[title].quality, viewer.rating_bias, rng)
        return Decimal(rating), self.reviewing.words(title, rating, viewer.language, rng)


def _users(database: Database) -> list[dict[str, Any]]:
    """Return the users whom no run has signed up."""
    rows = _read_pages(services.list_users, database, MOST_USERS)
    return [row for row in rows if not row["email"].endswith("@sim.example.com")]


def _read_pages(service: Callable[..., Any], database: Database, most: int) -> list[dict[str, Any]]:
    page = service(database, limit=1000)
    rows: list[dict[str, Any]] = page["items"]
    while page["next"] and len(rows) < most:
        page = service(database, limit=1000, after=page["next"])
        rows += page["items"]
    return rows


def _title(row: dict[str, Any]) -> Title:
    """Return a title for the model, with averages for what the database does not know of it."""
    quality = float(row["rating"]) if row["rating"] is not None else MEAN_QUALITY
    kind, year = row["content_type"], row["release_year"] or 2000
    minutes, episodes = row["duration_minutes"] or sum(MINUTES[kind]) // 2, row["episodes"] or 0
    return Title(row["title"], kind, row["genre"] or kind, 0, "", BEFORE, year, quality, None, minutes, episodes)


def _on_release(exponent: float, titles: list[Title]) -> list[int]:
    """Return the attention for each title: a power law, in which better titles tend to be more popular."""
    rng = Random("popularity")
    order = sorted(range(len(titles)), key=lambda number: -titles[number].quality - 2 * rng.random())
    on_release = [0] * len(titles)
    for number, share in zip(order, power_law(len(titles), exponent), strict=True):
        on_release[number] = 1 + int(share * ATTENTION_SCALE)
    return on_release
