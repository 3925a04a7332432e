"""Script 4: a page with charts: of the platform, from the queries of queries.sql, or of a run of traffic.

python report.py [--out report.html] [--since DATE] [--until DATE] [--plan NAME] [--country XX] [--user ID]
                 [--currency NAME] [--as-of TIME] [--open]
python report.py --run run.jsonl [--run other.jsonl] [--out report.html] [--open]
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
from pathlib import Path

from toolkit.arguments import day, path, utf8
from toolkit.atomic_files import write_file
from toolkit.console import printable, run, say

QUERIES = Path(__file__).with_name("queries.sql")


def main() -> int:
    """Write the page, and say where it is."""
    from reporting.run_page import run_page

    arguments = _arguments()
    text = run_page(arguments.run) if arguments.run else _dashboard_page(arguments)
    write_file(arguments.out, text)
    print(f"{printable(str(arguments.out))}: {len(text.encode()) / 1000:,.0f} kB")
    if arguments.open:
        _show(arguments.out)
    return 0


def _dashboard_page(arguments: argparse.Namespace) -> str:
    import threading

    import tqdm

    from reporting.dashboard import ReportOptions, dashboard_page
    from toolkit.database import Database, database_url, run_interruptible
    from toolkit.queries import read_queries

    queries = read_queries(QUERIES)
    database = Database(database_url(arguments.url), setup="python streaming_services.py")
    options = ReportOptions(
        since=arguments.since,
        until=arguments.until,
        user_id=arguments.user,
        as_of=arguments.as_of,
        plan=arguments.plan,
        country=arguments.country,
        currency=arguments.currency,
    )
    # On a terminal only, and not in the first second. Shows the name of the query that is running.
    bar = tqdm.tqdm(disable=None, delay=1, mininterval=0, miniters=1, leave=False, bar_format="{n} queries, now {desc}")
    first = threading.Timer(1, bar.refresh)
    first.start()

    def tell(name: str) -> None:
        bar.set_description_str(name, refresh=False)
        bar.update()

    try:
        return run_interruptible(database, lambda: dashboard_page(database, queries, options, tell))
    finally:
        first.cancel()
        bar.close()


def _show(file: Path) -> None:
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        say("no browser was found: open the file in one")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw the platform, or a run of traffic, on one page.")
    parser.add_argument(
        "--out", type=path, default=Path("report.html"), metavar="FILE", help="the page (default: report.html)"
    )
    parser.add_argument("--since", type=day, metavar="DATE", help="the first day (default: a year before the end)")
    parser.add_argument("--until", type=day, metavar="DATE", help="the day after the last (default: all there is)")
    parser.add_argument(
        "--plan", type=utf8, metavar="NAME", help="only what users of this plan do, and what is paid for it"
    )
    parser.add_argument("--country", type=utf8, metavar="XX", help="only the users of this country: DE, KR, ...")
    parser.add_argument("--currency", type=utf8, metavar="NAME", help="what to call the currency of the prices")
    parser.add_argument("--user", type=int, metavar="ID", help="add a section about this user")
    parser.add_argument(
        "--as-of",
        type=utf8,
        metavar="TIME",
        help="as it was then, on CockroachDB: --as-of=-4.8s, or a time in UTC (default: now)",
    )
    parser.add_argument(
        "--run",
        type=path,
        action="append",
        metavar="FILE",
        help="draw a run of `simulate.py run --format json` instead; several are drawn side by side",
    )
    parser.add_argument("--url", help="the database (default: DATABASE_URL, from the environment or .env)")
    parser.add_argument("--open", action="store_true", help="show the page in the browser")
    arguments = parser.parse_args()
    of_the_platform = ("since", "until", "plan", "country", "currency", "user", "as_of", "url")
    if arguments.run and any(getattr(arguments, name) is not None for name in of_the_platform):
        parser.error(
            f"--run draws files: --{', --'.join(of_the_platform).replace('_', '-')} are for the page of the platform"
        )
    if arguments.since and arguments.until and arguments.since >= arguments.until:
        parser.error(f"--since {arguments.since} has to be before --until {arguments.until}")
    return arguments


if __name__ == "__main__":
    run(main)
