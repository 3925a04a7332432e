"""The rows of one table in one file: what the readers of fixtures give to those who check and write them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from toolkit.loading.problems import Problem
from toolkit.loading.read.input_stream import InputStream, do_nothing

CHUNK_ROWS = 1_000

Self = TypeVar("Self", bound="RowSource")


class RawRows(NamedTuple):
    """Some rows as they stand in a file, one after the other.

    numbers: of each row there. values: what JSON says each is, a tuple of (column, value) pairs if all is well; or a
    Problem if it is not JSON.
    """

    source: "RowSource"
    numbers: Sequence[int]
    values: Sequence[Any]

    @property
    def positions(self) -> int:
        """How many positions in the table the rows take, which can stand for their keys."""
        return len(self.numbers) if self.source.position_is_key else 0


class RowSource:
    """The rows of one table in one file. Each format of files has a subclass, which knows how to read it.

    table: the table's name, as the file says it. qualified: the schema and the table that the name of the file means if
    there is no such table (auth.users.jsonl); None if it can mean only one.
    """

    unit = "row"  # what the number of a row counts: "row" or "line"
    position_is_key = False  # whether a row may leave out its key, for which its position stands then

    def __init__(self, input_stream: InputStream, table: str, qualified: tuple[str, str] | None = None) -> None:
        self._input = input_stream
        self.file = input_stream.name
        self.table = table
        self.qualified = qualified

    def renamed(self: Self, table: str) -> Self:
        """Return the same rows, as those of the table with this name."""
        source = object.__new__(type(self))
        source.__dict__.update(self.__dict__, table=table)
        return source

    def read(self, while_waiting: Callable[[], None] = do_nothing) -> Iterator[RawRows]:
        """Return the rows, some hundreds at a time, which stay in the processor's cache while they are checked.

        What cannot be read any further is a Problem in place of a row. To be called once; while_waiting: as in
        InputStream.opened().
        """
        raise NotImplementedError

    def read_whole(self) -> RawRows:
        """Return all rows at once. To be called instead of read()."""
        chunks = list(self.read())
        numbers = [number for rows in chunks for number in rows.numbers]
        return RawRows(self, numbers, [value for rows in chunks for value in rows.values])

    def count(self, most: int) -> int:
        """Return how many rows there are, or some number above `most` if there are more. To be called before read()."""
        raise NotImplementedError

    def fraction_read(self) -> float:
        """Return how much of the file has been read, from 0 to 1; of a pipe 0 until its end."""
        return self._input.fraction_read()

    def problem(self, number: int, text: str, key: str = "", column: str = "") -> Problem:
        """Return a Problem with a row of these."""
        return Problem(self.file, text, self.table, number, self.unit, key, column)


def sort_problems(problems: list[Problem], sources: Sequence[RowSource]) -> list[Problem]:
    """Return the problems in the order of the sources, and of the rows in each."""
    order: dict[object, int] = {}
    for index, source in enumerate(sources):
        order.setdefault(source.file, index)  # for a table that the file calls by another name
        order.setdefault((source.file, source.table), index)

    def place(problem: Problem) -> tuple[int, int]:
        return order.get((problem.file, problem.table), order[problem.file]), problem.number

    return sorted(problems, key=place)
