"""Windows: a table's files are read, checked and sorted some 10,000 rows at a time, and leave in batches to write."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

from toolkit.database import Database
from toolkit.database.tables import Table
from toolkit.loading.batch import Batch, joined, split
from toolkit.loading.check.duplicates import find_duplicates
from toolkit.loading.check.rows import check
from toolkit.loading.check.spellings import find_spellings
from toolkit.loading.fast_lines import LineReader
from toolkit.loading.problems import BadInput, Problem, sort_problems
from toolkit.loading.read.json_lines import JsonLines
from toolkit.loading.read.row_source import Source
from toolkit.loading.write.row_order import batches_of, foreign_keys, in_order

# Rows are sorted by key within a window: neighbours in the table are then written together, which CockroachDB rewards.
WINDOW_ROWS = 10_000
WINDOW_CHUNKS = 64  # of 128 kB, or of one row if that is larger


def checked_batches(database: Database, table: Table, files: list[Source]) -> Iterator[Batch]:
    """Read the rows of a table and return them in checked batches. Raises BadInput at the first bad window.

    The database is asked only for spellings of keys.
    """
    chunks = _checked_chunks(table, files)
    while window := _next_window(database, table, chunks, files):
        while window:
            yield window.popleft()  # what has been sent is not kept


def _checked_chunks(table: Table, files: list[Source]) -> Iterator[list[Batch]]:
    """Return the rows, some hundreds at a time and at least one: a chunk of empty lines is not the end."""
    problems: list[Problem] = []
    reader = LineReader(table)
    for rows in files:
        checked = (
            reader.check(rows, problems)
            if isinstance(rows, JsonLines)
            else (check(table, chunk, problems) for chunk in rows.chunks())
        )
        for batches in checked:
            if problems:
                raise BadInput(sort_problems(problems, [rows]))
            if batches:
                yield batches


def _next_window(database: Database, table: Table, chunks: Iterator[list[Batch]], files: list[Source]) -> deque[Batch]:
    batches = joined(_window(chunks))
    spellings = find_spellings(database, batches)
    problems: list[Problem] = []
    find_duplicates(table, batches, problems, spellings)
    if problems:
        raise BadInput(sort_problems(problems, files))
    steps = in_order([table], batches, foreign_keys([table], spellings))
    return deque(part for step in steps for batch in batches_of(step) for part in split(batch))


def _window(chunks: Iterator[list[Batch]]) -> Iterator[Batch]:
    """Return the rows of the next window."""
    rows = 0
    for batches in islice(chunks, WINDOW_CHUNKS):
        yield from batches
        rows += sum(batch.size for batch in batches)
        if rows >= WINDOW_ROWS:
            return
