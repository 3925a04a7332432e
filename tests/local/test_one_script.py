"""One command after the other: the database is there for each, and stopped after it unless it was left running."""

import contextlib
import os
import signal

import psycopg2
import pytest
from local_project import AS_ROOT, Project, first_line, let_go


def test_a_fresh_database_is_there_for_one_command_and_stopped_after_it(fresh: Project) -> None:
    assert fresh.sql("SELECT current_database()") == "streaming"
    assert not fresh.is_running()
    assert fresh.directory.stat().st_mode & 0o777 == 0o700


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
    process = project.start("-c", "from toolkit import local; print(local.url(), flush=True); input()")
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
