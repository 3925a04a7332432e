"""The references of rows to other rows of the load, or of the database."""

from typing import Any

from toolkit.database.tables import Constraint
from toolkit.loading.batch import Batch
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
