"""A schema file against a live database: read and split it, apply it, start afresh, compare (drift)."""
