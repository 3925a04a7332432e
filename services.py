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

import functools
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from types import GenericAlias
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID, uuid4

import psycopg2
from psycopg2 import extensions, sql

import catalog
from console import Failure
from database import Cursor, Database, explained, run_transaction

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

Row = dict[str, Any]
Page = dict[str, Any]
Service = TypeVar("Service", bound=Callable[..., Any])

UNCHANGED: Any = ...  # what an argument is that was left out: the column keeps its value, or takes its default
LONGEST_PAGE = 1000

# Digits and decimals of the DECIMAL columns. The servers round without a word, so this is checked before they see it.
DECIMALS = {"price": (10, 2), "rating": (3, 1), "progress": (5, 2)}


class NotFound(Failure):
    """There is no such row. table: where it was looked for. key: column -> value."""

    def __init__(self, table: str, key: Row) -> None:
        super().__init__(f"{table} has no row with {_in_words(key)}")
        self.table, self.key = table, key


class AlreadyExists(Failure):
    """There is such a row already, with other values. table, key: column -> value, of the one that is there."""

    def __init__(self, table: str, key: Row) -> None:
        super().__init__(f"{table} already has another row with {_in_words(key)}")
        self.table, self.key = table, key


class InvalidValue(Failure):
    """An argument, or what would follow from it, cannot be. column: whose value. rule: what it breaks."""

    def __init__(self, column: str, rule: str) -> None:
        super().__init__(f"{column} {rule}")
        self.column, self.rule = column, rule


class StillInUse(Failure):
    """Other rows refer to the row. uses: table -> number of its rows."""

    def __init__(self, table: str, key: Row, uses: dict[str, int]) -> None:
        super().__init__(f"{table} with {_in_words(key)} is still in use: {_in_words(uses)}")
        self.uses = uses


def _in_words(values: Row) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


# What every service does: check its arguments, and say in its own errors what the server refused.


def _service(function: Service) -> Service:
    @functools.wraps(function)
    def call(database: Database, **arguments: Any) -> Any:
        given = {
            name: _checked(name, value, function.__annotations__.get(name, object))
            for name, value in arguments.items()
            if value is not UNCHANGED
        }
        try:
            return function(database, **given)
        except psycopg2.Error as error:
            raise _in_our_words(database, error, given) from error

    return cast(Service, call)


def _checked(name: str, value: Any, wanted: Any) -> Any:
    """Return the value of an argument. Raises InvalidValue if a column of its type would not take it as it is."""
    kind: Any = wanted.__origin__ if isinstance(wanted, GenericAlias) else wanted
    if not isinstance(value, kind) or isinstance(value, bool):
        text = kind.__name__ if isinstance(kind, type) else str(kind).replace("decimal.", "").replace("uuid.", "")
        raise InvalidValue(name, f"must be {text}, not {type(value).__name__}")
    if isinstance(value, str) and not (value.strip() and _is_storable(value)):
        raise InvalidValue(name, "must be text that is not blank, with no NUL and no half of a surrogate pair")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidValue(name, "must be an integer of 64 bits")
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise InvalidValue(name, "must have a time zone: datetime(..., tzinfo=timezone.utc)")
    if isinstance(value, Decimal) and not value.is_finite():
        raise InvalidValue(name, f"must be a number, not {value}")
    if isinstance(value, Decimal | int) and name in DECIMALS:
        _check_decimals(name, Decimal(value), *DECIMALS[name])
    if isinstance(value, dict):
        try:
            return _exact(_json(value))
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidValue(name, f"must be what JSON can say: {error}") from error
    return value


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _check_decimals(name: str, value: Decimal, digits: int, decimals: int) -> None:
    if abs(value) >= 10 ** (digits - decimals) or value != round(value, decimals):
        raise InvalidValue(name, f"must fit DECIMAL({digits}, {decimals}), and {value} does not")


