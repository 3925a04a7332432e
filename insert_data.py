"""Script 2: load JSON fixtures into the tables of the database, in retrying transactions.

    python insert_data.py [FILE or FOLDER ...]

It names no table and no column: it reads them from the catalog of the database.
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from toolkit.arguments import path, positive, seconds
from toolkit.console import printable, run, say
from toolkit.database import Database, database_url, run_interruptible, run_or_explain
from toolkit.indexes import load_indexes_last
from toolkit.loading.check.tables import find_tables, which_are_tables
from toolkit.loading.problems import RUN_AGAIN
from toolkit.loading.read.files import find_rows
from toolkit.loading.read.formats import Format
from toolkit.loading.read.row_source import RowSource
from toolkit.loading.small_load import ONE_TRANSACTION, load_small
from toolkit.loading.write.writer import Counts

SAMPLE = Path(__file__).with_name("test_data.json")

FORMATS = {"json": Format.DOCUMENTS, "jsonl": Format.LINES, "rows": Format.ROWS}

# Up to so many rows are all checked before the first write, and written in one transaction.
SMALL_LOAD = 10_000


def main() -> int:
    """Load the files of the command line, and return the exit status."""
    arguments = _arguments()
    get_database = cache(partial(_database, arguments))  # lazy: names of files are checked without one
    sources = find_rows(
        arguments.files,
        arguments.table or "",
        format=FORMATS.get(arguments.format),
        which_are_tables=lambda names: run_interruptible(
            get_database(), partial(which_are_tables, get_database(), names)
        ),
    )
    is_small = not arguments.indexes_last and _is_small(sources)
    database = get_database()
    begin = time.monotonic()
    load = partial(
        load_small if is_small else _load_large(arguments.connections),
        database,
        sources,
        skip=arguments.on_conflict == "skip",
        dry_run=arguments.dry_run,
    )
    if not arguments.dry_run:
        load = partial(_load, database, load, [] if is_small else sources, arguments)
    try:
        counts = run_interruptible(database, load)
    except KeyboardInterrupt:
        if is_small:
            say(f"{ONE_TRANSACTION} all of it or nothing is in the database. {RUN_AGAIN}")
        raise
    _report(counts, database, time.monotonic() - begin, dry_run=arguments.dry_run)
    return 0


def _database(arguments: argparse.Namespace) -> Database:
    url = database_url(arguments.url)
    return Database(url, retry_for=arguments.retry_for, setup="python streaming_services.py")


def _load(
    database: Database, load: Callable[[], dict[str, Counts]], large: list[RowSource], arguments: argparse.Namespace
) -> dict[str, Counts]:
    """Load, and build the indexes that were dropped for this load (--indexes-last) or for an earlier one.

    large: the sources of a large load, before which indexes can be dropped; empty for a small one.
    """
    tables = [rows.table.name for rows in find_tables(database, large)[0]] if large else []
    if tables and not arguments.indexes_last:
        from toolkit.indexes.drop import can_drop_all  # small loads need not wait for it

        if run_or_explain(database, partial(can_drop_all, tables=tables)):
            say("The tables are empty: --indexes-last builds their indexes at the end, which can take half the time")
        tables = []
    return load_indexes_last(database, load, without_indexes=tables, connections=arguments.connections)


def _is_small(sources: list[RowSource]) -> bool:
    left = SMALL_LOAD
    for source in sources:
        left -= source.count(left)
        if left < 0:
            return False
    return True


def _load_large(connections: int) -> Callable[..., dict[str, Counts]]:
    from toolkit.loading.large_load import load_large  # small loads need not wait for it

    return partial(load_large, connections=connections)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Load JSON fixtures into the database; running it again changes nothing."
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=path,
        metavar="FILE",
        help="fixtures, folders of them, or - for standard input (default: test_data.json)",
    )
    parser.add_argument("--table", type=_name, metavar="NAME", help="the table of the rows, if no file name says it")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="documents (json), a row a line (jsonl) or rows in any layout (rows), if a file's beginning may deceive",
    )
    parser.add_argument("--url", help="the database (default: DATABASE_URL, from the environment or .env)")
    parser.add_argument(
        "--on-conflict",
        choices=("update", "skip"),
        default="update",
        help="a row that is there already is updated if it differs (default), or left alone",
    )
    parser.add_argument(
        "--indexes-last",
        action="store_true",
        help="into empty tables: drop their indexes that are not unique, and build them after the rows; faster",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything and write nothing")
    parser.add_argument(
        "--retry-for", type=seconds, default=60.0, metavar="SECONDS", help="how long to try again (default: 60)"
    )
    parser.add_argument(
        "--connections",
        type=positive(64),
        default=4,
        metavar="N",
        help="for loads of over 10,000 rows (default: 4)",
    )
    arguments = parser.parse_args()
    arguments.files = arguments.files or [SAMPLE]
    return arguments


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name of a table is empty")
    return text


def _report(counts: dict[str, Counts], database: Database, elapsed: float, *, dry_run: bool) -> None:
    names = {table: printable(table) for table in counts}
    width = max(map(len, names.values()), default=0)
    for table, count in counts.items():
        parts = ", ".join(f"{number:,} {what}" for what, number in count.items()) or "nothing to do"
        print(f"{names[table]:{width}}  {count.total():>9,} rows: {parts}")
    place = f"{database.target.database} at {database.target.host}"
    retries = f", {database.retries} {'retry' if database.retries == 1 else 'retries'}" if database.retries else ""
    done = "Dry run, nothing was written: checked" if dry_run else "Loaded"
    print(f"{done} {sum(count.total() for count in counts.values()):,} rows in {elapsed:.2f} s{retries}: {place}")


if __name__ == "__main__":
    run(main)
