"""JSON in any layout -> rows: documents, which are read whole, and the rows of one table, which are read as a stream.

A document is an object of table name -> list of rows. The rows of one table stand in a list, or one after the other.
"""

import codecs
from collections import Counter
from collections.abc import Callable, Iterator
from json import JSONDecodeError
from typing import IO, Any

from toolkit.exact_json import after_space, decode_at, is_cut_off, shortened, what_is_wrong
from toolkit.loading.problems import Problem
from toolkit.loading.read.input_stream import InputStream, do_nothing
from toolkit.loading.read.row_source import CHUNK_ROWS, RawRows, RowSource

PIECE = 65_536  # bytes


class TableOfDocument(RowSource):
    """The rows of one table in the documents of a file."""

    position_is_key = True

    def __init__(self, input_stream: InputStream, table: str, rows: list[Any]) -> None:
        super().__init__(input_stream, table)
        self._rows = rows

    def read(self, while_waiting: Callable[[], None] = do_nothing) -> Iterator[RawRows]:  # noqa: ARG002 - it has been read
        for start in range(0, len(self._rows), CHUNK_ROWS):
            values = self._rows[start : start + CHUNK_ROWS]
            yield RawRows(self, range(start + 1, start + 1 + len(values)), values)

    def count(self, most: int) -> int:  # noqa: ARG002 - they are counted already
        return len(self._rows)


def read_documents(input_stream: InputStream, problems: list[Problem]) -> list[RowSource]:
    """Return the tables of the documents in a file, one after the other. What is wrong is added to the problems."""
    with input_stream.opened(last=True) as stream:
        read = stream.read()
    rows_of: dict[str, list[Any]] = {}
    try:
        for document in _documents(read.decode()):
            for table, rows in _tables_of(input_stream.name, document, problems):
                rows_of.setdefault(table, []).extend(rows)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(input_stream.name, what_is_wrong(error, lines_before=0)))
    return [TableOfDocument(input_stream, table, rows) for table, rows in rows_of.items()]


def _documents(text: str) -> Iterator[Any]:
    place = after_space(text, 0)
    while place < len(text):
        document, place = decode_at(text, place)
        yield document
        place = after_space(text, place)


def _tables_of(file: str, document: Any, problems: list[Problem]) -> Iterator[tuple[str, list[Any]]]:
    """Return the tables of a document, and their rows."""
    if type(document) is not tuple:
        text = f"expected an object, table name -> list of rows, got {shortened(document)}"
        problems.append(Problem(file, text))
    elif len(dict(document)) < len(document):
        repeated = next(name for name, count in Counter(name for name, _ in document).items() if count > 1)
        problems.append(Problem(file, "the table is given more than once", repeated))
    else:
        for table, rows in document:
            if isinstance(rows, list):
                yield table, rows
            else:
                problems.append(Problem(file, f"expected a list of rows, got {shortened(rows)}", table))


class JsonValues(RowSource):
    """The rows of a file that holds a list of them, or objects one after the other, or both.

    is_list: whether it begins with a list. As in a document, a row's position can then stand for its key.
    """

    def __init__(
        self, input_stream: InputStream, table: str, qualified: tuple[str, str] | None = None, *, is_list: bool
    ) -> None:
        super().__init__(input_stream, table, qualified)
        self.position_is_key = is_list

    def read(self, while_waiting: Callable[[], None] = do_nothing) -> Iterator[RawRows]:
        with self._input.opened(last=True, while_waiting=while_waiting) as stream:
            yield from self._chunks(_Text(stream))

    def count(self, most: int) -> int:
        with self._input.opened() as stream:
            chunks = self._chunks(_Text(stream))
            number = 0
            while number <= most and (chunk := next(chunks, None)) is not None:
                number += len(chunk.numbers)
        return number

    def _chunks(self, text: "_Text") -> Iterator[RawRows]:
        """Return the rows in chunks, none of which holds more than is read of the file at once."""
        values: list[Any] = []
        first = 1
        pieces = 0
        try:
            for row in _rows(text):
                if len(values) == CHUNK_ROWS or text.pieces > pieces:
                    pieces = text.pieces
                    yield self._chunk(first, values)
                    first += len(values)
                    values = []
                values.append(row)
        except (ValueError, RecursionError) as error:
            values.append(self.problem(first + len(values), text.what_is_wrong(error)))
        yield self._chunk(first, values)

    def _chunk(self, first: int, values: list[Any]) -> RawRows:
        return RawRows(self, range(first, first + len(values)), values)


def _rows(text: "_Text") -> Iterator[Any]:
    """Return all rows. Raises ValueError or RecursionError where they cannot be read any further."""
    while first := text.next_character():
        if first == "[":
            yield from _rows_of_list(text)
        else:
            yield text.next_value()


def _rows_of_list(text: "_Text") -> Iterator[Any]:
    text.skip_character()
    if text.next_character() == "]":
        text.skip_character()
        return
    while True:
        yield text.next_value()
        separator = text.next_character()
        if separator not in ("]", ","):
            raise JSONDecodeError("Expecting ',' delimiter", text.text, text.place)
        text.skip_character()
        if separator == "]":
            return


class _Text:
    """The text of a stream, of which only the part that is being read is kept.

    text: that part. place: where in it the next character is. pieces: how often more of the stream was read.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._lines_before = 0  # lines of the stream before the text, and characters before it in its first line
        self._columns_before = 0
        self._is_all = False
        self._unreadable: UnicodeDecodeError | None = None  # bytes after the text that are no UTF-8
        self.text = ""
        self.place = 0
        self.pieces = 0

    def next_character(self) -> str:
        """Return the next character that is no space; none at the end."""
        while True:
            self.place = after_space(self.text, self.place)
            if self.place < len(self.text) or self._is_all:
                return self.text[self.place : self.place + 1]
            self._read_on()

    def skip_character(self) -> None:
        """Go on behind the character."""
        self.place += 1

    def next_value(self) -> Any:
        """Return the next JSON value, and go on behind it. Raises as exact_json.decode() does."""
        self.next_character()
        while True:
            try:
                value, end = decode_at(self.text, self.place)
                if end < len(self.text) or self._is_all:  # else it may be a number that goes on
                    self.place = end
                    return value
            except JSONDecodeError as error:
                if self._is_all or not is_cut_off(error):
                    raise
            self._read_on()

    def what_is_wrong(self, error: Exception) -> str:
        """Return what is wrong with the text."""
        lines = self._lines_before
        if error is self._unreadable:  # it comes after the text
            lines += self.text.count("\n")
        return what_is_wrong(error, lines_before=lines, columns_before=self._columns_before)

    def _read_on(self) -> None:
        """Forget what is before the place, and read more: twice as much each time, while a value is not complete."""
        if self._unreadable:
            raise self._unreadable
        data = self._stream.read(max(PIECE, 4 * (len(self.text) - self.place)))
        try:
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:  # to be told when what comes before it has been read
            more = error.object[: error.start].decode()
            self._unreadable = UnicodeDecodeError(error.encoding, error.object[error.start :], 0, 1, error.reason)
        gone = self.text[: self.place]
        self._lines_before += gone.count("\n")
        self._columns_before = len(gone) - gone.rfind("\n") - 1 + (0 if "\n" in gone else self._columns_before)
        self.text = self.text[self.place :] + more
        self.place = 0
        self.pieces += 1
        self._is_all = not data
