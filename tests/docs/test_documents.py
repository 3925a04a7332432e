"""Every document does what it says: its commands, queries and programs are run, and give the output that it shows."""

import ast
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from document_reader import LOCAL_DATABASE_IN_USE, DocumentReader
from documents import PROJECT, Block, blocks, commands, copy_project, documents, text_of

LOCAL_DATABASE = "local_database.py"
# The beginning of the set-up commands, which .ci/run runs as they stand.
INSTALLATION = re.compile(r"python3 -m venv \.venv && \.venv/bin/pip install -q( -r \S+)+ && ")
RUN_BY_CI = set((PROJECT / ".ci" / "run").read_text().replace(".venv/bin/", "").splitlines())
# What a block that is not run may consist of: programs that the tests may not have, what is set for a shell that stays
# open, and what takes very long.
NOT_RUN = re.compile(r"(cockroach|docker|export|git) |python benchmarks/|.*[ ;]docker ")


def cases() -> list[tuple[str, bool]]:
    """Return each document, and whether its reader has a database of their own.

    Those that show the local database are read by both kinds of readers.
    """
    with_database = [(document, True) for document in documents() if blocks(document)]
    without = [(name, False) for name in documents() if any(LOCAL_DATABASE in command for command in commands(name))]
    return with_database + without


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of the project with nothing installed or started in it."""
    folder = Path(tempfile.mkdtemp(prefix="clone-"))
    folder.chmod(0o755)  # as root, the local database runs as somebody else
    copy_project(folder)
    yield folder
    DocumentReader(folder, None).run(f"python {LOCAL_DATABASE} stop", "the end of a test")
    shutil.rmtree(folder)


@pytest.mark.parametrize(("document", "has_database"), cases())
def test_it_does_what_it_says(document: str, has_database: bool, clone: Path, url: str, server_url: str) -> None:
    """Its blocks are followed one after the other. The tables and the sample data are there at the beginning."""
    reader = DocumentReader(clone, url if has_database else None, TEST_DATABASE_URL=server_url)
    if document != "README.md" or has_database:  # its first command makes them
        reader.run("python streaming_services.py --no-compare && python insert_data.py", document)
    followed = 0
    is_followed = False
    for block in map(without_what_ci_runs, blocks(document)):
        if block.language != "text":  # which goes with the block before it
            is_followed = bool(block.text) and can_follow(block, has_database=has_database)
        if is_followed:
            reader.follow(block)
            followed += 1
    reader.close()
    assert followed


def without_what_ci_runs(block: Block) -> Block:
    """Return a block without the installation, the tests and the linters: .ci/run runs these as they stand."""
    if block.language != "bash":
        return block
    text = INSTALLATION.sub("", block.text)
    lines = [line for line in text.splitlines(keepends=True) if line.strip() not in RUN_BY_CI]
    return block._replace(text="".join(line for line in lines if line != ".venv/bin/python -m pytest -n 2\n"))


def can_follow(block: Block, *, has_database: bool) -> bool:
    """Return whether a block is for a reader who has a database of their own, or for one who has not."""
    is_about_the_local_one = LOCAL_DATABASE in block.text or LOCAL_DATABASE_IN_USE in block.text
    return not is_about_the_local_one if has_database else block.language != "sql"


@pytest.mark.parametrize("document", documents())
def test_what_is_left_to_another_test_is_tested_there(document: str) -> None:
    for block in blocks(document):
        test = block.words.get("tested-by")
        assert not test or document in text_of(test), f"{block.place}: {test} does not name the document"


@pytest.mark.parametrize("document", documents())
def test_what_is_not_run_cannot_be_run(document: str) -> None:
    for block in blocks(document):
        if "not-run" not in block.words:
            continue
        if block.language == "bash":
            subprocess.run(["bash", "-n", "-c", block.text], check=True)
            for line in block.text.splitlines():
                assert NOT_RUN.match(line), f"{block.place}: a test can run this: {line}"
        elif block.language == "python":
            ast.parse(block.text)
        else:
            assert block.language in ("ini", "yaml"), f"{block.place}: a test can run this"
