"""How the services read and write rows: statements with named values, and get, create and update of one row."""

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
from toolkit.database.transaction import never
from toolkit.exact_json import json_text

Row = dict[str, Any]  # column -> value
Item = TypeVar("Item")  # a row as a service returns it, one of services.row_types

# The default of an argument that may be left out, where None already means NULL. A new row then takes the column's
# default; in a row that is there, the column keeps its value.
NOT_GIVEN: Any = ...

# How often an INSERT is tried that conflicts with a row that cannot be found afterwards, or whose generated key is
# taken. Once hardly ever happens; more often means that the generator of keys is broken.
MOST_TRIES = 5

# Errors after which certainly nothing of a statement is in the database: serialization failure, deadlock, foreign key
# violation.
NOTHING_WRITTEN = ("40001", "40P01", "23503")


_JSON = json.JSONDecoder(parse_float=Decimal)


def read_json(text: str) -> Any:
    """Parse JSON, with Decimal for its decimals."""
    return _JSON.decode(text)


# How psycopg2 converts values of a type, which it knows by its oid in pg_type; NULL becomes None. Without these, jsonb
# would have floats in it, and UUIDs would be text.
READ_JSONB = extensions.new_type((3802,), "JSONB", lambda text, _: text and read_json(str(text)))
READ_UUID = extensions.new_type((2950,), "UUID", lambda text, _: text and UUID(str(text)))


def _as_time(read: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a converter for dates or times that returns the server's text for a time that Python cannot hold.

    psycopg2 would raise ValueError for years after 9999 or before 1, and return the last day of 9999 for infinity.
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
    """Run a statement in which %(name)s stands for the value of that name, and return its rows.

    UUIDs become UUID, JSON Python values, and a time that Python cannot hold text.
    """
    if not cursor.string_types:  # a cursor that is used again has them
        for kind in TYPES:
            extensions.register_type(kind, cursor)
    cursor.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row)) for row in cursor.fetchall()]  # noqa: B905 - every row has as many values as names


class Document(dict[str, Any]):
    """A JSON object for a JSONB column. Not dict, for which the application may have registered an adapter itself."""


# How psycopg2 writes these types into SQL. Adapters are registered for the whole process.
extensions.register_adapter(UUID, lambda value: extensions.AsIs(f"'{value.int:032x}'::UUID"))
extensions.register_adapter(Document, lambda value: extensions.adapt(json_text(value)))


def read(database: Queryable, statement: str, values: Row, as_of: str | None = None) -> list[Row]:
    """Return the rows of a statement that only reads. as_of: see the package's docstring."""
    return transact_read(database, lambda cursor: fetch(cursor, statement, values), as_of, SINGLE_READ)


def write(database: Queryable, statement: str, values: Row) -> list[Row]:
    """Return the rows of a statement that writes. It has to be idempotent."""
    return transact(database, lambda cursor: fetch(cursor, statement, values), SINGLE_WRITE)


class WriteResult(NamedTuple):
    """The result of write_or_find().

    written: the new row. existing: the row that was there instead. in_doubt: whether the answer of an earlier try was
    lost, which may have written `existing` itself.
    """

    written: Row | None
    existing: Row | None
    in_doubt: bool


