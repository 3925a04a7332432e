"""Which variables the programs get: the server and initdb what they need, the SQL shell what the caller has."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_project import Project, first_line, let_go

PROCESSES = Path("/proc")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the variables of a process in /proc")


def variables_of(pid: int) -> dict[str, str]:
    pairs = (PROCESSES / str(pid) / "environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def children(pid: int) -> Iterator[int]:
    """The processes that this one has started and that have not ended."""
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        if int(status.rpartition(")")[2].split()[1]) == pid:  # after the name: the state, and who started it
            yield int(folder.name)


@needs_proc
def test_the_server_gets_no_secret_of_the_caller(project: Project) -> None:
    secrets = {"SECRET_OF_MINE": "hunter2", "HTTPS_PROXY": "http://me:hunter2@proxy.invalid", "PGPASSWORD": "hunter2"}
    project.variables |= secrets | {"LD_LIBRARY_PATH": "/opt/lib", "LC_ALL": "C.UTF-8"}
    user = project.start_user()
    assert first_line(user)
    given = variables_of(project.server_pid())
    helpers = [(PROCESSES / str(pid) / "environ").read_bytes() for pid in children(project.server_pid())]
    assert let_go(user)[0] == 0
    assert given.pop("COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING") == "true"
    assert {name for name in given if name != "TZ"} == {"PATH", "HOME", "LC_ALL", "LD_LIBRARY_PATH"}
    assert (given["HOME"], given["LC_ALL"], given["LD_LIBRARY_PATH"]) == (str(project.directory), "C", "/opt/lib")
    assert helpers
    assert not [found for found in helpers if b"SECRET_OF_MINE" in found or b"hunter2" in found]


@needs_proc
def test_initdb_gets_no_secret_of_the_caller_and_its_time_zone(fresh: Project) -> None:
    fresh.variables |= {"SECRET_OF_MINE": "hunter2", "TZ": "Asia/Tokyo"}
    first = fresh.start("local_database.py", "url")
    fresh.wait_for_initdb(first)
    (initdb,) = children(first.pid)
    given = variables_of(initdb)
    first.communicate(timeout=60)
    assert (given["TZ"], given["HOME"]) == ("Asia/Tokyo", str(fresh.directory))
    assert "SECRET_OF_MINE" not in given
    assert fresh.sql("SHOW timezone") == "Asia/Tokyo"


def test_the_shell_has_the_variables_of_the_caller(project: Project) -> None:
    project.variables["MINE"] = "at home"
    assert project.run("sql", "-At", stdin="\\getenv mine MINE\n\\echo :mine\n").stdout == "at home\n"
