"""How the services read and write rows: statements with named values, and the work on one row that all tables share."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg2 import extensions, sql

from services.errors import AlreadyExists, NotFound
from toolkit.database import Cursor, Database, run_transaction
from toolkit.exact_json import json_text

Row = dict[str, Any]  # column -> value

# The default of an argument that may be left out, where None cannot be it because None means NULL or nothing at all. A
# new row then takes the column's default, and in a row that is there already the column keeps its value.
NOT_GIVEN: Any = ...


def read_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, its decimals as Decimal."""
    return json.loads(text, parse_float=Decimal)


# What psycopg2 makes of the values of a type, which it knows by its number in pg_type. NULL comes as None. Without
# these, jsonb would come with floats, and UUIDs as text.
_READERS = (
    extensions.new_type((3802,), "JSONB", lambda text, _: text and read_json(text)),
    extensions.new_type((2950,), "UUID", lambda text, _: text and UUID(str(text))),
)


def execute(cursor: Cursor, statement: str | sql.Composable, values: Row) -> None:
    """Run a statement in which %(name)s stands for the value of that name."""
    cursor.execute(statement, {name: _sent(value) for name, value in values.items()})


def _sent(value: Any) -> Any:
    """Return a value in a form that psycopg2 knows how to write."""
    if isinstance(value, UUID):
        return extensions.AsIs(f"'{value}'::UUID")
    return json_text(value) if isinstance(value, dict) else value


def fetch(cursor: Cursor, statement: str | sql.Composable, values: Row) -> list[Row]:
    """Run a statement as execute() does, and return the rows it gives, with UUIDs as UUID and JSON as Python values."""
    for reader in _READERS:
        extensions.register_type(reader, cursor)
    execute(cursor, statement, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _equal(names: Iterable[str], separator: str) -> sql.Composable:
    """Return `name = %(name)s` for each name, for a WHERE (separated by AND) or a SET (by commas)."""
    return sql.SQL(separator).join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in names
    )


def _new_integer(database: Database) -> int:
    """Return a new integer key, from the function that is the default of these columns in schema.sql.

    It is asked for before the row is written, so that the row can be found again if the answer to COMMIT is lost.
    """
    rows = run_transaction(database, lambda cursor: fetch(cursor, "SELECT unique_rowid() AS key", {}), repeatable=True)
    return cast(int, rows[0]["key"])


class Entity(NamedTuple):
    """A table, and what the services do with one row of it. Each feature has one for its table.

    table, key: the names of the table and of its primary key's column.
    select: the SELECT that reads rows in the form in which the services return them. In the place of the table it has
    `{source} t`, so that it can read the whole table or a few rows of it: see of().
    new_key: makes the key of a new row when the caller gives none.
    """

    table: str
    key: str
    select: str
    new_key: Callable[[Database], Any] = _new_integer

    def of(self, source: sql.Composable) -> sql.Composable:
        """Return the statement that reads from the table's name, or from a subquery over the table in parentheses."""
        return sql.SQL(self.select).format(source=source)

    def read(self, cursor: Cursor, **key: Any) -> Row:
        """Return the row that has these values in a unique key. Raises NotFound."""
        one = sql.SQL("(SELECT * FROM {} WHERE {})").format(sql.Identifier(self.table), _equal(key, " AND "))
        for row in fetch(cursor, self.of(one), key):
            return row
        raise NotFound(self.table, key)

    def get(self, database: Database, **key: Any) -> Row:
        """Return a row as read() does, in a transaction of its own. Raises NotFound."""
        return run_transaction(database, lambda cursor: self.read(cursor, **key), repeatable=True)

    def create(self, database: Database, key: Any, **row: Any) -> Row:
        """Insert a row and return it. key: None for a new one, which is made before the row is written.

        When the transaction is repeated after a commit of unknown fate, it finds its own row by that key. A row that is
        there with a key that the caller gave counts as made by this call if it has the same values; so the same call
        may be made again. Raises AlreadyExists if it has other values.
        """
        values = {name: value for name, value in row.items() if value is not NOT_GIVEN}
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
        """Set the columns that are given, of the row with this key, and return it. Raises NotFound.

        May be repeated: it sets the same values again.
        """
        values = {name: value for name, value in row.items() if value is not NOT_GIVEN}
        update = sql.SQL("UPDATE {} SET {} WHERE {}").format(
            sql.Identifier(self.table), _equal(values, ", "), _equal([self.key], " AND ")
        )

        def work(cursor: Cursor) -> Row:
            if values:
                execute(cursor, update, {**values, self.key: key})
            return self.read(cursor, **{self.key: key})

        return run_transaction(database, work, repeatable=True)

    def remove(self, database: Database, check: Callable[[Cursor], None] = lambda _: None, **key: Any) -> Row:
        """Delete the row that has these values in a unique key, and return it as it was. Raises NotFound.

        check is called first in the same transaction, and raises whatever speaks against it.
        """
        delete = sql.SQL("DELETE FROM {} WHERE {} RETURNING *").format(sql.Identifier(self.table), _equal(key, " AND "))
        # Kept from one try to the next: if the first was committed and only its answer was lost, the second finds no
        # row any more, and what the first returned is the row that was deleted.
        found: list[Row] = []

        def work(cursor: Cursor) -> None:
            check(cursor)
            found.extend(fetch(cursor, delete, key))

        run_transaction(database, work, repeatable=True)
        if not found:
            raise NotFound(self.table, key)
        return found[0]