def write_or_find(
    database: Queryable,
    write: str,
    find: str,
    values: Row,
    try_again: Callable[[psycopg2.Error], bool] = never,
) -> WriteResult:
    """Run a statement that writes a new row, or nothing if one is there; in that case find the one that is there.

    Each statement is a transaction of its own, unless database is the cursor of a caller's. Raises AmbiguousCommit as
    run_transaction() does, and also if the second one fails when the outcome of the first is not known.
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
        return WriteResult(row, None, in_doubt)
    try:
        return WriteResult(None, next(iter(read(database, find, values)), None), in_doubt)
    except (UserError, psycopg2.Error) as error:
        if in_doubt:
            raise AmbiguousCommit(f"{MAYBE_COMMITTED} (finding out ended with: {str(error).strip()})") from error
        raise


MAYBE_COMMITTED = "the connection was lost in the transaction, which may have been committed or not"


def _equal(names: Iterable[str], separator: str) -> str:
    """Return `name = %(name)s` for each name: for WHERE with the separator AND, for SET with a comma."""
    return separator.join(f"{name} = %({name})s" for name in names)


def _new_integer(database: Queryable) -> int:
    """Return a new integer key, from the function that is the default of integer keys in schema.sql.

    It is fetched before the row is written, so that the row can be found again if the answer to COMMIT is lost.
    """
    return cast(int, read(database, "SELECT unique_rowid() AS key", {})[0]["key"])


@dataclass(eq=False)
class Entity(Generic[Item]):
    """A table, and what the services do with one row of it. Each feature has one for its table.

    table, key: the names of the table and of its primary key's column.
    select: the SELECT for the rows that the services return. It has `FROM {source} t` in place of the table, which
    select_from() fills in.
    identity: the columns by which create() recognizes a row that the same call has created before.
    new_key: returns the key of a new row if the caller gives none.
    """

    table: str
    key: str
    select: str
    identity: tuple[str, ...] = ()
    new_key: Callable[[Queryable], Any] = _new_integer

    def select_from(self, source: str) -> str:
        """Return the SELECT from the table, or from a subquery on it in parentheses."""
        return self.select.format(source=source)

    def select_written(self, statement: str) -> str:
        """Return a statement that runs this one, which ends with RETURNING *, and selects the written rows."""
        return f"WITH written AS ({statement}) {self.select_from('written')}"

    def get(self, database: Queryable, as_of: str | None = None, **key: Any) -> Item:
        """Return the row that has these values in a unique key. Raises NotFound."""
        for row in read(database, _select_statement(self, tuple(key)), key, as_of):
            return cast(Item, row)
        raise NotFound(self.table, key)

    def create(self, database: Queryable, key: Any, **row: Any) -> Item:
        """Insert a row and return it. key: given by the caller; None: a new one.

        With a key the call can be repeated: if a row with this key is there, and has the same values in the columns of
        its identity, it is returned, whatever other columns were updated since. Raises AlreadyExists if it has others.
        """
        values = {name: value for name, value in row.items() if value is not NOT_GIVEN}
        insert, find = _insert_statement(self, (*values, self.key)), _select_statement(self, (self.key,))
        for _ in range(MOST_TRIES):
            chosen = self.new_key(database) if key is None else key
            written, existing, in_doubt = write_or_find(database, insert, find, {**values, self.key: chosen})
            if written:
                return cast(Item, written)
            # A row with a new key was written by an earlier try, whose answer was lost; or the key was not new.
            is_same = existing and all(existing[name] == values[name] for name in self.identity)
            if existing and (in_doubt if key is None else is_same):
                return cast(Item, existing)
            if existing and key is not None:
                break
        raise AlreadyExists(self.table, {self.key: chosen})

    def update(self, database: Queryable, key: Any, **row: Any) -> Item:
        """Set the given columns of the row with this key, and return the row. May be repeated. Raises NotFound."""
        values = {name: value for name, value in row.items() if value is not NOT_GIVEN}
        if not values:
            return self.get(database, **{self.key: key})
        return self.write_one(database, _update_statement(self, tuple(values)), {**values, self.key: key})

    def write_one(self, database: Queryable, statement: str, values: Row) -> Item:
        """Return the row that a statement of select_written() changes; values has its key. Raises NotFound."""
        for row in write(database, statement, values):
            return cast(Item, row)
        raise NotFound(self.table, {self.key: values[self.key]})


# The statements of an entity are cached, for each set of columns; these are named like the arguments of services.


@cache
def _select_statement(entity: Entity[Any], columns: tuple[str, ...]) -> str:
    return entity.select_from(_ROWS.format(table=entity.table, condition=_equal(columns, " AND ")))


@cache
def _insert_statement(entity: Entity[Any], columns: tuple[str, ...]) -> str:
    values = ", ".join(f"%({name})s" for name in columns)
    insert = _INSERT.format(table=entity.table, columns=", ".join(columns), values=values, key=entity.key)
    return entity.select_written(insert)


@cache
def _update_statement(entity: Entity[Any], columns: tuple[str, ...]) -> str:
    changes, key = _equal(columns, ", "), _equal((entity.key,), "")
    return entity.select_written(_UPDATE.format(table=entity.table, changes=changes, key=key))


_ROWS = "(SELECT * FROM {table} WHERE {condition})"
_INSERT = "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO NOTHING RETURNING *"
_UPDATE = "UPDATE {table} SET {changes} WHERE {key} RETURNING *"
