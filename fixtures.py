"""Fixture files -> rows, strictly: what JSON leaves to the reader (twice the same name, NaN) is an error here.

A JSON document is an object: table -> list of rows; it is read whole. A JSON Lines file holds one row a line, for the
table that its name says up to the first dot; it is read as a stream. Both may be compressed (.gz).
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from console import Failure
from values import NoNumber, Number, RepeatedMembers, shortened

DOCUMENTS = (".json", ".json.gz")
LINES = (".jsonl", ".jsonl.gz")
SHOWN = 20  # how many problems are told one by one


class Problem(NamedTuple):
    """What is wrong with a fixture, and where. number: the row's position in its table, or its line in the file."""

    file: str
    text: str
    table: str = ""
    number: int = 0
    unit: str = "row"
    key: str = ""
    column: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.table:
            place += f", table {shortened(self.table)[1:-1]}"
        if self.number:
            place += f", {self.unit} {self.number}" + (f" ({self.key})" if self.key else "")
        if self.column:
            place += f", column {shortened(self.column)[1:-1]}"
        return f"{place}: {self.text}"


class BadInput(Failure):
    """The fixtures cannot be loaded as they are. problems: all that was found."""

    def __init__(self, problems: list[Problem], more: str = "Nothing was written.") -> None:
        lines = [str(problem) for problem in problems[:SHOWN]]
        if len(problems) > SHOWN:
            lines.append(f"... and {len(problems) - SHOWN} more")
        super().__init__("\n  ".join([f"{_count(len(problems))} in the fixtures. {more}", *lines]))
        self.problems = problems


def _count(problems: int) -> str:
    return "1 problem" if problems == 1 else f"{problems} problems"


class Rows:
    """The rows of one table in one file.

    Iterating gives (number, row): the row's position in its table of the document, or its line, and what JSON says it
    is: a dict if all is well, or a Problem if the line is not JSON.

    before: how many rows the table has in the documents before this one.
    bytes_read: how much of the file has been read, uncompressed.
    """

    def __init__(self, file: Path, table: str, rows: list[Any] | None = None, before: int = 0) -> None:
        self.file = file
        self.table = table
        self.is_document = rows is not None
        self.unit = "row" if self.is_document else "line"
        self.before = before
        self.bytes_read = 0
        self._rows = rows
        self._stream: IO[bytes] | None = None

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if self._rows is not None:
            return iter(enumerate(self._rows, start=1))
        return self._lines()

    def count(self, most: int) -> int:
        """Return how many rows there are, or some number above `most` if there are more."""
        if self._rows is not None:
            return len(self._rows)
        number = 0
        with _open(self.file) as stream:
            for line in _guarded(self.file, stream):
                number += not line.isspace()
                if number > most:
                    break
        return number

    def fraction_read(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        if self._stream is None or self._stream.closed:
            return 1.0
        raw = getattr(self._stream, "fileobj", self._stream)  # of a .gz the compressed file
        return float(raw.tell() / max(1, self.file.stat().st_size))

    def _lines(self) -> Iterator[tuple[int, Any]]:
        decode = DECODER.raw_decode
        with _open(self.file) as self._stream:
            for number, line in enumerate(_guarded(self.file, self._stream), start=1):
                self.bytes_read += len(line)
                if line.isspace():
                    continue
                try:
                    text = line.decode()
                    row, end = decode(text)
                    if end == len(text) - 1 and text[end] == "\n":
                        yield number, row
                        continue
                except (ValueError, RecursionError):
                    pass
                yield number, self._look_again(number, line)

    def _look_again(self, number: int, line: bytes) -> Any:
        """Read a line that is not just an object and a line feed: spaces around it, a BOM before it, or not JSON."""
        try:
            return _decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError) as error:
            return self.problem(number, _explained(error))

    def problem(self, number: int, text: str, key: str = "", column: str = "") -> Problem:
        """Return a Problem with a row of these."""
        return Problem(str(self.file), text, self.table, number, self.unit, key, column)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else RepeatedMembers(members)


