"""Script 3: generate data of any size, or run simulated traffic and verify what it wrote.

python simulate.py generate [--users 1000] [--days 365] [--out FOLDER]
python simulate.py run [--duration 60] [--concurrency 8] [--rate R] [--expect 'p99<50ms']
python simulate.py clean [--run ID]
python simulate.py merge FILE ...
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
import gc
import math
import shlex
import sys
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from simulation import profile
from simulation.generate import generate
from simulation.model import Model
from toolkit.arguments import day, path, positive, seconds
from toolkit.console import UserError, confirmed, printable, run, say
from toolkit.database import Database, database_url, run_interruptible
from toolkit.progress import Progress

UNTIL = date(2026, 1, 1)
MADE = {"users": "users", "content": "titles", "watch_history": "viewings"}
MADE |= {"reviews": "reviews", "payment_history": "payments"}
MOST_DAYS = 10_000
EARLIEST = date(1970, 1, 1)
DURATION = 60.0  # seconds
ISOLATIONS = ("serializable", "repeatable read", "read committed")
LEAST_RATE, MOST_RATE = 0.001, 1_000_000


def main() -> int:
    """Run the command, and return the exit status."""
    arguments = _arguments()
    status: int = arguments.run(arguments)
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulate a streaming platform.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_generate(commands)
    _add_run(commands)
    clean = commands.add_parser("clean", help="remove everything that runs have written")
    clean.set_defaults(run=_clean)
    clean.add_argument("--run", type=_run_id, dest="run_id", metavar="ID", help="only the rows of this run")
    clean.add_argument("--force", action="store_true", help="also the rows of a run that is still going on")
    clean.add_argument("--yes", action="store_true", help="do not ask")
    clean.add_argument("--url", help="the database (default: DATABASE_URL, from the environment or .env)")
    merge = commands.add_parser("merge", help="add up the measurements of several runs")
    merge.set_defaults(run=_merge)
    merge.add_argument("files", nargs="+", type=path, metavar="FILE", help="the output of `run --format json`")
    merge.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: for report.py --run, or to merge"
    )
    arguments = parser.parse_args()
    if arguments.run is _clean and not arguments.yes and not sys.stdin.isatty():
        clean.error("it deletes rows: on a terminal it asks first, elsewhere it needs --yes")
    return arguments


def _add_generate(commands: Any) -> None:
    parser = commands.add_parser("generate", help="write fixtures of a platform's life, for insert_data.py to load")
    parser.set_defaults(run=_generate)
    parser.add_argument("--users", type=positive(), default=1_000, metavar="N", help="how many sign up (default: 1000)")
    parser.add_argument(
        "--days", type=positive(MOST_DAYS), default=365, metavar="N", help="how many days (default: 365)"
    )
    parser.add_argument(
        "--until", type=day, default=UNTIL, metavar="DATE", help=f"the day after the last one (default: {UNTIL})"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed gives other data (default: 1)")
    parser.add_argument(
        "--out", type=path, default=Path("generated"), metavar="FOLDER", help="where the files go (default: generated)"
    )
    parser.add_argument(
        "--shards", type=positive(1_000), default=1, metavar="K", help="files for each large table (default: 1)"
    )
    parser.add_argument("--force", action="store_true", help="replace all fixtures in the folder")
    parser.add_argument("--profile", type=path, metavar="FILE", help="TOML with other figures of the model")
    parser.add_argument("--print-profile", action="store_true", help="print the figures of the model, and do nothing")


def _add_run(commands: Any) -> None:
    from simulation.traffic.operations import operations_help

    run = commands.add_parser(
        "run",
        help="run simulated traffic, measure it, and prove what it wrote",
        epilog=operations_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.set_defaults(run=_run)
    run.add_argument("--url", help="the database (default: DATABASE_URL, from the environment or .env)")
    run.add_argument(
        "--duration", type=seconds, metavar="SECONDS", help="how long to run (default: 60, or until --max-ops are done)"
    )
    run.add_argument(
        "--warm-up", type=seconds, default=0.0, metavar="SECONDS", help="run so long before the measurement begins"
    )
    run.add_argument(
        "--concurrency", type=positive(1_000), default=8, metavar="N", help="how many workers (default: 8)"
    )
    run.add_argument("--processes", type=positive(64), default=1, metavar="N", help="for the workers (default: 1)")
    run.add_argument("--rate", type=_rate, metavar="R", help="operations due a second; latencies count from then")
    run.add_argument("--seed", type=int, default=1, metavar="N", help="another seed gives other viewers (default: 1)")
    run.add_argument("--max-ops", type=positive(), metavar="N", help="stop after so many operations")
    run.add_argument("--mix", type=_mix, metavar="NAME=N,...", help="which operations, with their weights")
    run.add_argument(
        "--clock", type=_rate, default=60.0, metavar="X", help="seconds that pass for viewers in a second (default: 60)"
    )
    run.add_argument(
        "--isolation", choices=ISOLATIONS, default=ISOLATIONS[0], help=f"of all transactions (default: {ISOLATIONS[0]})"
    )
    run.add_argument(
        "--not-judged",
        type=_percent,
        default=5.0,
        metavar="PERCENT",
        help="the proof fails if more of the calls cannot be judged (default: 5)",
    )
    run.add_argument("--format", choices=("text", "json"), default="text", help="json: one object a line")
    run.add_argument(
        "--expect", type=_threshold, action="append", default=[], metavar="FIGURE", help="a threshold: 'watch.p99<50ms'"
    )


def _run(arguments: argparse.Namespace) -> int:
    from simulation.traffic.operations import MIX
    from simulation.traffic.options import Options
    from simulation.traffic.run import run_traffic

    unbounded = arguments.duration is None and arguments.max_ops is not None
    options = Options(
        duration=math.inf if unbounded else DURATION if arguments.duration is None else arguments.duration,
        concurrency=max(arguments.concurrency, arguments.processes),
        processes=arguments.processes,
        rate=arguments.rate,
        seed=arguments.seed,
        max_ops=arguments.max_ops,
        mix=arguments.mix or MIX,
        clock=arguments.clock,
        warm_up=arguments.warm_up,
        isolation=arguments.isolation,
        most_not_judged=arguments.not_judged,
        as_json=arguments.format == "json",
        thresholds=tuple(arguments.expect),
    )
    return run_traffic(database_url(arguments.url), options)


def _clean(arguments: argparse.Namespace) -> int:
    from simulation.traffic import clean

    database = Database(database_url(arguments.url), setup="python streaming_services.py")
    run_ids = [arguments.run_id] if arguments.run_id else run_interruptible(database, lambda: clean.runs_in(database))
    if not arguments.force:
        run_interruptible(database, lambda: clean.check_none_is_live(database, run_ids))
    keys = run_interruptible(database, lambda: clean.find(database, run_ids)) if run_ids else {}
    if not any(keys.values()):
        say(f"there is nothing of run {arguments.run_id}" if arguments.run_id else "there is nothing of any run")
        return 0
    place = f"{database.target.host}, in database {database.target.database}"
    what = ", ".join(f"{len(found):,} {name}" for name, found in keys.items())
    which = f"run {run_ids[0]}" if len(run_ids) == 1 else f"{len(run_ids)} runs"
    say(f"At {place}, this removes what {which} wrote: {what}")
    if not arguments.yes and not confirmed("Go on?"):
        say("nothing was changed")
        return 1
    removed = dict.fromkeys(keys, 0)

    def tell(name: str, rows: int) -> None:
        removed[name] += rows

    kept = run_interruptible(database, lambda: clean.clean(database, keys, tell))
    print("removed: " + ", ".join(f"{rows:,} {name}" for name, rows in removed.items()))
    for reason in kept:
        say(f"not removed: {reason}")
    return 1 if kept else 0


def _merge(arguments: argparse.Namespace) -> int:
    from simulation.traffic.merge import merge, show
    from simulation.traffic.run_output import JSONLines, TextTable

    merged = merge(arguments.files)
    show(merged, JSONLines(merged.run_id) if arguments.format == "json" else TextTable())
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    if arguments.print_profile:
        print(profile.defaults(), end="")
        return 0
    if arguments.until - EARLIEST < timedelta(arguments.days):
        raise UserError(f"--days {arguments.days}: they begin before {EARLIEST}")
    begin = time.monotonic()
    figures = profile.load(arguments.profile)
    progress = Progress(done="made")
    gc.disable()  # millions of rows hold no reference cycles, and the search for these takes long
    try:
        model = Model(figures, users=arguments.users, until=arguments.until, days=arguments.days, seed=arguments.seed)
        made = generate(model, arguments.out, shards=arguments.shards, force=arguments.force, report=progress)
    finally:
        gc.enable()
        progress.close()
    print(", ".join(f"{made.rows[table]:,} {what}" for table, what in MADE.items()))
    for figure in made.missed:
        say(figure)
    elapsed, folder = time.monotonic() - begin, printable(shlex.quote(str(arguments.out)))
    print(
        f"{model.window.begin} to {arguments.until - timedelta(1)}, in {elapsed:.1f} s: python insert_data.py {folder}"
    )
    return 0


def _rate(text: str) -> float:
    with suppress(ValueError):
        if LEAST_RATE <= float(text) <= MOST_RATE:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number from {LEAST_RATE} to {MOST_RATE:,}")


def _percent(text: str) -> float:
    with suppress(ValueError):
        if 0 <= float(text) <= 100:
            return float(text)
    raise argparse.ArgumentTypeError("expected a number from 0 to 100")


def _mix(text: str) -> dict[str, float]:
    from simulation.traffic.operations import parse_mix

    return parse_mix(text)


def _threshold(text: str) -> Any:
    from simulation.traffic.operations import MIX
    from simulation.traffic.thresholds import threshold_parser

    return threshold_parser(list(MIX))(text)


def _run_id(text: str) -> str:
    from simulation.traffic.run_ids import RunId, is_run_id

    if is_run_id(text):
        return RunId(text)
    raise argparse.ArgumentTypeError("expected the id of a run: twelve hexadecimal digits")


if __name__ == "__main__":
    run(main)
