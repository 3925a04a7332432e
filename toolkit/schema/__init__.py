"""A schema file and a live database: apply the file, compare the two (drift), or start again with reset.py."""

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