def _long_integer(text: str) -> Any:
    return Number(text) if len(text) > LONGEST_INTEGER else int(text)


# Python makes an integer of so many digits and no more: sys.set_int_max_str_digits().
LONGEST_INTEGER = 4_300
DECODER = json.JSONDecoder(parse_float=Number, parse_constant=NoNumber, object_pairs_hook=_members)
DECODER_OF_LONG_INTEGERS = json.JSONDecoder(
    parse_float=Number, parse_int=_long_integer, parse_constant=NoNumber, object_pairs_hook=_members
)


def _decode(text: str) -> Any:
    """Return the JSON value of a text. Raises json.JSONDecodeError or RecursionError."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return DECODER_OF_LONG_INTEGERS.decode(text)


def find(paths: Iterable[Path]) -> list[Rows]:
    """Return the rows in these files, and in the fixtures of these folders, table by table. Reads documents whole.

    Raises Failure if there are no fixtures, and BadInput with all that is wrong with the documents.
    """
    found: list[Rows] = []
    problems: list[Problem] = []
    for file in [file for path in paths for file in _files(path)]:
        if file.name.endswith(LINES):
            found.append(Rows(file, file.name.partition(".")[0]))
        else:
            _read_document(file, found, problems)
    if problems:
        raise BadInput(problems)
    return found


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise Failure(f"{path}: there is no such file or folder")
    if not path.is_dir():
        if not path.name.endswith(DOCUMENTS + LINES):
            raise Failure(f"{path}: the name of a fixture ends in {', '.join(DOCUMENTS + LINES)}")
        return [path]
    files = sorted(file for file in path.iterdir() if file.name.endswith(DOCUMENTS + LINES) and file.is_file())
    if not files:
        raise Failure(f"{path}: no fixtures in this folder (files that end in {', '.join(DOCUMENTS + LINES)})")
    return files


def _read_document(file: Path, found: list[Rows], problems: list[Problem]) -> None:
    with _open(file) as stream:
        content = b"".join(_guarded(file, stream))
    try:
        document = _decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        problems.append(Problem(str(file), _explained(error, content)))
        return
    if not isinstance(document, dict):
        problems.append(Problem(str(file), "expected an object, table name -> list of rows, at the top"))
    elif isinstance(document, RepeatedMembers):
        problems.append(Problem(str(file), "a table's name occurs more than once"))
    else:
        for table, rows in document.items():
            if isinstance(rows, list):
                before = sum(other.count(0) for other in found if other.table == table and other.is_document)
                found.append(Rows(file, table, rows, before))
            else:
                problems.append(Problem(str(file), f"expected a list of rows, got {shortened(rows)}", table))


def _open(file: Path) -> IO[bytes]:
    try:
        if file.name.endswith(".gz"):
            import gzip  # slow to import, and seldom needed

            return gzip.open(file)  # type: ignore[return-value]
        return file.open("rb")
    except OSError as error:
        raise _unreadable(file, error) from error


def _guarded(file: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """Pass on the lines of a stream; a failing disk or a damaged .gz becomes a Failure."""
    try:
        yield from stream
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> Failure:
    return Failure(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}")


def _explained(error: Exception, content: bytes = b"") -> str:
    if isinstance(error, json.JSONDecodeError):
        if not error.doc.strip():
            return "the file is empty"
        ended = error.pos >= len(error.doc.rstrip())
        place = f"line {error.lineno} column {error.colno}" if content else f"column {error.colno}"
        return f"not JSON at {place}: " + ("it ends too early (cut off?)" if ended else error.msg)
    if isinstance(error, UnicodeDecodeError):
        line = f" in line {content.count(10, 0, error.start) + 1}" if content else ""
        return f"not UTF-8: the byte {error.object[error.start]:#04x}{line}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
