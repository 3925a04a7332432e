"""Reviews: who writes one of what, when, the rating, and the words that fit it."""

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import tomli

from simulation.choices import one_of
from simulation.popularity import Popularity
from simulation.portable_math import approximately_normal
from simulation.profile import Profile
from simulation.subscribers import Subscriber
from simulation.titles import Title
from simulation.watching import Viewing
from simulation.window import DAY, HOLIDAYS, HOUR, SATURDAY, Window

RATING_NOISE_SD = 1.0  # Beside the title's quality and the user's bias a rating has this standard deviation, in points.
HALF_POINTS = 0.5  # This share of the ratings is rounded to half a point, the others to a whole one.

# This share of the reviews is written soon after the viewing, the sooner the likelier, and within an hour, but not in
# the night, which ends at six o'clock of the user's day.
WRITTEN_SOON = 0.5
SOON = HOUR
NIGHT_ENDS = 6 * HOUR
# This share of the others is not written on the next day, half of that not on the two next ones, and so on, for weeks.
LATER = 0.5
LATER_SD = 150 * 60  # They are written about the user's usual time of day, with this standard deviation in seconds.

# Reviews that were expected and not written are made up for by the next users: while this many are missing, they would
# write twice as many as expected. Half as many more is the most.
CATCH_UP = 50
REMARKS = (0.9, 0.45)  # These shares of the reviews with words have a first remark, and a second one.
ABOUT_A_PART = 0.75  # This share of the remarks is about a part of the title, such as the music.
OCCASIONS = 0.4  # This share of the reviews with words says with whom, and where or why, the title was watched.
ENDINGS = 0.35  # This share of the reviews with words has a last sentence, if there is one for its mood.


class Mood(NamedTuple):
    """What is written with some of the ratings. The texts are named as in reviews.toml."""

    highest: float  # the highest rating with this mood
    frequency: float  # how often such a rating has words, as a multiple of the average
    opening: str  # the texts for the first sentence
    opinions: tuple[tuple[str, str], ...]  # for each remark one of these pairs: the texts for all of it, and for a part
    ending: str | None  # the texts for the last sentence; None: it has none


BAD_OPINION, GOOD_OPINION = ("dull", "blame"), ("fine", "praise")
MOODS = (
    Mood(3.0, 1.9, "bad", (BAD_OPINION,), "low_end"),
    Mood(4.5, 1.3, "bad", (BAD_OPINION,), "low_end"),
    Mood(6.5, 0.7, "mixed", (BAD_OPINION, GOOD_OPINION), None),
    Mood(8.5, 0.8, "good", (GOOD_OPINION,), "high_end"),
    Mood(10.0, 1.8, "great", (GOOD_OPINION,), "high_end"),
)
LONG_FILM = 100  # Films of this many minutes or more may be called long.
OLD_BEFORE = 2000  # Films and series of an earlier year may be called old.
A_KIND = {"Comedy", "Drama", "Romance", "Thriller", "Western"}  # "A {genre}" is said of these genres only.
FOR_CHILDREN = {"Animation", "Family", "Nature"}  # Children are spoken of with these genres only.

# What stands between words, between sentences, and after a sentence, in languages where it is not as in English.
PUNCTUATION = {"ja": ("", "", "。"), "zh": ("", "", "。"), "hi": (" ", " ", "।")}


class GeneratedReview(NamedTuple):
    """rating: a multiple of 0.5 from 0 to 10. words: None if it is a rating only."""

    title: int
    moment: int
    rating: float
    words: str | None