def _json(value: Any) -> str:
    """Return a value as JSON, with its decimals as they are. Raises ValueError or TypeError if JSON cannot say it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json_text(key)}: {_json(element)}" for key, element in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    return _json_text(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _json_text(text: Any) -> str:
    if not (isinstance(text, str) and _is_storable(text)):
        raise ValueError(f"{text!r} is no text that can be stored")
    return json.dumps(text)


def _exact(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def _in_our_words(database: Database, error: psycopg2.Error, arguments: Row) -> Failure:
    """Return the error of ours for one of the server's: it names the constraint, and the catalog what that says."""
    code = error.pgcode or ""
    if code[:2] in ("22", "54"):  # data exception, limit exceeded: the type was right, but it is too large
        longest = max(arguments, key=lambda name: len(str(arguments[name])))
        return InvalidValue(longest, f"is too large: {error.diag.message_primary}")
    tables = run_transaction(database, catalog.read, repeatable=True) if code[:2] == "23" else {}
    for table in tables.values():
        constraint = table.constraints.get(error.diag.constraint_name or "")
        if constraint:
            values = [arguments.get(column) for column in constraint.columns]
            if constraint.kind == "f" and constraint.referenced:
                return NotFound(constraint.referenced, dict(zip(constraint.referenced_columns, values, strict=True)))
            if constraint.kind == "c":
                return InvalidValue(", ".join(constraint.columns), f"breaks {constraint.name}: {constraint.definition}")
            return AlreadyExists(table.name, dict(zip(constraint.columns, values, strict=True)))
    return explained(error, database)


# How rows are read and written.

_READERS = (
    extensions.new_type((3802,), "JSONB", lambda text, _: text and _exact(text)),
    extensions.new_type((2950,), "UUID", lambda text, _: text and UUID(str(text))),
)


def _execute(cursor: Cursor, statement: str | sql.Composable, values: Row) -> None:
    cursor.execute(statement, {name: _sent(value) for name, value in values.items()})


def _sent(value: Any) -> Any:
    if isinstance(value, UUID):
        return extensions.AsIs(f"'{value}'::UUID")
    return _json(value) if isinstance(value, dict) else value


def _fetch(cursor: Cursor, statement: str | sql.Composable, values: Row) -> list[Row]:
    for reader in _READERS:
        extensions.register_type(reader, cursor)
    _execute(cursor, statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _equal(names: Iterable[str], separator: str) -> sql.Composable:
    """Return `a = %(a)s` for each name."""
    return sql.SQL(separator).join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in names
    )


def _new_integer(database: Database) -> int:
    """Return a key as the column's default would, before there is a row of it."""
    rows = run_transaction(database, lambda cursor: _fetch(cursor, "SELECT unique_rowid() AS key", {}), repeatable=True)
    return cast(int, rows[0]["key"])


class _Entity(NamedTuple):
    """A table, and what the services do with one row of it.

    select: reads rows as the services return them, from the table or a part of it ({source}). new_key: makes a key.
    """

    table: str
    key: str
    select: str
    new_key: Callable[[Database], Any] = _new_integer

    def of(self, source: sql.Composable) -> sql.Composable:
        """Return the statement that reads a part of the table: ({SELECT ...})."""
        return sql.SQL(self.select).format(source=source)

    def read(self, cursor: Cursor, **key: Any) -> Row:
        """Return the row with this value of a unique column. Raises NotFound."""
        one = sql.SQL("(SELECT * FROM {} WHERE {})").format(sql.Identifier(self.table), _equal(key, " AND "))
        for row in _fetch(cursor, self.of(one), key):
            return row
        raise NotFound(self.table, key)

    def get(self, database: Database, **key: Any) -> Row:
        return run_transaction(database, lambda cursor: self.read(cursor, **key), repeatable=True)

    def create(self, database: Database, key: Any, **row: Any) -> Row:
        """Insert a row and return it. key: None for a new one, made before the row is written.

        Repeated after a commit of unknown fate, it finds its row by that key. A row that is there with a key that was
        given counts as made by this call if it has the same values. Raises AlreadyExists if it has others.
        """
        values = {name: value for name, value in row.items() if value is not UNCHANGED}
        values[self.key] = self.new_key(database) if key is None else key
        insert = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO NOTHING").format(
            sql.Identifier(self.table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
            sql.Identifier(self.key),
        )

        def work(cursor: Cursor) -> Row:
            _execute(cursor, insert, values)
            was_there = cursor.rowcount == 0
            there = self.read(cursor, **{self.key: values[self.key]})
            if was_there and key is not None and any(there[name] != value for name, value in values.items()):
                raise AlreadyExists(self.table, {self.key: key})
            return there

        return run_transaction(database, work, repeatable=True)

    def update(self, database: Database, key: Any, **row: Any) -> Row:
        """Set columns of a row and return it. Raises NotFound. Repeated, it sets the same values."""
        values = {name: value for name, value in row.items() if value is not UNCHANGED}
        update = sql.SQL("UPDATE {} SET {} WHERE {}").format(
            sql.Identifier(self.table), _equal(values, ", "), _equal([self.key], " AND ")
        )

        def work(cursor: Cursor) -> Row:
            if values:
                _execute(cursor, update, {**values, self.key: key})
            return self.read(cursor, **{self.key: key})

        return run_transaction(database, work, repeatable=True)

    def remove(self, database: Database, check: Callable[[Cursor], None] = lambda _: None, **key: Any) -> Row:
        """Delete the row with this key, after a check, and return it as it was. Raises NotFound."""
        delete = sql.SQL("DELETE FROM {} WHERE {} RETURNING *").format(sql.Identifier(self.table), _equal(key, " AND "))
        # A try that finds nothing, after one whose fate is not known, finds what that one has done.
        found: list[Row] = []

        def work(cursor: Cursor) -> None:
            check(cursor)
            found.extend(_fetch(cursor, delete, key))

        run_transaction(database, work, repeatable=True)
        if not found:
            raise NotFound(self.table, key)
        return found[0]


