"""Reviews: who writes one of what, when, the rating, and the words that fit it."""

from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import tomli

from simulation.popularity import Popularity
from simulation.portable_math import approximately_normal
from simulation.profile import Profile
from simulation.subscribers import Subscriber
from simulation.window import DAY, Window

NOISE = 1.0  # standard deviation of what else there is in a rating
HALF_POINTS = 0.5  # of the ratings are to half a point, the others to a whole one
DELAY = 4 * DAY  # the longest time between the end of a viewing and a review

OWED = 200  # reviews that were not written would let the others write twice as many; 100 is the most
REMARKS = (0.9, 0.45)  # of the reviews with words have a remark, and another
ABOUT_A_PART = 0.75  # of the remarks are about a part of it, such as the music
OCCASIONS = 0.4
ENDS = 0.35

# Up to which rating which openings, remarks, words about parts and ends are taken.
MOODS = (
    (4.5, "bad", "dull", "blame", "low_end"),
    (6.5, "mixed", "dull", "blame", "low_end"),
    (8.5, "good", "fine", "praise", "high_end"),
    (10.0, "great", "fine", "praise", "high_end"),
)
# Between words, between sentences, and after them, where it is not as in English.
PUNCTUATION = {"ja": ("", "", "。"), "hi": (" ", " ", "।")}


class GeneratedReview(NamedTuple):
    """rating: a multiple of 0.5 from 0 to 10. words: None if it is a rating only."""

    title: int
    moment: int
    rating: float
    words: str | None


class Reviewing:
    """How people review titles."""

    def __init__(self, profile: Profile, window: Window, popularity: Popularity) -> None:
        self._with_words = profile.reviews.with_words
        self._window = window
        self._popularity = popularity
        self._owed = 0.0  # reviews that were expected and not written
        self._words: dict[str, Any] = tomli.loads(Path(__file__).with_name("reviews.toml").read_text("utf-8"))

    def reviews(
        self, subscriber: Subscriber, expected: float, finished: dict[int, int], rng: Random
    ) -> list[GeneratedReview]:
        """Return about so many reviews of titles that somebody has seen to the end, in the order of time.

        finished: the titles, and the moment when each was seen for the first time. Who has seen too few leaves more for
        the next ones to write.
        """
        count = int(expected * max(0.5, min(1.5, 1 + self._owed / OWED)) + rng.random())
        reviews = []
        left = len(finished)
        for title, seen in finished.items():
            if rng.random() * left < count:
                count -= 1
                delay = rng.random()
                moment = seen + 60 + int(delay * delay * delay * DELAY)
                rating = self.rating(self._popularity.titles[title].quality, subscriber.rating_bias, rng)
                words = self.words(title, rating, subscriber.locale.language, rng)
                if moment < self._window.end:
                    reviews.append(GeneratedReview(title, moment, rating, words))
            left -= 1
        self._owed += expected - len(reviews)
        return sorted(reviews, key=lambda review: review.moment)

    def rating(self, quality: float, rating_bias: float, rng: Random) -> float:
        """Return a rating: the title's quality, what the user is given to, and noise, to half a point or to one."""
        exact = quality + rating_bias + NOISE * approximately_normal(rng.random())
        steps = 2 if rng.random() < HALF_POINTS else 1
        return max(0, min(10 * steps, int(steps * exact + 0.5))) / steps

    def words(self, title: int, rating: float, language: str, rng: Random) -> str | None:
        """Return what somebody writes with a rating, if anything."""
        if rng.random() >= self._with_words:
            return None
        texts = self._words.get(language, self._words["en"])
        _, opening, remark, judgement, end = next(mood for mood in MOODS if rating <= mood[0])
        between, after, stop = PUNCTUATION.get(language, (" ", " ", "."))
        parts = [_one_of(texts[opening], rng)]
        for share in REMARKS:
            if rng.random() < share:
                if rng.random() < ABOUT_A_PART:
                    parts.append(_one_of(texts["subjects"], rng) + between + _one_of(texts[judgement], rng) + stop)
                else:
                    parts.append(_one_of(texts[remark], rng))
        if rng.random() < OCCASIONS:
            parts.append(_one_of(texts["company"], rng) + between + _one_of(texts["occasions"], rng) + stop)
        if rng.random() < ENDS:
            parts.append(_one_of(texts[end], rng))
        known = self._popularity.titles[title]
        text = after.join(dict.fromkeys(parts))
        return text.replace("{title}", known.name).replace("{genre}", known.genre.lower())


def _one_of(choices: list[str], rng: Random) -> str:
    return choices[int(rng.random() * len(choices))]
