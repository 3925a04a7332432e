"""A schema file against a live database: apply it, start afresh, compare the two (drift)."""

from toolkit.schema.apply import apply
from toolkit.schema.drift import Comparison, compare
from toolkit.schema.reset import count_rows, reset

__all__ = ["Comparison", "apply", "compare", "count_rows", "reset"]
