"""One run from its beginning to its proof: what `simulate.py run` does."""

import math
from datetime import datetime, timezone
from typing import Any

from psycopg2.extensions import make_dsn

from simulation.traffic.audience import Audience
from simulation.traffic.measurements import combined, format_latency
from simulation.traffic.operations import MIX
from simulation.traffic.options import Options
from simulation.traffic.plans import add_plans
from simulation.traffic.process_runner import ProcessRunner
from simulation.traffic.run_ids import APPLICATION, new_run_id
from simulation.traffic.run_output import JSONLines, RunOutput, TextTable
from simulation.traffic.runner import Runner
from simulation.traffic.server_clock import ServerClock
from simulation.traffic.signals import graceful_shutdown
from simulation.traffic.verification import RunWrites, verify
from toolkit.console import UserError
from toolkit.database import Cursor, Database, run_interruptible, run_or_explain
from toolkit.database.interruptible import LONG_SILENCE

BUSY = 0.85  # of a core: from this share on, operations wait for the client's own work
INTERRUPTED = 130
MOST_TOLD = 5  # problems, refusals or silences


def run_traffic(url: str, options: Options) -> int:
    """Run the traffic, print what is measured, and prove what was written. Return the exit status.

    0: all is well. 1: not everything is proved, a threshold does not hold, or the run could not go on. 130: after
    Ctrl-C or SIGTERM; a second one ends the process at once. Raises UserError if the database cannot be used at all.
    """
    with graceful_shutdown():
        return _run(url, options)


def _run(url: str, options: Options) -> int:
    run_id = new_run_id()
    Database(url)  # raises UserError if the URL is not valid
    url = make_dsn(url, application_name=APPLICATION.format(run_id=run_id))
    database = Database(url, setup="python streaming_services.py", isolation=options.isolation)
    output: RunOutput = JSONLines(run_id) if options.as_json else TextTable()
    audience = run_interruptible(database, lambda: Audience(database))
    clock = run_interruptible(database, lambda: ServerClock(database))
    plans = run_interruptible(database, lambda: add_plans(database, audience, run_id))
    first_prices = [plan.price for plan in plans]
    metadata = run_interruptible(database, lambda: run_metadata(database, audience, options))
    output.begin(metadata)
    among = f" in {options.processes} processes" if options.processes > 1 else ""
    output.note(
        f"run {run_id}: {len(audience.users):,} users and {len(audience.titles):,} titles at {database.target.host}, "
        f"{options.concurrency} workers{among}; `simulate.py clean --run {run_id}` removes what it writes"
    )
    if metadata["isolation"] != options.isolation:
        output.note(
            f"warning: {options.isolation} was asked for, and {metadata['server']} runs at {metadata['isolation']}: "
            "it has no such level, or only when it is allowed to (CockroachDB: "
            "sql.txn.read_committed_isolation.enabled)"
        )
    kind = Runner if options.processes == 1 else ProcessRunner
    runner = kind(url, run_id, audience, plans, options)
    status = _run_and_show(runner, options, output)
    written = RunWrites(run_id, plans, first_prices, runner.histories)
    try:
        if runner.is_incomplete:
            raise UserError("what the killed process has called is not known")
        verdict = run_interruptible(database, lambda: verify(database, written, clock, options.most_not_judged))
        output.verdict(verdict)
        status = status if verdict.is_good else 1
    except UserError as failure:
        output.no_proof(str(failure))
        status = 1
    database.close()
    for threshold in options.thresholds:
        holds, found = threshold.judge(runner.totals.measurements, runner.totals.elapsed)
        status = status if holds else 1
        output.threshold(threshold, found, holds=holds)
    return status


