"""Every command, query and example of the README does what the README says."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from toolkit.database import Cursor, Database, run_transaction

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text()
# What these lines do is for a cluster of the reader's own.
FOR_A_CLUSTER = ("cockroach ", "docker ", "export ")
START, TESTS = re.findall(r"^python3 -m venv.*", README, re.MULTILINE)
SCRIPTS = ("streaming_services.py", "insert_data.py", "local_database.py")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of the project with nothing installed or started in it."""
    folder = Path(tempfile.mkdtemp(prefix="clone-"))
    folder.chmod(0o755)  # as root, the database runs as somebody else
    files = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)
    for name in files.stdout.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    (folder / "more.json").write_text(blocks("json")[0])
    yield folder
    run("python local_database.py stop", folder)
    shutil.rmtree(folder)


def run(command: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell command in which `python` is this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command.replace(".venv/bin/", "")],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_start_ends_with_the_sample_data(clone: Path) -> None:
    """The virtual environment and the installation are .ci/run's part."""
    commands = START.split(" && ")
    assert commands[:2] == ["python3 -m venv .venv", ".venv/bin/pip install -q -r requirements.txt"]
    done = run(" && ".join(commands[2:]), clone)
    assert done.returncode == 0, done.stderr
    shown = README.split("ends with\n\n```text\n")[1].split("```")[0]
    for line in shown.splitlines()[2:-1]:
        assert line.split("|")[1].strip() in done.stdout


def test_the_test_command_runs_the_tests() -> None:
    assert TESTS.split(" && ")[1:] == [START.split(" && ")[1], ".venv/bin/python -m pytest"]


def test_every_command(clone: Path) -> None:
    run("python streaming_services.py && python insert_data.py", clone)
    for command in [line for block in blocks("bash") for line in block.splitlines()]:
        if command.startswith(FOR_A_CLUSTER) or command in (START, TESTS):
            continue
        done = run(command, clone)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def load(clone: Path, url: str, schema: str = "") -> None:
    with (clone / "schema.sql").open("a") as file:
        file.write(schema)
    done = run("python streaming_services.py && python insert_data.py", clone, DATABASE_URL=url)
    assert done.returncode == 0, done.stderr


def test_every_query(clone: Path, empty_database: Database, url: str) -> None:
    load(clone, url)
    queries = [block for block in blocks("sql") if block.startswith("SELECT")]
    assert len(queries) >= 4
    for query in queries:

        def rows(cursor: Cursor, query: str = query) -> list[tuple[object, ...]]:
            cursor.execute(query)
            return cursor.fetchall()

        assert len(run_transaction(empty_database, rows)) >= 2, query


def test_the_new_table_loads(clone: Path, url: str) -> None:
    (table,) = [block for block in blocks("sql") if block.startswith("CREATE TABLE")]
    load(clone, url, table)
    (clone / "watchlist.json").write_text(json.dumps({"watchlist": [{"user_id": 1, "content_id": 3}]}))
    done = run("python insert_data.py watchlist.json", clone, DATABASE_URL=url)
    assert "1 new" in done.stdout, done.stderr


def test_the_errors_are_shown_as_they_come(clone: Path, url: str) -> None:
    load(clone, url)
    (shown,) = [block for block in blocks("text") if block.startswith("error:")]
    wrong = (
        blocks("json")[0]
        .replace('"release_year"', '"relaese_year"')
        .replace("8.5", "8.55")
        .replace('"user_id": 4', '"user_id": 99')
    )
    (clone / "more.json").write_text(wrong)
    told = run("python insert_data.py more.json", clone, DATABASE_URL=url)
    assert told.returncode == 1
    assert told.stderr == shown


def test_the_example_of_the_services(clone: Path, url: str) -> None:
    load(clone, url)
    (example,) = blocks("python")
    (clone / "example.py").write_text(example)
    done = run("python example.py", clone, DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_option_is_documented_and_every_documented_option_exists() -> None:
    known = set()
    for script in SCRIPTS:
        told = subprocess.run([sys.executable, PROJECT / script, "--help"], capture_output=True, text=True, check=True)
        known |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", told.stdout))
    prose = re.sub(r"^(?:python3|cockroach|docker) .*", "", README, flags=re.MULTILINE)
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose))
    assert documented - known == set()
    assert known - documented - {"--help"} == set()


def test_every_file_and_every_service_is_listed() -> None:
    files = [path.name for path in PROJECT.glob("*.py")] + ["schema.sql", "test_data.json"]
    assert [name for name in files if f"`{name}`" not in README] == []
    import streaming_services

    assert [name for name in streaming_services.__all__ if name[0].islower() and f"`{name}`" not in README] == []


def test_no_password_in_an_example() -> None:
    urls = re.findall(r"postgresql://[^\s\"'`]+", README + (PROJECT / ".env.example").read_text())
    assert urls
    for url in urls:
        assert psycopg2.extensions.parse_dsn(url).get("password") in (None, "PASSWORD")