class Reviewing:
    """How people review titles."""

    def __init__(self, profile: Profile, window: Window, popularity: Popularity) -> None:
        figures = profile.reviews
        # For each rating from 0 to 10, in halves: the share of them that has words, and the mood.
        moods = [next(mood for mood in MOODS if half <= 2 * mood.highest) for half in range(21)]
        self._moods = [(figures.with_words * (1 + figures.extremes * (mood.frequency - 1)), mood) for mood in moods]
        self._window = window
        self._popularity = popularity
        self._owed = 0.0  # reviews that were expected and not written
        self._words: dict[str, Any] = tomli.loads(Path(__file__).with_name("reviews.toml").read_text("utf-8"))
        self._kinds = [tuple(_kinds(title)) for title in popularity.titles]
        self._fitting: dict[tuple[str, ...], dict[str, list[str]]] = {}

    def reviews(
        self,
        subscriber: Subscriber,
        expected: float,
        viewings: list[Viewing],
        finished: dict[int, int],
        rng: Random,
    ) -> list[GeneratedReview]:
        """Return about as many reviews as expected, of titles that somebody has seen to the end, in the order of time.

        viewings: theirs. finished: the titles, and the moment when each was seen for the first time. Who has seen too
        few leaves more for the next ones to write.
        """
        count = int(expected * max(0.5, min(1.5, 1 + self._owed / CATCH_UP)) + rng.random())
        reviews: list[GeneratedReview] = []
        left = list(finished.items()) if count else []
        for _ in range(min(count, len(left))):
            number = int(rng.random() * len(left))
            (title, seen), left[number] = left[number], left[-1]
            left.pop()
            moment = self._moment(subscriber, seen, viewings, rng)
            rating = self.rating(self._popularity.titles[title].quality, subscriber.rating_bias, rng)
            words = self.words(title, rating, subscriber.locale.language, rng, seen + subscriber.offset)
            if moment < self._window.end:
                reviews.append(GeneratedReview(title, moment, rating, words))
        self._owed += expected - len(reviews)
        return sorted(reviews, key=itemgetter(1))

    def rating(self, quality: float, rating_bias: float, rng: Random) -> float:
        """Return a rating: the title's quality, what the user is given to, and noise, to half a point or to one."""
        exact = quality + rating_bias + RATING_NOISE_SD * approximately_normal(rng.random())
        steps = 2 if rng.random() < HALF_POINTS else 1
        return max(0, min(10 * steps, int(steps * exact + 0.5))) / steps

    def words(self, title: int, rating: float, language: str, rng: Random, seen: int | None = None) -> str | None:
        """Return what somebody writes with a rating, if anything. seen: when, in their own time."""
        with_words, mood = self._moods[int(2 * rating)]
        if rng.random() >= with_words:
            return None
        occasions = () if seen is None else self._occasions(seen)
        known = self._popularity.titles[title]
        texts = self._texts(language if language in self._words else "en", *self._kinds[title], *occasions)
        between, after, stop = PUNCTUATION.get(language, (" ", " ", "."))
        parts = [one_of(texts[mood.opening], rng)]
        used: set[str] = set()  # what they have said something about, and what they have said of it
        for share in REMARKS:
            if rng.random() < share:
                remark, judgement = one_of(mood.opinions, rng)
                if rng.random() < ABOUT_A_PART:
                    about, verdict = one_of(texts["subjects"], rng), one_of(texts[judgement], rng)
                    said = about + between + verdict + stop
                else:
                    said = verdict = one_of(texts[remark], rng)
                    about = next((subject for subject in texts["subjects"] if said.startswith(subject)), said)
                if used.isdisjoint((about, verdict)):
                    parts.append(said)
                    used |= {about, verdict}
        if rng.random() < OCCASIONS:
            parts.append(one_of(texts["company"], rng) + between + one_of(texts["occasions"], rng) + stop)
        if mood.ending and rng.random() < ENDINGS:
            parts.append(one_of(texts[mood.ending], rng))
        return after.join(parts).replace("{title}", known.name).replace("{genre}", known.genre.lower())

    def _moment(self, subscriber: Subscriber, seen: int, viewings: list[Viewing], rng: Random) -> int:
        """Return when somebody reviews what they have seen: soon, or later at about the time of their evenings.

        They do not while they watch something else.
        """
        draw = rng.random()
        after = 60 + int(draw * draw * SOON)
        day, second = divmod(seen + subscriber.offset, DAY)
        if rng.random() < WRITTEN_SOON and second > NIGHT_ENDS:
            moment = seen + after
        else:
            day += 1 + int(LATER / (rng.random() + 0.01))
            second = subscriber.habit * 60 + int(LATER_SD * approximately_normal(rng.random()))
            moment = day * DAY + second - subscriber.offset
        begun = bisect_right(viewings, moment, key=itemgetter(1))
        while True:
            title, begin, reached, _ = viewings[begun - 1]
            moment = max(moment, begin + self._popularity.titles[title].minutes * 60 * reached // 10_000 + after)
            if begun == len(viewings) or moment < viewings[begun][1]:
                return moment
            begun += 1

    def _occasions(self, moment: int) -> Iterator[str]:
        """Yield the occasions that a moment of somebody's own time is."""
        day, hour = moment // DAY, moment % DAY // HOUR
        weekday = self._window.weekday(day)
        if hour >= 19:
            yield "evening"
        if hour < 5:
            yield "late"
        if weekday == SATURDAY - 1 and hour >= 18:
            yield "friday"
        if weekday == SATURDAY + 1 and hour >= 5:
            yield "sunday"
        if self._window.is_within(day, *HOLIDAYS):
            yield "holidays"

    def _texts(self, language: str, *fitting: str) -> dict[str, list[str]]:
        """Return the texts in a language that can always be written, with those that fit."""
        key = language, *fitting
        if key not in self._fitting:
            texts = self._words[language]
            self._fitting[key] = {
                kind: always + [text for part in fitting for text in texts.get(part, {}).get(kind, [])]
                for kind, always in texts.items()
                if isinstance(always, list)
            }
        return self._fitting[key]


def _kinds(title: Title) -> Iterator[str]:
    """Yield what a title is for the words about it."""
    if title.content_type in ("movie", "series"):
        yield "story"
        if title.release_year < OLD_BEFORE:
            yield "old"
    if title.content_type == "movie" and title.minutes >= LONG_FILM:
        yield "long"
    if title.genre in A_KIND:
        yield "genre"
    if title.genre in FOR_CHILDREN:
        yield "kids"
