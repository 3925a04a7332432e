"""Which format the content of a fixture has. That is seen from its beginning, whatever the file is called."""

import re
from enum import Enum
from json import JSONDecodeError
from typing import Any

from toolkit.console import clipped
from toolkit.exact_json import after_space, decode, decode_at
from toolkit.loading.read.input_stream import InputStream
from toolkit.loading.read.json_errors import is_cut_off

# So much of a file is looked at, and if its first value is longer, so much.
LOOKS = (65_536, 16_000_000)  # bytes


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
# Documents that are too long to be looked at whole begin like this.
TABLE_WITH_ROWS = r'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\[\s*[{\]]'


def detect_format(input_stream: InputStream, *, holds_documents: bool, holds_rows: bool) -> Format:
    """Look at what a file begins with. Raises NotAFixture if it is none of the formats.

    holds_documents: what the name of the file promises, where both can be meant. holds_rows: whether it can only be
    rows, because their table was named.
    """
    for most in LOOKS:
        with input_stream.opened() as stream:
            head = stream.read(most)
        # What is wrong in the text is told when it is read: here nothing is decided by it.
        beginning = _Beginning(head.decode("utf-8", "replace"), is_all=len(head) < most)
        found = beginning.format(holds_documents=holds_documents and not holds_rows)
        if found:
            break
    else:
        found = beginning.likely_format()
    if holds_rows and found is Format.DOCUMENTS:
        raise NotAFixture("this is a document, which names its tables itself: leave out --table", beginning.line)
    return found


class _Beginning:
    """The beginning of a file. is_all: there is no more of it."""

    def __init__(self, text: str, *, is_all: bool) -> None:
        self._text = text
        self._is_all = is_all
        self._start = after_space(text, 0)
        self.line = text.count("\n", 0, self._start) + 1

    def format(self, *, holds_documents: bool) -> Format | None:
        """Return the format, or None if more has to be seen. Raises NotAFixture."""
        first = self._text[self._start : self._start + 1]
        if not first:
            return Format.NOTHING if self._is_all else None
        if "\0" in self._text[self._start : self._start + 2]:
            raise NotAFixture("this is UTF-16 without its mark, or no text at all; save it as UTF-8", self.line)
        if first == "[":
            return self._format_of_list()
        if first == "{":
            return self._format_of_objects(holds_documents=holds_documents)
        raise self._not_a_fixture(holds_documents=holds_documents)

    def likely_format(self) -> Format:
        """Return the format of a file whose first value is longer than what is looked at."""
        if re.match(TABLE_WITH_ROWS, self._text[self._start :]):
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

    def _not_a_fixture(self, *, holds_documents: bool) -> NotAFixture:
        expected = "an object, table name -> list of rows, at the top (or rows)" if holds_documents else "an object"
        text = f"expected {expected}, got {self._first_line()}"
        try:
            decode(self._first_line(most=LOOKS[0]))
        except (ValueError, RecursionError):
            kind = next((kind for pattern, kind in OTHERS if re.match(pattern, self._text[self._start :][:200])), "")
            text += f"; this is not JSON, it looks like {kind}" if kind else "; this is not JSON"
            text += ': rows are written {"name": "value", ...}'
        return NotAFixture(text, self.line)

    def _first_line(self, most: int = 60) -> str:
        line, _, _ = self._text[self._start :].partition("\n")
        return clipped(line.strip(" \t\r"), most)

    def _format_of_objects(self, *, holds_documents: bool) -> Format | None:
        try:
            value, end = decode_at(self._text, self._start)
        except RecursionError:
            return Format.DOCUMENTS if holds_documents else Format.LINES
        except JSONDecodeError as error:
            if is_cut_off(error) and not self._is_all:
                # A document need not be read twice to see that it is one.
                return (
                    Format.DOCUMENTS
                    if holds_documents and re.match(TABLE_WITH_ROWS, self._text[self._start :])
                    else None
                )
            return self._format_of_broken(holds_documents=holds_documents)
        if not self._is_row(value, end, holds_documents=holds_documents):
            return Format.DOCUMENTS
        if "\n" in self._text[self._start : end]:
            return Format.ROWS
        return self._format_after_row(end)

    def _is_row(self, value: tuple[tuple[str, Any], ...], end: int, *, holds_documents: bool) -> bool:
        """Whether an object is a row, and not a document."""
        tables = sum(type(item) is list and (not item or type(item[0]) is tuple) for _, item in value)
        others = [item for _, item in value if type(item) not in (list, tuple)]
        if tables and tables == len(value):
            return False
        if others and not tables:
            return True
        if not holds_documents:
            return True
        # {"id": 1, "tags": [{"a": 1}]} may be either. Where several come one after the other, they are rows.
        return bool(others) and value[0][1] is others[0] and after_space(self._text, end) < len(self._text)

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

    def _format_of_broken(self, *, holds_documents: bool) -> Format:
        """Return the format of a file whose first value is not right, so that what reads it can tell what is wrong."""
        _, _, others = self._text[self._start :].partition("\n")
        following = others.lstrip().partition("\n")[0].strip()
        if holds_documents:
            return Format.LINES if _is_object(following) else Format.DOCUMENTS
        return Format.LINES if not following or following.startswith("{") else Format.ROWS


def _is_object(line: str) -> bool:
    try:
        return type(decode(line)) is tuple
    except (ValueError, RecursionError):
        return False
