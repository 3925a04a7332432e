"""JSON Lines: one row a line, read as a stream in blocks of lines."""

from collections.abc import Callable, Iterable, Iterator
from json import JSONDecodeError
from typing import Any

from toolkit.exact_json import SCAN, after_space, decode_at, what_is_wrong
from toolkit.loading.read.input_stream import do_nothing
from toolkit.loading.read.row_source import RawRows, RowSource

BLOCK_BYTES = 128_000


class JsonLines(RowSource):
    """The rows of a JSON Lines file. A line may hold several rows, as where files are joined that end without one."""

    unit = "line"

    def read(self, while_waiting: Callable[[], None] = do_nothing) -> Iterator[RawRows]:
        for first, block in self.blocks(while_waiting):
            yield self.parse_block(first, block)

    def blocks(self, while_waiting: Callable[[], None] = do_nothing) -> Iterator[tuple[int, bytes]]:
        """Return the lines, some hundreds at a time: the number of the first, and the lines. To be called once."""
        number = 1
        with self._input.opened(last=True, while_waiting=while_waiting) as stream:
            while block := stream.read(BLOCK_BYTES) + stream.readline():
                yield number, block
                number += block.count(b"\n")

    def count(self, most: int) -> int:
        number = 0
        with self._input.opened() as stream:
            for line in stream:
                number += not line.isspace()
                if number > most:
                    break
        return number

    def parse_block(self, first: int, block: bytes) -> RawRows:
        """Return the rows in a block of lines."""
        try:
            lines = block.decode().removesuffix("\n").split("\n")
            parsed = [SCAN(line, 0) for line in lines]
            if [end for _, end in parsed] == list(map(len, lines)):
                return RawRows(self, range(first, first + len(lines)), [row for row, _ in parsed])
        except (ValueError, RecursionError, StopIteration):
            pass  # look again, at each line
        return self.parse_lines(enumerate(block.removesuffix(b"\n").split(b"\n"), first))

    def parse_lines(self, lines: Iterable[tuple[int, bytes]]) -> RawRows:
        """Return the rows in these lines, each given with its number: one in most lines, none in an empty one."""
        rows = [(number, row) for number, line in lines for row in self._parse_line(number, line)]
        return RawRows(self, [number for number, _ in rows], [row for _, row in rows])

    def _parse_line(self, number: int, line: bytes) -> list[Any]:
        try:
            text = line.decode()
            rows: list[Any] = []
            place = after_space(text, 0)
            while place < len(text):
                if rows and text[place] != "{":
                    raise JSONDecodeError("Extra data", text, place)
                row, end = decode_at(text, place)
                rows.append(row)
                place = after_space(text, end)
        except (ValueError, RecursionError) as error:
            return [self.problem(number, what_is_wrong(error))]
        return rows
