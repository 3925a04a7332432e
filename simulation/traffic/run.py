"""One run from its beginning to its proof: what `simulate.py run` does."""

from psycopg2.extensions import make_dsn

from simulation.traffic.audience import Audience
from simulation.traffic.display import Display, JSONLines, TextTable
from simulation.traffic.facts import facts_of
from simulation.traffic.measurements import in_all, latency
from simulation.traffic.options import Options
from simulation.traffic.plans import add_plans
from simulation.traffic.processes import Processes
from simulation.traffic.run_ids import APPLICATION, new_run_id
from simulation.traffic.runner import Traffic
from simulation.traffic.server_clock import ServerClock
from simulation.traffic.signals import ending_in_order
from simulation.traffic.verification import RunWrites, verify
from toolkit.console import UserError
from toolkit.database import Database, run_interruptible
from toolkit.database.interruptible import LONG_SILENCE

BUSY = 0.85  # of a core: from there on the client's own work is what the operations wait for
INTERRUPTED = 130
MOST_TOLD = 5  # problems, refusals or silences


def run_traffic(url: str, options: Options) -> int:
    """Run the traffic, show what is measured, prove what was written. Return the exit status.

    That is 0; 1 if not all is proved, a threshold does not hold, or the run could not go on; 130 after Ctrl-C or
    SIGTERM, of which a second ends the process at once. Raises UserError if there is no database to begin with.
    """
    with ending_in_order():
        return _run(url, options)


def _run(url: str, options: Options) -> int:
    run_id = new_run_id()
    Database(url)  # raises UserError for what is no URL
    url = make_dsn(url, application_name=APPLICATION.format(run_id=run_id))
    database = Database(url, setup="python streaming_services.py", isolation=options.isolation)
    display: Display = JSONLines(run_id) if options.as_json else TextTable()
    audience = run_interruptible(database, lambda: Audience(database))
    clock = run_interruptible(database, lambda: ServerClock(database))
    plans = run_interruptible(database, lambda: add_plans(database, audience, run_id))
    first_prices = [plan.price for plan in plans]
    facts = run_interruptible(database, lambda: facts_of(database, audience, options))
    display.begin(facts)
    among = f" in {options.processes} processes" if options.processes > 1 else ""
    display.note(
        f"run {run_id}: {len(audience.users):,} users and {len(audience.titles):,} titles at {database.target.host}, "
        f"{options.concurrency} workers{among}; `simulate.py clean --run {run_id}` removes what it writes"
    )
    if facts["isolation"] != options.isolation:
        display.note(
            f"warning: {options.isolation} was asked for, and {facts['server']} runs at {facts['isolation']}: it has "
            "no such level, or only when it is allowed to (CockroachDB: sql.txn.read_committed_isolation.enabled)"
        )
    kind = Traffic if options.processes == 1 else Processes
    traffic = kind(url, run_id, audience, plans, options)
    status = _go(traffic, options, display)
    written = RunWrites(run_id, plans, first_prices, traffic.histories)
    try:
        if traffic.is_incomplete:
            raise UserError("what the killed process has called is not known")
        verdict = run_interruptible(database, lambda: verify(database, written, clock, options.most_not_judged))
        display.verdict(verdict)
        status = status if verdict.is_good else 1
    except UserError as failure:
        display.unproved(str(failure))
        status = 1
    database.close()
    for threshold in options.thresholds:
        holds, found = threshold.judge(traffic.totals.measurements, traffic.totals.elapsed)
        status = status if holds else 1
        display.threshold(threshold, found, holds=holds)
    return status


def _go(traffic: Traffic | Processes, options: Options, display: Display) -> int:
    """Let the traffic run, and show it. Return the exit status, as far as it is known then."""
    told = False

    def every_second() -> None:
        nonlocal told
        display.second(*traffic.totals.take(), traffic.totals, is_warm_up=traffic.is_warming_up)
        silence = traffic.silence()
        if silence >= LONG_SILENCE and not told:
            display.note(f"a statement has had no answer for {silence:.0f} s; the run goes on")
        told = silence >= LONG_SILENCE

    status = 0
    cpu = traffic.cpu
    try:
        traffic.go(every_second)
    except KeyboardInterrupt:
        status = INTERRUPTED
        display.note("interrupted: the totals and the proof follow")
    except UserError as failure:
        status = 1
        display.note(f"error: {failure}")
    cpu = traffic.cpu - cpu
    every_second()
    totals = traffic.totals
    totals.end()
    display.end(totals.measurements, totals.elapsed, totals.silences)
    display.note(f"The client took {cpu:.1f} s of CPU in {totals.elapsed:.1f} s")
    if cpu > BUSY * totals.elapsed * options.processes:
        display.note(
            "warning: the client was the bottleneck, as Python runs one thread of a process at a time: for more "
            "operations a second use --processes, or further machines, and `simulate.py merge` their output"
        )
    _tell_problems(traffic, options, display)
    return status


def _tell_problems(traffic: Traffic | Processes, options: Options, display: Display) -> None:
    """Say what the errors were, what was refused, what could not begin in time, and when nobody had an answer."""
    totals = traffic.totals
    together = in_all(totals.measurements.values())
    for problem, number in traffic.problems.most_common(MOST_TOLD):
        display.note(f"{number:,} times: {problem}")
    for refusal, number in traffic.refusals.most_common(MOST_TOLD):
        display.note(f"{number:,} times a service has refused {refusal}")
    if together.unanswered:
        display.note(
            f"{together.unanswered:,} calls had no answer at the end: they count as errors, as long as they waited"
        )
    if together.late or together.unstarted:
        display.note(
            f"{together.late:,} operations began later than they were due, and {together.unstarted:,} had not begun "
            "at the end: this rate is more than so many workers can do here"
            + (", or nobody had an answer for too long" if totals.silences else "")
        )
    if totals.silences:
        longest = sorted(totals.silences, key=lambda silence: silence.begin - silence.end)[:MOST_TOLD]
        when = ", ".join(f"{silence.begin:.1f} s and {silence.end:.1f} s" for silence in sorted(longest))
        seconds = sum(silence.end - silence.begin for silence in totals.silences)
        display.note(f"no answers between {when} ({seconds:.1f} of {totals.elapsed:.1f} s in all)")
        if not options.rate:
            display.note(
                "in a closed loop workers that wait send nothing, so the percentiles hardly know of that time, in "
                f"which others would have come (pMax: {latency(together.percentile('pMax'))}): with --rate they count"
            )
