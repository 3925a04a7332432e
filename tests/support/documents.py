"""The documents of the repository (README.md, docs/ and so on), and what of them can be run.

What a block of code is for is said by the words behind its three backticks, which a reader never sees. CONTRIBUTING.md
("Documents that are run") describes them for whoever writes a document.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent.parent

# The first line of a block: ```language word word=value. A value that has spaces is not needed so far.
FENCE = re.compile(r"^```(?P<info>\S[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

NOT_OF_THE_PROJECT = {
    ".hypothesis",
    ".local_database",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
}


class Block(NamedTuple):
    """A block of code in a document.

    line: where its text begins. words: what its first line says after the language, as name -> value; a word without
    `=` has an empty value.
    """

    document: str
    line: int
    language: str
    words: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        """Where the block is, for the message of a test that fails."""
        return f"{self.document}:{self.line}"


def project_files() -> list[str]:
    """Return the paths of all files of the repository, also of those that are not committed yet."""
    if (PROJECT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
        names = {name for name in listed.split("\0") if (PROJECT / name).is_file()}
    else:  # a copy, or what a forge packs for a download
        paths = [path.relative_to(PROJECT) for path in PROJECT.rglob("*") if path.is_file()]
        names = {str(path) for path in paths if NOT_OF_THE_PROJECT.isdisjoint(path.parts)}
    return sorted(names)


def documents() -> list[str]:
    """Return the paths of all documents: every file of the repository that ends in .md."""
    return [name for name in project_files() if name.endswith(".md")]


def text_of(document: str) -> str:
    """Return what a document says."""
    return (PROJECT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Return the blocks of code of a document, in their order."""
    text = text_of(document)
    found = []
    for match in FENCE.finditer(text):
        language, *words = match["info"].split()
        line = text.count("\n", 0, match.start()) + 2
        values = {name: value for name, _, value in (word.partition("=") for word in words)}
        found.append(Block(document, line, language, values, match["text"]))
    return found


def prose(document: str) -> str:
    """Return a document without its blocks of code."""
    return FENCE.sub("", text_of(document))


def code_spans(document: str) -> list[str]:
    """Return what stands between single backticks in a document, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(document))]


def commands(document: str) -> list[str]:
    """Return the lines of a document that a shell would be given, whether a test runs them or not."""
    lines = []
    for block in blocks(document):
        if block.language == "bash":
            lines += [line for line in block.text.splitlines() if line]
        elif block.language == "console":
            lines += [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    return lines


def copy_project(folder: Path) -> None:
    """Copy the repository's files into a folder, in which nothing is then installed or started."""
    for name in project_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
