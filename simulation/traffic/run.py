"""One run from its beginning to its proof: what `simulate.py run` does."""

import time

from simulation.traffic.audience import Audience
from simulation.traffic.display import Display, JSONLines, Table
from simulation.traffic.measurements import in_all
from simulation.traffic.options import Options
from simulation.traffic.plans import add_plans
from simulation.traffic.run_ids import new_run_id
from simulation.traffic.runner import Traffic
from simulation.traffic.verification import verify
from toolkit.database import Database, supervised
from toolkit.database.interruptible import LONG_SILENCE

BUSY = 0.85  # of a core: from there on the client's own work is what the operations wait for
INTERRUPTED = 130
MOST_PROBLEMS = 5


def run_traffic(url: str, options: Options) -> int:
    """Run the traffic, show what is measured, prove what was written. Return the exit status.

    That is 0; 1 if the proof finds anything that is off, or a threshold does not hold; 130 after Ctrl-C.
    Raises UserError if there is no database to begin with, or none to compare with at the end.
    """
    database = Database(url, setup="python streaming_services.py")
    run_id = new_run_id()
    display: Display = JSONLines(run_id) if options.as_json else Table()
    audience = supervised(database, lambda: Audience(database))
    plans = supervised(database, lambda: add_plans(database, audience, run_id))
    first_prices = [plan.price for plan in plans]
    display.note(
        f"run {run_id}: {len(audience.users):,} users and {len(audience.titles):,} titles at {database.target.host}, "
        f"{options.concurrency} workers; `simulate.py clean --run {run_id}` removes what it writes"
    )
    traffic = Traffic(url, run_id, audience, plans, options)
    was_interrupted = _go(traffic, display)
    totals = traffic.totals
    _tell_problems(traffic, display)
    begin = time.monotonic()
    histories = [worker.history for worker in traffic.workers if worker.history]
    tallies = supervised(database, lambda: verify(database, run_id, plans, first_prices, histories))
    database.close()
    display.proof(tallies, time.monotonic() - begin)
    failed = not all(tally.is_clean for tally in tallies.values())
    for threshold in options.thresholds:
        holds, found = threshold.judge(totals.measurements, totals.elapsed)
        failed = failed or not holds
        display.threshold(threshold, found, holds=holds)
    return 1 if failed else INTERRUPTED if was_interrupted else 0


def _go(traffic: Traffic, display: Display) -> bool:
    """Let the traffic run, and show it. Return whether Ctrl-C has ended it."""
    told = False

    def every_second() -> None:
        nonlocal told
        display.second(*traffic.totals.take(), traffic.totals)
        silence = traffic.silence()
        if silence >= LONG_SILENCE and not told:
            display.note(f"a statement has had no answer for {silence:.0f} s; the run goes on")
        told = silence >= LONG_SILENCE

    was_interrupted = False
    cpu = time.process_time()
    try:
        traffic.go(every_second)
    except KeyboardInterrupt:
        was_interrupted = True
        display.note("interrupted: the totals and the proof follow")
    cpu = time.process_time() - cpu
    every_second()
    elapsed = traffic.totals.elapsed
    display.end(traffic.totals.measurements, elapsed)
    display.note(f"The client took {cpu:.1f} s of CPU in {elapsed:.1f} s")
    if cpu > BUSY * elapsed:
        display.note(
            "warning: the client was the bottleneck, as Python runs one thread at a time: for more operations a second "
            "start further processes, or use further machines, and `simulate.py merge` their output"
        )
    return was_interrupted


def _tell_problems(traffic: Traffic, display: Display) -> None:
    """Say what the errors were, and what could not be started in time."""
    measurement = in_all(traffic.totals.measurements.values())
    for problem, number in traffic.problems().most_common(MOST_PROBLEMS):
        display.note(f"{number:,} times: {problem}")
    if measurement.refused:
        display.note(f"{measurement.refused:,} calls were refused, as of users or titles that others had removed")
    if measurement.late or traffic.unstarted:
        display.note(
            f"{measurement.late:,} operations began later than they were due, and {traffic.unstarted:,} had not begun "
            "at the end: this rate is more than so many workers can do here"
        )
