"""Traffic: simulated viewers use the services on a real database, are measured, and what they wrote is verified.

options.py         what a run is to be like
facts.py           what is run, and where, as it is told
run_ids.py         the id of a run, and how its rows carry it
audience.py        who watches what: the model of `generate`, laid on the users and titles that the database holds
plans.py           the plans of a run
worker.py          one viewer after the other, one call after the other
calls.py           how a call is made, measured and written down
operations.py      what a viewer can do, and how often each does it
history.py         what was called, and what came of it
measurements.py    latencies and counts, and the figures made of them
recorder.py        where workers record what they measure; totals; when nobody had an answer
runner.py          many workers, for so long or so many operations
processes.py       the same in several processes
run.py             a run from its beginning to its proof
signals.py         how it is ended from outside
display.py         the table each second, for a person or a program
thresholds.py      what a run has to reach
run_file.py        what a run has printed as JSON, read again
merge.py           several runs, added up
user_histories.py  the histories, user by user
prices.py          the prices that plans had, and when
server_clock.py    how far the server's clock is from this machine's
stored.py          what the database holds of a run
verification.py    the database compared with the histories: what was lost, what is there unasked
checkers.py        what is compared, a checker for each kind of row
verdict.py         what the checkers have counted, and what the proof comes to
clean.py           everything that runs have written, removed
"""
