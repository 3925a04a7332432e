"""JSON Lines -> checked rows, fast, for large loads: one regular expression reads and checks lines that look alike.

It is made for the columns that a line gives, in their order, and matches only what values.py takes, in the form in
which values.py returns it. All other lines, and those that give jsonb, arrays or another type that is not here, go
through check/rows.py. To make numbers and objects only to write them as text again takes three times as long.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from toolkit.database.tables import Column, Table
from toolkit.exact_json import SCAN
from toolkit.loading.batch import Batch
from toolkit.loading.check.numbers import decimal_digits
from toolkit.loading.check.rows import FIRST, check, wrong_columns
from toolkit.loading.check.times import PLAIN_DAY, plain_timestamp
from toolkit.loading.check.values import NULL, quoted
from toolkit.loading.problems import Problem
from toolkit.loading.read.input_stream import do_nothing
from toolkit.loading.read.json_lines import JsonLines


def pattern(column: Column) -> str | None:
    """Return the regular expression for most JSON values of a column, with one group; None if there is none.

    It matches null, without the group; or a value that values.reader_for() takes, and the group is what this returns.
    """
    found = None if column.is_array else _pattern(column)
    return f"(?:{found}|null)" if found and column.nullable else found


def _pattern(column: Column) -> str | None:
    """Return the expression for values. What JSON can write in several ways (-0, 1e2, \\u0041) is left out."""
    kind = column.kind
    if kind in INTEGER_DIGITS:
        return _number(INTEGER_DIGITS[kind], 0, ignored=r"(?:\.0+)?")
    if kind == "numeric":
        return _number(*decimal_digits(column.precision, column.scale))
    if kind in FLOATS:
        return f"({_digits(FLOATS[kind], 20)})"
    if kind == "varchar" and column.length is not None:
        return rf'("[^"\\\x00-\x1f]{{0,{column.length}}}")'
    if kind == "date":
        return f'"{PLAIN_DAY}"'
    if kind in ("timestamp", "timestamptz"):
        return f'"{plain_timestamp(kind, column)}"'
    if column.labels:
        labels = [quoted(label) for label in column.labels if quoted(label) == json.dumps(label, ensure_ascii=False)]
        return f"({'|'.join(map(re.escape, labels))})" if labels else None
    return PATTERNS.get(kind)


def _number(whole: int, decimals: int, ignored: str = "") -> str | None:
    """Return the expression for numbers of so many digits, with or without quotation marks.

    ignored: the expression for what may follow the digits and changes nothing.
    """
    if whole < 1 or decimals < 0:
        return None
    # What comes first is whether there are quotes, because one at the end alone is wrong.
    quotes = r'(?:"(?=[-0-9.]+")|(?=[-0-9.]+[ ,}]))'
    return rf'{quotes}({_digits(whole, decimals)}){ignored}"?'


def _digits(whole: int, decimals: int) -> str:
    """Return the expression for numbers of so many digits before and after the point."""
    integer = rf"0|-?[1-9]\d{{0,{whole - 1}}}"
    fraction = rf"\.\d{{1,{decimals}}}"
    return rf"-?0{fraction}|(?:{integer})(?:{fraction})?" if decimals else integer


# An integer of so many digits is in the range of its type, and in floats exact; no fraction is too small for these.
INTEGER_DIGITS = {"int2": 4, "int4": 9, "int8": 18}
FLOATS = {"float4": 7, "float8": 15}
TEXT = r'("[^"\\\x00-\x1f]*(?:\\["\\][^"\\\x00-\x1f]*)*")'
PATTERNS = {
    "bool": "(true|false)",
    "text": TEXT,
    "uuid": '"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"',
    "varchar": TEXT,
}


class LineMatcher:
    """Reads the JSON Lines files of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._expression = lru_cache(maxsize=32)(self._compile)

    def check(
        self, rows: JsonLines, problems: list[Problem], while_waiting: Callable[[], None] = do_nothing
    ) -> Iterator[list[Batch]]:
        """Return the rows of a file as check() does, some hundreds at a time."""
        for first, block in rows.blocks(while_waiting):
            batch = self._match(rows, first, block)
            if batch is None:
                yield check(self._table, rows.parse_block(first, block), problems)
            else:
                yield self._with_unmatched(rows, batch, block, problems)

    def _match(self, rows: JsonLines, first: int, block: bytes) -> Batch | None:
        """Return a row for each line of a block, or None if not most of them are like the first.

        _with_unmatched() completes it: here a line that did not match has only empty texts, and a null has one.
        """
        try:
            text = block.decode().removesuffix("\n")
        except UnicodeDecodeError:
            return None
        columns = _columns(text)
        expression = self._expression(columns)
        if not expression:
            return None
        *texts, _ = zip(*expression.findall(text), strict=True)
        origins = [(rows, number) for number in range(first, first + len(texts[0]))]
        max_row_bytes = max(map(len, block.split(b"\n")))
        batch = Batch(self._table, columns, origins, texts, max_row_bytes)
        if self._keys(batch).count("") > batch.size / 2:
            return None
        return batch.select_columns(tuple(name for name in self._table.columns if name in columns))

    def _with_unmatched(self, rows: JsonLines, batch: Batch, block: bytes, problems: list[Problem]) -> list[Batch]:
        """Return the rows of _match(), nulls as NULL, and those of the other lines, which are read one by one."""
        keys = self._keys(batch)
        others: list[Batch] = []
        if "" in keys:
            lines = zip(batch.origins, keys, block.removesuffix(b"\n").split(b"\n"), strict=True)
            unmatched = ((number, line) for (_, number), key, line in lines if not key and line and not line.isspace())
            others = check(self._table, rows.parse_lines(unmatched), problems)
            batch = batch.select_rows([index for index, key in enumerate(keys) if key])
        texts = [[text or NULL for text in column] if "" in column else column for column in batch.texts]
        return [batch._replace(texts=texts), *others]

    def _keys(self, batch: Batch) -> Sequence[str]:
        """Return the texts of a key column. Keys are never null: where one is empty, the line did not match."""
        return batch.column(self._table.primary_key[0])

    def _compile(self, columns: tuple[str, ...]) -> re.Pattern[str] | None:
        """Return the expression for lines that give these columns, and for any other line.

        It has a group for each column, and one more: findall() returns tuples only if there are several.
        """
        if not columns or len(set(columns)) < len(columns) or wrong_columns(self._table, columns):
            return None
        members = []
        for name in columns:
            values = pattern(self._table.columns[name])
            if not values:
                return None
            members.append(f"{re.escape(json.dumps(name, ensure_ascii=False))} ?: ?{values}")
        return re.compile(rf"^(?:\{{ ?{' ?, ?'.join(members)} ?\}}[ \t\r]*|.*)()$", re.MULTILINE | re.ASCII)


def _columns(text: str) -> tuple[str, ...]:
    """Return the names that the object at the beginning of a text gives."""
    try:
        value, _ = SCAN(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return ()
    return tuple(map(FIRST, value)) if type(value) is tuple else ()
