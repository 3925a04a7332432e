"""The keys of a load's rows: which rows have the same one, and which refer to which others.

Equal values of most types have equal texts here, or values.comparable() makes them equal. Of the other types
(intervals, MAC addresses, citext) only the server can compare values: it is asked whether two rows have the same key,
and a row that refers to another of the load has to spell the key as that one does.
"""

from collections.abc import Collection, Iterable, Iterator
from operator import itemgetter
from typing import Any

from toolkit.database import Cursor
from toolkit.database.tables import Column, Constraint, Table
from toolkit.loading.batch import Batch, Origin, merged
from toolkit.loading.check.values import COMPARABLE, INTEGERS, NULL, TEXTS, comparable
from toolkit.loading.problems import Problem
from toolkit.loading.write import statements

# Types of which values.py returns one text for a value, so that texts can be compared.
COMPARED_HERE = {*INTEGERS, *TEXTS, *COMPARABLE, "bool", "date", "uuid"}

# The columns of a primary or unique key.
Key = tuple[str, ...]


def compared_by_server(table: Table, columns: Iterable[str]) -> bool:
    """Whether equal values of these columns may have different texts, and only the server knows when."""
    return any(map(_is_compared_by_server, map(table.columns.__getitem__, columns)))


def _is_compared_by_server(column: Column) -> bool:
    is_enum = bool(column.labels) and not column.is_array
    return bool(column.collation) or not (column.kind in COMPARED_HERE or is_enum)


def keys_compared_by_server(table: Table) -> list[Key]:
    """Return the primary and unique keys of which only the server knows whether two are the same."""
    return [key for key in (table.primary_key, *table.unique_keys) if compared_by_server(table, key)]


def key_values(batch: Batch, columns: Key) -> list[Any]:
    """Return for each row the values of a key, in a form in which equal ones are equal, as far as that is known here.

    None stands for a key of which a part is NULL: it is equal to no other, and refers to nothing.
    """
    functions = [comparable(batch.table.columns[name]) for name in columns]
    return [
        None if NULL in texts else tuple(function(text) for function, text in zip(functions, texts, strict=True))
        for texts in zip(*map(batch.column, columns), strict=True)
    ]


def all_keys(batch: Batch) -> Collection[Any]:
    """Return the primary keys of a batch's rows, in a form in which equal ones are equal, as far as is known here."""
    key = batch.table.primary_key
    return list(_key_texts(batch, key)) if _are_texts(batch.table, key) else key_values(batch, key)


def _are_texts(table: Table, key: Key) -> bool:
    return all(comparable(table.columns[name]) is str for name in key)


def _key_texts(batch: Batch, key: Key) -> Iterable[Any]:
    """Return for each row the text of a key of one column, or the texts of several."""
    columns = list(map(batch.column, key))
    return zip(*columns, strict=True) if len(columns) > 1 else columns[0]


def find_duplicates(table: Table, batches: list[Batch]) -> list[Problem]:
    """Return a Problem for each row with the primary or a unique key of an earlier one.

    The keys_compared_by_server() are left to ask_for_duplicates().
    """
    problems = []
    for key in (table.primary_key, *table.unique_keys):
        whole = [batch for batch in batches if batch.has_columns(key)]
        if not (compared_by_server(table, key) or _all_different(table, key, whole)):
            problems += _duplicates(key, [(batch, key_values(batch, key)) for batch in whole])
    return problems


def ask_for_duplicates(cursor: Cursor, table: Table, batches: list[Batch]) -> list[Problem]:
    """Return a Problem for each row with the same key as an earlier one, of the keys_compared_by_server()."""
    problems = []
    for key in keys_compared_by_server(table):
        names = [name for name in table.columns if name in key or name in table.primary_key]
        whole = merged(
            batch.select_columns(names)._replace(position_key=None) for batch in batches if batch.has_columns(names)
        )
        for batch in whole:  # one, if there is any
            texts_of_rows = zip(*map(batch.column, key), strict=True)
            given = batch.select_rows([index for index, texts in enumerate(texts_of_rows) if NULL not in texts])
            statements.execute(cursor, statements.ranks(cursor, given, key), given)
            problems += _duplicates(key, [(given, [rank for (rank,) in cursor.fetchall()])])
    return problems


def _all_different(table: Table, key: Key, batches: list[Batch]) -> bool:
    """Whether the texts of a key are all different: the fast answer for almost every load."""
    texts = [text for batch in batches for text in _key_texts(batch, key)]
    return len(set(texts)) == len(texts) and _are_texts(table, key)


def _duplicates(key: Key, values_of: list[tuple[Batch, list[Any]]]) -> list[Problem]:
    first: dict[Any, Origin] = {}
    problems = []
    for batch, index, value in _in_order_of_files(values_of):
        source, number = first.setdefault(value, batch.origins[index])
        if first[value] is not batch.origins[index]:
            same_file = source.file == batch.origins[index][0].file
            where = f"{source.unit} {number}" + ("" if same_file else f" of {source.file}")
            problems.append(batch.problem(index, f"{batch.shown(index, key)} is in {where} already", ", ".join(key)))
    return problems


def _in_order_of_files(values_of: list[tuple[Batch, list[Any]]]) -> Iterator[tuple[Batch, int, Any]]:
    """Return the rows that have a key, as batch, index and the key's value, in the order of the files."""
    files: dict[int, int] = {}
    found = []
    for batch, values in values_of:
        for index, ((source, number), value) in enumerate(zip(batch.origins, values, strict=True)):
            if value is not None:
                found.append((files.setdefault(id(source), len(files)), number, (batch, index, value)))
    return (row for _, _, row in sorted(found, key=itemgetter(0, 1)))


def references_outside(key: Constraint, batches: list[Batch], parents: list[Batch]) -> list[Batch]:
    """Return the rows whose foreign key refers to none of the parents in the load, so to a row of the database.

    Of their columns only the foreign key's and the primary key's. Where the types differ (an integer that refers to a
    decimal), whether values are equal is left to the server, when the rows are written.
    """
    known: set[Any] = set()
    if parents and batches and not _are_comparable(key, batches[0].table, parents[0].table):
        return []
    for batch in parents:
        if batch.has_columns(key.referenced_columns):
            known.update(key_values(batch, key.referenced_columns))
    outside = []
    for batch in batches:
        if batch.has_columns(key.columns):
            names = [name for name in batch.columns if name in key.columns + batch.table.primary_key]
            values = key_values(batch, key.columns)
            indexes = [index for index, value in enumerate(values) if value is not None and value not in known]
            outside.append(batch.select_columns(names).select_rows(indexes))
    return outside


def _are_comparable(key: Constraint, table: Table, parent: Table) -> bool:
    """Whether it can be told here which row a foreign key refers to."""
    return [comparable(table.columns[name]) for name in key.columns] == [
        comparable(parent.columns[name]) for name in key.referenced_columns
    ]
