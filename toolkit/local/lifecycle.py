"""The lifecycle of a server of either kind: use it, start it if it does not run, leave it, stop it.

toolkit/local/locks.py explains the three locks. A file `keep` in the server's directory says that the server is to run
on when the last script has left it.
"""

import atexit
import contextlib
import functools
import os
import signal
import subprocess

from toolkit.console import UserError, say
from toolkit.local.data_directory import PROJECT, check_private, make_directory
from toolkit.local.locks import Polling, is_free, transition, try_lock, wait_for_lock
from toolkit.local.os_users import process_options
from toolkit.local.server import DATABASE, NOTHING_FROM_ENVIRONMENT, Server

START_LIMIT = 180.0  # seconds for a server to answer: one that was killed may have GBs of WAL to read
STOP_LIMIT = 120.0  # seconds for a server to stop, which may have GBs to write, before it is killed; and to be killed


@functools.cache
def use_until_exit(server: Server) -> None:
    """Hold the lock `in-use` until this process exits; the server is then stopped if nobody else uses it.

    Creates the server's directory if it is missing, but does not start the server. Further calls for the same server do
    nothing. Raises UserError if the directory is not a private folder of the server's owner.
    """
    if server.outside:
        say(f"the database runs as {server.owner.name}, who cannot enter {PROJECT}: its data is in {server.directory}")
    make_directory(server.directory, server.owner)
    with transition(server.directory):  # so that a script that is just exiting does not stop the server
        lock = wait_for_lock(server.directory / "in-use", "another script to leave the local database", shared=True)
    atexit.register(_leave, server, lock)


def ensure_running(server: Server) -> None:
    """Start the server unless it runs, wait until it answers, and create our database if it is missing.

    Call use_until_exit() first. Raises UserError, with the end of the log, if the server ends or does not answer within
    START_LIMIT.
    """
    with transition(server.directory):
        polling = Polling(f"{server.title} to start", START_LIMIT)
        started = _start_unless_running(server)
        while trouble := _make_database(server):
            if not started:  # the lock may have been held by the last processes of a server that was killed or stopped
                started = _start_unless_running(server)
            elif is_free(server.directory / "running"):
                raise UserError(f"{server.title} ended while it was starting. {server.log_end()}")
            if not polling.wait():
                raise UserError(f"{server.title} does not answer: {trouble}. {server.log_end()}")


def keep_running(server: Server) -> None:
    """Keep the server running when the last script has left it. This holds until the server is started again."""
    (server.directory / "keep").touch()


def stop_if_running(server: Server) -> bool:
    """Stop the server, even if scripts use it, and return whether it was running.

    Its directory has to be there. Raises UserError.
    """
    check_private(server.directory, server.owner)
    with transition(server.directory):
        running = not is_free(server.directory / "running")
        if running:
            _stop(server)
    return running


def _start_unless_running(server: Server) -> bool:
    """Start the server if nobody holds the lock `running`, and return whether it was started."""
    lock = try_lock(server.directory / "running")
    if lock is None:
        return False
    try:
        _start(server, lock)
    finally:
        os.close(lock)  # the server has inherited the descriptor, and so holds the lock as long as it lives
    return True


def _start(server: Server, lock: int) -> None:
    server.prepare(lock)
    log = server.directory / "log"
    log.unlink(missing_ok=True)
    (server.directory / "keep").unlink(missing_ok=True)
    with log.open("xb") as output:
        options = process_options(server.owner, server.directory, lock)
        process = subprocess.Popen(server.command(), stdout=output, stderr=output, **options)
    process.returncode = 0  # it outlives this process on purpose, so subprocess need not warn of it


def _make_database(server: Server) -> str:
    """Create our database unless it is there. Return why that is not possible yet; "" if the database is there."""
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

    Called at the exit of the process. lock: the file descriptor of the lock `in-use`.
    """
    os.close(lock)  # a fork of this process still holds the lock by its own copy of the descriptor
    # If the directory was deleted meanwhile, its server ends by itself. After Ctrl-C the next script that exits stops
    # it.
    with contextlib.suppress(FileNotFoundError, KeyboardInterrupt):
        try:
            with transition(server.directory):
                unused = is_free(server.directory / "in-use") and not (server.directory / "keep").exists()
                if unused and not is_free(server.directory / "running"):
                    _stop(server)
        except UserError as failure:
            say(f"error: {failure}")


def _stop(server: Server) -> None:
    """Stop the running server and wait until it has ended; kill it if it does not end. Raises UserError."""
    for number in (server.stop_signal, signal.SIGKILL):
        sent, polling = False, Polling(f"{server.title} to stop", STOP_LIMIT)
        while not is_free(server.directory / "running"):
            sent = sent or _send(server, number)
            if not polling.wait():
                break
        else:
            return
    raise UserError(f"{server.title} does not stop. {server.log_end()}")


def _send(server: Server, number: signal.Signals) -> bool:
    """Send the server a signal. Return False if it has not written its process id yet: try again."""
    try:
        os.kill(int((server.directory / server.pid_file).read_text().split()[0]), number)
    except (FileNotFoundError, IndexError):
        return False
    except ProcessLookupError:  # it was killed, and its child processes end by themselves
        return True
    return True
