"""Traffic: simulated viewers use the services on a real database, are measured, and what they wrote is verified.

options.py           the options of a run
run_ids.py           the id of a run, and how its rows carry it
audience.py          who watches what: the model of `generate`, applied to the users and titles of the database
plans.py             the plans that a run adds, and the prices that each had
worker.py            what one thread does: operations of one viewer after the other
ongoing_viewings.py  viewings that are not over, and the next episodes of series
service_calls.py     how a worker calls a service: measured, and logged in its history
operations.py        the operations, and how often each is done
history.py           the log of the calls that write, and of their outcomes
measurements.py      latencies and counts
recorder.py          where workers record their measurements; totals; when nobody had an answer
runner.py            many workers, each in a thread, for a duration or a number of operations
process_runner.py    the same in several processes
run.py               a run from its beginning to its proof
signals.py           Ctrl-C and SIGTERM
run_output.py        what a run prints: a table for a person, or JSON lines
thresholds.py        figures that a run has to reach
run_file.py          reads the JSON lines of a run
merge.py             adds up several runs
user_histories.py    the histories, regrouped by user
server_clock.py      how far the server's clock is from this machine's
stored_rows.py       what the database holds of a run
verification.py      compares the database with the histories: what was lost, what is there unasked
checkers.py          the comparison for each kind of row
verdict.py           what the checkers have counted, and the verdict
clean.py             removes all rows that runs have written
"""
