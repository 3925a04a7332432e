"""The backend services: what an API, a bot or a test does with plans, users, content, viewings, reviews and payments.

Each function takes the Database first and keyword arguments after it, and does its work in one transaction, which is
tried again after conflicts, lost connections and commits of unknown fate (database.run_transaction): whatever happens,
it is done once. They return dicts: column -> value, with money and ratings as Decimal, times as datetime in UTC, keys
as int or uuid.UUID, and features as a dict whose decimals are Decimal. A removed row comes with its table's columns.

Arguments are named as the columns are, and types are strict: no float where Decimal or int is asked for, no bool for an
int, no datetime without a zone, no blank text. Nothing is rounded. Besides the errors below, a function can raise those
of run_transaction. All are kinds of console.Failure, with a text for people.

    NotFound        something named by its key, or a row it is to refer to, is not there (any more)
    AlreadyExists   another row has that key, or that value of a unique column
    InvalidValue    an argument of the wrong type, or one that breaks a rule of the schema
    StillInUse      other rows need the one that is to be removed

A page is {"items": [...], "next": text or None}: give `next` as `after` for the page that follows; None: that was the
last. Pages go by the last row seen, so rows that are added or removed meanwhile shift nothing. `limit` is 1 to 1000.
A list of what belongs to a user or title that is not there is empty.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from database import Cursor, Database, run_transaction
from psycopg2 import sql

from records import (
    UNCHANGED,
    AlreadyExists,
    Entity,
    InvalidValue,
    NotFound,
    Order,
    Page,
    Row,
    StillInUse,
    check_limit,
    execute,
    fetch,
    read_page,
    service,
)

__all__ = [
    "UNCHANGED",
    "AlreadyExists",
    "InvalidValue",
    "NotFound",
    "StillInUse",
    "add_content",
    "add_subscription",
    "change_plan",
    "content_rating",
    "continue_watching",
    "create_user",
    "delete_user",
    "find_content",
    "get_content",
    "get_subscription",
    "get_user",
    "get_user_by_email",
    "list_payments",
    "list_reviews",
    "list_subscriptions",
    "list_users",
    "log_progress",
    "process_payment",
    "remove_content",
    "remove_review",
    "remove_subscription",
    "revenue",
    "review_content",
    "start_watching",
    "update_content",
    "update_subscription",
    "update_user",
    "watch_history",
]


# Subscriptions

_PLANS = Entity(
    "subscriptions",
    "subscription_id",
    "SELECT t.subscription_id, t.name, t.price, t.features FROM {source} t",
)
_ALL_PLANS = _PLANS.of(sql.Identifier(_PLANS.table)) + sql.SQL(" ORDER BY t.price, t.subscription_id")


@service
def list_subscriptions(database: Database) -> list[Row]:
    """Return all plans, the cheapest first, each with its number of subscribers.

    >>> [(plan["name"], plan["subscribers"]) for plan in list_subscriptions(database)]
    [('Free', 0), ('Basic', 1), ('Premium', 0)]
    """

    # Two statements, because CockroachDB reads all users for one that joins; the numbers of the plans it looks up.
    def work(cursor: Cursor) -> list[Row]:
        plans = fetch(cursor, _ALL_PLANS, {})
        subscribers = fetch(cursor, _SUBSCRIBERS, {"plans": _keys(plans)})
        counts = {row["subscription_id"]: row["subscribers"] for row in subscribers}
        return [{**plan, "subscribers": counts.get(plan["subscription_id"], 0)} for plan in plans]

    return run_transaction(database, work, repeatable=True)


_SUBSCRIBERS = """
    SELECT subscription_id, count(*) AS subscribers FROM users
    WHERE subscription_id IN %(plans)s GROUP BY subscription_id"""


def _keys(plans: list[Row]) -> tuple[int | None, ...]:
    return tuple(plan["subscription_id"] for plan in plans) or (None,)  # SQL has no empty list


@service
def get_subscription(database: Database, *, subscription_id: int) -> Row:
    """Return a plan. Raises NotFound.

    >>> get_subscription(database, subscription_id=1)["price"]
    Decimal('8.99')
    """
    return _PLANS.get(database, subscription_id=subscription_id)


@service
def add_subscription(
    database: Database,
    *,
    name: str,
    price: Decimal | int,
    features: dict[str, Any] = UNCHANGED,
    subscription_id: int | None = None,
) -> Row:
    """Add a plan and return it. price: a month; features: whatever JSON can say.

    With a subscription_id of the caller's, the same call again returns the same plan. Raises AlreadyExists if the name
    is taken, or the subscription_id by another plan.

    >>> plan = add_subscription(database, name="Family", price=Decimal("19.99"), features={"streams": 6})
    >>> plan["features"]["streams"]
    6
    """
    return _PLANS.create(database, subscription_id, name=name, price=price, features=features)


@service
def update_subscription(
    database: Database,
    *,
    subscription_id: int,
    price: Decimal | int = UNCHANGED,
    features: dict[str, Any] = UNCHANGED,
) -> Row:
    """Change a plan's price or features, and return it; features replace the old ones. Raises NotFound.

    >>> update_subscription(database, subscription_id=1, price=Decimal("9.49"))["price"]
    Decimal('9.49')
    """
    return _PLANS.update(database, subscription_id, price=price, features=features)


@service
def remove_subscription(database: Database, *, subscription_id: int) -> Row:
    """Remove a plan that no user has and nobody has paid for, and return it as it was. Raises NotFound, StillInUse.

    >>> remove_subscription(database, subscription_id=1)
    Traceback (most recent call last):
    records.StillInUse: subscriptions with subscription_id = 1 is still in use: users = 1, payment_history = 1
    """
    key = {"subscription_id": subscription_id}

    def check(cursor: Cursor) -> None:
        uses = {table: rows for table, rows in fetch(cursor, _PLAN_USES, key)[0].items() if rows}
        if uses:
            raise StillInUse(_PLANS.table, key, uses)

    return _PLANS.remove(database, check, **key)


_PLAN_USES = """
    SELECT (SELECT count(*) FROM users WHERE subscription_id = %(subscription_id)s) AS users,
           (SELECT count(*) FROM payment_history WHERE subscription_id = %(subscription_id)s) AS payment_history"""


# Users

_USERS = Entity(
    "users",
    "user_id",
    """SELECT t.user_id, t.name, t.email, t.created_at, t.subscription_id, s.name AS plan, s.price, s.features
       FROM {source} t LEFT JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
)


