"""A reader who does what a document says, block after block, and compares the outputs with those that it shows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import sqlparse
from documents import Block

from toolkit.database.target import Target

PATIENCE = 300  # seconds for one block of commands

# What a document that was written on some machine calls its server; on another machine it has another name.
DOCUMENTED_HOST = "localhost:26257"
DOCUMENTED_DATABASE = "streaming"
# A line of output that documents leave out, but for the one that is about it.
LOCAL_DATABASE_IN_USE = "DATABASE_URL is not set: using the local database"

# Runs the blocks of Python of one document as one session: each finds the names that those before it defined.
# A block comes as one line of JSON, and a line that says DONE follows its output.
DONE = "--- the end of this block's output ---"
PYTHON_SESSION = f"""
import json, sys
names = {{"__name__": "__main__"}}
for line in sys.stdin:
    exec(compile(json.loads(line), "the document", "exec"), names)
    print({DONE!r}, flush=True)
"""


class DocumentReader:
    """A reader of one document, with a copy of the project in which the commands are run.

    url: the database to use, as DATABASE_URL; None: the local database of the copy, as for a reader who has no other.
    variables: what else is in the environment of the commands.
    """

    def __init__(self, folder: Path, url: str | None, **variables: str) -> None:
        self._folder = folder
        self._url = url
        self._python: subprocess.Popen[str] | None = None
        self._output: str | None = None  # of the block before, if a block of text may follow and show it
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **variables}
        if url:
            self._environment["DATABASE_URL"] = url

    def follow(self, block: Block) -> None:
        """Do what a block of code says. Fails the test if it does not work as the document shows."""
        if "file" in block.words:
            (self._folder / block.words["file"]).write_text(block.text)
        elif "append" in block.words:
            with (self._folder / block.words["append"]).open("a") as file:
                file.write(block.text)
        elif "not-run" not in block.words and "tested-by" not in block.words:
            {
                "bash": self._bash,
                "console": self._console,
                "json": self._json,
                "jsonl": self._json,
                "mermaid": self._nothing,
                "python": self._python_code,
                "sql": self._sql,
                "text": self._text,
            }[block.language](block)

    def run(self, command: str, place: str, *, status: int = 0) -> str:
        """Run a shell command in which `python` is this Python, and return what it prints on both of its outputs."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command.replace(".venv/bin/", "")],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == status, f"{place}: {command}\nended with status {done.returncode}:\n{done.stdout}"
        return done.stdout

    def close(self) -> None:
        """End what the reader has started."""
        if self._python:
            self._python.communicate()

    def _nothing(self, block: Block) -> None:
        """A picture is for the eye."""

    def _bash(self, block: Block) -> None:
        self._output = self.run(block.text, block.place, status=int(block.words.get("exit", 0)))

    def _console(self, block: Block) -> None:
        parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
        assert not parts[0], f"{block.place}: a block of console begins with a command, `$ ...`"
        last = len(parts) // 2
        for number, (command, shown) in enumerate(zip(parts[1::2], parts[2::2], strict=True), 1):
            status = int(block.words.get("exit", 0)) if number == last else 0
            self._output = self.run(command, block.place, status=status)
            self._compare(shown, block)

    def _text(self, block: Block) -> None:
        assert self._output is not None, f"{block.place}: shown as output, but nothing that is run stands before it"
        self._compare(block.text, block)

    def _json(self, block: Block) -> None:
        for line in block.text.splitlines() if block.language == "jsonl" else [block.text]:
            json.loads(line)

    def _sql(self, block: Block) -> None:
        assert self._url, f"{block.place}: SQL is run on the server of the tests only"
        connection = psycopg2.connect(self._url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in sqlparse.split(block.text):
                cursor.execute(statement)
                if cursor.description:
                    assert cursor.fetchall(), f"{block.place}: no row comes of\n{statement}"
        connection.close()

    def _python_code(self, block: Block) -> None:
        if not self._python:
            self._python = subprocess.Popen(
                [sys.executable, "-c", PYTHON_SESSION],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        assert self._python.stdin
        assert self._python.stdout
        self._python.stdin.write(json.dumps(block.text) + "\n")
        self._python.stdin.flush()
        lines: list[str] = []
        for line in self._python.stdout:
            if line.rstrip() == DONE:
                self._output = "".join(lines)
                return
            lines.append(line)
        pytest.fail(f"{block.place}: the Python code ended with\n{''.join(lines)}")

    def _compare(self, shown: str, block: Block) -> None:
        output = self._output or ""
        varies = "varies" in block.words
        expected = list(_plain(shown, varies=varies))
        if LOCAL_DATABASE_IN_USE not in shown:
            output = re.sub(f"^{LOCAL_DATABASE_IN_USE}.*\n", "", output, flags=re.MULTILINE)
        came = list(_plain(self._as_documented(output), varies=varies))
        assert re.fullmatch(_pattern(expected), "".join(came)), (
            f"{block.place} shows\n{shown}\nbut what came is\n{self._as_documented(output)}"
        )

    def _as_documented(self, output: str) -> str:
        """Return an output with the server's names on this machine replaced by those that documents use."""
        if self._url:
            target = Target(self._url)
            output = output.replace(target.host, DOCUMENTED_HOST).replace(target.database, DOCUMENTED_DATABASE)
        return output.replace(f"{self._folder}{os.sep}", "")


def _plain(text: str, *, varies: bool) -> Iterator[str]:
    """Return the lines of an output without what differs between servers and from run to run.

    That is the version of the server, durations, quotes around values in CockroachDB's messages, and the way in which a
    SQL shell draws a table: psql and cockroach sql agree on its cells. With varies: numbers and the spaces around them.
    """
    for line in text.splitlines():
        if re.fullmatch(r"[-+ ]+|\(\d+ rows?\)|Time: .*|", line.strip()):
            continue
        plain = re.sub(r"CockroachDB v[\w.-]+|PostgreSQL \d[\d.]*", "SERVER", line)
        plain = re.sub(r"\b\d+(\.\d+)? s\b", "TIME", plain)
        plain = re.sub(r"\)=\('(.*?)'\)", r")=(\1)", plain)
        if "|" in plain:
            plain = " | ".join(cell.strip() for cell in plain.strip().strip("|").split("|"))
        if varies:
            plain = re.sub(r"\s*\d[\d,.]*\s*", " 0 ", plain)
        yield plain.rstrip() + "\n"


def _pattern(expected: list[str]) -> str:
    """Return a regular expression in which a line `...` stands for any lines, and `...` in a line for any text."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += re.escape(line).replace(re.escape("..."), ".*")
    return pattern
