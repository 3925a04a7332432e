"""Documents: objects of table name -> list of rows. Read whole."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from toolkit.exact_json import after_space, decode_at, shortened
from toolkit.loading.problems import Problem
from toolkit.loading.read.input_stream import InputStream, do_nothing
from toolkit.loading.read.json_errors import what_is_wrong
from toolkit.loading.read.row_source import CHUNK_ROWS, RawRows, RowSource


class TableOfDocument(RowSource):
    """The rows of one table in the documents of a file."""

    is_document = True

    def __init__(self, file: str, table: str, rows: list[Any]) -> None:
        super().__init__(file, table)
        self.rows = rows

    def read(self, while_waiting: Callable[[], None] = do_nothing) -> Iterator[RawRows]:  # noqa: ARG002 - it has been read
        for start in range(0, len(self.rows), CHUNK_ROWS):
            values = self.rows[start : start + CHUNK_ROWS]
            yield RawRows(self, range(start + 1, start + 1 + len(values)), values)

    def count(self, most: int) -> int:  # noqa: ARG002 - they are counted already
        return len(self.rows)

    def fraction_read(self) -> float:
        return 1.0


def read_documents(input_stream: InputStream, problems: list[Problem]) -> list[RowSource]:
    """Return the tables of the documents in a file, one after the other. What is wrong is added to the problems."""
    with input_stream.opened(last=True) as stream:
        read = stream.read()
    tables: dict[str, TableOfDocument] = {}
    try:
        for document in _documents(read.decode()):
            for table, rows in _tables_of(input_stream.name, document, problems):
                tables.setdefault(table, TableOfDocument(input_stream.name, table, [])).rows.extend(rows)
    except (ValueError, RecursionError) as error:
        problems.append(Problem(input_stream.name, what_is_wrong(error, lines_before=0)))
    return list(tables.values())


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