class _Order(NamedTuple):
    """The order of the rows of pages. keys: its columns -> how their value is read from text; together unique."""

    keys: dict[str, Callable[[str], Any]]
    descending: bool = False

    def clause(self) -> sql.Composable:
        columns = (f"{column} DESC" if self.descending else column for column in self.keys)
        return sql.SQL(f" ORDER BY {', '.join(columns)}")

    def beyond(self) -> str:
        placeholders = ", ".join(f"%(after_{number})s" for number in range(len(self.keys)))
        return f"({', '.join(self.keys)}) {'<' if self.descending else '>'} ({placeholders})"

    def place(self, row: Row) -> str:
        """Return the place of a row in the order, as text."""
        return json.dumps([str(row[column.partition(".")[2]]) for column in self.keys])

    def read(self, place: str) -> Row:
        try:
            texts = json.loads(place)
            if not all(isinstance(text, str) and _is_storable(text) for text in texts):
                raise ValueError
            values = [read(text) for read, text in zip(self.keys.values(), texts, strict=True)]
        except (ValueError, TypeError) as error:
            raise InvalidValue("after", "must be the `next` of the page before") from error
        return {f"after_{number}": value for number, value in enumerate(values)}


def _page(
    database: Database,
    entity: _Entity,
    conditions: list[str],
    order: _Order,
    after: str | None,
    limit: int,
    **values: Any,
) -> Page:
    """Return a page of the rows that meet all conditions. Only these are read, and joined with what belongs to them."""
    _check_limit(limit)
    if after is not None:
        conditions = [*conditions, order.beyond()]
        values.update(order.read(after))
    values["rows"] = limit + 1  # one more than asked for says whether there are more
    part = sql.SQL("(SELECT * FROM {} t {} {} LIMIT %(rows)s)").format(
        sql.Identifier(entity.table),
        sql.SQL(f"WHERE {' AND '.join(conditions)}" if conditions else ""),
        order.clause(),
    )
    statement = entity.of(part) + order.clause()
    rows = run_transaction(database, lambda cursor: _fetch(cursor, statement, values), repeatable=True)
    return {"items": rows[:limit], "next": order.place(rows[limit - 1]) if len(rows) > limit else None}


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidValue("limit", f"must be 1 to {LONGEST_PAGE}")


# Subscriptions

_PLANS = _Entity(
    "subscriptions",
    "subscription_id",
    "SELECT t.subscription_id, t.name, t.price, t.features FROM {source} t",
)
_ALL_PLANS = _PLANS.of(sql.Identifier(_PLANS.table)) + sql.SQL(" ORDER BY t.price, t.subscription_id")


@_service
def list_subscriptions(database: Database) -> list[Row]:
    """Return all plans, the cheapest first, each with its number of subscribers.

    >>> [(plan["name"], plan["subscribers"]) for plan in list_subscriptions(database)]
    [('Free', 0), ('Basic', 1), ('Premium', 0)]
    """

    # Two statements, because CockroachDB reads all users for one that joins; the numbers of the plans it looks up.
    def work(cursor: Cursor) -> list[Row]:
        plans = _fetch(cursor, _ALL_PLANS, {})
        subscribers = _fetch(cursor, _SUBSCRIBERS, {"plans": _keys(plans)})
        counts = {row["subscription_id"]: row["subscribers"] for row in subscribers}
        return [{**plan, "subscribers": counts.get(plan["subscription_id"], 0)} for plan in plans]

    return run_transaction(database, work, repeatable=True)


