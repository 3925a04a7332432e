"""Reviews: who writes one of what, when, the rating, and the words that fit it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import tomli

from simulation.popularity import Popularity
from simulation.portable_math import approximately_normal
from simulation.profile import Profile
from simulation.subscribers import Subscriber
from simulation.titles import Title
from simulation.watching import Viewing
from simulation.window import DAY, SATURDAY, Window

Choice = TypeVar("Choice")

NOISE = 1.0  # standard deviation of what else there is in a rating
HALF_POINTS = 0.5  # of the ratings are to half a point, the others to a whole one
AT_ONCE, SOON = 0.5, 3600  # of the reviews are written within so many seconds, when nothing else is watched
BED = 6 * 3600  # from midnight: people go to bed then, and write no reviews
LATER = 0.5  # of the others not on the next day, a quarter of them not on the two next ones, and so on, for weeks
SPREAD = 150 * 60  # seconds: how far they are spread about somebody's habit

OWED = 50  # reviews that were not written would let the others write twice as many; 25 is the most
REMARKS = (0.9, 0.45)  # of the reviews with words have a remark, and another
ABOUT_A_PART = 0.75  # of the remarks are about a part of it, such as the music
OCCASIONS = 0.4
ENDS = 0.35

# Up to which rating there are words how often, next to the average; and which openings, remarks, words about parts, and
# ends are taken. Of what is neither good nor bad some parts are.
LOW, HIGH = ("dull", "blame"), ("fine", "praise")
MOODS = (
    (3.0, 1.9, "bad", (LOW,), "low_end"),
    (4.5, 1.3, "bad", (LOW,), "low_end"),
    (6.5, 0.7, "mixed", (LOW, HIGH), None),
    (8.5, 0.8, "good", (HIGH,), "high_end"),
    (10.0, 1.8, "great", (HIGH,), "high_end"),
)
# When which words are added.
LONG, OLD = 100, 2000  # minutes of a film, the year of its release
A_KIND = {"Comedy", "Drama", "Romance", "Thriller", "Western"}
FOR_CHILDREN = {"Animation", "Family", "Nature"}
CHRISTMAS = (12, 24), 9  # the day on which the holidays begin, and how many there are

# Between words, between sentences, and after them, where it is not as in English.
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
        # Of each rating from 0 to 10, in halves: how many have words, and the mood.
        moods = [next(mood for mood in MOODS if half <= 2 * mood[0]) for half in range(21)]
        self._moods = [(figures.with_words * (1 + figures.extremes * (mood[1] - 1)), mood) for mood in moods]
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
        """Return about so many reviews of titles that somebody has seen to the end, in the order of time.

        viewings: theirs. finished: the titles, and the moment when each was seen for the first time. Who has seen too
        few leaves more for the next ones to write.
        """
        count = int(expected * max(0.5, min(1.5, 1 + self._owed / OWED)) + rng.random())
        reviews: list[GeneratedReview] = []
        left = list(finished.items()) if count else []
        for _ in range(min(count, len(left))):
            place = int(rng.random() * len(left))
            (title, seen), left[place] = left[place], left[-1]
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
        exact = quality + rating_bias + NOISE * approximately_normal(rng.random())
        steps = 2 if rng.random() < HALF_POINTS else 1
        return max(0, min(10 * steps, int(steps * exact + 0.5))) / steps

    def words(self, title: int, rating: float, language: str, rng: Random, seen: int | None = None) -> str | None:
        """Return what somebody writes with a rating, if anything. seen: when, in their own time."""
        with_words, (_, _, opening, opinions, end) = self._moods[int(2 * rating)]
        if rng.random() >= with_words:
            return None
        occasions = () if seen is None else self._occasions(seen)
        known = self._popularity.titles[title]
        texts = self._texts(language if language in self._words else "en", *self._kinds[title], *occasions)
        between, after, stop = PUNCTUATION.get(language, (" ", " ", "."))
        parts = [_one_of(texts[opening], rng)]
        used: set[str] = set()  # what they have said something about, and what they have said of it
        for share in REMARKS:
            if rng.random() < share:
                remark, judgement = _one_of(opinions, rng)
                if rng.random() < ABOUT_A_PART:
                    about, verdict = _one_of(texts["subjects"], rng), _one_of(texts[judgement], rng)
                    said = about + between + verdict + stop
                else:
                    said = verdict = _one_of(texts[remark], rng)
                    about = next((subject for subject in texts["subjects"] if said.startswith(subject)), said)
                if used.isdisjoint((about, verdict)):
                    parts.append(said)
                    used |= {about, verdict}
        if rng.random() < OCCASIONS:
            parts.append(_one_of(texts["company"], rng) + between + _one_of(texts["occasions"], rng) + stop)
        if end and rng.random() < ENDS:
            parts.append(_one_of(texts[end], rng))
        return after.join(parts).replace("{title}", known.name).replace("{genre}", known.genre.lower())

    def _moment(self, subscriber: Subscriber, seen: int, viewings: list[Viewing], rng: Random) -> int:
        """Return when somebody reviews what they have seen: soon, or later at about the time of their evenings.

        They do not while they watch something else.
        """
        place = rng.random()
        after = 60 + int(place * place * SOON)
        day, second = divmod(seen + subscriber.offset, DAY)
        if rng.random() < AT_ONCE and second > BED:
            moment = seen + after
        else:
            day += 1 + int(LATER / (rng.random() + 0.01))
            second = subscriber.habit * 60 + int(SPREAD * approximately_normal(rng.random()))
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
        day, hour = moment // DAY, moment % DAY // 3600
        weekday = self._window.weekday(day)
        if hour >= 19:
            yield "evening"
        if hour < 5:
            yield "late"
        if weekday == SATURDAY - 1 and hour >= 18:
            yield "friday"
        if weekday == SATURDAY + 1 and hour >= 5:
            yield "sunday"
        if self._window.is_within(day, *CHRISTMAS):
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
        if title.release_year < OLD:
            yield "old"
    if title.content_type == "movie" and title.minutes >= LONG:
        yield "long"
    if title.genre in A_KIND:
        yield "genre"
    if title.genre in FOR_CHILDREN:
        yield "kids"


def _one_of(choices: Sequence[Choice], rng: Random) -> Choice:
    return choices[int(rng.random() * len(choices))]
