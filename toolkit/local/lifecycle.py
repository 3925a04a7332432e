"""The life of a server of either kind: it is taken into use, started if it does not run, left, and stopped.

toolkit/local/locks.py says what the three locks mean that are taken and asked for here. A file `keep` in the home
says that the server was left running on purpose.
"""

import atexit
import contextlib
import functools
import os
import signal
import subprocess

from toolkit.console import UserError, say
from toolkit.local.data_directory import PROJECT, check_private, make_home
from toolkit.local.locks import Patience, hold, is_free, transition, try_lock
from toolkit.local.os_users import process_options
from toolkit.local.server import DATABASE, NOTHING_FROM_ENVIRONMENT, Server

START_LIMIT = 180.0  # seconds until a server must answer: one that was killed has GBs of WAL to read
STOP_LIMIT = 120.0  # seconds until a server that does not stop, but writes GBs to disk, is killed; and for that to work


@functools.cache
def use_until_exit(server: Server) -> None:
    """Take the lock that says that this process uses the server, and leave the server when the process exits.

    Makes the home if it is missing, and does not start the server. Has an effect only once for a server. Raises
    UserError if the home is not a private folder of the server's.
    """
    if server.outside:
        say(f"the database runs as {server.owner.name}, who cannot enter {PROJECT}: its data is in {server.home}")
    make_home(server.home, server.owner)
    with transition(server.home):  # so that nobody who is just leaving stops the server
        lock = hold(server.home / "in-use", "another script to leave the local database", shared=True)
    atexit.register(_leave, server, lock)


def make_available(server: Server) -> None:
    """Start the server unless it runs, wait until it answers, and see to it that it has our database.

    The server has to be in use. Raises UserError, with the end of the log, if it ends or does not answer in
    START_LIMIT.
    """
    with transition(server.home):
        patience = Patience(f"{server.title} to start", START_LIMIT)
        started = _start_unless_running(server)
        while trouble := _make_database(server):
            if not started:  # what held the lock may be the rest of a server that was killed or told to stop
                started = _start_unless_running(server)
            elif is_free(server.home / "running"):
                raise UserError(f"{server.title} ended while it was starting. {server.log_end()}")
            if not patience.wait():
                raise UserError(f"{server.title} does not answer: {trouble}. {server.log_end()}")


def keep(server: Server) -> None:
    """Have the server left running by the last script that leaves it. Holds until it is started the next time."""
    (server.home / "keep").touch()


def stop_if_running(server: Server) -> bool:
    """Stop the server, whoever uses it, and return whether it was running.

    Its home has to be there. Raises UserError.
    """
    check_private(server.home, server.owner)
    with transition(server.home):
        running = not is_free(server.home / "running")
        if running:
            _stop(server)
    return running


def _start_unless_running(server: Server) -> bool:
    """Start the server if nobody holds the lock `running`, and return whether it was started."""
    lock = try_lock(server.home / "running")
    if lock is None:
        return False
    try:
        _start(server, lock)
    finally:
        os.close(lock)  # the server has inherited it, and holds it as long as it lives
    return True


def _start(server: Server, lock: int) -> None:
    server.prepare(lock)
    log = server.home / "log"
    log.unlink(missing_ok=True)
    (server.home / "keep").unlink(missing_ok=True)
    with log.open("xb") as output:
        options = process_options(server.owner, server.home, lock)
        process = subprocess.Popen(server.command(), stdout=output, stderr=output, **options)
    process.returncode = 0  # it outlives this process on purpose, so subprocess need not warn of it


def _make_database(server: Server) -> str:
    """Make our database unless it is there; return what is in the way, or nothing when all is well."""
    import psycopg2.extensions  # slow to import, and not needed to stop a server

    try:
        # Every database server has a database postgres to connect to.
        settings = NOTHING_FROM_ENVIRONMENT | {"dbname": "postgres", "connect_timeout": "5"}
        with contextlib.closing(psycopg2.connect(psycopg2.extensions.make_dsn(server.url(), **settings))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if not cursor.fetchone():
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
    except (OSError, ValueError) as error:
        return f"it has not said where it listens ({error})"
    except psycopg2.Error as error:
        return str(error).strip()
    return ""


def _leave(server: Server, lock: int) -> None:
    """Stop using the server, and stop it if nobody else uses it and it was not left running on purpose.

    Called at the exit of the process. lock: the file descriptor that holds the lock `in-use`.
    """
    os.close(lock)  # a fork of this process has a descriptor of its own for the same lock, which holds on
    # A folder deleted meanwhile is no error: its server ends by itself. After Ctrl-C the next to leave stops it.
    with contextlib.suppress(FileNotFoundError, KeyboardInterrupt):
        try:
            with transition(server.home):
                unused = is_free(server.home / "in-use") and not (server.home / "keep").exists()
                if unused and not is_free(server.home / "running"):
                    _stop(server)
        except UserError as failure:
            say(f"error: {failure}")


def _stop(server: Server) -> None:
    """Stop the server, which is running, and wait until it has ended; kill it if it does not. Raises UserError."""
    for number in (server.stop_signal, signal.SIGKILL):
        sent, patience = False, Patience(f"{server.title} to stop", STOP_LIMIT)
        while not is_free(server.home / "running"):
            sent = sent or _send(server, number)
            if not patience.wait():
                break
        else:
            return
    raise UserError(f"{server.title} does not stop. {server.log_end()}")


def _send(server: Server, number: signal.Signals) -> bool:
    """Send the server a signal. Return False if it has not written its process id yet: try again."""
    try:
        os.kill(int((server.home / server.pid_file).read_text().split()[0]), number)
    except (FileNotFoundError, IndexError):
        return False
    except ProcessLookupError:  # it was killed, and what it started ends by itself
        return True
    return True
