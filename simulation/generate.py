"""A model as fixtures: JSON Lines for the six tables, as insert_data.py loads them."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from simulation import output
from simulation.model import Model, watch_weight
from simulation.names import People, Person
from simulation.output import ShardedFile
from simulation.reviewing import Review
from simulation.subscribers import Subscriber
from simulation.watching import Viewing
from simulation.window import DAY

# Keys are positions, after those of the sample data, so that both can be loaded. The plans have the sample's keys.
FIRST_KEY = 1_001
LARGE = ("users", "watch_history", "reviews", "payment_history")
SPACE = 1 << 48  # of the leading bits of a UUID
DOMAINS = ("com", "net", "org")
REPORT_EVERY = 200  # users

Report = Callable[[str, int, float], None]


def generate(model: Model, folder: Path, *, shards: int = 1, force: bool = False, report: Report) -> Counter[str]:
    """Write the fixtures of a model to a folder, and return how many rows each table has.

    report is told now and then how far it is: what is being made ("subscribers" before watch_history), how much of
    it there is, and how much that is of all, from 0 to 1. Raises UserError where the files cannot be written, or others
    are in the way.
    """
    names = {"subscriptions": 1, "content": 1, **dict.fromkeys(LARGE, shards)}
    with output.fixtures(folder, names, force=force) as tables:
        writer = _Writer(model, tables)
        writer.plans()
        writer.titles()
        writer.users(report)
    return writer.rows


class _Expected(NamedTuple):
    """What all subscribers come to."""

    watching: float
    reviewing: float
    bills: int


class _Writer:
    """Writes the rows of a model. Of the large tables a user's rows stand together, in the order of the users."""

    def __init__(self, model: Model, tables: dict[str, ShardedFile]) -> None:
        self.rows: Counter[str] = Counter()
        self._model = model
        self._tables = tables
        self._dates = [f"{model.window.date(day)}T" for day in range(model.window.days)]
        self._clock = [f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z" for second in range(DAY)]
        self._percents = [f"{number / 100:.2f}" for number in range(10_000)] + ["100"]
        # The middle of a v4 UUID: the version and the variant, and random bits.
        rng = Random("keys")
        self._middles = [
            f"-4{int(rng.random() * 4096):03x}-{'89ab'[number % 4]}{int(rng.random() * 4096):03x}-"
            for number in range(4096)
        ]

    def plans(self) -> None:
        """Write the plans, with the prices that they have at the end."""
        lines = []
        for number, plan in enumerate(self._model.profile.plans, 1):
            price = self._model.population.price(number - 1, self._model.window.end)
            lines.append(
                f'{{"subscription_id": {number}, "name": {_text(plan.name)}, "price": {price}, '
                f'"features": {plan.features}}}\n'
            )
        self._write("subscriptions", lines, 0)

    def titles(self) -> None:
        """Write the titles."""
        lines = []
        for key, title in enumerate(self._model.popularity.titles, FIRST_KEY):
            rating = "null" if title.critics is None else f"{title.critics // 10}.{title.critics % 10}"
            lines.append(
                f'{{"content_id": {key}, "title": {_text(title.name)}, "content_type": "{title.content_type}", '
                f'"genre": {_text(title.genre)}, "release_year": {title.release_year}, "rating": {rating}}}\n'
            )
        self._write("content", lines, 0)

    def users(self, report: Report) -> None:
        """Write the users, and all that they do."""
        model, people, rng = self._model, People(), self._model.rng()
        total = self._expected(report)
        watched = reviewed = 0.0
        paid = 0
        for number, subscriber in enumerate(model.subscribers()):
            person = people.person(subscriber.locale.code, rng)
            self._user(number, subscriber, person, DOMAINS[int(rng.random() * len(DOMAINS))])
            share = watch_weight(subscriber)
            expected = model.viewings_expected(subscriber, total.watching)
            viewings, finished = model.watching.viewings(subscriber, int(expected + rng.random()), rng)
            self._viewings(number, viewings, watched / total.watching, share / total.watching, rng)
            reviews = model.reviewing.reviews(subscriber, model.reviews_expected(subscriber, expected), finished, rng)
            self._reviews(
                number, reviews, reviewed / total.reviewing, share * subscriber.review_rate / total.reviewing, rng
            )
            self._payments(number, subscriber, paid / total.bills, len(subscriber.bills) / total.bills, rng)
            watched += share
            reviewed += share * subscriber.review_rate
            paid += len(subscriber.bills)
            if number % REPORT_EVERY == 0:
                report("watch_history", self.rows["watch_history"], number / model.users)

    def _expected(self, report: Report) -> _Expected:
        """Go through all subscribers once, for their totals: so it is known where in a table each has its rows."""
        watched = reviewed = 0.0
        bills = 0
        for number, subscriber in enumerate(self._model.subscribers()):
            share = watch_weight(subscriber)
            watched += share
            reviewed += share * subscriber.review_rate
            bills += len(subscriber.bills)
            if number % REPORT_EVERY == 0:
                report("subscribers", number, number / self._model.users)
        return _Expected(watched, reviewed or 1.0, bills)

    def _user(self, number: int, subscriber: Subscriber, person: Person, domain: str) -> None:
        key = FIRST_KEY + number
        plan = "null" if subscriber.plan is None else subscriber.plan + 1
        self._write(
            "users",
            [
                f'{{"user_id": {key}, "name": {_text(person.name)}, "email": "{person.address}{key}@example.{domain}", '
                f'"subscription_id": {plan}, "created_at": "{self._time(subscriber.joined)}"}}\n'
            ],
            number / self._model.users,
        )

    def _viewings(self, number: int, viewings: list[Viewing], place: float, width: float, rng: Random) -> None:
        """Write viewings. place, width: where they lie in the table, and how much of it they are."""
        random, dates, clock, percents, middles = rng.random, self._dates, self._clock, self._percents, self._middles
        position, step = _positions(place, width, len(viewings))
        line = (
            f'{{"watch_id": "%08x-%04x%s%012x", "user_id": {FIRST_KEY + number}, "content_id": %d, '
            '"watched_at": "%s%s", "progress": %s}\n'
        ).__mod__  # of all ways to put a line together the fastest
        lines = []
        for title, moment, progress in viewings:
            tail = int(random() * SPACE)
            day, second = divmod(moment, DAY)
            leading, more, middle = position >> 16, position & 0xFFFF, middles[tail & 0xFFF]
            at, percent = dates[day], percents[progress]
            lines.append(line((leading, more, middle, tail, title + FIRST_KEY, at, clock[second], percent)))
            position += step
        self._write("watch_history", lines, place)

    def _reviews(self, number: int, reviews: list[Review], place: float, width: float, rng: Random) -> None:
        position, step = _positions(place, width, len(reviews))
        self._write(
            "reviews",
            [
                f'{{"review_id": "{self._key(position + step * index, rng)}", "user_id": {FIRST_KEY + number}, '
                f'"content_id": {FIRST_KEY + review.title}, "rating": {review.halves / 2}, '
                f'"review_text": {_text(review.words)}, "reviewed_at": "{self._time(review.moment)}"}}\n'
                for index, review in enumerate(reviews)
            ],
            place,
        )

    def _payments(self, number: int, subscriber: Subscriber, place: float, width: float, rng: Random) -> None:
        position, step = _positions(place, width, len(subscriber.bills))
        price = self._model.population.price
        key = FIRST_KEY + number
        start = f'"user_id": {key}, "payer_id": {key}, "subscription_id": '
        lines = []
        for moment, plan in subscriber.bills:
            day, second = divmod(moment, DAY)
            lines.append(
                f'{{"payment_id": "{self._key(position, rng)}", {start}{plan + 1}, "amount": {price(plan, moment)}, '
                f'"method": "{subscriber.method}", "payment_date": "{self._dates[day]}{self._clock[second]}"}}\n'
            )
            position += step
        self._write("payment_history", lines, place)

    def _write(self, table: str, lines: list[str], place: float) -> None:
        self.rows[table] += len(lines)
        self._tables[table].write("".join(lines), place)

    def _key(self, position: int, rng: Random) -> str:
        """Return a UUID in the form of version 4, whose first bits are the position."""
        tail = int(rng.random() * SPACE)
        return f"{position >> 16:08x}-{position & 0xFFFF:04x}{self._middles[tail & 0xFFF]}{tail:012x}"

    def _time(self, moment: int) -> str:
        day, second = divmod(moment, DAY)
        return self._dates[day] + self._clock[second]


def _positions(place: float, width: float, rows: int) -> tuple[int, int]:
    """Return the first position of so many rows in the space of keys, and the distance between them."""
    return int(place * SPACE), int(width * SPACE) // max(1, rows)


def _text(text: str | None) -> str:
    return json.dumps(text, ensure_ascii=False)
