"""Which environment variables the programs get that are started here: the server few, the SQL shell the caller's."""

import os

# A server lives on when the script that started it has ended, it may run as another user (root's runs as nobody), and
# whoever may look at that user's processes reads in /proc/PID/environ what it was given. So it is given only what it
# has a use for, and no password or token that happens to be among the caller's variables. Not among these:
# - LANG, LC_*: LC_ALL=C, below, goes before them.
# - TMPDIR: both servers keep temporary files with their data, and the caller's folder may be closed to another user.
# - PG* and COCKROACH_*: they are the caller's words to some other server.
# - HTTP_PROXY and the like: a local server connects to nobody, and they often hold a password.
_FOR_SERVER = (
    "PATH",  # where `cockroach` is found
    "TZ",  # initdb makes it the time zone of the database; without it, that of the machine
    # Where the loader of programs is told to find libraries, on machines that keep them in places of their own.
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
)


def of_server(home: str) -> dict[str, str]:
    """Return the variables for a server, and for the programs that make it ready. home: a folder of its own."""
    given = {name: os.environ[name] for name in _FOR_SERVER if name in os.environ}
    # The home keeps programs from reading settings in the caller's; the locale makes logs and errors read the same
    # everywhere; and a database for trying things out should not report to Cockroach Labs how it is used.
    return given | {"HOME": home, "LC_ALL": "C", "COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING": "true"}


def of_caller(**variables: str) -> dict[str, str]:
    """Return the caller's variables without those that would lead a program to another server, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "COCKROACH_"))}
    return kept | variables
