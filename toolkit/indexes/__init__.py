"""Indexes after the rows: a load drops them first, and they are built in one sorted pass each when the rows are there.

Between the two the definitions are kept in the database itself, in a table of their own (record.py), so that whatever
happens to the script that dropped them, the next one finds them there and builds them.
"""
