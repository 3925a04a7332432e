"""Every document does what it says: its commands, queries, programs and outputs are run, and what it names is there."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg2.extensions
import pytest
from document_reader import DocumentReader
from documents import PROJECT, Block, blocks, code_spans, commands, copy_project, documents, project_files, prose, text_of

README = "README.md"
LOCAL_DATABASE = "local_database.py"
# The beginning of a set-up command, which .ci/run runs as it stands.
INSTALLATION = r"python3 -m venv \.venv && \.venv/bin/pip install (?:-\S+ )*(?:-r \S+ )+&& "
# What a block that is not run may consist of: programs that the tests may not have, what is set for a shell that stays
# open, and what takes very long.
NOT_RUN = ("cockroach ", "docker ", "export ", "git ", "python benchmarks/", "python3 -m venv ", "source ")
# Programs of others, whose options are not looked up. (Those of cockroach are, where it is installed.)
FOREIGN = ("cockroach", "docker", "git", "pip", "psql", "pytest", "python -m pytest", "python3 -m venv", "rm", "ruff")
SUFFIXES = (".ini", ".json", ".md", ".py", ".sql", ".toml", ".txt", ".yml")
# How documents call files that the reader has, and this repository has not.
OF_THE_READER = re.compile(r"(?:my|your)[\w./-]*|(?:\w+/)*<\w+>.*")


def cases() -> list[tuple[str, bool]]:
    """Return each document, and whether its reader has a database; without one it is read if it names the local one."""
    with_database = [(name, True) for name in documents() if blocks(name)]
    without = [(name, False) for name in documents() if any(LOCAL_DATABASE in line for line in commands(name))]
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
    """Its blocks are followed one after the other, with the tables and the sample data there from the beginning."""
    reader = DocumentReader(clone, url if has_database else None, TEST_DATABASE_URL=server_url)
    if document != README or has_database:
        reader.run("python streaming_services.py --no-compare && python insert_data.py", document)
    followed = 0
    for block in blocks(document):
        needs_the_other = block.language == "sql" if not has_database else LOCAL_DATABASE in block.text
        if not needs_the_other and not re.fullmatch(INSTALLATION + r"\S+ -m pytest\n", block.text):
            reader.follow(block._replace(text=re.sub(INSTALLATION, "", block.text)))
            followed += 1
    reader.close()
    assert followed


@pytest.mark.parametrize("document", documents())
def test_what_is_not_run_could_be(document: str) -> None:
    for block in blocks(document):
        if "not-run" not in block.words:
            continue
        if block.language == "bash":
            subprocess.run(["bash", "-n", "-c", block.text], check=True)
            for line in block.text.splitlines():
                assert line.startswith(NOT_RUN), f"{block.place}: a test can run this"
        elif block.language == "python":
            ast.parse(block.text)
        else:
            assert block.language in ("ini", "yaml"), f"{block.place}: a test can run this"


@pytest.mark.parametrize("document", documents())
def test_every_option_exists(document: str) -> None:
    spans = [*commands(document), *code_spans(document)]
    for text in spans:
        if (script := re.search(r"\bpython ((?:benchmarks/)?\w+\.py)", text)) or (script := SCRIPT(text)):
            known = options(script[1])
        elif text.startswith("--"):
            known = set().union(*(options(name) for name in scripts()))
        else:
            known = None
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text.split(" -- ")[0]))
        assert known is None or not named - known, f"{document}: {text}: there is no {named - known}"
        assert known is not None or not named or text.startswith((*FOREIGN, "TEST_DATABASE_URL")), f"{document}: {text}"


@pytest.mark.skipif(not shutil.which("cockroach"), reason="cockroach is not installed")
@pytest.mark.parametrize("document", documents())
def test_every_option_of_cockroach_exists(document: str) -> None:
    for command in commands(document):
        if command.startswith("cockroach "):
            name = command.split()[1]
            told = subprocess.run(["cockroach", name, "--help"], capture_output=True, text=True, check=True).stdout
            assert set(re.findall(r" --[a-z-]+", command)) <= set(re.findall(r" --[a-z-]+", told)), command


def test_every_option_is_documented() -> None:
    texts = "\n".join(text_of(name) for name in documents())
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", texts))
    for script in scripts():
        assert options(script) - documented - {"--help"} == set(), f"{script}: options that no document names"


@pytest.mark.parametrize("document", documents())
def test_every_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (PROJECT / document).parent / path if path else PROJECT / document
        assert file.exists(), f"{document}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text()), f"{document}: {target}"


@pytest.mark.parametrize("document", documents())
def test_every_file_it_names_exists(document: str) -> None:
    made = {block.words[word] for block in blocks(document) for word in ("file", "append") if word in block.words}
    names = {Path(name).name for name in project_files()}
    for span in code_spans(document):
        if not re.fullmatch(r"[\w./-]+", span) or OF_THE_READER.fullmatch(span) or span in made:
            continue
        if span.endswith("/") and "/" in span[:-1]:
            assert (PROJECT / span).is_dir(), f"{document}: {span}"
        elif span.endswith(SUFFIXES):
            assert (PROJECT / span).exists() or ("/" not in span and span in names), f"{document}: {span}"


def test_no_password_in_an_example() -> None:
    texts = [text_of(name) for name in documents()] + [(PROJECT / ".env.example").read_text()]
    urls = [url for text in texts for url in re.findall(r"postgresql://[^\s\"'`)]+", text)]
    assert urls
    for url in urls:
        assert psycopg2.extensions.parse_dsn(url).get("password") in (None, "PASSWORD"), url


@cache
def options(script: str) -> set[str]:
    """Return the options of a script, those of its subcommands among them."""
    told = help_of(script)
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", told))
    if "{" in told and script != LOCAL_DATABASE:  # which hands the options of `sql` on to a shell
        for name in re.findall(r"^  {([\w,-]+)}", told, re.MULTILINE)[0].split(","):
            known |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", help_of(script, name)))
    return known


def help_of(script: str, *words: str) -> str:
    command = [sys.executable, str(PROJECT / script), *words, "--help"]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def scripts() -> list[str]:
    """Return the scripts at the top of the repository."""
    return [name for name in project_files() if name.endswith(".py") and "/" not in name]


def SCRIPT(text: str) -> "re.Match[str] | None":
    return re.match(r"(\w+\.py)\b", text)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
