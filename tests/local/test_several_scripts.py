"""Scripts that use the database at the same time, and that are killed and interrupted at any moment."""

import fcntl
import os
import signal
import textwrap
import time

import pytest
from local_project import Project, first_line, kill, let_go, pipe


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
        import psycopg2
        from toolkit import local
        address = local.url()
        connection = psycopg2.connect(address)
        connection.cursor().execute("CREATE TABLE outlived AS SELECT 1")
        connection.commit()
        print(flush=True)
        input()
        print(local.url() == address, psycopg2.connect(address).info.dbname)
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
    assert not list(fresh.directory.glob("*.new"))


def test_programs_that_outlive_a_killed_script_are_waited_for(fresh: Project) -> None:
    first = fresh.start("local_database.py", "url")
    fresh.wait_for_initdb(first)
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
        assert not fresh.directory.exists() or not fresh.is_running()
    assert fresh.sql("SELECT 1") == "1"


def test_a_fork_of_a_user_does_not_stop_the_server(project: Project) -> None:
    code = """
        import os, sys, psycopg2
        from toolkit import local
        connection = psycopg2.connect(local.url())
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
    # It says so after 5 s. That is shortened here; the moment itself is nothing that could go wrong.
    code = "from toolkit import local; from toolkit.local import locks; locks.TOLD_AFTER = 0.5; local.url()"
    project.sql("SELECT 1")
    with (project.directory / "transition").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = project.start("-c", code)
        lines = iter(pipe(process.stderr).readline, "")
        assert any("waiting for another script" in line for line in lines)
    process.communicate(timeout=30)
    assert process.returncode == 0
