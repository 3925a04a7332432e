"""The command line of the local database: print its URL, open a SQL shell on it, stop it.

See toolkit/local/ for what a local database is, and how the scripts share it.
"""

from toolkit import console

if __name__ == "__main__":
    console.begin()

import argparse
import sys

from toolkit import local


def main() -> int:
    parser = argparse.ArgumentParser(
        description="The local database, which the scripts use when DATABASE_URL is not set.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="url           start it, leave it running, and print its URL\n"
        "sql [...]     open a SQL shell on it, or run what follows: -c STATEMENT, -f FILE,\n"
        "              and whatever else cockroach sql or psql understands\n"
        "stop          stop it",
    )
    parser.add_argument("command", choices=["url", "sql", "stop"])
    for_shell = sys.argv[1:2] == ["sql"]  # all further arguments are for the shell, even --help
    command = parser.parse_args(sys.argv[1:2] if for_shell else None).command
    with local.plain_errors():
        return {"url": print_url, "sql": open_shell, "stop": stop}[command]()


def print_url() -> int:
    print(local.leave_running())
    return 0


def open_shell() -> int:
    from toolkit.database import Database  # slow to import, and not needed to stop a server
    from toolkit.shell import run_shell

    return run_shell(Database(local.url()), sys.argv[2:])


def stop() -> int:
    stopped = local.stop()
    console.say(f"{' and '.join(stopped)} stopped" if stopped else "no local database is running")
    return 0


if __name__ == "__main__":
    console.run(main)
