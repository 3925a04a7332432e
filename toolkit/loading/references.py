"""The references of rows to other rows of the load, or of the database."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import Batch, joined
from toolkit.loading.duplicates import forms, key_values


def references_outside(key: Constraint, batches: list[Batch], parents: list[Batch]) -> list[Batch]:
    """Return the rows whose foreign key refers to none of the parents in the load, so to a row of the database.

    Of their columns only the foreign key's and the primary key's. Where the types differ (an integer that refers to a
    decimal), whether values are equal is left to the server, when the rows are written.
    """
    known: set[Any] = set()
    if parents and batches and forms(batches[0].table, key.columns) != forms(parents[0].table, key.referenced_columns):
        return []
    for batch in parents:
        if set(key.referenced_columns) <= set(batch.columns):
            known.update(key_values(batch, key.referenced_columns))
    outside = []
    for batch in batches:
        if set(key.columns) <= set(batch.columns):
            columns = tuple(name for name in batch.columns if name in key.columns + batch.table.primary_key)
            values = key_values(batch, key.columns)
            indexes = [index for index, value in enumerate(values) if value is not None and value not in known]
            found = batch.only(columns).take(indexes)
            outside.append(found._replace(texts=[[text or "NULL" for text in texts] for texts in found.texts]))
    return outside


def parents_first(table: Table, batches: list[Batch]) -> list[Batch]:
    """Return the rows of a table that refers to itself in batches in which no row comes before those it refers to."""
    batches = joined(batches)
    rows = [(number, index) for number, batch in enumerate(batches) for index in range(batch.size)]
    parents = [_parents(key, batches) for key in table.foreign_keys if key.referenced == table.name]
    depths: dict[int, int] = {}
    for row in range(len(rows)):
        _find_depth(row, parents, depths)
    order = sorted(range(len(rows)), key=lambda row: (depths[row], rows[row]))
    return [
        batches[number].take([index for _, index in group])
        for number, group in groupby([rows[row] for row in order], itemgetter(0))
    ]


def _parents(key: Constraint, batches: list[Batch]) -> dict[int, int]:
    """Return for each row's index that of the row it refers to by this foreign key."""
    index_of: dict[Any, int] = {}
    refers: list[Any] = []
    for batch in batches:
        start = len(refers)
        if set(key.referenced_columns) <= set(batch.columns):
            values = key_values(batch, key.referenced_columns)
            index_of.update({value: start + index for index, value in enumerate(values)})
        given = set(key.columns) <= set(batch.columns)
        refers += key_values(batch, key.columns) if given else [None] * batch.size
    return {index: index_of[value] for index, value in enumerate(refers) if value is not None and value in index_of}


def _find_depth(index: int, parents: list[dict[int, int]], depths: dict[int, int]) -> None:
    """Find how many generations of the load are above a row. Rows that are above each other count as one."""
    path = {index: None}  # the order of a dict, and its speed
    while path:
        row = next(reversed(path))
        above = [of[row] for of in parents if row in of]
        unknown = [parent for parent in above if parent not in depths and parent not in path]
        if unknown:
            path[unknown[0]] = None
        else:
            depths[row] = max((depths.get(parent, -1) for parent in above), default=-1) + 1
            del path[row]
