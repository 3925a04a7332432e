"""Script 2: load JSON fixtures into the tables of the database, in retrying transactions.

    python insert_data.py [FILE or FOLDER ...]

Names no table and no column: what it needs to know of them it reads from the database's catalog.
"""

import console

if __name__ == "__main__":
    console.begin()

import argparse
import gc
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg2

import catalog
import checks
import sequences
from batches import Counts, Writer, by_key, is_rows_fault, run_write, split
from catalog import Table
from checks import Batch
from connecting import database_url
from console import Failure, printable, run, say, seconds
from database import AmbiguousCommit, Cursor, Database, explained, run_or_explain, run_transaction, supervised
from fixtures import BadInput, Problem, Rows, find, in_order

SAMPLE = Path(__file__).with_name("test_data.json")

# Up to this many rows are checked whole before the first write, and written in one transaction.
SMALL_LOAD = 10_000

ONE_TRANSACTION = "The load is one transaction:"
RUN_AGAIN = "Running it again finishes."


def main() -> int:
    """Load what the command line says."""
    arguments = _arguments()
    files = find(arguments.files)
    left = SMALL_LOAD
    for rows in files:
        left -= rows.count(left)
        if left < 0:
            break
    database = Database(database_url(arguments.url), retry_for=arguments.retry_for)
    begin = time.monotonic()
    load = _load_small if left >= 0 else _load_large
    try:
        counts = supervised(database, lambda: load(database, files, arguments))
    except KeyboardInterrupt:
        if load is _load_small:
            say(f"{ONE_TRANSACTION} all of it or nothing is in the database. {RUN_AGAIN}")
        raise
    _report(counts, database, time.monotonic() - begin, dry_run=arguments.dry_run)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Load JSON fixtures into the database; running it again changes nothing."
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="fixtures, or folders of them (default: test_data.json)"
    )
    parser.add_argument("--url", help="the database (default: DATABASE_URL, from the environment or .env)")
    parser.add_argument(
        "--on-conflict",
        choices=("update", "skip"),
        default="update",
        help="a row that is there already is updated if it differs (default), or left alone",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything and write nothing")
    parser.add_argument(
        "--retry-for", type=seconds, default=60.0, metavar="SECONDS", help="how long to try again (default: 60)"
    )
    parser.add_argument(
        "--connections", type=_connections, default=4, metavar="N", help="for loads of over 10,000 rows (default: 4)"
    )
    arguments = parser.parse_args()
    arguments.files = arguments.files or [SAMPLE]
    return arguments


def _connections(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= 64:
            return int(text)
    raise argparse.ArgumentTypeError("expected a number from 1 to 64")


def _load_small(database: Database, files: list[Rows], arguments: argparse.Namespace) -> dict[str, Counts]:
    """Load all or nothing, after everything has been checked."""
    skip = arguments.on_conflict == "skip"
    tables, problems = _find_tables(database, files)
    batches: dict[str, list[Batch]] = {}
    for table in tables:
        reads = [read for rows in files if rows.table == table.name for chunk in rows.chunks() for read in chunk]
        batches[table.name] = checks.check(table, reads, problems)
        checks.find_duplicates(table, batches[table.name], problems)
    wrong = {(problem.table, problem.column) for problem in problems}
    try:
        problems += run_transaction(database, lambda cursor: _dangling(cursor, tables, batches, wrong), repeatable=True)
    except psycopg2.Error as error:
        # A key that the server cannot read is met again when it is written, and its row found.
        if not is_rows_fault(error):
            raise explained(error, database) from error
    if problems:
        raise BadInput(in_order(problems, files))
    ordered = [batch for table in tables for batch in _to_write(table, batches[table.name])]
    try:
        return run_write(
            database, ordered, lambda cursor: _write(cursor, tables, ordered, skip, arguments.dry_run), skip=skip
        )
    except BadInput:
        raise
    except Failure as error:
        written = "all of it or nothing" if isinstance(error, AmbiguousCommit) else "nothing of it"
        raise Failure(f"{error}. {ONE_TRANSACTION} {written} is in the database. {RUN_AGAIN}") from error


def _find_tables(database: Database, files: list[Rows]) -> tuple[list[Table], list[Problem]]:
    """Return the tables of the load in the order of their foreign keys, and the rows that are for none."""
    known = run_or_explain(database, catalog.read)
    wanted = list(dict.fromkeys(rows.table for rows in files))
    if wanted and not known:
        raise Failure(
            f"the database {database.target.database} at {database.target.host} has no tables: "
            "run `python streaming_services.py` first"
        )
    tables, problems = [], []
    for name in wanted:
        try:
            tables.append(checks.find_table(known, name))
        except ValueError as error:
            problems += [Problem(str(rows.file), str(error), name) for rows in files if rows.table == name]
    return checks.in_order(tables), problems


def _dangling(
    cursor: Cursor, tables: list[Table], batches: dict[str, list[Batch]], wrong: set[tuple[str, str]]
) -> list[Problem]:
    """Return a Problem for each reference to a row that is neither in the load nor in the database.

    wrong: tables and columns with problems. References to these, or to a table of which a row ("") cannot be read, are
    not looked at: it is not known which keys those rows would have.
    """
    problems = []
    for table in tables:
        for key in table.foreign_keys:
            parent = str(key.referenced)
            if wrong & {(parent, column) for column in ("", *key.referenced_columns)}:
                continue
            parents = batches.get(parent, [])
            for batch in checks.references_outside(key, batches[table.name], parents):
                for part in split(batch):
                    problems += Writer(cursor).dangling(part, key)
    return problems


def _to_write(table: Table, batches: list[Batch]) -> list[Batch]:
    if checks.refers_to_itself(table):
        # The rows of one statement may refer to each other in any order, so it is not divided.
        return checks.parents_first(table, batches)
    return [part for batch in batches for part in split(by_key(batch))]


def _write(cursor: Cursor, tables: list[Table], batches: list[Batch], skip: bool, dry_run: bool) -> dict[str, Counts]:
    counts: dict[str, Counts] = {table.name: Counter() for table in tables}
    writer = Writer(cursor, skip=skip)
    for batch in batches:
        counts[batch.table.name].update(writer.write_counted(batch))
    if dry_run:
        writer.check_deferred_constraints()
        cursor.connection.rollback()
        return counts
    for table in tables:
        of_table = [batch for batch in batches if batch.table.name == table.name]
        sequences.advance(cursor, table, sequences.highest(of_table))
    return counts


def _load_large(database: Database, files: list[Rows], arguments: argparse.Namespace) -> dict[str, Counts]:
    """Load in one pass, batch by batch."""
    from bulk_load import BulkLoad, checked_batches  # slow to import, and not needed for small loads
    from progress import Progress

    tables, problems = _find_tables(database, files)
    if problems:
        raise BadInput(problems)
    by_table = {table.name: [rows for rows in files if rows.table == table.name] for table in tables}
    gc.disable()  # a million rows make no cycles, and looking for them takes a third of the time
    if arguments.dry_run:
        counts: dict[str, Counts] = {}
        for table in tables:
            batches = checked_batches(table, by_table[table.name])
            counts[table.name] = Counter(checked=sum(batch.size for batch in batches))
        print(
            "References, CHECK and UNIQUE constraints are judged by the server, which was not asked: it is a large load"
        )
        return counts
    skip = arguments.on_conflict == "skip"
    load = BulkLoad(database, tables, by_table, connections=arguments.connections, skip=skip)
    progress = Progress()
    try:
        load.run(progress)
    except KeyboardInterrupt:
        progress.close()
        say(f"{load.committed()} {RUN_AGAIN}")
        raise
    finally:
        progress.close()
    return load.counts


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
