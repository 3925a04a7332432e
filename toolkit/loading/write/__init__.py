"""A batch -> statements -> a transaction: the order of tables and rows, cycles, rows that are there, sequences."""
