"""Script 1: apply schema.sql to the database, or compare the two; see --help.

As a module it offers the backend services: `from streaming_services import create_user, log_progress`.
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit import schema
from toolkit.arguments import path, seconds
from toolkit.console import UserError, confirmed, run, say
from toolkit.database import Cursor, Database, database_url, run_interruptible, run_transaction
from toolkit.indexes import may_lack_indexes

if TYPE_CHECKING:
    from toolkit.schema.reset import DropTarget

if __name__ != "__main__":  # the script does not need them, and starts faster without
    from services import *  # noqa: F403
    from services import __all__ as __all__

SCHEMA = Path(__file__).with_name("schema.sql")
UPGRADE = "was the database made by an earlier schema.sql? python streaming_services.py --schema upgrade.sql"
# Differences that files of cockroachdb/ cause. For these the advice is UNDO, because upgrade.sql would undo a part of
# them.
CLUSTER_DIFFERENCE = r"\w+: (sharding of index |constraint \w+_region_fkey |options is .*\bttl)"
UNDO = "made by a file of cockroachdb/? then it is as it should be, and the file of that name with _undo takes it back"


def main() -> int:
    """Run what the command line asks for, and return the exit status."""
    options = _options()
    database = Database(database_url(options.url), wait=options.wait, setup="python streaming_services.py")
    try:
        if options.check:
            return _check(database, options.schema)
        if options.reset:
            return _reset(database, options.schema, confirmed=options.yes)
        return _apply(database, options.schema, compare=options.compare)
    except schema.ColumnMissing as failure:
        if _is_ours(options.schema):
            raise UserError(f"{failure}\n  {UPGRADE}") from failure
        raise
    finally:
        database.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Apply a schema file to the database at DATABASE_URL (environment, else the file .env, else a "
        "local database), and say how the tables that were there already differ from it. May be run again.",
    )
    parser.add_argument("--schema", type=path, default=SCHEMA, metavar="FILE", help="default: schema.sql")
    parser.add_argument(
        "--url",
        help="use this database; a password is safer in DATABASE_URL or .env, because others can see command lines",
    )
    parser.add_argument(
        "--wait", type=seconds, default=0.0, metavar="SECONDS", help="keep trying for so long until the server answers"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--check",
        action="store_true",
        help="change nothing, only compare: exit status 1 if anything differs or cannot be compared",
    )
    action.add_argument(
        "--reset", action="store_true", help="drop the tables of the file with their rows, then apply it"
    )
    action.add_argument("--no-compare", dest="compare", action="store_false", help="apply only")
    parser.add_argument("--yes", action="store_true", help="with --reset: do not ask")
    options = parser.parse_args()
    if options.reset and not options.yes and not sys.stdin.isatty():
        parser.error("--reset deletes rows: on a terminal it asks first, elsewhere it needs --yes")
    return options


def _apply(database: Database, file: Path, *, compare: bool) -> int:
    creates = schema.SchemaFile(file).creates_relations
    compare = compare and creates

    def work() -> tuple[list[str], str, schema.Comparison]:
        created = schema.apply(database, file)
        if may_lack_indexes(database) and (built := _build_missing(database)):
            say(f"built what a load had dropped and not made again: {', '.join(built)}")
        whereabouts = _whereabouts(database)
        return created, whereabouts, schema.compare(database, file) if compare else schema.Comparison([], [])

    created, whereabouts, comparison = run_interruptible(database, work)
    if not creates:
        print(f"{file.name}: applied\n{whereabouts}\nNext: python streaming_services.py --check")
        return 0
    _print_tables(created, comparison.tables, whereabouts)
    if comparison.differences:
        say(f"warning: the database differs from {file.name}, which changes no table that is there already:")
    if comparison.not_compared:
        say("warning: whether tables that were there already differ is not known:")
    _say_drift(comparison, file)
    return 0


def _build_missing(database: Database) -> list[str]:
    from toolkit.indexes.build import build_missing  # seldom needed

    return [index.name for index in build_missing(database, connections=4)]


def _check(database: Database, file: Path) -> int:
    def work() -> tuple[str, schema.Comparison]:
        return _whereabouts(database), schema.compare(database, file)

    whereabouts, comparison = run_interruptible(database, work)
    if comparison.differences or comparison.not_compared:
        say(f"{whereabouts}:")
        _say_drift(comparison, file)
        if not comparison.not_compared:
            say(f"Not looked at: {schema.NOT_LOOKED_AT}")
        return 1
    print(f"{whereabouts}: as {file.name} says")
    print(f"Not looked at: {schema.NOT_LOOKED_AT}")
    return 0


def _reset(database: Database, file: Path, *, confirmed: bool) -> int:
    from toolkit.schema.reset import list_drop_targets, reset  # seldom needed

    targets = run_interruptible(database, lambda: list_drop_targets(database, file))
    if not confirmed and not _confirmed(database, targets):
        say("nothing was changed")
        return 1

    def work() -> tuple[list[str], str]:
        return reset(database, file), _whereabouts(database)

    created, whereabouts = run_interruptible(database, work)
    _print_tables(created, created, whereabouts)
    return 0


def _confirmed(database: Database, targets: "list[DropTarget]") -> bool:
    say(f"At {database.target.host}, in database {database.target.database}, this drops:")
    for name, kind, rows, partition_of in targets:
        what = f"a {kind}" if rows is None else f"{rows:,} rows"
        say(f"  {name}: {what}{f', a partition of {partition_of}' if partition_of else ''}")
    total = sum(
        each.rows or 0 for each in targets if each.partition_of is None
    )  # their rows are counted with the table
    return confirmed(f"{total:,} rows will be gone. Go on?")


def _print_tables(created: list[str], tables: list[str], whereabouts: str) -> None:
    """Print one line a table. tables: all of the file; empty without a comparison."""
    names = tables or created
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{name:{width}}  {'created' if name in created else 'already there'}")
    if not names:
        print("no table was created: those of the file, if it names any, were already there")
    print(whereabouts)
    print("Next: python insert_data.py")


def _say_drift(comparison: schema.Comparison, file: Path) -> None:
    for difference in comparison.differences:
        say(f"  {difference}")
    if _is_ours(file):
        of_a_cluster = [re.match(CLUSTER_DIFFERENCE, difference) for difference in comparison.differences]
        if any(of_a_cluster):
            say(f"  {UNDO}")
        if not all(of_a_cluster):
            say(f"  {UPGRADE}")
    if comparison.not_compared:
        say(f"  not compared: {comparison.not_compared}")


def _is_ours(file: Path) -> bool:
    return file.resolve() == SCHEMA.resolve()


def _whereabouts(database: Database) -> str:
    server = run_transaction(database, _server)
    return f"{server} at {database.target.host}, database {database.target.database}"


def _server(cursor: Cursor) -> str:
    """Return the server's name and version, which it reports when one connects."""
    cockroachdb = cursor.connection.get_parameter_status("crdb_version")
    if cockroachdb:
        version = re.search(r"v\S+", cockroachdb)
        return f"CockroachDB {version[0] if version else ''}".strip()
    return f"PostgreSQL {str(cursor.connection.get_parameter_status('server_version')).split()[0]}"


if __name__ == "__main__":
    run(main)
