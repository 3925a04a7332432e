"""Rows -> checked rows: what can be wrong with a row is found here, before anything is written.

What only the server can judge (CHECK constraints, rows that are there already) is left to writer.py.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from toolkit.database.tables import Column, Table
from toolkit.exact_json import shortened
from toolkit.loading.batch import Batch
from toolkit.loading.elements import shortened_text
from toolkit.loading.files import RawRow
from toolkit.loading.problems import Problem
from toolkit.loading.table_order import nearest
from toolkit.loading.values import INTEGERS, ValueReader, reader_for

# The keys of rows that leave out their UUID key are version 5 UUIDs of "table/position" in this namespace.
KEY_NAMESPACE = "a3f1c5d2-7b64-4e0a-9c58-2d1e6f70b843"

FIRST = itemgetter(0)


def check(table: Table, rows: Iterable[RawRow], problems: list[Problem]) -> list[Batch]:
    """Return the rows in batches of any size; what is wrong with them is added to the problems.

    The text of a wrong value is empty, which no value's is; a row that is no object is left out.
    """
    alike: dict[tuple[Any, ...], list[RawRow]] = {}
    for read in rows:
        rows_of_file, number, row = read
        if type(row) is tuple:
            alike.setdefault((rows_of_file.is_document, tuple(map(FIRST, row))), []).append(read)
        elif isinstance(row, Problem):
            problems.append(row)
        else:
            problems.append(rows_of_file.problem(number, f"expected an object, got {shortened(row)}"))
    batches = []
    for (from_document, given), reads in alike.items():
        if len(set(given)) < len(given):
            repeated = next(name for name, count in Counter(given).items() if count > 1)
            problems += [_problem(table, read, "the column is given more than once", repeated) for read in reads]
        else:
            batches.append(_check_alike(table, given, reads, from_document, problems))
    return batches


def _check_alike(
    table: Table, given: tuple[str, ...], reads: list[RawRow], from_document: bool, problems: list[Problem]
) -> Batch:
    """Check rows that give the same columns."""
    values = {name: [read[2][index][1] for read in reads] for index, name in enumerate(given)}
    key = _key_by_position(table, given) if from_document else None
    if key:
        values[key.name] = [_key_at(table, key, read[0].before + read[1]) for read in reads]
    for name, text in wrong_columns(table, values):
        problems += [_problem(table, read, text, name) for read in reads]
    columns = tuple(name for name in table.columns if name in values)
    texts: list[Sequence[str]] = []
    for name in columns:
        read_value = reader_for(table.columns[name])
        column_texts, wrong = _read_column(table.columns[name], read_value, values[name])
        texts.append(column_texts)
        problems += [_problem(table, reads[index], text, name) for index, text in wrong]
    widest = sum(map(_widest, texts))
    return Batch(table, columns, [read[:2] for read in reads], texts, widest, key.name if key else "")


def _widest(texts: Sequence[str]) -> int:
    """Return a number of bytes that none of the texts exceeds."""
    most = max(map(len, texts))
    return most if all(map(str.isascii, texts)) else 4 * most


def _key_by_position(table: Table, given: tuple[str, ...]) -> Column | None:
    """Return the key column that the rows leave out, if their position can stand for it."""
    if len(table.primary_key) != 1 or table.primary_key[0] in given:
        return None
    column = table.columns[table.primary_key[0]]
    return column if column.kind in INTEGERS or column.kind == "uuid" else None


def _key_at(table: Table, column: Column, position: int) -> Any:
    if column.kind in INTEGERS:
        return position
    import uuid  # slow to import, and not needed where the keys are given

    return str(uuid.uuid5(uuid.UUID(KEY_NAMESPACE), f"{table.name}/{position}"))


def wrong_columns(table: Table, columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return what is wrong with giving just these columns, as (column, text)."""
    columns = list(columns)
    wrong = []
    for name in columns:
        column = table.columns.get(name)
        if column is None:
            wrong.append((name, f"the table has no such column{nearest(name, table.columns)}"))
        elif column.given_by_server:
            wrong.append((name, "the server makes this column's values (GENERATED): leave it out"))
    for name, column in table.columns.items():
        if name not in columns and (column.required or name in table.primary_key):
            wrong.append(
                (
                    name,
                    "missing: the column has no default and may not be NULL"
                    if column.required
                    else "missing: a row is known by its primary key",
                )
            )
    return wrong


def _read_column(column: Column, read: ValueReader, values: list[Any]) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the texts of a column's values, and what is wrong with some, as (index, text)."""
    try:
        if None not in values:
            return list(map(read, values)), []
        if column.nullable:
            return ["NULL" if value is None else read(value) for value in values], []
    except ValueError:
        pass  # look again, to tell which
    texts, wrong = [], []
    for index, value in enumerate(values):
        try:
            if value is None and not column.nullable:
                raise ValueError("expected a value: the column may not be NULL")
            texts.append("NULL" if value is None else read(value))
        except ValueError as error:
            texts.append("")
            wrong.append((index, f"{error}" if value is None else f"{error}, got {shortened(value)}"))
    return texts, wrong


def _problem(table: Table, read: RawRow, text: str, column: str) -> Problem:
    rows, number, pairs = read
    row = dict(pairs)
    key = ", ".join(f"{name} {_shown(table.columns[name], row[name])}" for name in table.primary_key if name in row)
    return rows.problem(number, text, key, column)


def _shown(column: Column, value: Any) -> str:
    """Return a value for a message as Batch.shown() would, even if it is wrong."""
    try:
        return shortened_text(reader_for(column)(value))
    except ValueError:
        return shortened(value)
