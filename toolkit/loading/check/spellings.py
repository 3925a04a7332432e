"""Values of keys that can be written in several ways: which of them are the same is asked of the server.

10/8 and 10.0.0.0/8 are the same network, and 1 month and 30 days the same interval; a citext does not mind the case of
letters. Most types need no question: values.comparable() makes their equal values equal.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import psycopg2

from toolkit.database import Cursor, Database, run_or_explain
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.tables import Column, Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.values import COMPARABLE, INTEGERS, TEXTS, comparable
from toolkit.loading.diagnose.row_errors import is_rows_fault, savepoint
from toolkit.loading.write import statements
from toolkit.loading.write.statements import execute

# Types of which values.py returns one text for a value, so that texts can be compared.
ONE_SPELLING = {*INTEGERS, *TEXTS, *COMPARABLE, "bool", "date", "uuid"}
# A larger question is not asked: CockroachDB takes statements of 16 MiB.
MOST_BYTES = 7_000_000

# Columns whose values can be compared with each other: of the same type and collation.
Domain = tuple[str, str, str]


class Spellings:
    """Which texts of the values of keys mean the same.

    same: for each domain a number for each text, which is the same for the same value.
    """

    def __init__(self, same: dict[Domain, dict[str, int]]) -> None:
        self._same = same

    def forms(self, table: Table, columns: Iterable[str]) -> list[Callable[[str], Any]]:
        """Return for each key column of a table the function that makes equal values of it equal.

        Columns whose values can be compared with each other have the same function.
        """
        return [self._form(table.columns[name]) for name in columns]

    def _form(self, column: Column) -> Callable[[str], Any]:
        same = self._same.get(_domain(column))
        return comparable(column) if same is None else same.__getitem__

    def knows(self, table: Table, columns: Iterable[str]) -> bool:
        """Whether it can be told of these columns which values are the same: else the server could not read them."""
        used = [table.columns[name] for name in columns]
        return all(not has_spellings(column) or _domain(column) in self._same for column in used)


NONE = Spellings({})


def has_spellings(column: Column) -> bool:
    """Whether equal values of a column may have different texts, and only the server knows when."""
    is_enum = bool(column.labels) and not column.is_array
    return bool(column.collation) or not (column.kind in ONE_SPELLING or is_enum)


def has_spelled_key(table: Table) -> bool:
    """Whether a primary key of the table may have several texts."""
    return any(has_spellings(table.columns[name]) for name in table.primary_key)


def find_spellings(database: Database, batches: Iterable[Batch]) -> Spellings:
    """Ask the server which values of keys in these rows are the same; usually there is nothing to ask."""
    questions: dict[Domain, Batch] = {}
    for batch in batches:
        for name in _key_columns(batch.table):
            column = batch.table.columns[name]
            if has_spellings(column) and name in batch.columns:
                known = questions[_domain(column)].texts[0] if _domain(column) in questions else []
                texts = [text for text in batch.column(name) if text not in ("", "NULL")]
                questions[_domain(column)] = Batch(batch.table, (name,), [], [[*known, *texts]], 0)
    return run_or_explain(database, partial(_ask, questions)) if questions else NONE


def _key_columns(table: Table) -> set[str]:
    """Return the columns of the primary, unique and foreign keys of a table."""
    foreign = [key.columns for key in table.foreign_keys]
    return {name for key in (table.primary_key, *table.unique_keys, *foreign) for name in key}


def _ask(questions: dict[Domain, Batch], cursor: Cursor) -> Spellings:
    same = {}
    for domain, question in questions.items():
        # CockroachDB says that a month is 30 days, but keeps them apart as keys: they are encoded differently.
        as_text = domain[1] in ("interval", "_interval") and is_cockroachdb(cursor)
        texts = list(dict.fromkeys(question.texts[0]))
        if sum(map(len, texts)) > MOST_BYTES:
            continue
        try:
            with savepoint(cursor):
                execute(cursor, statements.ranks(question, as_text=as_text), question._replace(texts=[texts]))
                same[domain] = {text: rank for text, (rank,) in zip(texts, cursor.fetchall(), strict=True)}
        except psycopg2.Error as error:
            # A value that the server cannot read is met again when it is written, and its row found.
            if not is_rows_fault(error):
                raise
    return Spellings(same)


def _domain(column: Column) -> Domain:
    return column.type_schema, column.kind, column.collation
