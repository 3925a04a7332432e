"""A model as fixtures: JSON Lines for the six tables, as insert_data.py loads them."""

import json
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
from simulation.window import DAY

# Keys are positions, after those of the sample data, so that both can be loaded. The plans have the sample's keys.
FIRST_KEY = 1_001
LARGE = ("users", "watch_history", "reviews", "payment_history")
SPACE = 1 << 48  # of the leading bits of a UUID
VIEWINGS_SPACE = 1 << 32  # and of those of a viewing's, which is faster
in_json = json.JSONEncoder(ensure_ascii=False).encode
REPORT_EVERY = 200  # users
FEW = 200
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
    return Made(writer.rows, list(writer.missed()))


class _Expected(NamedTuple):
    """What all subscribers come to."""

    watching: float
    reviewing: float
    bills: int
    churn: float  # of those who pay, in a month


class _Writer:
    """Writes the rows of a model. Of the large tables a user's rows stand together, in the order of the users."""

    def __init__(self, model: Model, tables: dict[str, ShardedFile]) -> None:
        self.rows: Counter[str] = Counter()
        self._model = model
        self._tables = tables
        self._dates = [f"{model.window.date(day)}T" for day in range(model.window.days)]
        minutes = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(DAY // 60)]
        seconds = [f"{second:02}Z" for second in range(60)]
        self._clock = [minute + second for minute in minutes for second in seconds]
        self._percents = [f"{number / 100:.2f}" for number in range(10_000)] + ["100"]
        self._episodes = ["null", *map(str, range(1, 1 + max(title.episodes for title in model.popularity.titles)))]
        self._contents = [str(key) for key in range(FIRST_KEY, FIRST_KEY + len(model.popularity.titles))]
        self._churn = 0.0
        self._next_viewing = 0  # the least first bits that its key may have
        # The middle of a v4 UUID: the version and the variant, and random bits.
        bits = Random("keys").getrandbits
        self._middles = [
            f"-{bits(16):04x}-4{bits(12):03x}-{'89ab'[number % 4]}{bits(12):03x}-" for number in range(4096)
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
        for number, subscriber in enumerate(model.subscribers()):
            person = people.person(subscriber.locale.code, rng)
            self._user(number, subscriber, person.name, addresses.address(person, rng))
            weight = model.watching.weight(subscriber)
            expected = model.viewings_expected(subscriber, weight, total.watching)
            viewings, finished = model.watching.viewings(subscriber, expected, rng)
            self._viewings(number, viewings, watched / total.watching, weight / total.watching, rng)
            reviews = model.reviewing.reviews(
                subscriber, model.reviews_expected(subscriber, expected), viewings, finished, rng
            )
            review_weight = weight * subscriber.review_rate
            self._reviews(number, reviews, reviewed / total.reviewing, review_weight / total.reviewing, rng)
            membership = subscriber.membership
            payments = model.billing.payments(subscriber, rng)
            self._payments(number, payments, bills / total.bills, len(membership.bills) / total.bills, rng)
            watched += weight
            reviewed += review_weight
            bills += len(membership.bills)
            if number % REPORT_EVERY == 0:
                report("watch_history", self.rows["watch_history"], number / model.users)

    def missed(self) -> Iterator[str]:
        """Yield the figures that could not be reached, and why. Of few users chance alone may miss one."""
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
        watched = reviewed = cancelling = 0.0
        bills = decisions = 0
        for number, subscriber in enumerate(self._model.subscribers()):
            weight = self._model.watching.weight(subscriber)
            watched += weight
            reviewed += weight * subscriber.review_rate
            bills += len(subscriber.membership.bills)
            cancelling += subscriber.membership.expected
            decisions += subscriber.membership.decisions
            if number % REPORT_EVERY == 0:
                report("subscribers", number, number / self._model.users)
        return _Expected(watched or 1.0, reviewed or 1.0, bills or 1, cancelling / (decisions or 1))

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

    def _viewings(self, user: int, viewings: list[Viewing], place: float, width: float, rng: Random) -> None:
        """Write viewings. place, width: where they lie in the table, and how much of it they are.

        They are most of all rows, so what follows is what takes the least time.
        """
        dates, clock, percents, episodes = self._dates, self._clock, self._percents, self._episodes
        contents, middles, count = self._contents, self._middles, len(viewings)
        step = max(1, int(width * VIEWINGS_SPACE) // max(1, count))
        begin = max(int(place * VIEWINGS_SPACE), self._next_viewing)
        self._next_viewing = begin + count * step
        whose = f'", "user_id": {FIRST_KEY + user}, "content_id": '
        digits = f"{rng.getrandbits(48 * count + 1):0{12 * count + 1}x}"  # 12 of a row, and one more
        lines = [
            f'{{"watch_id": "{position:08x}{middles[moment & 0xFFF]}{digits[first : first + 12]}{whose}'
            f'{contents[title]}, "watched_at": "{dates[moment // DAY]}{clock[moment % DAY]}", '
            f'"progress": {percents[progress]}, "episode": {episodes[episode]}}}\n'
            for (title, moment, progress, episode), position, first in zip(
                viewings, range(begin, begin + count * step, step), range(1, 12 * count, 12), strict=True
            )
        ]
        self._write("watch_history", lines, place)

    def _reviews(self, number: int, reviews: list[GeneratedReview], place: float, width: float, rng: Random) -> None:
        keys = self._keys(place, width, len(reviews), rng)
        self._write(
            "reviews",
            [
                f'{{"review_id": "{key}", "user_id": {FIRST_KEY + number}, '
                f'"content_id": {FIRST_KEY + review.title}, "rating": {review.rating}, '
                f'"review_text": {in_json(review.words)}, "reviewed_at": "{self._time(review.moment)}"}}\n'
                for key, review in zip(keys, reviews, strict=True)
            ],
            place,
        )

    def _payments(self, number: int, payments: list[GeneratedPayment], place: float, width: float, rng: Random) -> None:
        price, dates, clock = self._model.population.price, self._dates, self._clock
        key = FIRST_KEY + number
        whose = f'"user_id": {key}, "payer_id": {key}, "subscription_id": '
        lines = []
        for uuid, (moment, (billed, plan, _), method) in zip(
            self._keys(place, width, len(payments), rng), payments, strict=True
        ):
            day, second = divmod(moment, DAY)
            lines.append(
                f'{{"payment_id": "{uuid}", {whose}{plan + 1}, "amount": {price(plan, billed)}, '
                f'"method": "{method}", "payment_date": "{dates[day]}{clock[second]}"}}\n'
            )
        self._write("payment_history", lines, place)

    def _write(self, table: str, lines: list[str], place: float) -> None:
        self.rows[table] += len(lines)
        self._tables[table].write("".join(lines), place)

    def _keys(self, place: float, width: float, rows: int, rng: Random) -> list[str]:
        """Return UUIDs in the form of version 4 whose first bits are where the rows lie in their table."""
        if not rows:
            return []
        position, step = int(place * SPACE), max(1, int(width * SPACE) // rows)
        digits = f"{rng.getrandbits(72 * rows + 1):0{18 * rows + 1}x}"  # 18 of a row, and one more
        keys = []
        for first in range(1, 18 * rows + 1, 18):
            begin = f"{position:012x}"
            keys.append(
                f"{begin[:8]}-{begin[8:]}-4{digits[first : first + 3]}-"
                f"{'89ab'[position & 3]}{digits[first + 3 : first + 6]}-{digits[first + 6 : first + 18]}"
            )
            position += step
        return keys

    def _time(self, moment: int) -> str:
        day, second = divmod(moment, DAY)
        return self._dates[day] + self._clock[second]
