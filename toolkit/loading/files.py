"""Fixture files -> rows, strictly: what JSON leaves to the reader (twice the same name, NaN) is an error here.

A JSON document is an object: table -> list of rows; it is read whole. A JSON Lines file holds one row a line, for the
table that its name says up to the first dot; it is read as a stream. Both may be compressed (.gz).
"""

import json
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from toolkit.console import Failure
from toolkit.exact_json import SCAN, decode, shortened
from toolkit.loading.problems import BadInput, Problem

DOCUMENTS = (".json", ".json.gz")
LINES = (".jsonl", ".jsonl.gz")
CHUNK_BYTES = 128_000
CHUNK_ROWS = 1_000


class Source:
    """The rows of one table in one file.

    before: how many rows the table has in the documents before this one.
    """

    def __init__(self, file: Path, table: str, rows: list[Any] | None = None, before: int = 0) -> None:
        self.file = file
        self.table = table
        self.is_document = rows is not None
        self.unit = "row" if self.is_document else "line"
        self.before = before
        self._rows = rows
        self._stream: IO[bytes] | None = None

    def chunks(self) -> Iterator[list["RawRow"]]:
        """Return the rows, some hundreds at a time, which stay in the processor's cache while they are checked."""
        if self._rows is None:
            for first, block in self.blocks():
                yield self.parse_block(first, block)
            return
        for start in range(0, len(self._rows), CHUNK_ROWS):
            rows = self._rows[start : start + CHUNK_ROWS]
            yield [(self, number, row) for number, row in enumerate(rows, start + 1)]

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Return the lines of a JSON Lines file, some hundreds at a time: the number of the first, and the lines."""
        number = 1
        with _opened(self.file) as self._stream:
            while block := self._stream.read(CHUNK_BYTES) + self._stream.readline():
                yield number, block
                number += block.count(b"\n")

    def count(self, most: int) -> int:
        """Return how many rows there are, or some number above `most` if there are more."""
        if self._rows is not None:
            return len(self._rows)
        number = 0
        with _opened(self.file) as stream:
            for line in stream:
                number += not line.isspace()
                if number > most:
                    break
        return number

    def fraction_read(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        if self._stream is None:
            return float(self.is_document)  # documents are read whole
        if self._stream.closed:
            return 1.0
        raw = getattr(self._stream, "fileobj", self._stream)  # of a .gz the compressed file
        return float(raw.tell() / max(1, os.fstat(raw.fileno()).st_size))

    def problem(self, number: int, text: str, key: str = "", column: str = "") -> Problem:
        """Return a Problem with a row of these."""
        return Problem(str(self.file), text, self.table, number, self.unit, key, column)

    def parse_block(self, first: int, block: bytes) -> list["RawRow"]:
        """Return the rows in a block of lines."""
        try:
            lines = block.decode().removesuffix("\n").split("\n")
            parsed = [SCAN(line, 0) for line in lines]
            if [end for _, end in parsed] == list(map(len, lines)):
                return [(self, number, row) for number, (row, _) in enumerate(parsed, first)]
        except (ValueError, RecursionError, StopIteration):
            pass  # look again, at each line
        return [
            self.parse_line(number, line)
            for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), first)
            if line and not line.isspace()
        ]

    def parse_line(self, number: int, line: bytes) -> "RawRow":
        """Return the row in a line."""
        try:
            return self, number, decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError) as error:
            return self, number, self.problem(number, _explained(error))


# A row as it stands in a file: whose it is, its number there (the position in its table of the document, or the line),
# and what JSON says it is: a tuple of (column, value) pairs if all is well, a Problem if the line is not JSON.
RawRow = tuple[Source, int, Any]


def find(paths: Iterable[Path]) -> list[Source]:
    """Return the rows in these files, and in the fixtures of these folders, table by table. Reads documents whole.

    Raises Failure if there are no fixtures, and BadInput with all that is wrong with the documents.
    """
    found: list[Source] = []
    problems: list[Problem] = []
    files = [file for path in paths for file in _files(path)]
    for file, times in Counter(file.resolve() for file in files).items():
        if times > 1:  # rows that leave out their keys would be loaded as often
            problems.append(Problem(str(file), "the file is given more than once"))
    for file in files:
        if file.name.endswith(LINES):
            found.append(Source(file, file.name.partition(".")[0]))
        else:
            _read_document(file, found, problems)
    if problems:
        raise BadInput(problems)
    return found


def _files(path: Path) -> list[Path]:
    endings = ", ".join(DOCUMENTS + LINES)
    try:
        if not path.is_dir():
            path.stat()
            if not path.name.endswith(DOCUMENTS + LINES):
                raise Failure(f"{path}: the name of a fixture ends in {endings}")
            return [path]
        files = sorted(file for file in path.iterdir() if file.name.endswith(DOCUMENTS + LINES) and file.is_file())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from error
    if not files:
        raise Failure(f"{path}: no fixtures in this folder (files that end in {endings})")
    return files


def _read_document(file: Path, found: list[Source], problems: list[Problem]) -> None:
    with _opened(file) as stream:
        content = stream.read()
    try:
        document = decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        problems.append(Problem(str(file), _explained(error, content)))
        return
    if type(document) is not tuple:
        problems.append(Problem(str(file), "expected an object, table name -> list of rows, at the top"))
    elif len(dict(document)) < len(document):
        repeated = next(name for name, count in Counter(name for name, _ in document).items() if count > 1)
        problems.append(Problem(str(file), "the table is given more than once", repeated))
    else:
        for table, rows in document:
            if isinstance(rows, list):
                before = sum(other.count(0) for other in found if other.table == table and other.is_document)
                found.append(Source(file, table, rows, before))
            else:
                problems.append(Problem(str(file), f"expected a list of rows, got {shortened(rows)}", table))


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; a missing right, a failing disk or a damaged .gz becomes a Failure."""
    try:
        if file.name.endswith(".gz"):
            import gzip  # slow to import, and seldom needed

            with gzip.open(file) as unzipped:
                yield unzipped  # type: ignore[misc]
        else:
            with file.open("rb") as stream:
                yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise Failure(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _explained(error: Exception, content: bytes | None = None) -> str:
    if isinstance(error, json.JSONDecodeError):
        if content is not None and not error.doc.strip():
            return "the file is empty"
        ended = error.pos >= len(error.doc.rstrip())
        place = f"line {error.lineno} column {error.colno}" if content else f"column {error.colno}"
        return f"not JSON at {place}: " + ("it ends too early (cut off?)" if ended else error.msg)
    if isinstance(error, UnicodeDecodeError):
        line = f" in line {content.count(10, 0, error.start) + 1}" if content else ""
        return f"not UTF-8: the byte {error.object[error.start]:#04x}{line}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
