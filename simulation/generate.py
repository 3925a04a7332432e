"""A model as fixtures: JSON Lines for the six tables, as insert_data.py loads them."""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from simulation import output
from simulation.addresses import Addresses
from simulation.billing import GeneratedPayment
from simulation.model import MOST_PER_DAY, Model
from simulation.names import People
from simulation.output import ShardedFile
from simulation.reviewing import GeneratedReview
from simulation.subscribers import Subscriber
from simulation.watching import Viewing
from simulation.window import HOUR

# Keys of users and titles are numbers from this one on, after those of the sample data, so that both can be loaded. The
# plans have the sample's keys.
FIRST_KEY = 1_001
LARGE_TABLES = ("users", "watch_history", "reviews", "payment_history")
LEADING_BITS = 1 << 32  # The first bits of a UUID, which are those that count up in a table, are below this number.
TAILS = 4_096  # What follows these bits is one of this many tails.
in_json = json.JSONEncoder(ensure_ascii=False).encode
REPORT_EVERY = 200  # The progress is reported once for this many users.
FEW = 200  # Where fewer rows than this were expected, chance alone may miss a figure, and nothing is said.
WHY_NO_VIEWINGS = (
    f"a user watches {MOST_PER_DAY} times a day at most, while they are subscribed, and nothing again and again"
)
WHY_NO_REVIEWS = "a user reviews a title once, and only what they have seen to its end"
WHY_NO_CHURN = "the figures of [churn] keep too many"

Report = Callable[[str, int, float], None]


class Made(NamedTuple):
    """rows: of each table. missed: figures of the profile that could not be reached, and why."""

    rows: Counter[str]
    missed: list[str]


def generate(model: Model, folder: Path, *, shards: int = 1, force: bool = False, report: Report) -> Made:
    """Write the fixtures of a model to a folder, and return what there is.

    report is called now and then: with what is being made ("subscribers" before watch_history), how much of
    it there is, and how much that is of all, from 0 to 1. Raises UserError where the files cannot be written, or others
    are in the way.
    """
    names = {"subscriptions": 1, "content": 1, **dict.fromkeys(LARGE_TABLES, shards)}
    with output.fixtures(folder, names, force=force) as tables:
        writer = _Writer(model, tables)
        writer.plans()
        writer.titles()
        writer.users(report)
    return Made(writer.rows, list(writer.missed()))


class _Expected(NamedTuple):
    """What all subscribers come to. weights: how much each watches, next to others."""

    weights: "array[float]"
    watching: float
    reviewing: float
    bills: int
    churn: float  # of those who pay, in a month