def run_metadata(database: Database, audience: Audience, options: Options) -> dict[str, Any]:
    """Return what is run and where, by the names that the JSON of a run has for it. Raises UserError.

    isolation: the level at which the server really runs a transaction of the run, whatever was asked for.
    """

    def ask(cursor: Cursor) -> tuple[str, str]:
        cursor.execute("SELECT version()")
        ((version,),) = cursor.fetchall()
        cursor.execute("SHOW transaction_isolation")
        ((isolation,),) = cursor.fetchall()
        return version, isolation

    version, isolation = run_or_explain(database, ask)
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        # CockroachDB CCL v21.1.2 (x86_64-...), PostgreSQL 18.4 on x86_64-...
        "server": version.partition(" (")[0].partition(" on ")[0],
        "host": database.target.host,
        "database": database.target.database,
        "users": len(audience.users),
        "titles": len(audience.titles),
        "duration": None if math.isinf(options.duration) else options.duration,
        "max_ops": options.max_ops,
        "warm_up": options.warm_up,
        "concurrency": options.concurrency,
        "processes": options.processes,
        "rate": options.rate,
        "isolation": isolation,
        "mix": None if options.mix == MIX else options.mix,
        "clock": options.clock,
        "seed": options.seed,
    }


def _run_and_show(runner: Runner | ProcessRunner, options: Options, output: RunOutput) -> int:
    """Run the traffic and print what is measured. Return the exit status, to which proof and thresholds may add."""
    told = False

    def every_second() -> None:
        nonlocal told
        output.second(*runner.totals.take(), runner.totals, is_warm_up=runner.is_warming_up)
        silence = runner.silence()
        if silence >= LONG_SILENCE and not told:
            output.note(f"a statement has had no answer for {silence:.0f} s; the run goes on")
        told = silence >= LONG_SILENCE

    status = 0
    cpu = runner.cpu
    try:
        runner.run(every_second)
    except KeyboardInterrupt:
        status = INTERRUPTED
        output.note("interrupted: the totals and the proof follow")
    except UserError as failure:
        status = 1
        output.note(f"error: {failure}")
    cpu = runner.cpu - cpu
    every_second()
    totals = runner.totals
    totals.end()
    output.end(totals.measurements, totals.elapsed, totals.silences)
    output.note(f"The client took {cpu:.1f} s of CPU in {totals.elapsed:.1f} s")
    if cpu > BUSY * totals.elapsed * options.processes:
        output.note(
            "warning: the client was the bottleneck, as Python runs one thread of a process at a time: for more "
            "operations a second use --processes, or further machines, and `simulate.py merge` their output"
        )
    _tell_problems(runner, options, output)
    return status


def _tell_problems(runner: Runner | ProcessRunner, options: Options, output: RunOutput) -> None:
    """Print the most frequent errors and refusals, what began too late, and when nobody had an answer."""
    totals = runner.totals
    together = combined(totals.measurements.values())
    for problem, number in runner.problems.most_common(MOST_TOLD):
        output.note(f"{number:,} times: {problem}")
    for refusal, number in runner.refusals.most_common(MOST_TOLD):
        output.note(f"{number:,} times a service has refused {refusal}")
    if together.unanswered:
        output.note(
            f"{together.unanswered:,} calls had no answer at the end: they count as errors, as long as they waited"
        )
    if together.late or together.unstarted:
        output.note(
            f"{together.late:,} operations began later than they were due, and {together.unstarted:,} had not begun "
            "at the end: this rate is more than so many workers can do here"
            + (", or nobody had an answer for too long" if totals.silences else "")
        )
    if totals.silences:
        longest = sorted(totals.silences, key=lambda silence: silence.begin - silence.end)[:MOST_TOLD]
        when = ", ".join(f"{silence.begin:.1f} s and {silence.end:.1f} s" for silence in sorted(longest))
        seconds = sum(silence.end - silence.begin for silence in totals.silences)
        output.note(f"no answers between {when} ({seconds:.1f} of {totals.elapsed:.1f} s in all)")
        if not options.rate:
            output.note(
                "in a closed loop workers that wait send nothing, so the percentiles hardly know of that time, in "
                f"which others would have come (pMax: {format_latency(together.percentile('pMax'))}): with --rate "
                "they count"
            )
