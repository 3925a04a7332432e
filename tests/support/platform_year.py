"""A year of a small platform as rows in Python, with the cases that a life of its own would seldom bring.

Users without a plan, payments whose user was deleted, titles without a genre, a rating or a viewing, months without a
payment, rows exactly on the borders of days, months and periods, equal times and equal figures.
"""

import json
import random
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Rows = dict[str, list[Row]]

BEGIN = datetime(2023, 12, 1, tzinfo=timezone.utc)
SECONDS = 400 * 86_400
GENRES = ["Drama", "Comedy", "Nature", "Science Fiction", "Crime", None]
TIMES = {"created_at", "watched_at", "reviewed_at", "payment_date"}
NUMBERS = {"price", "rating", "progress", "amount"}


def made_year(users: int = 700, viewings: int = 20_000, seed: int = 1) -> Rows:
    """Return the rows of all six tables, in the form of a fixture."""
    random_ = random.Random(seed)

    def key() -> str:
        return str(uuid.UUID(int=random_.getrandbits(128), version=4))

    def moment() -> str:
        at = BEGIN + timedelta(seconds=random_.randrange(SECONDS))
        edge = random_.random()
        if edge < 0.02:
            at = at.replace(hour=0, minute=0, second=0)
        if edge < 0.005:
            at = at.replace(day=1)
        return at.isoformat()

    plans = [5.99, 9.99, 14.99, 0]
    rows: Rows = {
        "subscriptions": [
            {"subscription_id": i + 1, "name": f"Plan {i + 1}", "price": price, "features": {"streams": i + 1}}
            for i, price in enumerate(plans)
        ],
        "users": [
            {
                "user_id": i,
                "name": f"User {i}",
                "email": f"user{i}@example.com",
                "subscription_id": random_.choice([1, 2, 2, 3, 4, None]),
                "created_at": moment(),
                "country": random_.choice(["DE", "KR", "BR", None]),
            }
            for i in range(1, users + 1)
        ],
        "content": [
            {
                "content_id": i,
                "title": f"Title {i}",
                "content_type": "movie",
                "genre": random_.choice(GENRES),
                "release_year": 1990 + i % 35,
                "rating": random_.choice([None, *(n / 10 for n in range(30, 100))]),
                "duration_minutes": random_.choice([None, 25, 50, 97, 120]),
            }
            for i in range(1, 61)
        ],
    }
    popularity = [1 / i for i in range(1, 56)]  # the last titles are never watched
    activity = [random_.expovariate(1) for _ in range(users)]
    titles = random_.choices(range(1, 56), popularity, k=viewings)
    watchers = random_.choices(range(1, users + 1), activity, k=viewings)
    rows["watch_history"] = [
        {
            "watch_id": key(),
            "user_id": user,
            "content_id": title,
            "watched_at": moment(),
            "progress": random_.choice([100, 90, 89.99, 0, 4.99, 5, random_.randrange(10_000) / 100]),
        }
        for user, title in zip(watchers, titles, strict=True)
    ]
    pairs = sorted({(row["user_id"], row["content_id"]) for row in rows["watch_history"]})
    rows["reviews"] = [
        {
            "review_id": key(),
            "user_id": user,
            "content_id": title,
            "rating": random_.randrange(101) / 10,
            "review_text": random_.choice([None, "Good.", "Läuft."]),
            "reviewed_at": moment(),
        }
        for user, title in random_.sample(pairs, 1_500)
    ]
    rows["payment_history"] = [
        {
            "payment_id": key(),
            "user_id": None if deleted else payer,
            "payer_id": None if deleted and number % 2 else payer,  # of those deleted long ago nobody knows
            "subscription_id": (plan := random_.choice([1, 2, 2, 3])),
            "amount": random_.choice([plans[plan - 1], 6.49]),
            "method": random_.choice(["card", "card", "paypal", "gift_card"]),
            "payment_date": at,
        }
        for number, at in enumerate(moment() for _ in range(6_000))
        for payer, deleted in [(random_.randrange(1, users - 50), random_.random() < 1 / 20)]
        if not "2024-09" <= at < "2024-10"  # a month without a payment
    ]
    _add_borders(rows, key)
    return rows


