"""Which format the content of a fixture has. That is seen from its beginning, whatever the file is called."""

import re
from collections.abc import Callable
from enum import Enum
from json import JSONDecodeError
from typing import Any, NamedTuple

from toolkit.console import clipped
from toolkit.exact_json import after_space, decode, decode_at, is_cut_off, shortened
from toolkit.loading.read.input_stream import InputStream

HEAD_BYTES = 65_536  # so much of a file is looked at


class Format(Enum):
    """What a file holds."""

    NOTHING = "nothing"
    DOCUMENTS = "objects of table name -> list of rows, in any layout; read whole"
    LINES = "one row a line"
    ROWS = "rows one after the other, in any layout"
    LIST = "a list of rows"


class NotAFixture(ValueError):
    """What is in a file is none of these. line: where it is seen, from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


# What other files begin with -> what they are.
OTHERS = (
    (r"<", "XML or HTML"),
    (r"---|[\w ]+:\s", "YAML"),
    (r"(?i)--|/\*|(?:insert|create|copy|begin|set|select|drop)\s", "SQL"),
    (r"'|\(|[A-Za-z_]\w*\(", "Python"),
    (r"//|#", "JSON with comments, which JSON does not have"),
    (r"\x1e", "a JSON text sequence (jq --seq)"),
    (r"[^\n,;\t]*[,;\t]", "CSV"),
)
# Documents that are too long to be looked at whole begin like this: a name, and a list of objects (or, wrongly, one).
BEGINS_A_DOCUMENT = r'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:\[\s*[{\]]|\{)'


class Clues(NamedTuple):
    """What tells of a file's format before it is opened.

    table: that of its rows; "" if nothing says it. qualified: as in RowSource. holds_documents: whether its ending says
    that it holds documents, for content that could be both. table_is_given: whether the command line says the table, so
    that the file cannot be a document, which names its tables itself. format: what the command line says it is.
    which_are_tables: tells of names which are those of tables, where that decides.
    """

    table: str
    qualified: tuple[str, str] | None
    holds_documents: bool
    table_is_given: bool
    format: Format | None
    which_are_tables: Callable[[list[str]], set[str]]


def detect_format(input_stream: InputStream, clues: Clues) -> Format:
    """Look at what a file begins with. Raises NotAFixture if it is none of the formats, or could be two of them."""
    with input_stream.opened() as stream:
        head = stream.read(HEAD_BYTES)
    # Bytes that are no UTF-8 are reported when the rows are read: here nothing is decided by them.
    beginning = _Beginning(head.decode("utf-8", "replace"), clues, is_all=len(head) < HEAD_BYTES)
    found = beginning.format() or beginning.likely_format()
    if clues.table_is_given and found is Format.DOCUMENTS:
        raise NotAFixture("this is a document, which names its tables itself: leave out --table", beginning.line)
    return found


class _Beginning:
    """The beginning of a file. is_all: there is no more of it."""

    def __init__(self, text: str, clues: Clues, *, is_all: bool) -> None:
        self._text = text
        self._clues = clues
        self._is_all = is_all
        self._start = after_space(text, 0)
        self.line = text.count("\n", 0, self._start) + 1

    def format(self) -> Format | None:
        """Return the format; None if the first value is longer than what is looked at. Raises NotAFixture."""
        first = self._text[self._start : self._start + 1]
        if not first:
            return Format.NOTHING if self._is_all else None
        if self._clues.format:
            return Format.LIST if self._clues.format is Format.ROWS and first == "[" else self._clues.format
        if "\0" in self._text[self._start : self._start + 2]:
            raise NotAFixture("this is UTF-16 without its mark, or no text at all; save it as UTF-8", self.line)
        if first == "[":
            return self._format_of_list()
        if first == "{":
            return self._format_of_objects()
        raise self._not_a_fixture()

    def likely_format(self) -> Format:
        """Return what a file probably is whose first value is longer than what is looked at."""
        if re.match(BEGINS_A_DOCUMENT, self._text[self._start :]):
            return Format.DOCUMENTS
        return Format.ROWS if "\n" in self._text[self._start :] else Format.LINES

    def _format_of_list(self) -> Format | None:
        start = after_space(self._text, self._start + 1)
        if self._text[start : start + 1] in ("{", "]"):
            return Format.LIST
        if start == len(self._text) and not self._is_all:
            return None
        text = f"expected an object, got {self._first_line()}; a list at the top is one of rows, and a row is an object"
        raise NotAFixture(text, self.line)

    def _not_a_fixture(self) -> NotAFixture:
        expected = (
            "an object, table name -> list of rows, at the top (or rows)"
            if self._clues.holds_documents
            else "an object"
        )
        text = f"expected {expected}, got {self._first_line()}"
        try:
            decode(self._first_line(most=HEAD_BYTES))
        except (ValueError, RecursionError):
            kind = next((kind for pattern, kind in OTHERS if re.match(pattern, self._text[self._start :][:200])), "")
            text += f"; this is not JSON, it looks like {kind}" if kind else "; this is not JSON"
            text += ': rows are written {"name": "value", ...}'
        return NotAFixture(text, self.line)

    def _first_line(self, most: int = 60) -> str:
        line, _, _ = self._text[self._start :].partition("\n")
        return clipped(line.strip(" \t\r"), most)

    def _format_of_objects(self) -> Format | None:
        try:
            value, end = decode_at(self._text, self._start)
        except RecursionError:
            return Format.DOCUMENTS if self._clues.holds_documents else Format.LINES
        except JSONDecodeError as error:
            if not is_cut_off(error) or self._is_all:
                return self._format_of_broken()
            # A document need not be read twice to see that it is one.
            is_document = self._clues.holds_documents and re.match(BEGINS_A_DOCUMENT, self._text[self._start :])
            return Format.DOCUMENTS if is_document else None
        if self._is_document(value):
            return Format.DOCUMENTS
        if "\n" in self._text[self._start : end]:
            return Format.ROWS
        return self._format_after_row(end)

    def _is_document(self, value: tuple[tuple[str, Any], ...]) -> bool:
        """Whether an object is a document, and not a row. Raises NotAFixture if it could be either."""
        lists = [name for name, item in value if type(item) is list and (not item or type(item[0]) is tuple)]
        if len(lists) == len(value):  # a row has a key, and none is a list of objects
            return bool(lists) or self._clues.holds_documents
        has_values = any(type(item) not in (list, tuple) and item is not None for _, item in value)
        if not self._clues.holds_documents or (has_values and not lists):
            return False
        table = self._clues.table
        tables = self._clues.which_are_tables([table, *(lists or (name for name, _ in value))])
        given = [name for name, _ in value if name in tables]
        if given and table in tables:
            raise NotAFixture(
                f"this can be a row of the table {shortened(table)}, or a document that gives the table "
                f"{shortened(given[0])}: say which it is, with --table {table} or --format json",
                self.line,
            )
        return bool(given) or not (has_values or table in tables)

    def _format_after_row(self, end: int) -> Format | None:
        """Return the format of a file whose first row is on one line."""
        line, line_feed, _ = self._text[end:].partition("\n")
        rest = line.strip(" \t\r\ufeff")
        if rest.startswith(","):
            raise NotAFixture(
                "the rows have commas between them, but no [ before and no ] behind them: add these, or take away the "
                "commas",
                self.line,
            )
        if line_feed or self._is_all:
            return Format.LINES
        return Format.ROWS if rest.startswith("{") else None

    def _format_of_broken(self) -> Format:
        """Return the format of a file whose first value is not right, so that what reads it can tell what is wrong."""
        _, _, others = self._text[self._start :].partition("\n")
        following = others.lstrip().partition("\n")[0].strip()
        if self._clues.holds_documents:
            return Format.LINES if _is_object(following) else Format.DOCUMENTS
        return Format.LINES if not following or following.startswith("{") else Format.ROWS


def _is_object(line: str) -> bool:
    try:
        return type(decode(line)) is tuple
    except (ValueError, RecursionError):
        return False
