"""Traffic: simulated viewers use the services on a real database, are measured, and prove afterwards what they wrote.

marks.py         the id of a run, and how its rows carry it
audience.py      who watches what: the model of `generate`, laid on the users and titles that the database holds
worker.py        one viewer after the other, one call after the other
operations.py    what a viewer can do: a row of the table each
journal.py       what was called, and what came of it
measures.py      latencies and counts, and the figures made of them
runner.py        many workers, for so long or so many operations
display.py       the table each second, for a person or a program
expectations.py  what a run has to reach
merge.py         the measures of several runs, added up
histories.py     the journals, user by user
proof.py         the database compared with the journals: what was lost, what is there unasked
checkers.py      what is compared, a checker for each kind of row
clean.py         everything that runs have written, removed
"""