class _Writer:
    """Writes the rows of a model. In the large tables a user's rows stand together, in the order of the users."""

    def __init__(self, model: Model, tables: dict[str, ShardedFile]) -> None:
        self.rows: Counter[str] = Counter()
        self._model = model
        self._tables = tables
        self._hours = [f"{model.window.date(day)}T{hour:02}:" for day in range(model.window.days) for hour in range(24)]
        self._seconds = [f"{second // 60:02}:{second % 60:02}Z" for second in range(HOUR)]
        # What stands between a viewing's user, its moment, and the end of its line.
        percents = [f"{number / 100:.2f}" for number in range(10_000)] + ["100"]
        self._contents = [
            f', "content_id": {FIRST_KEY + number}, "watched_at": "' for number in range(len(model.popularity.titles))
        ]
        self._percents = [f'", "progress": {percent}, "episode": ' for percent in percents]
        last = max(title.episodes for title in model.popularity.titles)
        self._episodes = [f"{episode or 'null'}}}\n" for episode in range(last + 1)]
        self._churn = 0.0
        self._next_key: Counter[str] = Counter()  # for each table, the least first bits that a key may have
        # What follows the first bits of a v4 UUID: the version and the variant, and random bits.
        bits = Random("keys").getrandbits
        self._tails = [
            f"-{bits(16):04x}-4{bits(12):03x}-{'89ab'[number % 4]}{bits(12):03x}-{bits(48):012x}"
            for number in range(TAILS)
        ]

    def plans(self) -> None:
        """Write the plans, with the prices that they have at the end."""
        lines = []
        for number, plan in enumerate(self._model.profile.plans, 1):
            price = self._model.population.price(number - 1, self._model.window.end)
            lines.append(
                f'{{"subscription_id": {number}, "name": {in_json(plan.name)}, "price": {price}, '
                f'"features": {plan.features}}}\n'
            )
        self._write("subscriptions", lines, 0)

    def titles(self) -> None:
        """Write the titles."""
        lines = []
        for key, title in enumerate(self._model.popularity.titles, FIRST_KEY):
            rating = "null" if title.critics is None else f"{title.critics // 10}.{title.critics % 10}"
            lines.append(
                f'{{"content_id": {key}, "title": {in_json(title.name)}, "content_type": "{title.content_type}", '
                f'"genre": {in_json(title.genre)}, "release_year": {title.release_year}, "rating": {rating}, '
                f'"duration_minutes": {title.minutes}, "episodes": {title.episodes or "null"}}}\n'
            )
        self._write("content", lines, 0)

    def users(self, report: Report) -> None:
        """Write the users, and all that they do."""
        model, people, rng = self._model, People(), self._model.rng()
        addresses = Addresses(model.users)
        total = self._expected(report)
        self._churn = total.churn
        watched = reviewed = 0.0
        bills = 0
        for number, (subscriber, weight) in enumerate(zip(model.subscribers(), total.weights, strict=True)):
            person = people.person(subscriber.locale.code, rng)
            self._user(number, subscriber, person.name, addresses.address(person, rng))
            expected = model.viewings_expected(subscriber, weight, total.watching)
            viewings, finished = model.watching.viewings(subscriber, expected, rng)
            self._viewings(number, viewings, watched / total.watching, weight / total.watching)
            reviews = model.reviewing.reviews(
                subscriber, model.reviews_expected(subscriber, expected), viewings, finished, rng
            )
            review_weight = weight * subscriber.review_rate
            if reviews:
                self._reviews(number, reviews, reviewed / total.reviewing, review_weight / total.reviewing)
            membership = subscriber.membership
            payments = model.billing.payments(subscriber, rng)
            self._payments(number, payments, bills / total.bills, len(membership.bills) / total.bills)
            watched += weight
            reviewed += review_weight
            bills += len(membership.bills)
            if number % REPORT_EVERY == 0:
                report("watch_history", self.rows["watch_history"], number / model.users)

    def missed(self) -> Iterator[str]:
        """Yield the figures that could not be reached, and why. With few users chance alone may miss one."""
        profile, users = self._model.profile, self._model.users
        for name, wanted, made, why in (
            ("viewings.per_user", profile.viewings.per_user, self.rows["watch_history"] / users, WHY_NO_VIEWINGS),
            ("reviews.per_user", profile.reviews.per_user, self.rows["reviews"] / users, WHY_NO_REVIEWS),
            ("subscribers.churn", profile.subscribers.churn, self._churn, WHY_NO_CHURN),
        ):
            if made < 0.85 * wanted and wanted * users >= FEW:
                yield f"{name} = {wanted:g} was not reached, it is {made:.3g}: {why}"

    def _expected(self, report: Report) -> _Expected:
        """Go through all subscribers once, for their totals: so it is known where in a table each has its rows."""
        weights = array("d")
        watched = reviewed = cancelling = 0.0
        bills = decisions = 0
        for number, subscriber in enumerate(self._model.subscribers()):
            weight = self._model.watching.sessions.weight(subscriber)
            weights.append(weight)
            watched += weight
            reviewed += weight * subscriber.review_rate
            bills += len(subscriber.membership.bills)
            cancelling += subscriber.membership.expected
            decisions += subscriber.membership.decisions
            if number % REPORT_EVERY == 0:
                report("subscribers", number, number / self._model.users)
        return _Expected(weights, watched or 1.0, reviewed or 1.0, bills or 1, cancelling / (decisions or 1))

    def _user(self, number: int, subscriber: Subscriber, name: str, address: str) -> None:
        key = FIRST_KEY + number
        plan = "null" if subscriber.membership.plan is None else subscriber.membership.plan + 1
        self._write(
            "users",
            [
                f'{{"user_id": {key}, "name": {in_json(name)}, "email": "{address}", '
                f'"subscription_id": {plan}, "created_at": "{self._time(subscriber.joined)}", '
                f'"country": "{subscriber.locale.country}"}}\n'
            ],
            number / self._model.users,
        )

    def _viewings(self, user: int, viewings: list[Viewing], place: float, width: float) -> None:
        """Write viewings. place, width: where they lie in the table, and how much of it they are.

        They are most of all rows, so what follows is what takes the least time.
        """
        tails, contents, hours, seconds = self._tails, self._contents, self._hours, self._seconds
        percents, episodes = self._percents, self._episodes
        whose = f'", "user_id": {FIRST_KEY + user}'
        lines = [
            "".join(
                (
                    '{"watch_id": "%08x' % position,  # noqa: UP031 - an f-string takes twice the time
                    tails[moment % TAILS],
                    whose,
                    contents[title],
                    hours[moment // HOUR],
                    seconds[moment % HOUR],
                    percents[progress],
                    episodes[episode],
                )
            )
            for (title, moment, progress, episode), position in zip(
                viewings, self._positions("watch_history", place, width, len(viewings)), strict=True
            )
        ]
        self._write("watch_history", lines, place)

    def _reviews(self, number: int, reviews: list[GeneratedReview], place: float, width: float) -> None:
        tails, positions = self._tails, self._positions("reviews", place, width, len(reviews))
        lines = [
            f'{{"review_id": "{position:08x}{tails[moment % TAILS]}", "user_id": {FIRST_KEY + number}, '
            f'"content_id": {FIRST_KEY + title}, "rating": {rating}, '
            f'"review_text": {in_json(words) if words else "null"}, "reviewed_at": "{self._time(moment)}"}}\n'
            for (title, moment, rating, words), position in zip(reviews, positions, strict=True)
        ]
        self._write("reviews", lines, place)

    def _payments(self, number: int, payments: list[GeneratedPayment], place: float, width: float) -> None:
        price, tails, hours, seconds = self._model.population.price, self._tails, self._hours, self._seconds
        positions = self._positions("payment_history", place, width, len(payments))
        key = FIRST_KEY + number
        whose = f'"user_id": {key}, "payer_id": {key}, "subscription_id": '
        lines = [
            f'{{"payment_id": "{position:08x}{tails[moment % TAILS]}", {whose}{plan + 1}, '
            f'"amount": {price(plan, billed)}, "method": "{method}", '
            f'"payment_date": "{hours[moment // HOUR]}{seconds[moment % HOUR]}"}}\n'
            for (moment, (billed, plan, _), method), position in zip(payments, positions, strict=True)
        ]
        self._write("payment_history", lines, place)

    def _write(self, table: str, lines: list[str], place: float) -> None:
        self.rows[table] += len(lines)
        self._tables[table].write(lines, place)

    def _positions(self, table: str, place: float, width: float, rows: int) -> range:
        """Return the first bits of the keys of some rows: where they lie in their table. They grow from row to row."""
        step = max(1, int(width * LEADING_BITS) // max(1, rows))
        begin = max(int(place * LEADING_BITS), self._next_key[table])
        self._next_key[table] = begin + rows * step
        return range(begin, begin + rows * step, step)

    def _time(self, moment: int) -> str:
        return self._hours[moment // HOUR] + self._seconds[moment % HOUR]
