"""python streaming_services.py, as a person or a shell script runs it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from terminal import Terminal

import services
import streaming_services

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = PROJECT / "streaming_services.py"
TABLES = ["subscriptions", "users", "content", "watch_history", "reviews", "payment_history"]
NEXT = "Next: python insert_data.py"
PASSWORD = "geheim"  # noqa: S105


def environment(url: str | None) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return variables if url is None else {**variables, "DATABASE_URL": url}


def run(
    url: str | None, *arguments: str | Path, status: int = 0, script: Path = SCRIPT
) -> subprocess.CompletedProcess[str]:
    """Run the script to its end, which must have this exit status."""
    done = subprocess.run(
        [sys.executable, script, *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done


def start(url: str, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        env=environment(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def execute(url: str, statements: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statements)
    connection.close()


def count(url: str, table: str) -> int:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        [(number,)] = cursor.fetchall()
    connection.close()
    return int(number)


def changed(url: str, **parameters: str | int) -> str:
    return str(psycopg2.extensions.make_dsn(url, **parameters))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def filled(url: str) -> str:
    """The URL of a database with the six tables and two plans."""
    run(url)
    execute(url, "INSERT INTO subscriptions (name, price) VALUES ('Basic', 1), ('Premium', 2)")
    return url


def test_the_first_run_and_the_second(missing: str) -> None:
    for said in ("created", "already there"):
        done = run(missing)
        *lines, where, hint = done.stdout.splitlines()
        assert lines == [f"{table:15}  {said}" for table in TABLES]
        name = psycopg2.extensions.parse_dsn(missing)["dbname"]
        assert re.fullmatch(rf"(PostgreSQL|CockroachDB) v?\d\S* at .+, database {name}", where)
        assert hint == NEXT
        assert done.stderr == ""


def test_without_comparing(url: str) -> None:
    assert run(url, "--no-compare").stdout.splitlines()[:6] == [f"{table:15}  created" for table in TABLES]
    execute(url, "ALTER TABLE users ADD COLUMN phone TEXT")
    done = run(url, "--no-compare")
    assert done.stdout.splitlines()[0] == "no table was created: those of the file, if it names any, were already there"
    assert done.stderr == ""


def test_drift_is_a_warning_and_check_fails(filled: str) -> None:
    assert "as schema.sql says" in run(filled, "--check").stdout
    execute(filled, "ALTER TABLE users ADD COLUMN phone TEXT")
    execute(filled, "DROP TABLE reviews")
    checked = run(filled, "--check", status=1)
    lines = ["  users: column phone is text, schema.sql has none of that name", "  reviews: there is no such table"]
    assert checked.stdout == ""
    *differences, advice, left_out = checked.stderr.splitlines()[1:]
    assert differences == lines
    assert advice.endswith("python streaming_services.py --schema upgrade.sql")
    assert left_out.startswith("Not looked at: ")
    done = run(filled)
    assert re.search(r"reviews +created", done.stdout)
    assert done.stderr.splitlines()[0].startswith("warning: the database differs from schema.sql")
    assert done.stderr.splitlines()[1:] == [lines[0], advice]
    assert done.stdout.splitlines()[-1] == NEXT


def test_check_writes_nothing(url: str) -> None:
    assert run(url, "--check", status=1).stderr.count("there is no such table") == 6
    assert run(url).stdout.count("created") == 6


def test_what_cannot_be_compared(url: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.sql"
    file.write_text("CREATE TABLE IF NOT EXISTS public.mine (id INT8 PRIMARY KEY)")
    done = run(url, "--schema", file)
    assert done.stdout.splitlines()[0] == "mine  created"
    assert "not compared: mine.sql says itself in which schema" in done.stderr
    done = run(url, "--schema", file, "--check", status=1)
    assert "not compared: mine.sql says itself in which schema" in done.stderr


def test_another_schema_file_and_its_bad_statement(url: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.sql"
    file.write_text(
        "CREATE TABLE mine (id INT8 PRIMARY KEY);\n\nCREATE TABLE yours (id INT8 REFERENCES nobodys (id));\n"
    )
    error = run(url, "--schema", file, status=1).stderr
    assert error.startswith(f"error: {file}, line 3: ")
    assert "nobodys" in error
    assert "the statement begins: CREATE TABLE yours" in error
    error = run(url, "--schema", tmp_path / "none.sql", status=1).stderr
    assert "cannot be read: No such file" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["--reset"],
        ["--check", "--reset", "--yes"],
        ["--check", "--no-compare"],
        ["--yes=no"],
        ["--wait", "soon"],
        ["--wait", "-1"],
        ["--wait", "nan"],
        ["file.sql"],
    ],
)
def test_usage(arguments: list[str]) -> None:
    done = run("postgresql://127.0.0.1:1/nowhere", *arguments, status=2)
    assert done.stdout == ""
    assert "usage:" in done.stderr


def test_help_names_each_option() -> None:
    text = run(None, "--help").stdout
    for option in ("--schema", "--url", "--wait", "--check", "--reset", "--yes", "--no-compare"):
        assert option in text


def test_reset_with_yes(filled: str) -> None:
    execute(filled, "ALTER TABLE users ADD COLUMN phone TEXT")
    done = run(filled, "--reset", "--yes")
    assert done.stdout.splitlines()[:6] == [f"{table:15}  created" for table in TABLES]
    assert done.stdout.splitlines()[-1] == NEXT
    assert count(filled, "subscriptions") == 0
    run(filled, "--check")


@pytest.mark.parametrize(
    ("answer", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 2), ("\n", 1, 2), ("\x04", 1, 2), ("\x03", 130, 2)]
)
def test_reset_asks_on_a_terminal(filled: str, answer: str, status: int, left: int) -> None:
    terminal = Terminal("streaming_services.py", "--reset", env=environment(filled))
    terminal.read_until("[y/N]")
    terminal.type(answer)
    assert terminal.end() == status
    text = terminal.shown
    parameters = psycopg2.extensions.parse_dsn(filled)
    assert parameters["host"] in text
    assert f"database {parameters['dbname']}" in text
    assert "subscriptions: 2 rows" in text
    assert "2 rows will be gone" in text
    assert "Traceback" not in text
    assert count(filled, "subscriptions") == left


def test_url_goes_before_the_environment(url: str) -> None:
    run("postgresql://127.0.0.1:1/nowhere", "--url", url)
    run(url, "--check")


def test_the_env_file(url: str, tmp_path: Path) -> None:
    for file in [*PROJECT.glob("*.py"), PROJECT / "schema.sql"]:
        shutil.copy(file, tmp_path)
    shutil.copytree(PROJECT / "toolkit", tmp_path / "toolkit")
    escaped = url.replace("\\", "\\\\").replace("'", "\\'")
    (tmp_path / ".env").write_text(f"# where the data is\nDATABASE_URL='{escaped}'\n")
    script = tmp_path / SCRIPT.name
    assert run(None, script=script).stdout.count("created") == 6
    run(url, "--check")
    assert "no server answers" in run("postgresql://127.0.0.1:1/nowhere", script=script, status=1).stderr
    (tmp_path / ".env").write_bytes(b"DATABASE_URL=\xff")
    assert ".env is not text in UTF-8: byte 14" in run(None, script=script, status=1).stderr


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/x", "no server answers at 127.0.0.1:1"),
        (f"postgresql://me:{PASSWORD}@no-such-host.invalid:1/x", "host name no-such-host.invalid:1 is not known"),
        (f"mysql://me:{PASSWORD}@127.0.0.1:1/x", "not one libpq understands"),
        (f"postgresql://me:{PASSWORD}@@127.0.0.1:1/x", "@ or / in its password"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:port/x", "port"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/x?sslmod=disable", "no parameter named sslmod"),
        (f"postgresql://me:{PASSWORD}@127.0.0.1:1/x?sslmode=always", "sslmode is not one"),
        (f"me:{PASSWORD}@127.0.0.1", "not one libpq understands"),
    ],
)
def test_a_wrong_url(url: str, reason: str) -> None:
    error = run(url, status=1).stderr
    assert error.startswith("error: ")
    assert reason in error


def test_wait_for_a_server_that_comes_up(url: str) -> None:
    port = free_port()
    later = changed(url, host="127.0.0.1", port=port)
    assert "no server answers" in run(later, "--wait", "0.3", status=1).stderr
    waiting = start(later, "--wait", "20")
    time.sleep(1)
    assert waiting.poll() is None
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=forward, args=(listener, url), daemon=True).start()
        output, error = waiting.communicate(timeout=20)
    assert (waiting.returncode, error) == (0, "")
    assert output.count("created") == 6


def forward(listener: socket.socket, url: str) -> None:
    """Pass connections on to the server."""
    target = psycopg2.extensions.parse_dsn(url)
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # it was closed
            return
        if target["host"].startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{target['host']}/.s.PGSQL.{target['port']}")
        else:
            server = socket.create_connection((target["host"], int(target["port"])))
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=shovel, args=(one, other), daemon=True).start()


def shovel(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_ctrl_c_while_the_server_keeps_silent(filled: str) -> None:
    other = psycopg2.connect(filled)
    with other.cursor() as cursor:
        cursor.execute("ALTER TABLE subscriptions ADD COLUMN note TEXT")
        waiting = start(filled, "--reset", "--yes")
        time.sleep(1.5)
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGINT)
        began = time.monotonic()
        output, error = waiting.communicate(timeout=10)
        assert time.monotonic() - began < 1
    other.close()
    assert (waiting.returncode, output, error) == (130, "", "interrupted\n")
    assert count(filled, "subscriptions") == 2


def test_a_long_silence_is_told(filled: str) -> None:
    other = psycopg2.connect(filled)
    with other.cursor() as cursor:
        cursor.execute("ALTER TABLE subscriptions ADD COLUMN note TEXT")
        waiting = start(filled, "--reset", "--yes")
        assert waiting.stderr
        assert waiting.stderr.readline().startswith("waiting for an answer from ")
        other.rollback()
        assert waiting.communicate(timeout=20)[0].count("created") == 6
    assert waiting.returncode == 0
    other.close()


def test_a_read_only_server(filled: str) -> None:
    if "cockroach" in run(filled).stdout.lower():
        pytest.skip("the URL's option is PostgreSQL's")
    readonly = changed(filled, options="-c default_transaction_read_only=on")
    assert "the database is read-only" in run(readonly, "--reset", "--yes", status=1).stderr
    assert count(filled, "subscriptions") == 2


def test_a_reader_that_leaves(filled: str) -> None:
    with start(filled) as running:
        assert running.stdout
        running.stdout.close()
        assert running.stderr
        assert running.stderr.read() == ""
    assert running.returncode == 1


def test_as_a_module_it_does_nothing() -> None:
    command = [sys.executable, "-c", "import streaming_services"]
    done = subprocess.run(command, cwd=PROJECT, env=environment("nonsense"), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_as_a_module_it_offers_the_services() -> None:
    assert streaming_services.__all__ == services.__all__
    for name in services.__all__:
        assert getattr(streaming_services, name) is getattr(services, name)
