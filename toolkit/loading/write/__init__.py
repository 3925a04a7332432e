"""A batch -> statements -> a transaction: the order of rows, cycles, rows that are there already, sequences."""
