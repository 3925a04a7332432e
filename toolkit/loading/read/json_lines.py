"""JSON Lines: one row a line, read as a stream in blocks of lines."""

from collections.abc import Iterator
from json import JSONDecodeError

from toolkit.exact_json import SCAN, after_space, decode_at
from toolkit.loading.read.input_stream import Content
from toolkit.loading.read.json_errors import explained
from toolkit.loading.read.row_source import RawRow, Source

BLOCK_BYTES = 128_000


class JsonLines(Source):
    """The rows of a JSON Lines file. A line may hold several rows, as where files are joined that end without one."""

    unit = "line"

    def __init__(self, content: Content, table: str, qualified: tuple[str, str] | None = None) -> None:
        super().__init__(content.name, table, qualified)
        self._content = content

    def read(self) -> Iterator[list[RawRow]]:
        for first, block in self.blocks():
            yield self.parse_block(first, block)

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Return the lines, some hundreds at a time: the number of the first, and the lines. To be called once."""
        number = 1
        with self._content.opened(last=True, while_waiting=self.while_waiting) as stream:
            while block := stream.read(BLOCK_BYTES) + stream.readline():
                yield number, block
                number += block.count(b"\n")

    def count(self, most: int) -> int:
        number = 0
        with self._content.opened() as stream:
            for line in stream:
                number += not line.isspace()
                if number > most:
                    break
        return number

    def fraction_read(self) -> float:
        return self._content.fraction_read()

    def parse_block(self, first: int, block: bytes) -> list[RawRow]:
        """Return the rows in a block of lines."""
        try:
            lines = block.decode().removesuffix("\n").split("\n")
            parsed = [SCAN(line, 0) for line in lines]
            if [end for _, end in parsed] == list(map(len, lines)):
                return [(self, number, row) for number, (row, _) in enumerate(parsed, first)]
        except (ValueError, RecursionError, StopIteration):
            pass  # look again, at each line
        return [
            row
            for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), first)
            for row in self.parse_line(number, line)
        ]

    def parse_line(self, number: int, line: bytes) -> list[RawRow]:
        """Return the rows in a line: one in most lines, none in an empty one."""
        try:
            text = line.decode()
            rows: list[RawRow] = []
            place = after_space(text, 0)
            while place < len(text):
                if rows and text[place] != "{":
                    raise JSONDecodeError("Extra data", text, place)
                row, end = decode_at(text, place)
                rows.append((self, number, row))
                place = after_space(text, end)
        except (ValueError, RecursionError) as error:
            return [(self, number, self.problem(number, explained(error)))]
        return rows
