"""python dbshell.py: which shell it opens, what that is told, and what everybody on the machine may see of it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from documents import PROJECT
from guarded_server import PASSWORD, QUOTED, Server, free_port
from terminal import Terminal

# In place of `cockroach`, or of a psql with TLS: it writes down what it was given.
RECORDER = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([sys.argv[1:], dict(os.environ), sys.stdin.read()]))
sys.exit(7)
"""


class Shell:
    """dbshell.py on a database: what it prints, and what other processes can see while it runs."""

    def __init__(self, path: str) -> None:
        self.variables = {**os.environ, "PATH": path}
        self.command = [sys.executable, "-X", "dev", "dbshell.py"]

    def run(self, url: str, *arguments: str, stdin: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=PROJECT,
            env={**self.variables, "DATABASE_URL": url, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        for unwanted in (PASSWORD, QUOTED, "Traceback", "Warning"):
            assert unwanted not in done.stderr
        return done

    def records(self, url: str, *arguments: str, **variables: str) -> tuple[list[str], dict[str, str]]:
        """Return the arguments and the environment that the stand-in of `cockroach` was given."""
        done = self.run(url, *arguments, **variables)
        assert done.returncode == 7, done.stderr  # its own status
        command, environment, _ = json.loads(done.stdout)
        assert not any(PASSWORD in word or QUOTED in word for word in command)
        return command, environment


@pytest.fixture
def psql() -> Shell:
    """On a machine without `cockroach`."""
    folders = os.environ["PATH"].split(os.pathsep)
    return Shell(os.pathsep.join(folder for folder in folders if not Path(folder, "cockroach").exists()))


@pytest.fixture
def cockroach(tmp_path: Path, psql: Shell) -> Shell:
    """On a machine with the stand-in."""
    (tmp_path / "cockroach").write_text(RECORDER)
    (tmp_path / "cockroach").chmod(0o755)
    return Shell(f"{tmp_path}{os.pathsep}{psql.variables['PATH']}")


@pytest.fixture
def psql_on_path(tmp_path: Path) -> Shell:
    """On a machine with a stand-in for a psql with TLS, and without `cockroach`."""
    (tmp_path / "psql").write_text(RECORDER)
    (tmp_path / "psql").chmod(0o755)
    return Shell(str(tmp_path))


@pytest.fixture
def no_shell(tmp_path: Path) -> Shell:
    """On a machine without any shell, but for the psql of the requirements, which has no TLS."""
    return Shell(str(tmp_path))


@pytest.fixture
def ways(server: Server) -> dict[str, str]:
    """URLs of one server, by what they try."""
    ca, key = server.file("ca.crt"), {"sslcert": server.file("client.crt"), "sslkey": server.file("client.key")}
    dead = f"127.0.0.1:{free_port()},localhost:{server.tls}"
    return {
        "plain": server.url(),
        "prefer": server.url(server.tls, sslmode="prefer"),
        "require": server.url(server.tls, sslmode="require", tcp_user_timeout="5000"),
        "verify-ca": server.url(server.tls, sslmode="verify-ca", sslrootcert=ca, host="127.0.0.1"),
        "verify-full": server.url(server.tls, sslmode="verify-full", sslrootcert=ca),
        "certificate": server.url(server.certified, sslmode="verify-full", sslrootcert=ca, **key),
        "system": server.url(server.tls, sslmode="verify-full", sslrootcert="system"),
        "several": f"postgresql://root:{QUOTED}@{dead}/postgres?sslmode=verify-full&sslrootcert={ca}",
    }


WITH_TLS = ("prefer", "require", "verify-ca", "verify-full", "certificate", "system", "several")


# --- psql, for real


def test_psql_reaches_the_server(ways: dict[str, str], no_shell: Shell) -> None:
    done = no_shell.run(ways["plain"], "-At", "-c", "SELECT current_user, current_database()")
    assert (done.returncode, done.stdout) == (0, "root|postgres\n"), done.stderr


@pytest.mark.skipif(shutil.which("psql") is None, reason="this machine has no psql of its own")
@pytest.mark.parametrize("way", WITH_TLS)
def test_the_psql_of_the_machine_reaches_a_server_with_tls(
    way: str, ways: dict[str, str], server: Server, psql: Shell
) -> None:
    query = "SELECT current_user, current_database()"
    done = psql.run(ways[way], "-At", "-c", query, SSL_CERT_FILE=server.file("ca.crt"))
    assert (done.returncode, done.stdout) == (0, "root|postgres\n"), done.stderr


@pytest.mark.parametrize("way", ["plain", "require"])
def test_no_process_shows_the_password(way: str, ways: dict[str, str], no_shell: Shell) -> None:
    psql = no_shell
    variables = {**psql.variables, "DATABASE_URL": ways[way]}
    command = [*psql.command, "-c", "SELECT pg_sleep(2)"]
    process = subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=subprocess.DEVNULL)
    seen: list[str] = []
    while process.poll() is None:
        seen += command_lines()
        time.sleep(0.1)
    assert process.returncode == 0
    assert any("pg_sleep" in line for line in seen)
    assert not [line for line in seen if PASSWORD in line or QUOTED in line]


def command_lines() -> list[str]:
    return subprocess.run(["ps", "-eo", "args", "ww"], capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_session_that_the_server_ends(ways: dict[str, str], no_shell: Shell) -> None:
    done = no_shell.run(ways["plain"], "-c", "SELECT pg_terminate_backend(pg_backend_pid())")
    assert done.returncode == 2
    assert "terminating connection due to administrator command" in done.stderr


def test_ctrl_c_belongs_to_the_shell(ways: dict[str, str], no_shell: Shell) -> None:
    """In psql it cancels the statement, over a connection of its own, and the shell goes on."""
    variables = {**no_shell.variables, "DATABASE_URL": ways["plain"], "TERM": "xterm", "PSQL_PAGER": ""}
    terminal = Terminal("dbshell.py", env=variables)
    terminal.read_until("postgres=#")
    terminal.type("SELECT pg_sleep(100), 'slept';\n")
    time.sleep(0.7)
    terminal.type("\x03")
    terminal.read_until("canceling statement")
    terminal.type("SELECT 6 * 7 AS answer;\n\\q\n")
    assert terminal.end() == 0
    assert "42" in terminal.shown.partition("canceling statement")[2]


def test_what_is_piped_and_what_is_in_a_file(ways: dict[str, str], psql: Shell, tmp_path: Path) -> None:
    (tmp_path / "two.sql").write_text("SELECT 1;\nSELECT 2;\n")
    assert psql.run(ways["plain"], "-At", stdin="SELECT 3;").stdout == "3\n"
    assert psql.run(ways["plain"], "-At", "-f", str(tmp_path / "two.sql")).stdout == "1\n2\n"
    assert psql.run("postgresql://nowhere.invalid/x", "--url", ways["plain"], "-At", "-c", "SELECT 4").stdout == "4\n"
    assert psql.run(ways["plain"], "-At", "--set", "n=5", stdin="SELECT :n;").stdout == "5\n"  # psql's own --set


@pytest.mark.parametrize("arguments", [["-c", "SELECT 1/0; SELECT 'too far'"], ["-f", "broken.sql"], []])
def test_the_first_error_ends_it(arguments: list[str], ways: dict[str, str], psql: Shell, tmp_path: Path) -> None:
    broken = "SELECT 1/0;\nSELECT 'too far';\n"
    (tmp_path / "broken.sql").write_text(broken)
    arguments = [str(tmp_path / word) if word == "broken.sql" else word for word in arguments]
    done = psql.run(ways["plain"], *arguments, stdin=broken)
    assert done.returncode not in (0, 2)
    assert "division by zero" in done.stderr
    assert "too far" not in done.stdout


# --- Without a shell that has TLS


@pytest.mark.parametrize("way", WITH_TLS)
def test_statements_are_run_without_a_shell(way: str, ways: dict[str, str], server: Server, no_shell: Shell) -> None:
    done = no_shell.run(ways[way], "-c", "SELECT current_user AS me", SSL_CERT_FILE=server.file("ca.crt"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "me\n----\nroot\n(1 row)\n", "")


def test_statements_and_files_in_their_order(ways: dict[str, str], no_shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "two.sql").write_text("INSERT INTO t VALUES (2); -- ;\nSELECT a FROM t ORDER BY a;\n", "utf-8-sig")
    first = "CREATE TEMP TABLE IF NOT EXISTS t (a INT8); INSERT INTO t VALUES (1)"
    done = no_shell.run(ways["require"], "-c", first, "-f", str(tmp_path / "two.sql"), "--command=DROP TABLE t")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "CREATE TABLE\nINSERT 0 1\nINSERT 0 1\na\n-\n1\n2\n(2 rows)\nDROP TABLE\n"
    assert done.stderr == ""


def test_what_the_server_remarks_is_told(ways: dict[str, str], no_shell: Shell) -> None:
    done = no_shell.run(ways["require"], "-c", "DROP TABLE IF EXISTS nothing")
    assert (done.returncode, done.stdout) == (0, "DROP TABLE\n")
    assert 'table "nothing" does not exist, skipping' in done.stderr


@pytest.mark.parametrize("arguments", [["-c", "SELECT 1; SELECT 1/0; SELECT 'too far'"], ["-f", "broken.sql"]])
def test_the_first_error_ends_statements(
    arguments: list[str], ways: dict[str, str], no_shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "broken.sql").write_text("SELECT 1;\nSELECT 1/0;\nSELECT 'too far';\n")
    arguments = [str(tmp_path / word) if word == "broken.sql" else word for word in arguments]
    done = no_shell.run(ways["require"], *arguments)
    assert done.returncode == 1
    assert done.stdout == "?column?\n--------\n       1\n(1 row)\n"
    assert "division by zero" in done.stderr
    assert ("broken.sql, line 2: " in done.stderr) == ("-f" in arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "only -c SQL, -f FILE and --query are there"),
        (["-At", "-c", "SELECT 1"], "only -c SQL, -f FILE and --query are there"),
        (["-f", "-"], "only -c SQL, -f FILE and --query are there"),
        (["-c", r"\d"], r"\d is for psql, and not SQL"),
    ],
)
def test_what_needs_a_shell_names_the_packages(
    arguments: list[str], reason: str, ways: dict[str, str], no_shell: Shell
) -> None:
    done = no_shell.run(ways["verify-full"], *arguments, stdin="SELECT 1;")
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert "`cockroach` from https://" in done.stderr
    assert "postgresql-client (apt)" in done.stderr


def test_a_query_by_its_name_needs_no_shell(ways: dict[str, str], no_shell: Shell) -> None:
    done = no_shell.run(ways["require"], "--query", "top_users")
    assert (done.returncode, done.stdout) == (1, "")
    assert 'relation "watch_history" does not exist' in done.stderr


def test_ctrl_c_ends_statements(ways: dict[str, str], no_shell: Shell) -> None:
    terminal = Terminal(
        "dbshell.py", "-c", "SELECT pg_sleep(100)", env={**no_shell.variables, "DATABASE_URL": ways["require"]}
    )
    time.sleep(2)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown


# --- What the psql of the machine is told


@pytest.mark.parametrize("way", WITH_TLS)
def test_psql_gets_all_in_its_environment(way: str, ways: dict[str, str], server: Server, psql_on_path: Shell) -> None:
    command, environment = psql_on_path.records(ways[way], "-c", "SELECT 1", SSL_CERT_FILE=server.file("ca.crt"))
    assert command == ["--set=ON_ERROR_STOP=1", "-c", "SELECT 1"]
    given = {name: value for name, value in environment.items() if name.startswith("PG")}
    assert (given["PGUSER"], given["PGPASSWORD"], given["PGDATABASE"]) == ("root", PASSWORD, "postgres")
    assert given["PGHOST"] == ("127.0.0.1" if way == "verify-ca" else "localhost")
    assert given["PGPORT"] == str(server.certified if way == "certificate" else server.tls)
    mode = "require" if way in ("prefer", "require") else "verify-ca" if way == "verify-ca" else "verify-full"
    assert given["PGSSLMODE"] == mode
    if mode != "require":
        assert given["PGSSLROOTCERT"] == server.file("ca.crt")
    assert ("PGSSLKEY" in given) == (way == "certificate")


# --- What `cockroach sql` is told


def url_given(environment: dict[str, str]) -> tuple[Any, dict[str, str]]:
    parts = urlsplit(environment["COCKROACH_URL"])
    return parts, {name: values[0] for name, values in parse_qs(parts.query).items()}


@pytest.mark.parametrize("way", ["plain", "verify-full", "certificate", "system", "several"])
def test_cockroach_gets_a_url_in_its_environment(
    way: str, ways: dict[str, str], server: Server, cockroach: Shell
) -> None:
    command, environment = cockroach.records(ways[way], "-c", "SELECT 1", SSL_CERT_FILE=server.file("ca.crt"))
    assert command == ["sql", "-e", "SELECT 1"]
    parts, query = url_given(environment)
    assert (parts.username, unquote(parts.password), parts.path) == ("root", PASSWORD, "/postgres")
    port = {"plain": server.plain, "certificate": server.certified}.get(way, server.tls)
    assert (parts.hostname, parts.port) == ("localhost", port)
    assert query.pop("sslmode") == ("disable" if way == "plain" else "verify-full")
    files = {"sslrootcert": server.file("ca.crt")} if way != "plain" else {}
    if way == "certificate":
        files |= {"sslcert": server.file("client.crt"), "sslkey": server.file("client.key")}
    assert query == files
    assert "PGPASSWORD" not in environment


@pytest.mark.parametrize("way", ["prefer", "require", "verify-ca"])
def test_what_cockroach_url_cannot_say_is_an_option_and_the_password_a_variable(
    way: str, ways: dict[str, str], server: Server, cockroach: Shell
) -> None:
    command, environment = cockroach.records(ways[way], "-f", "my.sql", "--format", "csv")
    assert command[:2] == ["sql", "--url"]
    assert command[3:] == ["-f", "my.sql", "--format", "csv"]
    parts = urlsplit(command[2])
    assert (parts.username, parts.password, parts.port) == ("root", None, server.tls)
    assert parse_qs(parts.query)["sslmode"] == ["verify-ca" if way == "verify-ca" else "require"]
    assert environment["PGPASSWORD"] == PASSWORD
    assert "COCKROACH_URL" not in environment


def test_nothing_leads_cockroach_elsewhere(ways: dict[str, str], cockroach: Shell) -> None:
    elsewhere = {"COCKROACH_URL": "postgresql://x/y", "COCKROACH_INSECURE": "true", "PGHOSTADDR": "", "PGAPPNAME": "me"}
    _, environment = cockroach.records(ways["plain"], **elsewhere)
    assert [name for name in environment if name.startswith(("PG", "COCKROACH_"))] == ["COCKROACH_URL"]
    assert urlsplit(environment["COCKROACH_URL"]).hostname == "localhost"


def test_what_the_url_leaves_to_variables_reaches_both(server: Server, cockroach: Shell, psql: Shell) -> None:
    given = {"PGUSER": "ordinary", "PGPASSWORD": PASSWORD, "PGOPTIONS": "-csearch_path=pg_catalog", "PGPORT": "1"}
    url = f"postgresql://localhost:{server.plain}/postgres"
    _, environment = cockroach.records(url, **given)
    parts, query = url_given(environment)
    assert (parts.username, unquote(parts.password)) == ("ordinary", PASSWORD)
    assert query["options"] == "-csearch_path=pg_catalog"
    done = psql.run(url, "-At", "-c", "SELECT current_user, current_setting('search_path')", **given)
    assert done.stdout == "ordinary|pg_catalog\n"


# --- When there is no way in


@pytest.mark.parametrize("shell", ["psql", "cockroach"])
def test_why_there_is_no_connection(shell: str, server: Server, request: pytest.FixtureRequest) -> None:
    tool: Shell = request.getfixturevalue(shell)
    other = server.file("other.crt")
    for url, reason in {
        f"postgresql://root:{QUOTED}@127.0.0.1:{free_port()}/x": "no server answers at 127.0.0.1:",
        server.url(password="wrong"): "does not let user root in",  # noqa: S106
        server.url(server.tls, sslmode="verify-full", sslrootcert=other): "is not signed by the authority",
        server.url().replace("/postgres?", "/missing?"): "has no database missing",
        "mysql://root@localhost/x": "not one libpq understands",
    }.items():
        done = tool.run(url, "-c", "SELECT 1")
        assert done.returncode == 1
        assert reason in done.stderr


# --- Queries by their names


@pytest.fixture
def query(url: str, psql: Shell) -> "Run":
    for script in ("streaming_services.py", "insert_data.py"):
        subprocess.run([sys.executable, script, "--url", url], cwd=PROJECT, check=True, capture_output=True)
    return lambda *arguments: psql.run(url, *arguments)


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_all_queries_are_listed_without_a_database(psql: Shell) -> None:
    done = psql.run("postgresql://nowhere.invalid/x", "--query")
    assert done.returncode == 0
    assert "top_users                   The users who watched most in a period.\n" in done.stdout
    assert len(done.stdout.splitlines()) > 30


def test_a_query_as_a_table_as_csv_and_as_json(query: Run) -> None:
    table = query("--query", "payment_methods", "--set", "since=2024-09-01")
    assert table.stdout.splitlines() == [
        "method | payments | revenue | average_amount | share_percent",
        "-------+----------+---------+----------------+--------------",
        "paypal |        1 |   18.99 |          18.99 |          65.5",
        "card   |        1 |    9.99 |           9.99 |          34.5",
        "(2 rows)",
    ]
    more = ("--query=users_and_plans", "--set", "limit=1")
    assert query(*more, "--format=csv").stdout == (
        "user_id,name,email,plan,price\n1,Amara Okafor,amara.okafor@example.com,Premium,14.99\n"
    )
    [row] = json.loads(query(*more, "--format", "json").stdout)
    assert row == {
        "user_id": 1,
        "name": "Amara Okafor",
        "email": "amara.okafor@example.com",
        "plan": "Premium",
        "price": 14.99,
    }
    part = ("--query", "users_and_plans", "--set", "plan=Premium", "--format", "json")
    assert {row["plan"] for row in json.loads(query(*part).stdout)} == {"Premium"}
    assert query(*part, "--set", "country=XX").stdout == "[]\n"
    nothing = ("--query", "user_history", "--set", "user_id=99")
    assert query(*nothing).stdout.splitlines()[-1] == "(0 rows)"
    assert json.loads(query(*nothing, "--format", "json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--query", "top_user"], "there is no query top_user in queries.sql"),
        (["--query", "top_users", "--set", "user=1"], "has no parameter user; it has: since, until, limit"),
        (["--query", "top_users", "--set", "limit=ten"], "limit of the query top_users is a number, not 'ten'"),
        (["--query", "top_users", "--set", "since=nonsense"], "nonsense"),
    ],
)
def test_a_query_that_cannot_be_run(arguments: list[str], reason: str, query: Run) -> None:
    done = query(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert reason in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--query", "top_users", "--set", "limit"],
        ["--query", "top_users", "--format", "xml"],
        ["--query", "top_users", "-c", "SELECT 1"],
        ["--query", "top_users", "more"],
    ],
)
def test_a_wrong_command_line_is_status_2(arguments: list[str], psql: Shell) -> None:
    done = psql.run("postgresql://nowhere.invalid/x", *arguments)
    assert done.returncode == 2
    assert "usage: dbshell.py" in done.stderr
