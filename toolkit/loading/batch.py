"""Batches: checked rows of one table that give the same columns, kept by column, which is how they travel."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from toolkit.database.tables import Table
from toolkit.loading.check.array_literals import shortened_text
from toolkit.loading.check.values import INTEGERS
from toolkit.loading.problems import Problem
from toolkit.loading.read.row_source import Source

MOST_ROWS = 1_000
MOST_BYTES = 1_000_000


# Where a row stands: whose it is, and its number there.
Place = tuple[Source, int]


class Batch(NamedTuple):
    """Checked rows of a table that give the same columns.

    columns: in the order of the table. places: for each row whose it is, and its number there. texts: for each column
    the texts of all rows, as values.py makes them; that of a wrong value is empty, and its problem has been told.
    widest: no row's texts have more bytes than this in all. made: the key column whose values were made from the rows'
    positions, if any.
    """

    table: Table
    columns: tuple[str, ...]
    places: Sequence[Place]
    texts: Sequence[Sequence[str]]
    widest: int
    made: str = ""

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.places)

    def column(self, name: str) -> Sequence[str]:
        """Return the texts of a column."""
        return self.texts[self.columns.index(name)]

    def only(self, columns: tuple[str, ...]) -> "Batch":
        """Return the rows without their other columns."""
        return self._replace(columns=columns, texts=[self.column(name) for name in columns])

    def part(self, start: int, stop: int) -> "Batch":
        """Return the rows from one index to another."""
        return self._replace(places=self.places[start:stop], texts=[texts[start:stop] for texts in self.texts])

    def take(self, indexes: list[int]) -> "Batch":
        """Return the rows with these indexes, in this order."""
        if len(indexes) < 2:  # of which itemgetter makes no tuple
            return self.part(indexes[0], indexes[0] + 1) if indexes else self.part(0, 0)
        take = itemgetter(*indexes)
        return self._replace(places=take(self.places), texts=list(map(take, self.texts)))

    def readable(self) -> "Batch":
        """Return the rows of which no value is wrong."""
        if not any("" in texts for texts in self.texts):
            return self
        return self.take([index for index, texts in enumerate(zip(*self.texts, strict=True)) if "" not in texts])

    def bytes_of(self, index: int) -> int:
        """Return the size of a row's texts."""
        return sum(len(texts[index].encode()) for texts in self.texts)

    def problem(self, index: int, text: str, column: str = "") -> Problem:
        """Return a Problem with one of the rows."""
        rows, number = self.places[index]
        key = self.shown(index, [name for name in self.table.primary_key if self._is_known(index, name)])
        return rows.problem(number, text, key, column)

    def _is_known(self, index: int, name: str) -> bool:
        """Whether a row's value of a key column stands in its file, and is not wrong."""
        return name in self.columns and name != self.made and self.column(name)[index] not in ("", "NULL")

    def shown(self, index: int, columns: Iterable[str]) -> str:
        """Return a row's values of these columns, with their names, as far as they are given, for a message."""
        return ", ".join(f"{name} {self.value(index, name)}" for name in columns if name in self.columns)

    def value(self, index: int, name: str) -> str:
        """Return a row's value of a column, for a message."""
        return shortened_text(self.column(name)[index])


def joined(batches: Iterable[Batch]) -> list[Batch]:
    """Return the rows of a table's batches in as few as there can be."""
    alike: dict[tuple[tuple[str, ...], str], list[Batch]] = {}
    for batch in batches:
        alike.setdefault((batch.columns, batch.made), []).append(batch)
    return [
        group[0]
        if len(group) == 1
        else group[0]._replace(
            places=[place for batch in group for place in batch.places],
            texts=[list(chain.from_iterable(texts)) for texts in zip(*[batch.texts for batch in group], strict=True)],
            widest=max(batch.widest for batch in group),
        )
        for group in alike.values()
    ]


def split(batch: Batch) -> Iterator[Batch]:
    """Return the rows of a batch in batches of at most MOST_ROWS and MOST_BYTES; a larger row goes alone."""
    if batch.widest * MOST_ROWS <= MOST_BYTES:
        for start in range(0, batch.size, MOST_ROWS):
            yield batch.part(start, start + MOST_ROWS)
        return
    start = size = 0
    for index, row in enumerate(zip(*batch.texts, strict=True)):
        length = len("".join(row).encode())
        if index > start and (index - start == MOST_ROWS or size + length > MOST_BYTES):
            yield batch.part(start, index)
            start, size = index, 0
        size += length
    if start < batch.size:
        yield batch.part(start, batch.size)


def by_key(batch: Batch) -> Batch:
    """Return the rows sorted by primary key: neighbours in the table are written together, and in the same order by
    everyone.
    """
    columns = [
        list(map(int, batch.column(name))) if batch.table.columns[name].kind in INTEGERS else batch.column(name)
        for name in batch.table.primary_key
    ]
    keys: Sequence[Any] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
    return batch.take(sorted(range(batch.size), key=keys.__getitem__))
