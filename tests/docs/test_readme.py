"""What only the README is held to: its two set-up commands, its length, its tables, and queries that show something."""

import re

from documents import commands, text_of
from sample import TABLES

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


def test_it_shows_three_queries() -> None:
    """What they give is compared with what stands there by tests/docs/test_documents.py."""
    assert len([line for line in commands("README.md") if line.startswith("python dbshell.py --query ")]) >= 3
