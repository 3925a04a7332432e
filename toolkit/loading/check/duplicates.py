"""Rows of one load that have the same key."""

from collections.abc import Collection, Iterable
from operator import itemgetter
from typing import Any

from toolkit.database.tables import Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.spellings import NONE, Spellings
from toolkit.loading.check.values import comparable
from toolkit.loading.problems import Problem
from toolkit.loading.read.row_source import Source


def find_duplicates(table: Table, batches: list[Batch], problems: list[Problem], spellings: Spellings) -> None:
    """Add a Problem for each row that has the primary or a unique key of an earlier one."""
    for key in (table.primary_key, *table.unique_keys):
        whole = [batch for batch in batches if set(key) <= set(batch.columns)]
        if not _all_different(key, whole, spellings):
            problems += _duplicates(key, whole, spellings)


def _all_different(key: tuple[str, ...], batches: list[Batch], spellings: Spellings) -> bool:
    """Whether the texts of a key are all different: the fast answer for almost every load."""
    if any(form is not str for batch in batches for form in spellings.forms(batch.table, key)):
        return False
    texts = [text for batch in batches for text in _key_texts(batch, key)]
    return len(set(texts)) == len(texts)


def all_keys(batch: Batch) -> Collection[Any]:
    """Return the primary keys of a batch's rows, in a form in which equal ones are equal, unless has_spelled_key()."""
    key = batch.table.primary_key
    if any(comparable(batch.table.columns[name]) is not str for name in key):
        return key_values(batch, key, NONE)
    return list(_key_texts(batch, key))


def _key_texts(batch: Batch, key: tuple[str, ...]) -> Iterable[Any]:
    """Return for each row the text of a key of one column, or the texts of several."""
    columns = [batch.column(name) for name in key]
    return zip(*columns, strict=True) if len(columns) > 1 else columns[0]


def _duplicates(key: tuple[str, ...], batches: list[Batch], spellings: Spellings) -> list[Problem]:
    first: dict[tuple[Any, ...], tuple[Source, int]] = {}
    problems = []
    for batch, index, value in _in_order_of_rows(key, batches, spellings):
        if value not in first:
            first[value] = batch.places[index]
        else:
            rows, number = first[value]
            same_file = rows.file == batch.places[index][0].file
            where = f"{rows.unit} {number}" + ("" if same_file else f" of {rows.file}")
            problems.append(batch.problem(index, f"{batch.shown(index, key)} is in {where} already", ", ".join(key)))
    return problems


def _in_order_of_rows(
    key: tuple[str, ...], batches: list[Batch], spellings: Spellings
) -> list[tuple[Batch, int, tuple[Any, ...]]]:
    """Return the rows that have a key, as batch, index and the key's values, in the order of the files."""
    files: dict[int, int] = {}
    found = []
    for batch in batches:
        for index, value in enumerate(key_values(batch, key, spellings)):
            rows, number = batch.places[index]
            if value is not None:
                found.append((files.setdefault(id(rows), len(files)), number, batch, index, value))
    return [entry[2:] for entry in sorted(found, key=itemgetter(0, 1))]


def key_values(batch: Batch, columns: tuple[str, ...], spellings: Spellings) -> list[tuple[Any, ...] | None]:
    """Return for each row the values of a key, in a form in which equal ones are equal.

    None stands for a key of which a part is NULL or wrong: it is equal to no other, and refers to nothing.
    """
    to_values = spellings.forms(batch.table, columns)
    return [
        None
        if "NULL" in texts or "" in texts
        else tuple(form(text) for form, text in zip(to_values, texts, strict=True))
        for texts in zip(*[batch.column(name) for name in columns], strict=True)
    ]
