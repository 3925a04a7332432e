"""The sequences behind serial and identity columns, which know nothing of values given explicitly."""

import re
from collections.abc import Iterable

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.tables import Column, Table
from toolkit.loading.batch import Batch
from toolkit.loading.values import INTEGERS


def highest(batches: Iterable[Batch]) -> dict[str, int]:
    """Return the highest value given in a table's batches for each column that has a sequence."""
    values: dict[str, int] = {}
    for batch in batches:
        for name in batch.columns:
            column = batch.table.columns[name]
            if column.sequence and column.kind in INTEGERS:
                given = [int(text) for text in batch.column(name) if text != "NULL"]
                values |= {name: max([values.get(name, given[0]), *given])} if given else {}
    return values


def advance(cursor: Cursor, table: Table, values: dict[str, int]) -> None:
    """Move the sequences of these columns on, past these values, so that the next row without one gets its default.

    Sequences do not take part in transactions: what is moved stays so after ROLLBACK, which does no harm. May be
    repeated.
    """
    for column, value in values.items():
        sequence = _sequence(cursor, table, table.columns[column])
        if sequence:
            # Of a new sequence, last_value is the value that it will give first.
            statement = sql.SQL("SELECT setval(%s, %s) FROM {} WHERE last_value <= %s")
            name = sql.SQL(sequence.replace("%", "%%"))
            cursor.execute(statement.format(name), (sequence, value, value))


def _sequence(cursor: Cursor, table: Table, column: Column) -> str | None:
    """Return the name of a column's sequence, as SQL; None if its default has an unusual form."""
    named = re.match(r"nextval\('((?:[^']|'')+)'", column.default or "")
    if named:
        return named[1].replace("''", "'")
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (sql.Identifier(table.name).as_string(cursor), column.name))
    found = cursor.fetchone()
    return found[0] if found else None
