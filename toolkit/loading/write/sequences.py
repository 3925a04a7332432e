"""The sequences behind serial and identity columns, which know nothing of values that are given explicitly.

Without this module the application's next INSERT would draw a value that the load has used. Sequences do not take part
in transactions: what is moved stays moved after ROLLBACK, which only leaves a gap. They are only ever moved onwards.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from psycopg2 import sql

from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.tables import Column, Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.values import INTEGERS, NULL

# Two loads may move a sequence at the same moment, and one undo what the other did: each looks again so often.
MOST_ROUNDS = 5

# At most this many calls of nextval(): 10,000 take PostgreSQL 5 ms; each of CockroachDB's is a write of its own.
MOST_DRAWS = 10_000
MOST_DRAWS_ON_COCKROACHDB = 100

# pg_sequence has a row for each sequence on PostgreSQL and CockroachDB alike.
FIND = "SELECT seqincrement, seqmin, seqmax FROM pg_catalog.pg_sequence WHERE seqrelid = %s::regclass::oid"
# Where the numbers of our advisory locks begin: that of a sequence is this and its oid.
LOCKS = int.from_bytes(b"seq", "big") << 32


class Sequence(NamedTuple):
    """The sequence of a column. name: as SQL writes it. least, most: the values that it can give."""

    column: str
    name: str
    increment: int
    least: int
    most: int

    def furthest(self, values: Iterable[int]) -> int | None:
        """Return the value that the sequence would give last; None if it gives none of them."""
        possible = [value for value in values if self.least <= value <= self.most]
        if not possible:
            return None
        return max(possible) if self.increment > 0 else min(possible)


def find_sequences(cursor: Cursor, table: Table) -> list[Sequence]:
    """Return the sequences of a table's integer columns. Most tables have none, and cost no query."""
    found = []
    for column in table.columns.values():
        name = _name(cursor, table, column) if column.sequence and column.kind in INTEGERS else None
        if name:
            cursor.execute(FIND, (name,))
            found += [Sequence(column.name, name, *row) for row in cursor.fetchall()]
    return found


def furthest_given(sequence: Sequence, batches: Iterable[Batch]) -> int | None:
    """Return the furthest value that these rows give the column of a sequence; None if there is none."""
    columns = [batch.column(sequence.column) for batch in batches if sequence.column in batch.columns]
    return sequence.furthest(int(text) for texts in columns for text in texts if text != NULL)


def advance(cursor: Cursor, sequence: Sequence, value: int) -> None:
    """Move a sequence past a value, unless it is there already. May be repeated.

    An application may draw from it at the same moment, and setval() would move it back if that has drawn past the value
    meanwhile. So nextval() is called until the value is reached, which can only move the sequence onwards. Only a value
    that is too far away for an application to reach it within one statement is set.
    """
    if not is_cockroachdb(cursor):
        # Of two loads that move it at the same moment the second waits, and sees what the first has done.
        cursor.execute("SELECT pg_advisory_xact_lock(%s + %s::regclass::oid::int8)", (LOCKS, sequence.name))
    last, is_called = _state(cursor, sequence)
    draws = -((last - value) // sequence.increment) + (0 if is_called else 1)
    if draws <= 0:
        return
    most = MOST_DRAWS_ON_COCKROACHDB if is_cockroachdb(cursor) else MOST_DRAWS
    if draws <= most and sequence.least <= last + draws * sequence.increment <= sequence.most:
        cursor.execute("SELECT count(nextval(%s)) FROM generate_series(1, %s)", (sequence.name, draws))
        return
    comparison = sql.SQL("<" if sequence.increment > 0 else ">")
    statement = sql.SQL("SELECT setval(%s, %s) FROM {} WHERE last_value {} %s")
    name = sql.SQL(sequence.name.replace("%", "%%"))
    cursor.execute(statement.format(name, comparison), (sequence.name, value, value))


def _state(cursor: Cursor, sequence: Sequence) -> tuple[int, bool]:
    """Return the last value of a sequence, and whether it has been given: that of a new one will be the first."""
    cursor.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.SQL(sequence.name)))
    ((last, is_called),) = cursor.fetchall()
    return last, is_called


def advance_past_committed(database: Database, table: Table) -> None:
    """Move the sequences of a table past what is committed in it, whoever has loaded that; to be called after COMMIT.

    CockroachDB has no lock that would keep two loads from moving a sequence at the same moment, and then the smaller
    value may come last. So whoever has moved it looks again, until what it finds covers what is committed.
    """
    for sequence in run_or_explain(database, partial(find_sequences, table=table)):
        # Without an index the furthest value is found by reading the whole table.
        if any(sequence.column == key[0] for key in (table.primary_key, *table.unique_keys)):
            for _ in range(MOST_ROUNDS):
                if not run_or_explain(database, partial(_advance_past_values, table=table, sequence=sequence)):
                    break


def _advance_past_values(cursor: Cursor, table: Table, sequence: Sequence) -> bool:
    """Move a sequence past every value in the table, and return whether that was necessary."""
    furthest = sql.SQL("SELECT {}({column}) FROM {table} WHERE {column} BETWEEN %s AND %s").format(
        sql.SQL("max" if sequence.increment > 0 else "min"),
        column=sql.Identifier(sequence.column.replace("%", "%%")),
        table=sql.Identifier(table.name.schema.replace("%", "%%"), table.name.relation.replace("%", "%%")),
    )
    cursor.execute(furthest, (sequence.least, sequence.most))
    ((value,),) = cursor.fetchall()
    if value is None:
        return False
    last, is_called = _state(cursor, sequence)
    if sequence.furthest([value, last]) == last and (is_called or last != value):
        return False
    advance(cursor, sequence, value)
    return True


def _name(cursor: Cursor, table: Table, column: Column) -> str | None:
    """Return the name of a column's sequence, as SQL; None if its default has an unusual form."""
    named = re.match(r"nextval\('((?:[^']|'')+)'", column.default or "")
    if named:
        return named[1].replace("''", "'")
    name = sql.Identifier(table.name.schema, table.name.relation).as_string(cursor)
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (name, column.name))
    found = cursor.fetchone()
    return found[0] if found else None
