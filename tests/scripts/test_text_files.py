"""Files of text that people write: with a byte order mark as Windows puts it there, and in other encodings."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import PROJECT

SCHEMA = "CREATE TABLE IF NOT EXISTS people (id INT8 PRIMARY KEY, name TEXT);"

# The scripts that read a file, by the name of an example of it: what it says, and the command with the file at its end.
READERS: dict[str, tuple[str, list[str]]] = {
    "my.sql": (SCHEMA, ["streaming_services.py", "--schema"]),
    "people.json": ('[{"id": 1, "name": "Zoë"}]', ["insert_data.py"]),
    "people.jsonl": ('{"id": 2, "name": "Zoë"}\n', ["insert_data.py"]),
    "my.toml": ("titles.count = 7\n", ["simulate.py", "generate", "--users", "1", "--days", "1", "--profile"]),
}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(url: str, tmp_path: Path) -> Run:
    """Runs the script that reads a file, on a database with the table people."""

    def script(name: str, content: bytes) -> "subprocess.CompletedProcess[str]":
        (tmp_path / name).write_bytes(content)
        first, *others = READERS[name][1]
        return subprocess.run(
            [sys.executable, str(PROJECT / first), *others, str(tmp_path / name)],
            cwd=tmp_path,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    assert script("my.sql", SCHEMA.encode()).returncode == 0
    return script


@pytest.mark.parametrize("name", READERS)
def test_a_byte_order_mark_is_no_part_of_a_file(name: str, run: Run) -> None:
    done = run(name, READERS[name][0].encode("utf-8-sig"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", READERS)
def test_another_encoding_is_said(name: str, run: Run) -> None:
    done = run(name, READERS[name][0].encode() + "ö".encode("latin-1"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "UTF-8" in done.stderr
    assert "Traceback" not in done.stderr
