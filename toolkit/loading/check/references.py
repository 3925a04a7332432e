"""The references of rows to other rows of the load, or of the database."""

from typing import Any

from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.duplicates import key_values
from toolkit.loading.check.spellings import Spellings


def references_outside(
    key: Constraint, batches: list[Batch], parents: list[Batch], spellings: Spellings
) -> list[Batch]:
    """Return the rows whose foreign key refers to none of the parents in the load, so to a row of the database.

    Of their columns only the foreign key's and the primary key's. Where the types differ (an integer that refers to a
    decimal), whether values are equal is left to the server, when the rows are written.
    """
    known: set[Any] = set()
    if parents and batches and not _are_comparable(key, batches[0].table, parents[0].table, spellings):
        return []
    for batch in parents:
        if set(key.referenced_columns) <= set(batch.columns):
            known.update(key_values(batch, key.referenced_columns, spellings))
    outside = []
    for batch in batches:
        if set(key.columns) <= set(batch.columns):
            columns = tuple(name for name in batch.columns if name in key.columns + batch.table.primary_key)
            values = key_values(batch, key.columns, spellings)
            indexes = [index for index, value in enumerate(values) if value is not None and value not in known]
            found = batch.only(columns).take(indexes)
            outside.append(found._replace(texts=[[text or "NULL" for text in texts] for texts in found.texts]))
    return outside


def _are_comparable(key: Constraint, table: Table, parent: Table, spellings: Spellings) -> bool:
    """Whether it can be told here which row a foreign key refers to."""
    forms = spellings.forms(table, key.columns)
    return spellings.knows(table, key.columns) and forms == spellings.forms(parent, key.referenced_columns)
