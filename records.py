"""Rows as the services take and give them: arguments checked, statements run, errors in the services' own words.

What plans or payments are is for services.py to know; of the columns only the sizes of the decimals are known here.
"""

import functools
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from types import GenericAlias
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import catalog
import psycopg2
from console import Failure
from database import Cursor, Database, explained, run_transaction
from psycopg2 import extensions, sql

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


def service(function: Service) -> Service:
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


def execute(cursor: Cursor, statement: str | sql.Composable, values: Row) -> None:
    cursor.execute(statement, {name: _sent(value) for name, value in values.items()})


def _sent(value: Any) -> Any:
    if isinstance(value, UUID):
        return extensions.AsIs(f"'{value}'::UUID")
    return _json(value) if isinstance(value, dict) else value


def fetch(cursor: Cursor, statement: str | sql.Composable, values: Row) -> list[Row]:
    for reader in _READERS:
        extensions.register_type(reader, cursor)
    execute(cursor, statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _equal(names: Iterable[str], separator: str) -> sql.Composable:
    """Return `a = %(a)s` for each name."""
    return sql.SQL(separator).join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in names
    )


def _new_integer(database: Database) -> int:
    """Return a key as the column's default would, before there is a row of it."""
    rows = run_transaction(database, lambda cursor: fetch(cursor, "SELECT unique_rowid() AS key", {}), repeatable=True)
    return cast(int, rows[0]["key"])


class Entity(NamedTuple):
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
        for row in fetch(cursor, self.of(one), key):
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
            execute(cursor, insert, values)
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
                execute(cursor, update, {**values, self.key: key})
            return self.read(cursor, **{self.key: key})

        return run_transaction(database, work, repeatable=True)

    def remove(self, database: Database, check: Callable[[Cursor], None] = lambda _: None, **key: Any) -> Row:
        """Delete the row with this key, after a check, and return it as it was. Raises NotFound."""
        delete = sql.SQL("DELETE FROM {} WHERE {} RETURNING *").format(sql.Identifier(self.table), _equal(key, " AND "))
        # A try that finds nothing, after one whose fate is not known, finds what that one has done.
        found: list[Row] = []

        def work(cursor: Cursor) -> None:
            check(cursor)
            found.extend(fetch(cursor, delete, key))

        run_transaction(database, work, repeatable=True)
        if not found:
            raise NotFound(self.table, key)
        return found[0]


class Order(NamedTuple):
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


def read_page(
    database: Database,
    entity: Entity,
    conditions: list[str],
    order: Order,
    after: str | None,
    limit: int,
    **values: Any,
) -> Page:
    """Return a page of the rows that meet all conditions. Only these are read, and joined with what belongs to them."""
    check_limit(limit)
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
    rows = run_transaction(database, lambda cursor: fetch(cursor, statement, values), repeatable=True)
    return {"items": rows[:limit], "next": order.place(rows[limit - 1]) if len(rows) > limit else None}


def check_limit(limit: int) -> None:
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidValue("limit", f"must be 1 to {LONGEST_PAGE}")
