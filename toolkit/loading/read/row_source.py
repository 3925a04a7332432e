"""The rows of one table in one file: what the readers of fixtures give to those who check and write them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any

from toolkit.loading.problems import Problem
from toolkit.loading.read.input_stream import do_nothing

CHUNK_ROWS = 1_000

# A row as it stands in a file: whose it is, its number there (its position in the table, or its line), and what JSON
# says it is: a tuple of (column, value) pairs if all is well, or a Problem if it is not JSON.
RawRow = tuple["Source", int, Any]


class Source:
    """The rows of one table in one file. Each form of files has a subclass, which knows how to read it.

    table: the table's name, as the file says it. qualified: the schema and the table that the name of the file means if
    there is no such table (auth.users.jsonl); None if it can mean only one.
    """

    unit = "row"  # what the number of a row counts: "row" or "line"
    is_document = False  # whether a row may leave out its key, for which its position stands then

    def __init__(self, file: str, table: str, qualified: tuple[str, str] | None = None) -> None:
        self.file = file
        self.table = table
        self.qualified = qualified
        self.of_load: Sequence[Source] = ()  # all sources of the load, in their order
        self.while_waiting: Callable[[], None] = do_nothing  # as in Content.opened(), for the rows
        self.size = 0  # how many rows have been read
        self.before = 0  # how many rows of the table are in the documents before this one; known while it is read

    def chunks(self) -> Iterator[list[RawRow]]:
        """Return the rows, some hundreds at a time, which stay in the processor's cache while they are checked.

        To be called once, and after the table's other sources that come before this one have been read.
        """
        earlier = takewhile(lambda source: source is not self, self.of_load)
        self.before = sum(source.size for source in earlier if source.is_document and source.table == self.table)
        for chunk in self.read():
            self.size += len(chunk)
            yield chunk

    def read(self) -> Iterator[list[RawRow]]:
        """Return the rows, some hundreds at a time. What cannot be read any further is a Problem in place of a row."""
        raise NotImplementedError

    def count(self, most: int) -> int:
        """Return how many rows there are, or some number above `most` if there are more. To be called before chunks."""
        raise NotImplementedError

    def fraction_read(self) -> float:
        """Return how much of the file has been read, from 0 to 1; of a pipe 0 until its end."""
        raise NotImplementedError

    def problem(self, number: int, text: str, key: str = "", column: str = "") -> Problem:
        """Return a Problem with a row of these."""
        return Problem(self.file, text, self.table, number, self.unit, key, column)