@service
def create_user(
    database: Database, *, name: str, email: str, subscription_id: int | None = None, user_id: int | None = None
) -> Row:
    """Create a user, on a plan or without one, and return them as get_user does.

    With a user_id of the caller's, the same call again returns the same user. Raises AlreadyExists if the email is
    taken, or the user_id by another user; NotFound if there is no such plan.

    >>> create_user(database, name="Cleo", email="cleo@example.com", subscription_id=2)["plan"]
    'Premium'
    """
    return _USERS.create(database, user_id, name=name, email=email, subscription_id=subscription_id)


@service
def get_user(database: Database, *, user_id: int) -> Row:
    """Return a user with their plan: its subscription_id, plan (the name), price and features. Raises NotFound.

    >>> user = get_user(database, user_id=1)
    >>> user["name"], user["plan"], user["price"]
    ('Ann', 'Basic', Decimal('8.99'))
    """
    return _USERS.get(database, user_id=user_id)


@service
def get_user_by_email(database: Database, *, email: str) -> Row:
    """Return the user with this email, written exactly so, with their plan. Raises NotFound.

    >>> get_user_by_email(database, email="ann@example.com")["user_id"]
    1
    """
    return _USERS.get(database, email=email)


@service
def list_users(database: Database, *, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of the users with their plans, in the order of their keys.

    >>> page = list_users(database, limit=1)
    >>> [user["name"] for user in list_users(database, after=page["next"])["items"]]
    ['Ben']
    """
    return read_page(database, _USERS, [], Order({"t.user_id": int}), after, limit)


@service
def update_user(database: Database, *, user_id: int, name: str = UNCHANGED, email: str = UNCHANGED) -> Row:
    """Change a user's name or email, and return them. Raises NotFound; AlreadyExists if the email is taken.

    >>> update_user(database, user_id=1, name="Anna")["name"]
    'Anna'
    """
    return _USERS.update(database, user_id, name=name, email=email)


@service
def change_plan(database: Database, *, user_id: int, subscription_id: int | None) -> Row:
    """Put a user on another plan (None: on none), and return them. Raises NotFound for the user or the plan.

    >>> change_plan(database, user_id=1, subscription_id=2)["plan"]
    'Premium'
    """
    return _USERS.update(database, user_id, subscription_id=subscription_id)


@service
def delete_user(database: Database, *, user_id: int) -> Row:
    """Delete a user with their viewings and reviews, and return them as they were. Raises NotFound.

    Their payments stay, with user_id NULL.

    >>> delete_user(database, user_id=1)["email"]
    'ann@example.com'
    """
    return _USERS.remove(database, user_id=user_id)


# Content

_CONTENT = Entity(
    "content",
    "content_id",
    "SELECT t.content_id, t.title, t.content_type, t.genre, t.release_year, t.rating FROM {source} t",
)


@service
def add_content(
    database: Database,
    *,
    title: str,
    content_type: str,
    genre: str | None = None,
    release_year: int | None = None,
    rating: Decimal | int | None = None,
    content_id: int | None = None,
) -> Row:
    """Add a title and return it. content_type: movie, series, documentary or other; rating: the critics', 0 to 10.

    With a content_id of the caller's, the same call again returns the same title. Raises AlreadyExists if the
    content_id is another title's.

    >>> add_content(database, title="Low Tide", content_type="movie", rating=Decimal("7.5"))["rating"]
    Decimal('7.5')
    """
    row = {"title": title, "content_type": content_type, "genre": genre, "release_year": release_year, "rating": rating}
    return _CONTENT.create(database, content_id, **row)


@service
def get_content(database: Database, *, content_id: int) -> Row:
    """Return a title. Raises NotFound.

    >>> get_content(database, content_id=1)["title"]
    'Night Train'
    """
    return _CONTENT.get(database, content_id=content_id)


@service
def find_content(
    database: Database,
    *,
    title: str | None = None,
    genre: str | None = None,
    content_type: str | None = None,
    release_year: int | None = None,
    min_rating: Decimal | int | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page:
    """Return a page of the content that meets all conditions given, in the order of the titles.

    title: what the title begins with, written exactly so (on a PostgreSQL database whose collation is not C, this one
    condition is checked title by title, because no index of schema.sql can help there).

    >>> [found["title"] for found in find_content(database, title="Night", min_rating=8)["items"]]
    ['Night Train']
    """
    values = {"genre": genre, "content_type": content_type, "release_year": release_year, "min_rating": min_rating}
    conditions = [_CONTENT_CONDITIONS[name] for name, value in values.items() if value is not None]
    if title is not None:
        # LIKE, which the index helps, up to the first character with a meaning there; the whole is compared as it is.
        plain = min((title.index(special) for special in "%_\\" if special in title), default=len(title))
        values.update(title=title, length=len(title), pattern=title[:plain] + "%")
        conditions += ["t.title LIKE %(pattern)s", "left(t.title, %(length)s) = %(title)s"]
    return read_page(database, _CONTENT, conditions, _BY_TITLE, after, limit, **values)


_BY_TITLE = Order({"t.title": str, "t.content_id": int})
_CONTENT_CONDITIONS = {
    "genre": "t.genre = %(genre)s",
    "content_type": "t.content_type = %(content_type)s",
    "release_year": "t.release_year = %(release_year)s",
    "min_rating": "t.rating >= %(min_rating)s",
}


@service
def update_content(
    database: Database,
    *,
    content_id: int,
    title: str = UNCHANGED,
    content_type: str = UNCHANGED,
    genre: str | None = UNCHANGED,
    release_year: int | None = UNCHANGED,
    rating: Decimal | int | None = UNCHANGED,
) -> Row:
    """Change what is given of a title (None: not known), and return it. Raises NotFound.

    >>> update_content(database, content_id=1, genre="thriller")["genre"]
    'thriller'
    """
    row = {"title": title, "content_type": content_type, "genre": genre, "release_year": release_year, "rating": rating}
    return _CONTENT.update(database, content_id, **row)


@service
def remove_content(database: Database, *, content_id: int) -> Row:
    """Remove a title with its viewings and reviews, and return it as it was. Raises NotFound.

    >>> remove_content(database, content_id=2)["title"]
    'Nightwatch'
    """
    return _CONTENT.remove(database, content_id=content_id)


# Watch history

_VIEWINGS = Entity(
    "watch_history",
    "watch_id",
    """SELECT t.watch_id, t.user_id, t.content_id, c.title, t.watched_at, t.progress
       FROM {source} t JOIN content c ON c.content_id = t.content_id""",
    lambda _: uuid4(),
)
_LATEST_VIEWINGS = Order({"t.watched_at": datetime.fromisoformat, "t.watch_id": UUID}, descending=True)


@service
def start_watching(database: Database, *, user_id: int, content_id: int, watch_id: UUID | None = None) -> Row:
    """Begin a viewing, now and at 0 %, and return it.

    With a watch_id of the caller's, the same call again returns the same viewing, however far it is. Raises NotFound
    for the user or the content; AlreadyExists if the watch_id is another viewing's.

    >>> start_watching(database, user_id=2, content_id=1)["progress"]
    Decimal('0.00')
    """
    return _VIEWINGS.create(database, watch_id, user_id=user_id, content_id=content_id)


@service
def log_progress(database: Database, *, watch_id: UUID, progress: Decimal | int) -> Row:
    """Log how far a viewing is, in percent (0 to 100), and return it. Raises NotFound.

    The furthest position counts: several devices may log in any order, and late or repeated calls move nothing back.

    >>> viewing = start_watching(database, user_id=2, content_id=1)
    >>> log_progress(database, watch_id=viewing["watch_id"], progress=40)["progress"]
    Decimal('40.00')
    >>> log_progress(database, watch_id=viewing["watch_id"], progress=Decimal("12.5"))["progress"]
    Decimal('40.00')
    """

    def work(cursor: Cursor) -> Row:
        execute(cursor, _LOG_PROGRESS, {"watch_id": watch_id, "progress": progress})
        return _VIEWINGS.read(cursor, watch_id=watch_id)

    return run_transaction(database, work, repeatable=True)


# A negative progress is not less than the present one here: it goes on to the column's CHECK, which refuses it.
_LOG_PROGRESS = """
    UPDATE watch_history
    SET progress = CASE WHEN %(progress)s >= 0 THEN greatest(progress, %(progress)s) ELSE %(progress)s END
    WHERE watch_id = %(watch_id)s"""


@service
def watch_history(database: Database, *, user_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a user's viewings, the latest first, with the titles.

    >>> [(viewing["title"], viewing["progress"]) for viewing in watch_history(database, user_id=1)["items"]]
    [('Nightwatch', Decimal('100.00')), ('Night Train', Decimal('35.50'))]
    """
    return read_page(database, _VIEWINGS, ["t.user_id = %(user_id)s"], _LATEST_VIEWINGS, after, limit, user_id=user_id)


@service
def continue_watching(database: Database, *, user_id: int, limit: int = 20) -> list[Row]:
    """Return the latest viewing of each title that a user has not finished (100 %), the latest first.

    A title whose latest viewing was finished is not among them, even if an older one was not.

    >>> [viewing["title"] for viewing in continue_watching(database, user_id=1)]
    ['Night Train']
    """
    check_limit(limit)
    values = {"user_id": user_id, "limit": limit}
    statement = _VIEWINGS.of(_UNFINISHED) + _LATEST_VIEWINGS.clause()
    return run_transaction(database, lambda cursor: fetch(cursor, statement, values), repeatable=True)


_UNFINISHED = sql.SQL("""(
    SELECT * FROM (
        SELECT DISTINCT ON (content_id) watch_id, user_id, content_id, watched_at, progress
        FROM watch_history WHERE user_id = %(user_id)s
        ORDER BY content_id, watched_at DESC, watch_id DESC
    ) latest
    WHERE progress < 100 ORDER BY watched_at DESC, watch_id DESC LIMIT %(limit)s
)""")


# Reviews

_REVIEWS = Entity(
    "reviews",
    "review_id",
    """SELECT t.review_id, t.user_id, u.name, t.content_id, t.rating, t.review_text, t.reviewed_at
       FROM {source} t JOIN users u ON u.user_id = t.user_id""",
)
_LATEST_REVIEWS = Order({"t.reviewed_at": datetime.fromisoformat, "t.review_id": UUID}, descending=True)


@service
def review_content(
    database: Database, *, user_id: int, content_id: int, rating: Decimal | int, review_text: str | None = None
) -> Row:
    """Rate a title from 0 to 10, in steps of 0.1, with or without words, and return the review.

    Again by the same user it replaces rating, words and time of their review. Raises NotFound for the user or content.

    >>> review_content(database, user_id=2, content_id=1, rating=9, review_text="What an end!")["rating"]
    Decimal('9.0')
    """
    values = {"user_id": user_id, "content_id": content_id, "rating": rating, "review_text": review_text}

    def work(cursor: Cursor) -> Row:
        return _REVIEWS.read(cursor, review_id=fetch(cursor, _REVIEW, values)[0]["review_id"])

    return run_transaction(database, work, repeatable=True)


# User and content are a key that is known before the write; the review_id may be the server's.
_REVIEW = """
    INSERT INTO reviews (user_id, content_id, rating, review_text)
    VALUES (%(user_id)s, %(content_id)s, %(rating)s, %(review_text)s)
    ON CONFLICT (user_id, content_id) DO UPDATE
    SET rating = excluded.rating, review_text = excluded.review_text, reviewed_at = excluded.reviewed_at
    RETURNING review_id"""


@service
def list_reviews(database: Database, *, content_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a title's reviews, the latest first, each with its author's name.

    >>> [(review["name"], review["rating"]) for review in list_reviews(database, content_id=1)["items"]]
    [('Ann', Decimal('7.5'))]
    """
    conditions = ["t.content_id = %(content_id)s"]
    return read_page(database, _REVIEWS, conditions, _LATEST_REVIEWS, after, limit, content_id=content_id)


@service
def content_rating(database: Database, *, content_id: int) -> Row:
    """Return the average of a title's reviews (to 2 decimals; None without reviews) and their number. Raises NotFound.

    >>> content_rating(database, content_id=1)
    {'content_id': 1, 'title': 'Night Train', 'average': Decimal('7.50'), 'reviews': 1}
    """
    key = {"content_id": content_id}
    found = run_transaction(database, lambda cursor: fetch(cursor, _RATING, key), repeatable=True)
    if not found:
        raise NotFound(_CONTENT.table, key)
    return found[0]


_RATING = """
    SELECT c.content_id, c.title, round(avg(r.rating), 2) AS average, count(r.rating) AS reviews
    FROM content c LEFT JOIN reviews r ON r.content_id = %(content_id)s
    WHERE c.content_id = %(content_id)s
    GROUP BY c.content_id, c.title"""


@service
def remove_review(database: Database, *, user_id: int, content_id: int) -> Row:
    """Remove a user's review of a title, and return it as it was. Raises NotFound.

    >>> remove_review(database, user_id=1, content_id=1)["rating"]
    Decimal('7.5')
    """
    return _REVIEWS.remove(database, user_id=user_id, content_id=content_id)


# Payments

_PAYMENTS = Entity(
    "payment_history",
    "payment_id",
    """SELECT t.payment_id, t.user_id, t.subscription_id, s.name AS plan, t.amount, t.method, t.payment_date
       FROM {source} t JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
)
_LATEST_PAYMENTS = Order({"t.payment_date": datetime.fromisoformat, "t.payment_id": UUID}, descending=True)


@service
def process_payment(database: Database, *, user_id: int, method: str, payment_id: UUID | None = None) -> Row:
    """Record a payment of a user for the plan they have now, at its price of now, and return it.

    With a payment_id of the caller's, it is paid once however often it is called, even if plan or price have changed
    since. Raises AlreadyExists if the payment_id is of another user or method; NotFound if there is no such user;
    InvalidValue if they have no plan, or one that costs nothing.

    >>> order = UUID("5b0f4e1c-6c3e-4f0a-9d53-0b8d6a2f7c11")
    >>> process_payment(database, user_id=1, method="card", payment_id=order)["amount"]
    Decimal('8.99')
    """
    key = {"payment_id": payment_id or uuid4()}

    def work(cursor: Cursor) -> Row:
        execute(cursor, _PAY, {**key, "user_id": user_id, "method": method})
        try:
            payment = _PAYMENTS.read(cursor, **key)
        except NotFound:
            _USERS.read(cursor, user_id=user_id)
            raise InvalidValue("subscription_id", f"is missing: user {user_id} has no plan to pay for") from None
        # The user may have been deleted since: then it is nobody's any more.
        if payment["user_id"] not in (user_id, None) or payment["method"] != method:
            raise AlreadyExists(_PAYMENTS.table, key)
        return payment

    return run_transaction(database, work, repeatable=True)


# One statement reads the price and writes the payment. One that is there is looked for first, because ON CONFLICT comes
# too late: the price may have become 0, which the CHECK refuses.
_PAY = """
    INSERT INTO payment_history (payment_id, user_id, subscription_id, amount, method)
    SELECT %(payment_id)s, u.user_id, s.subscription_id, s.price, %(method)s
    FROM users u JOIN subscriptions s ON s.subscription_id = u.subscription_id
    WHERE u.user_id = %(user_id)s
      AND NOT EXISTS (SELECT 1 FROM payment_history p WHERE p.payment_id = %(payment_id)s)
    ON CONFLICT (payment_id) DO NOTHING"""


@service
def list_payments(database: Database, *, user_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a user's payments, the latest first, with the names of the plans.

    >>> [(payment["plan"], payment["amount"]) for payment in list_payments(database, user_id=1)["items"]]
    [('Basic', Decimal('8.99'))]
    """
    return read_page(database, _PAYMENTS, ["t.user_id = %(user_id)s"], _LATEST_PAYMENTS, after, limit, user_id=user_id)


@service
def revenue(database: Database, *, since: datetime, until: datetime) -> list[Row]:
    """Return what was paid from since until before until, by month (in UTC; a date, its first day) and plan.

    Months and plans without payments are left out.

    >>> year = revenue(database, since=datetime(2026, 1, 1, tzinfo=timezone.utc), until=datetime.now(timezone.utc))
    >>> [(str(row["month"]), row["plan"], row["payments"], row["revenue"]) for row in year]
    [('2026-02-01', 'Basic', 1, Decimal('8.99'))]
    """
    if since >= until:
        raise InvalidValue("until", "must be later than since")

    # Two statements, so that CockroachDB looks up each plan's part of the index; a join would read all payments.
    def work(cursor: Cursor) -> list[Row]:
        plans = fetch(cursor, _ALL_PLANS, {})
        sums = fetch(cursor, _REVENUE, {"plans": _keys(plans), "since": since, "until": until})
        names = {plan["subscription_id"]: plan["name"] for plan in plans}
        return [{**row, "plan": names[row["subscription_id"]]} for row in sums]

    return run_transaction(database, work, repeatable=True)


_REVENUE = """
    SELECT date_trunc('month', payment_date)::DATE AS month, subscription_id,
           count(*) AS payments, sum(amount) AS revenue
    FROM payment_history
    WHERE subscription_id IN %(plans)s AND payment_date >= %(since)s AND payment_date < %(until)s
    GROUP BY 1, 2 ORDER BY 1, 2"""
