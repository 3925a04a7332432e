"""How the services read and write rows: statements with named values, and the work on one row that all tables share."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import psycopg2
from psycopg2 import extensions

from services.errors import AlreadyExists, NotFound
from services.transactions import Queryable, transact, transact_read
from toolkit.console import UserError
from toolkit.database import SINGLE_READ, SINGLE_WRITE, AmbiguousCommit, Cursor
from toolkit.exact_json import json_text

Row = dict[str, Any]  # column -> value
Item = TypeVar("Item")  # a row as a service returns it, one of services.row_types

# The default of an argument that may be left out, where None cannot be it because None means NULL or nothing at all. A
# new row then takes the column's default, and in a row that is there already the column keeps its value.
NOT_GIVEN: Any = ...

# How often a row is tried to be made that meets another with its key, which is gone when one looks, or whose new key is
# taken. Once is as good as impossible; more often is a fault of what makes the keys.
MOST_TRIES = 5

# Errors after which nothing of a statement is in the database, for sure, although it is tried again: serialization
# failure, deadlock, foreign key violation.
NOTHING_WRITTEN = ("40001", "40P01", "23503")


_JSON = json.JSONDecoder(parse_float=Decimal)


def read_json(text: str) -> Any:
    """Return the value of a JSON text, its decimals as Decimal."""
    return _JSON.decode(text)


# What psycopg2 makes of the values of a type, which it knows by its number in pg_type. NULL comes as None. Without
# these, jsonb would come with floats, and UUIDs as text.
READ_JSONB = extensions.new_type((3802,), "JSONB", lambda text, _: text and read_json(str(text)))
READ_UUID = extensions.new_type((2950,), "UUID", lambda text, _: text and UUID(str(text)))


def _as_time(read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return what reads a date or time, with the server's text in place of one that Python cannot hold.

    psycopg2 would raise ValueError for a year beyond 9999 or before 1, and take infinity for the last day of 9999.
    """

    def read_time(text: Any, cursor: Any) -> Any:
        try:
            return text if text and text.endswith("infinity") else read(text, cursor)
        except (ValueError, psycopg2.Error):
            return text

    return read_time


READ_TIMESTAMPTZ = extensions.new_type((1184,), "TIMESTAMPTZ", _as_time(extensions.PYDATETIMETZ))
READ_DATE = extensions.new_type((1082,), "DATE", _as_time(extensions.PYDATE))
TYPES = (READ_JSONB, READ_UUID, READ_TIMESTAMPTZ, READ_DATE)


def fetch(cursor: Cursor, statement: str, values: Row) -> list[Row]:
    """Run a statement in which %(name)s stands for the value of that name, and return the rows it gives.

    UUIDs come as UUID, JSON as Python values, and a time that Python cannot hold as text.
    """
    if not cursor.string_types:  # a cursor that is used again knows them
        for kind in TYPES:
            extensions.register_type(kind, cursor)
    cursor.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row)) for row in cursor.fetchall()]  # noqa: B905 - each has as many as there are names


class Document(dict[str, Any]):
    """A JSON object to be sent. Not any dict: an application may have told psycopg2 how it wants its own to be sent."""


# How psycopg2 is to write values that it does not know how to. This holds for all of the process.
extensions.register_adapter(UUID, lambda value: extensions.AsIs(f"'{value.int:032x}'::UUID"))
extensions.register_adapter(Document, lambda value: extensions.adapt(json_text(value)))


def read(database: Queryable, statement: str, values: Row, as_of: str | None = None) -> list[Row]:
    """Return the rows of a statement that only reads, as fetch() does."""
    return transact_read(database, lambda cursor: fetch(cursor, statement, values), as_of, SINGLE_READ)


def write(database: Queryable, statement: str, values: Row) -> list[Row]:
    """Return the rows of a statement that writes, and may be repeated."""
    return transact(database, lambda cursor: fetch(cursor, statement, values), SINGLE_WRITE)


class Written(NamedTuple):
    """What came of writing a new row.

    written: the row. existing: the one that was in its way. in_doubt: whether an earlier try, whose answer was lost,
    may have been the one that wrote that.
    """

    written: Row | None
    existing: Row | None
    in_doubt: bool


def write_new(
    database: Queryable,
    write: str,
    find: str,
    values: Row,
    try_again: Callable[[psycopg2.Error], bool] = lambda _: False,
) -> Written:
    """Run a statement that writes a new row, or nothing if one is in its way, and then one that finds that.

    Each is a transaction of its own, but in one of the caller's. Raises AmbiguousCommit as run_transaction() does, also
    if it is the second that fails when nobody knows what became of the first.
    """
    in_doubt = False

    def work(cursor: Cursor) -> list[Row]:
        nonlocal in_doubt
        try:
            return fetch(cursor, write, values)
        except psycopg2.Error as error:
            in_doubt = in_doubt or error.pgcode not in NOTHING_WRITTEN
            raise

    for row in transact(database, work, SINGLE_WRITE, try_again=try_again):
        return Written(row, None, in_doubt)
    try:
        return Written(None, next(iter(read(database, find, values)), None), in_doubt)
    except (UserError, psycopg2.Error) as error:
        if in_doubt:
            raise AmbiguousCommit(f"{DOUBT} (finding out ended with: {str(error).strip()})") from error
        raise


