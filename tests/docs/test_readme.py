"""What only the README is held to: its two set-up commands, its length, its tables, and queries that show something."""

import re

import pytest
import sqlparse
from documents import PROJECT, blocks, commands, text_of
from sample import TABLES
from seeding import load, query

README = text_of("README.md")


def test_it_has_two_set_up_commands_for_ci() -> None:
    """.ci/run takes the first line that makes a virtual environment as the start, and the second as the tests."""
    start, tests = (line.split(" && ") for line in re.findall(r"^python3 -m venv.*", README, re.MULTILINE))
    make, install, *scripts, shell = start
    assert make == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install -q -r requirements.txt"
    assert scripts == [".venv/bin/python streaming_services.py", ".venv/bin/python insert_data.py"]
    assert shell.startswith(".venv/bin/python ")
    assert tests == [make, f"{install} -r tests/requirements.txt", ".venv/bin/python -m pytest -n 2"]


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_it_lists_the_tables() -> None:
    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == list(TABLES)


@pytest.mark.usefixtures("database")
def test_its_queries_show_something(url: str) -> None:
    load(url, PROJECT / "test_data.json")
    queries = [text for block in blocks("README.md") if block.language == "sql" for text in sqlparse.split(block.text)]
    named = [line for line in commands("README.md") if line.startswith("python dbshell.py --query ")]
    assert queries
    assert len(named) >= 3
    for text in queries:
        assert len(query(url, text)) >= 2, text
