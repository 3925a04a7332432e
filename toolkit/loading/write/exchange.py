"""Rows of a load that exchange unique values, or pass them on to each other.

The server looks at each row by itself: a row cannot take a value that another one has at that moment, though the same
statement gives that one a new value. (A constraint that is DEFERRABLE waits; CockroachDB has none.) So those that give
up a value that another row wants get a different one first, in the same transaction: NULL, or one that is made up.
"""

import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import psycopg2

from toolkit.console import clipped
from toolkit.database import Cursor
from toolkit.database.tables import Column, Table
from toolkit.loading.batch import Batch, split
from toolkit.loading.check.array_literals import quoted
from toolkit.loading.check.values import INTEGERS, TEXTS
from toolkit.loading.diagnose.row_errors import is_rows_fault, savepoint
from toolkit.loading.write import existing_rows, statements
from toolkit.loading.write.statements import execute

# The columns of a unique key.
Key = tuple[str, ...]

# A made-up text or number has to be so long that nobody has it.
LEAST_DIGITS = 8
FAR_AWAY = (date(3000, 1, 1).toordinal(), date.max.toordinal())


class Room(NamedTuple):
    """What make_room() did. is_made: whether rows were given other values. refused: why not, by table and key."""

    is_made: bool
    refused: dict[tuple[str, Key], str]


def make_room(cursor: Cursor, batches: Iterable[Batch]) -> Room:
    """Give other values to the rows in the database that have unique values which rows of these batches want, as far as
    these batches change them anyway. To be called in the transaction that writes the batches.
    """
    is_made = False
    refused: dict[tuple[str, Key], str] = {}
    parts = [part for batch in batches for part in split(batch)]
    for table in {part.table.name: part.table for part in parts}.values():
        for key in table.unique_keys:
            for part in _in_the_way(cursor, [part for part in parts if part.table.name == table.name], key):
                try:
                    with savepoint(cursor):
                        moved = _moved(part, key)
                        execute(cursor, statements.update(moved), moved)
                    is_made = True
                except ValueError as error:
                    refused[table.name, key] = str(error)
                except psycopg2.Error as error:
                    if not is_rows_fault(error):
                        raise
                    refused[table.name, key] = f"the server says: {clipped(error.diag.message_primary or '', 200)}"
    return Room(is_made, refused)


def _in_the_way(cursor: Cursor, parts: Sequence[Batch], key: Key) -> list[Batch]:
    """Return the rows that have in the database a unique value that others of these rows want."""
    wanted = {holder for part in parts for holder in existing_rows.holders(cursor, part, key).values()}
    found = []
    for part in parts if wanted else []:
        if set(key) <= set(part.columns):
            keys = existing_rows.keys_there(cursor, part)
            found.append(part.take([index for index, there in keys.items() if there in wanted]))
    return [part for part in found if part.size]


def _moved(batch: Batch, key: Key) -> Batch:
    """Return rows with another value in a column of a unique key. Raises ValueError if there is none."""
    table = batch.table
    free = [table.columns[name] for name in key if name not in table.primary_key]
    nullable = [column.name for column in free if column.nullable and _nulls_differ(table, key)]
    if nullable:
        column, texts = nullable[0], ["NULL"] * batch.size
    else:
        column = next((column.name for column in free if _made_up(column)), "")
        if not column:
            raise ValueError(f"no value of {', '.join(column.type for column in free)} can be made up for that")
        texts = [_made_up(table.columns[column]) for _ in range(batch.size)]
    moved = batch.only((*table.primary_key, column))
    return moved._replace(texts=[*moved.texts[:-1], texts])


def _nulls_differ(table: Table, key: Key) -> bool:
    """Whether several rows may have NULL in a unique key: not if a constraint or index says NULLS NOT DISTINCT."""
    texts = [constraint.definition for constraint in table.constraints.values() if constraint.columns == key]
    return not any("NULLS NOT DISTINCT" in text for text in [*texts, *table.indexes.values()])


def _made_up(column: Column) -> str:
    """Return a text of a value that nobody has, and that most CHECKs take; "" if the type has none."""
    if column.kind in TEXTS and (column.length or LEAST_DIGITS) >= LEAST_DIGITS:
        return quoted(uuid.uuid4().hex[: column.length])
    if column.kind == "uuid":
        return str(uuid.uuid4())
    if column.kind in INTEGERS:
        return str(random.randrange(INTEGERS[column.kind] // 2, INTEGERS[column.kind]))
    digits = 15 if column.precision is None else column.precision - (column.scale or 0)
    if column.kind in ("numeric", "float8") and digits >= LEAST_DIGITS:
        return str(random.randrange(10 ** (digits - 1), 10**digits))
    if column.kind in ("date", "timestamp", "timestamptz"):
        return date.fromordinal(random.randrange(*FAR_AWAY)).isoformat()
    return ""
