"""python local_database.py sql: what is typed, piped and given to it, and what the caller's environment does."""

import time

import pytest
from local_project import Project, first_line, let_go
from terminal import Terminal


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
    terminal = Terminal("local_database.py", "sql", **project.options(None))
    terminal.read_until("streaming=#")
    terminal.type("SELECT pg_sleep(100), 'slept';\n")
    time.sleep(0.5)
    terminal.type("\x03")
    terminal.read_until("canceling statement")
    terminal.type("SELECT 6 * 7 AS answer;\n\\q\n")
    assert terminal.end() == 0
    assert "42" in terminal.shown.partition("canceling statement")[2]
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
