"""One run from its beginning to its proof: what `simulate.py run` does."""

import math
import time
from dataclasses import dataclass, field

from simulation.traffic.audience import Audience
from simulation.traffic.display import Display, JSONLines, Table
from simulation.traffic.expectations import Expectation
from simulation.traffic.marks import new_run
from simulation.traffic.measures import in_all
from simulation.traffic.operations import MIX
from simulation.traffic.plans import add_plans
from simulation.traffic.proof import prove
from simulation.traffic.runner import Traffic
from toolkit.database import Database, supervised
from toolkit.database.interruptible import LONG_SILENCE

BUSY = 0.85  # of a core: from there on the client's own work is what the operations wait for
INTERRUPTED = 130
MOST_PROBLEMS = 5


@dataclass(frozen=True)
class Settings:
    """What a run is to be like; Traffic says more."""

    duration: float = math.inf
    concurrency: int = 8
    rate: float | None = None
    seed: int = 1
    max_ops: int | None = None
    mix: dict[str, float] = field(default_factory=lambda: MIX)
    clock: float = 60.0
    as_json: bool = False
    expectations: tuple[Expectation, ...] = ()


def run_traffic(url: str, settings: Settings) -> int:
    """Run the traffic, show what is measured, prove what was written. Return the exit status.

    That is 0; 1 if the proof finds anything that is off, or an expectation does not hold; 130 after Ctrl-C.
    Raises UserError if there is no database to begin with, or none to compare with at the end.
    """
    database = Database(url, setup="python streaming_services.py")
    run = new_run()
    display: Display = JSONLines(run.mark) if settings.as_json else Table()
    audience = supervised(database, lambda: Audience(database))
    plans = supervised(database, lambda: add_plans(database, audience, run))
    first_prices = [plan.price for plan in plans]
    display.note(
        f"run {run.mark}: {len(audience.users):,} users and {len(audience.titles):,} titles at {database.target.host}, "
        f"{settings.concurrency} workers; `simulate.py clean --run {run.mark}` removes what it writes"
    )
    traffic = Traffic(
        url,
        run,
        audience,
        plans,
        concurrency=settings.concurrency,
        mix=settings.mix,
        seed=settings.seed,
        clock=settings.clock,
        rate=settings.rate,
        max_ops=settings.max_ops,
    )
    was_interrupted = _go(traffic, settings.duration, display)
    totals = traffic.totals
    _tell_problems(traffic, display)
    begin = time.monotonic()
    journals = [worker.journal for worker in traffic.workers if worker.journal]
    tallies = supervised(database, lambda: prove(database, run, plans, first_prices, journals))
    database.close()
    display.proof(tallies, time.monotonic() - begin)
    failed = not all(tally.is_clean for tally in tallies.values())
    for expectation in settings.expectations:
        holds, found = expectation.judge(totals.measures, totals.elapsed)
        failed = failed or not holds
        display.expectation(expectation, found, holds=holds)
    return 1 if failed else INTERRUPTED if was_interrupted else 0


def _go(traffic: Traffic, duration: float, display: Display) -> bool:
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
        traffic.go(duration, every_second)
    except KeyboardInterrupt:
        was_interrupted = True
        display.note("interrupted: the totals and the proof follow")
    cpu = time.process_time() - cpu
    every_second()
    elapsed = traffic.totals.elapsed
    display.end(traffic.totals.measures, elapsed)
    display.note(f"The client took {cpu:.1f} s of CPU in {elapsed:.1f} s")
    if cpu > BUSY * elapsed:
        display.note(
            "warning: the client was the bottleneck, as Python runs one thread at a time: for more operations a second "
            "start further processes, or use further machines, and `simulate.py merge` their output"
        )
    return was_interrupted


def _tell_problems(traffic: Traffic, display: Display) -> None:
    """Say what the errors were, and what could not be started in time."""
    measure = in_all(traffic.totals.measures)
    for problem, number in traffic.problems().most_common(MOST_PROBLEMS):
        display.note(f"{number:,} times: {problem}")
    if measure.refused:
        display.note(f"{measure.refused:,} calls were refused, as of users or titles that others had removed")
    if measure.late or traffic.unstarted:
        display.note(
            f"{measure.late:,} operations began later than they were due, and {traffic.unstarted:,} had not begun at "
            "the end: this rate is more than so many workers can do here"
        )
