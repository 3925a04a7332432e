"""Script 3: simulate the platform: generate data of any size that looks like a life.

python simulate.py generate [--users 1000] [--days 365] [--out FOLDER]
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
import gc
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from toolkit.console import Failure, printable, run

UNTIL = date(2026, 1, 1)
MOST_DAYS = 10_000
EARLIEST = date(1970, 1, 1)


def main() -> int:
    """Do what the command line says."""
    arguments = _arguments()
    status: int = arguments.run(arguments)
    return status


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulate a streaming platform.")
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="write fixtures of a platform's life, for insert_data.py to load")
    generate.set_defaults(run=_generate)
    generate.add_argument(
        "--users", type=_positive, default=1_000, metavar="N", help="how many sign up (default: 1000)"
    )
    generate.add_argument("--days", type=_days, default=365, metavar="N", help="how long it goes on (default: 365)")
    generate.add_argument(
        "--until", type=_date, default=UNTIL, metavar="DATE", help=f"nothing is of this day or later (default: {UNTIL})"
    )
    generate.add_argument("--seed", type=int, default=1, metavar="N", help="another number, another life (default: 1)")
    generate.add_argument(
        "--out", type=Path, default=Path("generated"), metavar="FOLDER", help="where the files go (default: generated)"
    )
    generate.add_argument(
        "--shards", type=_shards, default=1, metavar="K", help="files for each large table (default: 1)"
    )
    generate.add_argument("--force", action="store_true", help="replace all fixtures that the folder holds")
    generate.add_argument("--profile", type=Path, metavar="FILE", help="TOML with other figures of the model")
    generate.add_argument("--print-profile", action="store_true", help="print the figures of the model, and do nothing")
    return parser.parse_args()


def _generate(arguments: argparse.Namespace) -> int:
    from simulation import profile
    from simulation.generate import generate
    from simulation.model import Model
    from toolkit.progress import Progress

    if arguments.print_profile:
        print(profile.defaults(), end="")
        return 0
    if arguments.until - EARLIEST < timedelta(arguments.days):
        raise Failure(f"--days {arguments.days}: they begin before {EARLIEST}")
    gc.disable()  # millions of rows make no cycles, and looking for them takes its time
    begin = time.monotonic()
    figures = profile.load(arguments.profile)
    model = Model(figures, users=arguments.users, until=arguments.until, days=arguments.days, seed=arguments.seed)
    progress = Progress(done="made")
    try:
        rows = generate(model, arguments.out, shards=arguments.shards, force=arguments.force, report=progress)
    finally:
        progress.close()
    for table, count in rows.items():
        print(f"{table:15}  {count:>11,} rows")
    elapsed = time.monotonic() - begin
    folder = printable(str(arguments.out))
    print(
        f"{model.window.begin} to {arguments.until - timedelta(1)} in {elapsed:.1f} s; python insert_data.py {folder}"
    )
    return 0


def _positive(text: str) -> int:
    with suppress(ValueError):
        if int(text) > 0:
            return int(text)
    raise argparse.ArgumentTypeError("expected a number from 1")


def _days(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= MOST_DAYS:
            return int(text)
    raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST_DAYS}")


def _shards(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= 1_000:
            return int(text)
    raise argparse.ArgumentTypeError("expected a number from 1 to 1000")


def _date(text: str) -> date:
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise argparse.ArgumentTypeError("expected a date such as 2026-01-31")


if __name__ == "__main__":
    run(main)