_SUBSCRIBERS = """
    SELECT subscription_id, count(*) AS subscribers FROM users
    WHERE subscription_id IN %(plans)s GROUP BY subscription_id"""


def _keys(plans: list[Row]) -> tuple[int | None, ...]:
    return tuple(plan["subscription_id"] for plan in plans) or (None,)  # SQL has no empty list


@_service
def get_subscription(database: Database, *, subscription_id: int) -> Row:
    """Return a plan. Raises NotFound.

    >>> get_subscription(database, subscription_id=1)["price"]
    Decimal('8.99')
    """
    return _PLANS.get(database, subscription_id=subscription_id)


@_service
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


@_service
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


@_service
def remove_subscription(database: Database, *, subscription_id: int) -> Row:
    """Remove a plan that no user has and nobody has paid for, and return it as it was. Raises NotFound, StillInUse.

    >>> remove_subscription(database, subscription_id=1)
    Traceback (most recent call last):
    services.StillInUse: subscriptions with subscription_id = 1 is still in use: users = 1, payment_history = 1
    """
    key = {"subscription_id": subscription_id}

    def check(cursor: Cursor) -> None:
        uses = {table: rows for table, rows in _fetch(cursor, _PLAN_USES, key)[0].items() if rows}
        if uses:
            raise StillInUse(_PLANS.table, key, uses)

    return _PLANS.remove(database, check, **key)


_PLAN_USES = """
    SELECT (SELECT count(*) FROM users WHERE subscription_id = %(subscription_id)s) AS users,
           (SELECT count(*) FROM payment_history WHERE subscription_id = %(subscription_id)s) AS payment_history"""


# Users

