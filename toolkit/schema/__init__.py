"""A schema file against a live database: apply it, compare the two (drift), and start afresh, which is in reset.py."""

from toolkit.schema.apply import apply
from toolkit.schema.drift import NOT_LOOKED_AT, Comparison, compare
from toolkit.schema.sql_file import ColumnMissing, SchemaFile

__all__ = [
    "NOT_LOOKED_AT",
    "ColumnMissing",
    "Comparison",
    "SchemaFile",
    "apply",
    "compare",
]