DOUBT = "the connection was lost in the transaction, which may have been committed or not"


def _equal(names: Iterable[str], separator: str) -> str:
    """Return `name = %(name)s` for each name, for a WHERE (separated by AND) or a SET (by commas)."""
    return separator.join(f"{name} = %({name})s" for name in names)


def _new_integer(database: Queryable) -> int:
    """Return a new integer key, from the function that is the default of these columns in schema.sql.

    It is asked for before the row is written, so that the row can be found again if the answer to COMMIT is lost.
    """
    return cast(int, read(database, "SELECT unique_rowid() AS key", {})[0]["key"])


@dataclass(eq=False)
class Entity(Generic[Item]):
    """A table, and what the services do with one row of it. Each feature has one for its table.

    table, key: the names of the table and of its primary key's column.
    select: the SELECT that reads rows in the form in which the services return them. In the place of the table it has
    `{source} t`, so that it can read the whole table or a few rows of it: see of().
    identity: the columns that tell what a row was created as, however it was changed since.
    new_key: makes the key of a new row when the caller gives none.
    """

    table: str
    key: str
    select: str
    identity: tuple[str, ...] = ()
    new_key: Callable[[Queryable], Any] = _new_integer

    def of(self, source: str) -> str:
        """Return the statement that reads from the table's name, or from a subquery over the table in parentheses."""
        return self.select.format(source=source)

    def written_by(self, statement: str) -> str:
        """Return the statement that does what one does that ends with RETURNING *, and returns the rows in full."""
        return f"WITH written AS ({statement}) {self.of('written')}"

    def get(self, database: Queryable, as_of: str | None = None, **key: Any) -> Item:
        """Return the row that has these values in a unique key. Raises NotFound."""
        for row in read(database, _read(self, tuple(key)), key, as_of):
            return cast(Item, row)
        raise NotFound(self.table, key)

    def create(self, database: Queryable, key: Any, **row: Any) -> Item:
        """Insert a row and return it. key: None for a new one, which is made before the row is written.

        A row that is there with a key that the caller gave counts as made by this call if its identity is the same; so
        the same call may be made again, whatever was changed of the row since. Raises AlreadyExists if it is another.
        """
        values = {name: value for name, value in row.items() if value is not NOT_GIVEN}
        insert, find = _insert(self, (*values, self.key)), _read(self, (self.key,))
        for _ in range(MOST_TRIES):
            chosen = self.new_key(database) if key is None else key
            written, existing, in_doubt = write_new(database, insert, find, {**values, self.key: chosen})
            if written:
                return cast(Item, written)
            # With a new key it is this call's own, of a try whose answer was lost; or that key is somebody else's.
            is_same = existing and all(existing[name] == values[name] for name in self.identity)
            if existing and (in_doubt if key is None else is_same):
                return cast(Item, existing)
            if existing and key is not None:
                break
        raise AlreadyExists(self.table, {self.key: chosen})

    def update(self, database: Queryable, key: Any, **row: Any) -> Item:
        """Set the columns that are given, of the row with this key, and return it. Raises NotFound.

        May be repeated: it sets the same values again.
        """
        values = {name: value for name, value in row.items() if value is not NOT_GIVEN}
        if not values:
            return self.get(database, **{self.key: key})
        return self.write_one(database, _update(self, tuple(values)), {**values, self.key: key})

    def write_one(self, database: Queryable, statement: str, values: Row) -> Item:
        """Return the row that a statement of written_by() changes, by its key among the values. Raises NotFound."""
        for row in write(database, statement, values):
            return cast(Item, row)
        raise NotFound(self.table, {self.key: values[self.key]})


# The statements of an entity are made once for each choice of columns, which are the names of arguments.


@cache
def _read(entity: Entity[Any], columns: tuple[str, ...]) -> str:
    return entity.of(_ROWS.format(table=entity.table, condition=_equal(columns, " AND ")))


@cache
def _insert(entity: Entity[Any], columns: tuple[str, ...]) -> str:
    values = ", ".join(f"%({name})s" for name in columns)
    insert = _INSERT.format(table=entity.table, columns=", ".join(columns), values=values, key=entity.key)
    return entity.written_by(insert)


@cache
def _update(entity: Entity[Any], columns: tuple[str, ...]) -> str:
    changes, key = _equal(columns, ", "), _equal((entity.key,), "")
    return entity.written_by(_UPDATE.format(table=entity.table, changes=changes, key=key))


_ROWS = "(SELECT * FROM {table} WHERE {condition})"
_INSERT = "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO NOTHING RETURNING *"
_UPDATE = "UPDATE {table} SET {changes} WHERE {key} RETURNING *"
