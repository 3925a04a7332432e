"""What rows of a load find in the database: rows that have their keys already, and rows that they refer to.

All of this only reads. Where the answer decides what is written, the caller asks and writes in one transaction.
"""

from collections.abc import Iterable
from typing import NamedTuple

from toolkit.console import clipped
from toolkit.database import Cursor
from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.keys import compared_by_server
from toolkit.loading.check.rows import MISSING
from toolkit.loading.problems import Problem
from toolkit.loading.write import statements
from toolkit.loading.write.statements import execute

# Of the columns in which a row differs from the one that is there, so many are told.
MOST_COLUMNS = 3


class Existing(NamedTuple):
    """Which rows of a batch are there already, by their primary keys. new, changed: the indexes of the rows that are
    not there, and of those that are there and differ. same: how many are there and do not differ.
    """

    new: list[int]
    changed: list[int]
    same: int


def find_existing(cursor: Cursor, batch: Batch) -> Existing:
    """Tell the rows of a batch that are there already from those that are not."""
    execute(cursor, statements.numbers_of_existing(batch), batch)
    differs = {number - 1: differ for number, differ in cursor.fetchall()}
    new = [index for index in range(batch.size) if index not in differs]
    changed = sorted(index for index, differ in differs.items() if differ)
    return Existing(new, changed, batch.size - len(new) - len(changed))


def incomplete_rows(cursor: Cursor, batch: Batch) -> list[Problem]:
    """Return a Problem for each row of which must_exist() is true, and which is not in the database."""
    if not must_exist(batch):
        return []
    return missing_columns(batch, find_existing(cursor, batch.select_columns(batch.table.primary_key)).new)


def missing_columns(batch: Batch, new: Iterable[int]) -> list[Problem]:
    """Return a Problem for each of these new rows and each column that it leaves out and must give."""
    return [batch.problem(index, MISSING, column) for index in new for column in _left_out(batch)]


def must_exist(batch: Batch) -> bool:
    """Whether the rows give their keys and leave out a column that a new row must give."""
    return batch.has_columns(batch.table.primary_key) and bool(_left_out(batch))


def _left_out(batch: Batch) -> list[str]:
    return [name for name, column in batch.table.columns.items() if column.required and name not in batch.columns]


def claimed_keys(cursor: Cursor, batch: Batch) -> list[Problem]:
    """Return a Problem for each row whose key was made from its position and is that of a row that differs.

    Such a row is taken for somebody else's: it was not written by this load, or has been changed since.
    """
    key = batch.position_key
    if key is None:
        return []
    columns = [name for name in batch.columns if name not in batch.table.primary_key]
    problems = []
    for index, differences in _differences(cursor, batch, columns):
        told = [f"{batch.shown(index, [name])} here, {text} there" for name, text in differences[:MOST_COLUMNS]]
        made = batch.shown(index, [key])
        text = f"missing, and {made}, which the row's position would give it, is another row of the database"
        problems.append(batch.problem(index, f"{text} ({'; '.join(told)}): give all rows keys", key))
    return problems


def changed_identities(cursor: Cursor, batch: Batch) -> list[Problem]:
    """Return a Problem for each row that would change an identity GENERATED ALWAYS of a row that is there."""
    identities = [
        name
        for name in batch.columns
        if batch.table.columns[name].identity == "a" and name not in batch.table.primary_key
    ]
    problems = []
    for index, differences in _differences(cursor, batch, identities):
        for name, text in differences:
            told = f"the row is there already, with {text}, which nobody may change (GENERATED ALWAYS AS IDENTITY)"
            problems.append(batch.problem(index, f"{told}, got {batch.value(index, name)}", name))
    return problems


def _differences(cursor: Cursor, batch: Batch, columns: list[str]) -> list[tuple[int, list[tuple[str, str]]]]:
    """Return the rows of a batch that differ from those that are there, each with the names of the columns in which
    they do, and the text of what is there.
    """
    if not (batch.size and columns):
        return []
    execute(cursor, statements.differing(batch, columns), batch)
    return [
        (number - 1, [(name, clipped(text)) for name, text in zip(columns, texts, strict=True) if text is not None])
        for number, *texts in sorted(cursor.fetchall(), key=lambda row: row[0])
    ]


def conflicting(cursor: Cursor, batch: Batch, key: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    """Return by index the rows of which another row of the table has a unique value, each with the primary key of that
    one, as texts.
    """
    if not (batch.size and batch.has_columns(key)):
        return {}
    execute(cursor, statements.conflicting(batch, key), batch)
    return {number - 1: tuple(texts) for number, *texts in cursor.fetchall()}


def existing_keys(cursor: Cursor, batch: Batch) -> dict[int, tuple[str, ...]]:
    """Return by index the rows that are there already, each with its primary key, as the server writes it."""
    execute(cursor, statements.existing_keys(batch), batch)
    return {number - 1: tuple(texts) for number, *texts in cursor.fetchall()}


def shown_key(table: Table, texts: tuple[str, ...]) -> str:
    """Return a primary key for a message."""
    return ", ".join(f"{name} {clipped(text)}" for name, text in zip(table.primary_key, texts, strict=True))


def conflicting_rows(cursor: Cursor, batch: Batch) -> set[int]:
    """Return the indexes of the rows of which another row of the table has a unique value."""
    return {index for key in batch.table.unique_keys for index in conflicting(cursor, batch, key)}


def dangling(cursor: Cursor, batch: Batch, key: Constraint) -> list[Problem]:
    """Return a Problem for each row of a batch whose foreign key refers to no row of the database."""
    if key.referenced is None:  # its table is not known: the server judges when the rows are written
        return []
    execute(cursor, statements.without_parent(batch, key, key.referenced), batch)
    columns = ", ".join(key.columns)
    text = f"refers to no row of {key.referenced}, in the load or in the database ({key.name})"
    if compared_by_server(batch.table, key.columns):
        text += "; a row of the load is referred to in the spelling of its key"
    indexes = [number - 1 for (number,) in cursor.fetchall()]
    return [batch.problem(index, f"{batch.shown(index, key.columns)} {text}", columns) for index in indexes]
