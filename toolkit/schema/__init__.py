"""A schema file against a live database: apply it, start afresh, compare the two (drift)."""

from toolkit.schema.apply import apply
from toolkit.schema.drift import NOT_LOOKED_AT, Comparison, compare
from toolkit.schema.reset import Doomed, list_doomed, reset
from toolkit.schema.sql_file import ColumnMissing, SchemaFile

__all__ = [
    "NOT_LOOKED_AT",
    "ColumnMissing",
    "Comparison",
    "Doomed",
    "SchemaFile",
    "apply",
    "compare",
    "list_doomed",
    "reset",
]