_USERS = _Entity(
    "users",
    "user_id",
    """SELECT t.user_id, t.name, t.email, t.created_at, t.subscription_id, s.name AS plan, s.price, s.features
       FROM {source} t LEFT JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
)


@_service
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


@_service
def get_user(database: Database, *, user_id: int) -> Row:
    """Return a user with their plan: its subscription_id, plan (the name), price and features. Raises NotFound.

    >>> user = get_user(database, user_id=1)
    >>> user["name"], user["plan"], user["price"]
    ('Ann', 'Basic', Decimal('8.99'))
    """
    return _USERS.get(database, user_id=user_id)


@_service
def get_user_by_email(database: Database, *, email: str) -> Row:
    """Return the user with this email, written exactly so, with their plan. Raises NotFound.

    >>> get_user_by_email(database, email="ann@example.com")["user_id"]
    1
    """
    return _USERS.get(database, email=email)


@_service
def list_users(database: Database, *, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of the users with their plans, in the order of their keys.

    >>> page = list_users(database, limit=1)
    >>> [user["name"] for user in list_users(database, after=page["next"])["items"]]
    ['Ben']
    """
    return _page(database, _USERS, [], _Order({"t.user_id": int}), after, limit)


@_service
def update_user(database: Database, *, user_id: int, name: str = UNCHANGED, email: str = UNCHANGED) -> Row:
    """Change a user's name or email, and return them. Raises NotFound; AlreadyExists if the email is taken.

    >>> update_user(database, user_id=1, name="Anna")["name"]
    'Anna'
    """
    return _USERS.update(database, user_id, name=name, email=email)


@_service
def change_plan(database: Database, *, user_id: int, subscription_id: int | None) -> Row:
    """Put a user on another plan (None: on none), and return them. Raises NotFound for the user or the plan.

    >>> change_plan(database, user_id=1, subscription_id=2)["plan"]
    'Premium'
    """
    return _USERS.update(database, user_id, subscription_id=subscription_id)


@_service
def delete_user(database: Database, *, user_id: int) -> Row:
    """Delete a user with their viewings and reviews, and return them as they were. Raises NotFound.

    Their payments stay, with user_id NULL.

    >>> delete_user(database, user_id=1)["email"]
    'ann@example.com'
    """
    return _USERS.remove(database, user_id=user_id)


# Content

_CONTENT = _Entity(
    "content",
    "content_id",
    "SELECT t.content_id, t.title, t.content_type, t.genre, t.release_year, t.rating FROM {source} t",
)


@_service
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


@_service
def get_content(database: Database, *, content_id: int) -> Row:
    """Return a title. Raises NotFound.

    >>> get_content(database, content_id=1)["title"]
    'Night Train'
    """
    return _CONTENT.get(database, content_id=content_id)


@_service
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
    return _page(database, _CONTENT, conditions, _BY_TITLE, after, limit, **values)


_BY_TITLE = _Order({"t.title": str, "t.content_id": int})
_CONTENT_CONDITIONS = {
    "genre": "t.genre = %(genre)s",
    "content_type": "t.content_type = %(content_type)s",
    "release_year": "t.release_year = %(release_year)s",
    "min_rating": "t.rating >= %(min_rating)s",
}


@_service
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


@_service
def remove_content(database: Database, *, content_id: int) -> Row:
    """Remove a title with its viewings and reviews, and return it as it was. Raises NotFound.

    >>> remove_content(database, content_id=2)["title"]
    'Nightwatch'
    """
    return _CONTENT.remove(database, content_id=content_id)


# Watch history

_VIEWINGS = _Entity(
    "watch_history",
    "watch_id",
    """SELECT t.watch_id, t.user_id, t.content_id, c.title, t.watched_at, t.progress
       FROM {source} t JOIN content c ON c.content_id = t.content_id""",
    lambda _: uuid4(),
)
_LATEST_VIEWINGS = _Order({"t.watched_at": datetime.fromisoformat, "t.watch_id": UUID}, descending=True)


@_service
def start_watching(database: Database, *, user_id: int, content_id: int, watch_id: UUID | None = None) -> Row:
    """Begin a viewing, now and at 0 %, and return it.

    With a watch_id of the caller's, the same call again returns the same viewing, however far it is. Raises NotFound
    for the user or the content; AlreadyExists if the watch_id is another viewing's.

    >>> start_watching(database, user_id=2, content_id=1)["progress"]
    Decimal('0.00')
    """
    return _VIEWINGS.create(database, watch_id, user_id=user_id, content_id=content_id)


@_service
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
        _execute(cursor, _LOG_PROGRESS, {"watch_id": watch_id, "progress": progress})
        return _VIEWINGS.read(cursor, watch_id=watch_id)

    return run_transaction(database, work, repeatable=True)


# A negative progress is not less than the present one here: it goes on to the column's CHECK, which refuses it.
_LOG_PROGRESS = """
    UPDATE watch_history
    SET progress = CASE WHEN %(progress)s >= 0 THEN greatest(progress, %(progress)s) ELSE %(progress)s END
    WHERE watch_id = %(watch_id)s"""


@_service
def watch_history(database: Database, *, user_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a user's viewings, the latest first, with the titles.

    >>> [(viewing["title"], viewing["progress"]) for viewing in watch_history(database, user_id=1)["items"]]
    [('Nightwatch', Decimal('100.00')), ('Night Train', Decimal('35.50'))]
    """
    return _page(database, _VIEWINGS, ["t.user_id = %(user_id)s"], _LATEST_VIEWINGS, after, limit, user_id=user_id)


@_service
def continue_watching(database: Database, *, user_id: int, limit: int = 20) -> list[Row]:
    """Return the latest viewing of each title that a user has not finished (100 %), the latest first.

    A title whose latest viewing was finished is not among them, even if an older one was not.

    >>> [viewing["title"] for viewing in continue_watching(database, user_id=1)]
    ['Night Train']
    """
    _check_limit(limit)
    values = {"user_id": user_id, "limit": limit}
    statement = _VIEWINGS.of(_UNFINISHED) + _LATEST_VIEWINGS.clause()
    return run_transaction(database, lambda cursor: _fetch(cursor, statement, values), repeatable=True)


_UNFINISHED = sql.SQL("""(
    SELECT * FROM (
        SELECT DISTINCT ON (content_id) watch_id, user_id, content_id, watched_at, progress
        FROM watch_history WHERE user_id = %(user_id)s
        ORDER BY content_id, watched_at DESC, watch_id DESC
    ) latest
    WHERE progress < 100 ORDER BY watched_at DESC, watch_id DESC LIMIT %(limit)s
)""")


# Reviews

_REVIEWS = _Entity(
    "reviews",
    "review_id",
    """SELECT t.review_id, t.user_id, u.name, t.content_id, t.rating, t.review_text, t.reviewed_at
       FROM {source} t JOIN users u ON u.user_id = t.user_id""",
)
_LATEST_REVIEWS = _Order({"t.reviewed_at": datetime.fromisoformat, "t.review_id": UUID}, descending=True)


@_service
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
        return _REVIEWS.read(cursor, review_id=_fetch(cursor, _REVIEW, values)[0]["review_id"])

    return run_transaction(database, work, repeatable=True)


# User and content are a key that is known before the write; the review_id may be the server's.
_REVIEW = """
    INSERT INTO reviews (user_id, content_id, rating, review_text)
    VALUES (%(user_id)s, %(content_id)s, %(rating)s, %(review_text)s)
    ON CONFLICT (user_id, content_id) DO UPDATE
    SET rating = excluded.rating, review_text = excluded.review_text, reviewed_at = excluded.reviewed_at
    RETURNING review_id"""


@_service
def list_reviews(database: Database, *, content_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a title's reviews, the latest first, each with its author's name.

    >>> [(review["name"], review["rating"]) for review in list_reviews(database, content_id=1)["items"]]
    [('Ann', Decimal('7.5'))]
    """
    conditions = ["t.content_id = %(content_id)s"]
    return _page(database, _REVIEWS, conditions, _LATEST_REVIEWS, after, limit, content_id=content_id)


@_service
def content_rating(database: Database, *, content_id: int) -> Row:
    """Return the average of a title's reviews (to 2 decimals; None without reviews) and their number. Raises NotFound.

    >>> content_rating(database, content_id=1)
    {'content_id': 1, 'title': 'Night Train', 'average': Decimal('7.50'), 'reviews': 1}
    """
    key = {"content_id": content_id}
    found = run_transaction(database, lambda cursor: _fetch(cursor, _RATING, key), repeatable=True)
    if not found:
        raise NotFound(_CONTENT.table, key)
    return found[0]


_RATING = """
    SELECT c.content_id, c.title, round(avg(r.rating), 2) AS average, count(r.rating) AS reviews
    FROM content c LEFT JOIN reviews r ON r.content_id = %(content_id)s
    WHERE c.content_id = %(content_id)s
    GROUP BY c.content_id, c.title"""


@_service
def remove_review(database: Database, *, user_id: int, content_id: int) -> Row:
    """Remove a user's review of a title, and return it as it was. Raises NotFound.

    >>> remove_review(database, user_id=1, content_id=1)["rating"]
    Decimal('7.5')
    """
    return _REVIEWS.remove(database, user_id=user_id, content_id=content_id)


# Payments

_PAYMENTS = _Entity(
    "payment_history",
    "payment_id",
    """SELECT t.payment_id, t.user_id, t.subscription_id, s.name AS plan, t.amount, t.method, t.payment_date
       FROM {source} t JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
)
_LATEST_PAYMENTS = _Order({"t.payment_date": datetime.fromisoformat, "t.payment_id": UUID}, descending=True)


@_service
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
        _execute(cursor, _PAY, {**key, "user_id": user_id, "method": method})
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


@_service
def list_payments(database: Database, *, user_id: int, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of a user's payments, the latest first, with the names of the plans.

    >>> [(payment["plan"], payment["amount"]) for payment in list_payments(database, user_id=1)["items"]]
    [('Basic', Decimal('8.99'))]
    """
    return _page(database, _PAYMENTS, ["t.user_id = %(user_id)s"], _LATEST_PAYMENTS, after, limit, user_id=user_id)


@_service
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
        plans = _fetch(cursor, _ALL_PLANS, {})
        sums = _fetch(cursor, _REVENUE, {"plans": _keys(plans), "since": since, "until": until})
        names = {plan["subscription_id"]: plan["name"] for plan in plans}
        return [{**row, "plan": names[row["subscription_id"]]} for row in sums]

    return run_transaction(database, work, repeatable=True)


_REVENUE = """
    SELECT date_trunc('month', payment_date)::DATE AS month, subscription_id,
           count(*) AS payments, sum(amount) AS revenue
    FROM payment_history
    WHERE subscription_id IN %(plans)s AND payment_date >= %(since)s AND payment_date < %(until)s
    GROUP BY 1, 2 ORDER BY 1, 2"""
