"""Batches: checked rows of one table that give the same columns, kept by column, which is how they travel."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from toolkit.database.tables import Table
from toolkit.loading.check.values import INTEGERS, NULL, shortened_text
from toolkit.loading.problems import Problem
from toolkit.loading.read.row_source import RowSource

MOST_ROWS = 1_000
MOST_BYTES = 1_000_000


# Where a row comes from: its file, and its number there.
Origin = tuple[RowSource, int]


class Batch(NamedTuple):
    """Checked rows of a table that give the same columns.

    columns: in the order of the table. origins: where each row comes from. texts: for each column those of all rows, as
    values.py makes them; a wrong value, which is reported as a Problem, is NULL here. max_row_bytes: no row has more
    bytes than this. position_key: the key column that the rows left out, and whose values are their positions in the
    files.
    """

    table: Table
    columns: tuple[str, ...]
    origins: Sequence[Origin]
    texts: Sequence[Sequence[str]]
    max_row_bytes: int
    position_key: str | None = None

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.origins)

    def has_columns(self, columns: Iterable[str]) -> bool:
        """Whether the rows give all of these columns."""
        return set(columns) <= set(self.columns)

    def column(self, name: str) -> Sequence[str]:
        """Return the texts of a column."""
        return self.texts[self.columns.index(name)]

    def select_columns(self, columns: Iterable[str]) -> "Batch":
        """Return the rows without their other columns."""
        columns = tuple(columns)
        return self._replace(columns=columns, texts=[self.column(name) for name in columns])

    def slice(self, start: int, stop: int) -> "Batch":
        """Return the rows from one index to another."""
        return self._replace(origins=self.origins[start:stop], texts=[texts[start:stop] for texts in self.texts])

    def select_rows(self, indexes: list[int]) -> "Batch":
        """Return the rows with these indexes, in this order."""
        if len(indexes) < 2:  # of which itemgetter makes no tuple
            return self.slice(indexes[0], indexes[0] + 1) if indexes else self.slice(0, 0)
        take = itemgetter(*indexes)
        return self._replace(origins=take(self.origins), texts=list(map(take, self.texts)))

    def bytes_of(self, index: int) -> int:
        """Return the size of a row's texts."""
        return sum(len(texts[index].encode()) for texts in self.texts)

    def problem(self, index: int, text: str, column: str = "") -> Problem:
        """Return a Problem with one of the rows."""
        source, number = self.origins[index]
        # A key that is not in the file, or is wrong, does not help to find the row there.
        given = [name for name in self.table.primary_key if name in self.columns and name != self.position_key]
        key = self.shown(index, [name for name in given if self.column(name)[index] != NULL])
        return source.problem(number, text, key, column)

    def shown(self, index: int, columns: Iterable[str]) -> str:
        """Return a row's values of these columns, with their names, as far as they are given, for a message."""
        return ", ".join(f"{name} {self.value(index, name)}" for name in columns if name in self.columns)

    def value(self, index: int, name: str) -> str:
        """Return a row's value of a column, for a message."""
        return shortened_text(self.column(name)[index])


def merged(batches: Iterable[Batch]) -> list[Batch]:
    """Return the rows of a table's batches in as few as there can be."""
    alike: dict[tuple[tuple[str, ...], str | None], list[Batch]] = {}
    for batch in batches:
        alike.setdefault((batch.columns, batch.position_key), []).append(batch)
    return [
        group[0]
        if len(group) == 1
        else group[0]._replace(
            origins=[origin for batch in group for origin in batch.origins],
            texts=[list(chain.from_iterable(texts)) for texts in zip(*[batch.texts for batch in group], strict=True)],
            max_row_bytes=max(batch.max_row_bytes for batch in group),
        )
        for group in alike.values()
    ]


def split(batch: Batch, groups: Iterable[list[int]] | None = None) -> Iterator[Batch]:
    """Return the rows of a batch in batches of at most MOST_ROWS and MOST_BYTES; a larger row goes alone.

    groups: rows that have to stay together, and go alone if they are too many; by default each row is one.
    """
    is_narrow = batch.max_row_bytes * MOST_ROWS <= MOST_BYTES
    if groups is None and is_narrow:
        for start in range(0, batch.size, MOST_ROWS):
            yield batch.slice(start, start + MOST_ROWS)
        return
    rows: list[int] = []
    size = 0
    for group in groups or ([index] for index in range(batch.size)):
        length = 0 if is_narrow else sum(map(batch.bytes_of, group))
        if rows and (len(rows) + len(group) > MOST_ROWS or size + length > MOST_BYTES):
            yield batch.select_rows(rows)
            rows, size = [], 0
        rows += group
        size += length
    if rows:
        yield batch.select_rows(rows)


def sorted_by_key(batch: Batch) -> Batch:
    """Return the rows sorted by primary key: neighbours in the table are written together, and in the same order by
    everyone.
    """
    columns = [
        list(map(int, batch.column(name))) if batch.table.columns[name].kind in INTEGERS else batch.column(name)
        for name in batch.table.primary_key
    ]
    keys: Sequence[Any] = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
    return batch.select_rows(sorted(range(batch.size), key=keys.__getitem__))
