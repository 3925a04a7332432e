"""Environment variables for child processes: few for a server, the caller's for a SQL shell."""

import os

# A server outlives the script that started it, it may run as another user (root's runs as nobody), and everybody who
# may inspect that user's processes can read its variables in /proc/PID/environ. So it gets only those that it needs,
# and no password or token from the caller's variables. Left out are:
# - LANG, LC_*: LC_ALL=C, below, takes precedence.
# - TMPDIR: both servers keep temporary files with their data, and another user may not enter the caller's folder.
# - PG* and COCKROACH_*: they are meant for some other server.
# - HTTP_PROXY and the like: a local server connects to nobody, and they often hold a password.
_FOR_SERVER = (
    "PATH",  # where `cockroach` is found
    "TZ",  # initdb makes it the time zone of the database; without it, that of the machine
    # Where the dynamic linker finds libraries, on machines that keep them in unusual places.
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
)


def of_server(home: str) -> dict[str, str]:
    """Return the variables for a server, and for programs that prepare its data. home: the server's directory."""
    given = {name: os.environ[name] for name in _FOR_SERVER if name in os.environ}
    # HOME keeps programs from reading the caller's settings; the locale makes logs and errors the same everywhere; and
    # a database for trying things out should not report to Cockroach Labs how it is used.
    return given | {"HOME": home, "LC_ALL": "C", "COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING": "true"}


def of_caller(**variables: str) -> dict[str, str]:
    """Return the caller's variables and these. PG* and COCKROACH_* are left out: they may name another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "COCKROACH_"))}
    return kept | variables