def _add_borders(rows: Rows, key: Callable[[], str]) -> None:
    """Add what chance does not bring: rows exactly on a border, rows that only their key tells apart."""
    rows["subscriptions"].append({"subscription_id": 5, "name": "Nobody's", "price": 3, "features": {"streams": 1}})
    for title, rating in ((61, 7), (62, 7), (63, None)):
        values = {"title": f"Title {title}", "content_type": "other", "genre": "Drama", "release_year": 2024}
        rows["content"].append({"content_id": title, **values, "rating": rating})

    def user(number: int, created_at: str, viewings: Iterable[str] = (), payments: Iterable[str] = ()) -> None:
        name = {"name": f"User {number}", "email": f"user{number}@example.com"}
        rows["users"].append({"user_id": number, **name, "subscription_id": 2, "created_at": created_at + "Z"})
        for at in viewings:
            of = {"user_id": number, "content_id": 61}
            rows["watch_history"].append({"watch_id": key(), **of, "watched_at": at + "Z", "progress": 89})
        for at in payments:
            paid: Row = {"user_id": number, "payer_id": number, "subscription_id": 2, "amount": 9.99, "method": "card"}
            rows["payment_history"].append({"payment_id": key(), **paid, "payment_date": at + "Z"})

    user(9001, "2024-06-01T00:00:00")
    user(9002, "2024-05-31T23:59:59.999999", ["2024-06-01T00:00:00"], ["2024-05-02T00:00:00"])
    user(9003, "2024-05-01T00:00:00", ["2024-07-01T00:00:00"], ["2024-07-01T00:00:00"])
    user(9004, "2024-07-01T00:00:00")
    user(9005, "2024-06-30T00:00:00", payments=["2024-08-01T00:00:00"])
    user(9006, "2024-03-10T10:00:00", ["2024-03-10T10:00:00"])
    user(9007, "2024-03-10T10:00:00", ["2024-03-17T10:00:00"])
    user(9008, "2024-03-10T10:00:00", ["2024-03-17T09:59:59.999999"])
    # Sittings: equal times, four hours exactly, and a moment more.
    times = ["2024-04-01T10:00:00"] * 8 + ["2024-04-01T14:00:00", "2024-04-01T18:00:00.000001"]
    user(9009, "2024-03-01T00:00:00", times, ["2024-04-01T00:00:00"] * 8)
    for i, viewing in enumerate(rows["watch_history"][-10:-2]):
        viewing["content_id"] = 61 + i % 2
        viewing["progress"] = 100 if i in (0, 3, 5, 6) else 10 + i
    for number in range(1, 9):  # two titles on which users differ alike from the critics, at equal times
        review = {"user_id": number, "content_id": 61 + number % 2, "rating": 3, "review_text": None}
        rows["reviews"].append({"review_id": key(), **review, "reviewed_at": "2024-04-01T10:00:00Z"})


def written(rows: Rows, folder: Path) -> Path:
    """Write the rows as JSON Lines, and return the folder."""
    for table, lines in rows.items():
        (folder / f"{table}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return folder


def read(folder: Path) -> Rows:
    """Read a folder of JSON Lines, with times and decimals as Python has them. A missing column is None."""
    tables: Rows = {}
    for file in sorted(folder.glob("*.jsonl")):
        lines = file.read_text().splitlines()
        table = file.name.partition(".")[0]
        tables.setdefault(table, []).extend(typed(table, json.loads(line)) for line in lines)
    return tables


def typed(table: str, row: Row) -> Row:
    """Return a fixture's row with its times and decimals as Python has them, and what it may leave out."""
    found = {column: _typed(column, value) for column, value in row.items()}
    if table == "payment_history":
        found.setdefault("payer_id", found["user_id"])
    for column in {"users": ["country"], "content": ["duration_minutes"]}.get(table, []):
        found.setdefault(column, None)
    return found


def _typed(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in TIMES:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
    return Decimal(str(value)) if column in NUMBERS else value
