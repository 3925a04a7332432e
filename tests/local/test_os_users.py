"""Who runs it: root, the owner of the project, somebody else; and on which machine."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from local_project import Project, copy_wheel, first_line, let_go, needs_root


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


@pytest.mark.parametrize("command", ["url", "sql", "stop"])
def test_on_windows_it_can_be_imported_and_says_what_to_do(project: Project, command: str) -> None:
    code = f"""
        import sys, argparse, subprocess, tempfile, shutil, importlib.util, psycopg2.extensions
        sys.platform = "win32"
        sys.modules["fcntl"] = sys.modules["pwd"] = None
        import local_database
        sys.argv = ["local_database.py", "{command}"]
        local_database.console.run(local_database.main)
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
    assert {path.owner() for path in (ordinary.directory, ordinary.directory.parent)} == {"daemon"}
    assert ordinary.run("url", user=first).returncode == 0
    assert "stopped" in ordinary.run("stop", user=second).stderr


@needs_root
def test_a_database_that_belongs_to_somebody_else_is_named(ordinary: Project, data_of_initdb: Path) -> None:
    shutil.chown(ordinary.folder, "root")
    ordinary.take_data(data_of_initdb)
    assert ordinary.sql("SELECT 1") == "1"  # as root, whose server runs as nobody
    done = ordinary.run("url", user="daemon")
    assert done.returncode == 1
    assert f"{ordinary.directory} belongs to nobody" in done.stderr


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
    assert f"its data is in {fresh.directory}" in done.stderr
    assert fresh.directory.parent == Path("/var/tmp")  # noqa: S108
    assert fresh.directory.owner() == "nobody"


@needs_root
def test_programs_that_the_server_cannot_reach_are_copied_once(prepared: Project, tmp_path: Path) -> None:
    copy_wheel(tmp_path / "private")
    (tmp_path / "private").chmod(0o700)
    prepared.variables["PYTHONPATH"] = str(tmp_path / "private")
    first, second = (prepared.run("sql", "-At", "-c", "SELECT 1") for _ in range(2))
    assert first.stdout == second.stdout == "1\n"
    assert "copied" in first.stderr
    assert "copied" not in second.stderr


@needs_root
def test_a_folder_that_somebody_has_put_in_the_way_is_not_used(fresh: Project, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    directory = fresh.directory
    directory.mkdir(mode=0o700)
    (directory / "transition").touch()
    shutil.chown(directory, "daemon")
    done = fresh.run("url")
    assert done.returncode == 1
    assert f"{directory} belongs to daemon" in done.stderr
