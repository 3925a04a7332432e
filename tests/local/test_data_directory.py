"""The folder with the server's data: damaged, deleted, of another version, at any path."""

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg2
import pytest
from local_project import Project, first_line, let_go, new_project, wheel

from toolkit.local.postgresql import memory, settings_for


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control"])
def test_a_half_made_data_folder_is_made_anew(prepared: Project, missing: str) -> None:
    prepared.sql("CREATE TABLE lost (id int)")
    (prepared.directory / "data" / missing).unlink()
    done = prepared.run("sql", "-At", "-c", "SELECT to_regclass('lost') IS NULL")
    assert "half made" in done.stderr
    assert done.stdout == "t\n"


def test_a_home_of_an_earlier_version_of_this_project_gets_the_lock_that_it_lacks(prepared: Project) -> None:
    (prepared.directory / "in-use").rename(prepared.directory / "users")
    owner = (prepared.directory / "users").owner()
    assert prepared.sql("SELECT 1") == "1"
    assert (prepared.directory / "in-use").owner() == owner
    assert not prepared.is_running()


def test_the_server_takes_a_part_of_the_memory(prepared: Project) -> None:
    """That of PostgreSQL by itself is for machines of long ago. What makes a COMMIT safe is left as it is."""
    settings = settings_for(memory())
    assert settings.keys() == {"shared_buffers", "max_wal_size", "checkpoint_timeout"}
    buffers = "SELECT pg_size_bytes(current_setting('shared_buffers')) / 1048576 || 'MB'"
    assert prepared.sql(buffers) == settings["shared_buffers"]
    assert prepared.sql("SHOW max_wal_size") == settings["max_wal_size"]


@pytest.mark.parametrize(
    ("megabytes", "buffers"), [(64, "128MB"), (1_024, "256MB"), (6_000, "1500MB"), (64_000, "2048MB")]
)
def test_a_quarter_of_the_memory_within_bounds(megabytes: int, buffers: str) -> None:
    assert settings_for(megabytes << 20)["shared_buffers"] == buffers


def test_data_of_another_version_is_refused_by_name(prepared: Project) -> None:
    (prepared.directory / "data" / "PG_VERSION").write_text("17\n")
    done = prepared.run("url")
    assert done.returncode == 1
    assert f"{prepared.directory}/data was made by PostgreSQL 17" in done.stderr


def test_a_server_that_does_not_start_is_reported_with_its_log(prepared: Project) -> None:
    with (prepared.directory / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    done = prepared.run("url")
    assert done.returncode == 1
    assert "no_such_setting" in done.stderr


@pytest.mark.parametrize(
    "name", ['o\'clock "50%" off, $HOME/ünï', "/".join(["a-long-name"] * 12), "a,comma=equal&and?question#hash\\"]
)
def test_any_path_will_do(open_folder: Path, name: str) -> None:
    with new_project(open_folder / name) as project:
        assert project.directory.is_relative_to(project.folder)
        assert project.sql("SELECT 1") == "1"
        process = project.start_user()
        first_line(process)
        assert let_go(process)[:2] == (0, "still here")


def test_a_folder_deleted_under_a_running_server_is_made_again(prepared: Project) -> None:
    prepared.run("url")
    old_server = prepared.server_pid()
    with (prepared.directory / "running").open() as old_lock:
        shutil.rmtree(prepared.directory)
        address = prepared.run("url").stdout.strip()
        os.kill(old_server, signal.SIGQUIT)
        fcntl.flock(old_lock, fcntl.LOCK_EX)
    psycopg2.connect(address).close()  # the old server has not taken the new one's socket with it


def test_a_pid_that_is_somebody_elses_by_now_does_not_keep_the_server_from_starting(project: Project) -> None:
    project.run("url")
    pid_file = project.directory / "data" / "postmaster.pid"
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
