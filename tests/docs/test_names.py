"""What documents name is there: options, files, links. And every option of every script stands in some document."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import psycopg2.extensions
import pytest
from documents import PROJECT, blocks, code_spans, commands, documents, project_files, prose, text_of

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# A command of one of this repository's scripts, with or without `python`.
COMMAND = re.compile(r"(?:^|python3? )(?P<script>[\w/]+\.py)\b")
# Programs of others. The options of cockroach are looked up where it is installed, those of the rest are not.
FOREIGN = ("cockroach", "docker", "git", "mypy", "pip", "psql", "pytest", "python -m ", "python3 -m ", "rm", "ruff")
SUFFIXES = (".ini", ".json", ".md", ".py", ".sql", ".toml", ".txt", ".yml")
# How documents call files that the reader has and this repository has not.
OF_THE_READER = re.compile(r"(?:my|your)[\w./-]*")


@pytest.mark.parametrize("document", documents())
def test_every_option_exists(document: str) -> None:
    for text in [*commands(document), *code_spans(document)]:
        named = set(OPTION.findall(text))
        command = COMMAND.search(text)
        if command and (script := script_named(command["script"], document)):
            missing = named - options(script)
        elif text.startswith("--"):
            missing = named - set().union(*map(options, scripts()))
        else:
            missing = set() if text.startswith(FOREIGN) else named
        assert not missing, f"{document}: {text}: there is no option {', '.join(missing)}"


@pytest.mark.skipif(not shutil.which("cockroach"), reason="cockroach is not installed")
def test_every_option_of_cockroach_exists() -> None:
    for command in [command for document in documents() for command in commands(document)]:
        if command.startswith("cockroach "):
            name = command.split()[1]
            told = subprocess.run(["cockroach", name, "--help"], capture_output=True, text=True, check=True).stdout
            assert set(OPTION.findall(command)) <= set(OPTION.findall(told)), command


def test_every_option_is_documented() -> None:
    documented = {option for document in documents() for option in OPTION.findall(text_of(document))}
    for script in scripts():
        assert options(script) - documented - {"--help"} == set(), script


@pytest.mark.parametrize("document", documents())
def test_every_link_leads_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (PROJECT / document).parent / path if path else PROJECT / document
        assert file.exists(), f"{document}: {target}"
        assert not anchor or anchor in anchors(file), f"{document}: {target}"


@pytest.mark.parametrize("document", documents())
def test_every_file_it_names_exists(document: str) -> None:
    made = {block.words[word] for block in blocks(document) for word in ("file", "append") if word in block.words}
    names = {Path(name).name for name in project_files()}
    for span in code_spans(document):
        if not re.fullmatch(r"[\w./-]+", span) or span in SUFFIXES or OF_THE_READER.fullmatch(span) or span in made:
            continue
        if "/" in span[1:-1] or span.endswith(("/", *SUFFIXES)):
            exists = (PROJECT / span.lstrip("/")).exists() or span in names or Path(span).is_dir()
            assert exists, f"{document}: there is no {span}"


def test_no_password_in_an_example() -> None:
    texts = [text_of(name) for name in documents()] + [(PROJECT / ".env.example").read_text()]
    urls = [url for text in texts for url in re.findall(r"postgresql://[^\s\"'`)]+", text)]
    assert urls
    for url in urls:
        assert psycopg2.extensions.parse_dsn(url).get("password") in (None, "PASSWORD"), url


def scripts() -> list[str]:
    """Return the scripts at the top of the repository."""
    return [name for name in project_files() if "/" not in name and is_script(name)]


def is_script(name: str) -> bool:
    return name.endswith(".py") and '__name__ == "__main__"' in text_of(name)


def script_named(name: str, document: str) -> str | None:
    """Return the path of the script that a document means by a name; None if it is none of this repository's."""
    for path in (name, f"{Path(document).parent}/{name}"):
        if (PROJECT / path).exists() and is_script(path):
            return path
    return None


@cache
def options(script: str) -> set[str]:
    """Return the options of a script, those of its subcommands among them."""
    known = set(OPTION.findall(told := help_of(script)))
    subcommands = re.search(r"^  {([\w,-]+)}", told, re.MULTILINE)
    if subcommands and script != "local_database.py":  # its subcommands have no options but those of a SQL shell
        for name in subcommands[1].split(","):
            known |= set(OPTION.findall(help_of(script, name)))
    return known


def help_of(script: str, *words: str) -> str:
    command = [sys.executable, str(PROJECT / script), *words, "--help"]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def anchors(file: Path) -> set[str]:
    """Return the anchors that a forge makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
