"""A schema file against a live database: apply it, start afresh, compare the two (drift)."""

from toolkit.schema.apply import apply
from toolkit.schema.drift import NOT_LOOKED_AT, Comparison, compare
from toolkit.schema.reset import DropTarget, list_drop_targets, reset
from toolkit.schema.sql_file import ColumnMissing, SchemaFile

__all__ = [
    "NOT_LOOKED_AT",
    "ColumnMissing",
    "Comparison",
    "DropTarget",
    "SchemaFile",
    "apply",
    "compare",
    "list_drop_targets",
    "reset",
]
