"""The SQL shell on the database that the scripts use, and the queries of queries.sql.

toolkit/shell.py chooses the shell, toolkit/queries.py reads the queries.
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
import sys
from pathlib import Path

from reporting.segment import Segment
from toolkit.arguments import utf8
from toolkit.console import UserError, printable
from toolkit.database import Cursor, Database, database_url, run_interruptible, run_or_explain
from toolkit.queries import read_queries
from toolkit.results import as_csv, as_json, as_table
from toolkit.shell import run_shell

QUERIES = Path(__file__).with_name("queries.sql")
FORMATS = {"table": as_table, "csv": as_csv, "json": as_json}


def main() -> int:
    words = sys.argv[1:]
    if any(word in ("-h", "--help") or word.startswith("--query") for word in words):
        return run_query(_arguments())
    # All other arguments are for the shell, which has a --set and a --format of its own.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--url")
    known, others = parser.parse_known_args(words)
    return run_shell(_database(known.url), others)


def run_query(arguments: argparse.Namespace) -> int:
    queries = read_queries(QUERIES)
    if not arguments.query:
        width = max(map(len, queries))
        print("\n".join(f"{query.name:{width}}  {query.summary}" for query in queries.values()))
        return 0
    if arguments.query not in queries:
        raise UserError(
            f"there is no query {arguments.query} in {QUERIES.name}: `python dbshell.py --query` lists them"
        )
    given = dict(arguments.set)
    query = Segment(given.get("plan"), given.get("country")).narrow(queries[arguments.query])
    statement, values = query.bind({name: query.value(name, text) for name, text in given.items()})
    database = _database(arguments.url)

    def read(cursor: Cursor) -> tuple[list[str], list[tuple[object, ...]]]:
        cursor.execute(statement, values)
        return [column.name for column in cursor.description or ()], cursor.fetchall()

    print(FORMATS[arguments.format](*run_interruptible(database, lambda: run_or_explain(database, read))))
    return 0


def _database(url: str | None) -> Database:
    return Database(database_url(url), setup="python streaming_services.py")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Open a SQL shell on the database that the scripts use: cockroach sql if it is on the PATH, else"
        " psql. Or run one of the queries of queries.sql.",
        usage="%(prog)s [--url URL] [-c SQL] [-f FILE] [...]\n"
        "       %(prog)s [--url URL] --query [NAME] [--set PARAMETER=VALUE] [--format {table,csv,json}]",
        epilog="Whatever else the shell understands can be given as well, if --query is not.",
        allow_abbrev=False,
    )
    parser.add_argument("--url", help="the database (default: DATABASE_URL, from the environment or .env)")
    parser.add_argument("-c", metavar="SQL", help="run these statements, and leave")
    parser.add_argument("-f", metavar="FILE", help="run the statements of a file, and leave")
    parser.add_argument("--query", nargs="?", const="", metavar="NAME", help="run this query; without a name, list all")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_assignment,
        metavar="PARAMETER=VALUE",
        help="instead of the query's own value: --set since=2025-06-01. plan=NAME and country=XX narrow any query to"
        " that part of the platform",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="how its rows are printed (default: table)")
    arguments = parser.parse_args()
    if arguments.c is not None or arguments.f is not None:
        parser.error("-c and -f are for the shell, and --query needs none: give one of them")
    return arguments


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = utf8(text).partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected PARAMETER=VALUE, got {printable(text)}")
    return name, value


if __name__ == "__main__":
    console.run(main)
