"""A streaming platform's life: who joins, watches, reviews and pays. model.py says how; generate.py writes it down."""
