"""Whatever a person types as the value of an argument of a script, the answer is words, and never a traceback.

argparse knows the arguments of each script, so a new one is tried here by itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from documents import PROJECT
from sample import fill

from toolkit import schema
from toolkit.database import Database

HERE = PROJECT / "tests" / "support" / "typed_values.py"

# Empty, huge, tiny, negative, no number, not UTF-8, and what is meant for an argument of another script.
VALUES = [
    "",
    " ",
    "0",
    "-1",
    "-0.0",
    "1e-10",
    "1e-320",
    "1e300",
    "1e999999999999",
    "9" * 30,
    "9" * 5_000,
    "nan",
    "-nan",
    "inf",
    "-inf",
    "1_0",
    "٣",
    "0x10",
    "\udcff",
    "x\udc80y",
    "日本語 🎬",
    "\x1b[31mred",
    "a\nb",
    "x" * 5_000,
    ".",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "watch.p99<50ms",
    "watch=1,rate=2",
    "limit=1",
    "json",
    "postgresql://127.0.0.1:1/x",
    "postgresql://\udcff@127.0.0.1:1/x",
    "users",
]
# What stands before a value where one by itself is not enough.
BEGINNINGS = {"--set": ["limit=", "since="], "--mix": ["watch="], "--expect": ["watch.p99<", "errors<"]}

# What a command line needs besides, lest it goes on for long: script, command, arguments.
COMMANDS: dict[tuple[str, str], list[str]] = {
    ("dbshell", ""): ["--query", "top_users"],
    ("insert_data", ""): ["people.json"],
    ("local_database", ""): [],
    ("report", ""): ["--out", "page.html"],
    ("simulate", "generate"): ["--users", "3", "--days", "2", "--out", "made", "--force"],
    ("simulate", "run"): ["--duration", "0.1", "--max-ops", "3", "--concurrency", "2"],
    ("simulate", "clean"): ["--yes"],
    ("simulate", "merge"): [],
    ("streaming_services", ""): ["--check"],
}


def python(*arguments: str, given: Any = None, **options: Any) -> Any:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", str(HERE), *arguments],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        **options,
    )
    return json.loads(done.stdout)


@cache
def options_of(script: str) -> dict[str, list[str]]:
    arguments = ["--query"] if script == "dbshell" else []
    found: dict[str, list[str]] = python("options", script, *arguments, env={**os.environ, "PYTHONPATH": str(PROJECT)})
    return {command: options for command, options in found.items() if options}


@pytest.fixture(scope="module")
def filled_url(module_url: str) -> Iterator[str]:
    database = Database(module_url)
    schema.apply(database, PROJECT / "schema.sql")
    fill(database)
    yield module_url
    database.close()


def test_every_command_is_tried() -> None:
    scripts = [path.stem for path in PROJECT.glob("*.py")]
    assert {(script, command) for script in scripts for command in options_of(script)} == COMMANDS.keys()


def without(arguments: list[str], option: str) -> list[str]:
    """Return the arguments without this option and its value."""
    if option not in arguments:
        return arguments
    place = arguments.index(option)
    return arguments[:place] + arguments[place + 2 :]


@pytest.mark.parametrize(("script", "command"), COMMANDS)
def test_whatever_is_typed_is_answered_in_words(script: str, command: str, filled_url: str, tmp_path: Path) -> None:
    (tmp_path / "people.json").write_text("[]")
    lines = []
    for option in options_of(script)[command]:
        needed = without(COMMANDS[script, command], option)
        for value in VALUES:
            for beginning in ["", *BEGINNINGS.get(option, [])]:
                typed = f"{option}={beginning}{value}" if option else f"{beginning}{value}"
                lines.append([*([command] if command else []), *needed, *([] if option else ["--"]), typed])
    variables = {**os.environ, "PYTHONPATH": str(PROJECT), "DATABASE_URL": filled_url}
    outcomes = python(script, given=lines, cwd=tmp_path, env=variables)
    wrong = []
    for line, (status, said) in zip(lines, outcomes, strict=True):
        if status not in (0, 1, 2) or "Traceback" in said or (status and not said.strip()):
            wrong.append(f"{[part[:60] for part in line]}: {status}, {said[-300:]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("simulate", ["generate", "--out="], "the name of a file or a folder is empty"),
        ("simulate", ["generate", "--users", "9" * 12], "expected a number from 1 to 1,000,000,000"),
        ("simulate", ["run", "--rate", "1e-10"], "expected a number from 0.001 to 1,000,000"),
        ("insert_data", ["--retry-for", "nan"], "expected a number of seconds, at most 1,000,000,000"),
        ("report", ["--until", "2026-02-30"], "expected a date such as 2026-01-31"),
        ("dbshell", ["--query", "top_users", "--set", "since=\udcff"], "expected text in UTF-8"),
        ("dbshell", ["--query", "top_users", "--set", "\x1b[31m"], r"expected PARAMETER=VALUE, got \x1b[31m"),
    ],
)
def test_what_is_expected_is_said(script: str, arguments: list[str], said: str) -> None:
    variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
    [(status, answer)] = python(script, given=[arguments], env=variables)
    assert status == 2
    assert answer.endswith(f": {said}\n")
