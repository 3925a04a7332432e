"""Rows that refer to each other in circles: how they are written all the same, where no constraint can wait for them.

The rows of one statement may refer to each other. A circle that is too large for one, or whose rows are of several
tables or give different columns, is begun with NULL in a column that may be NULL, and completed when all are there. A
row that was in the database before is never given a NULL for this: new rows can refer to it as it is.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import MOST_BYTES, MOST_ROWS, Batch, Place, joined, split
from toolkit.loading.check.strongly_connected_components import components
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.write.existing_rows import Found
from toolkit.loading.write.row_order import (
    Circle,
    ForeignKeys,
    References,
    parents_of,
    places_of,
    rows_at,
    rows_in_order,
)
from toolkit.loading.write.writer import Counts, Writer, with_dropped

# A circle in which no column may be NULL goes in one statement of up to so many bytes. CockroachDB takes 16 MiB, and on
# the way quotation marks and backslashes are doubled.
LARGEST_STATEMENT = 7_000_000


class Steps(NamedTuple):
    """How the rows of a circle are written.

    found: all rows, as they were found in the database. inserts: the new ones, as they can be inserted one batch after
    the other. completions: those of them that are inserted with a NULL, as they are in the file. changes: the rows that
    are there and differ. cleared: the columns that are NULL at first, by the place of the row.
    """

    found: list[tuple[Batch, Found]]
    inserts: list[Batch]
    completions: list[Batch]
    changes: list[Batch]
    cleared: dict[Place, set[str]]


def steps(writer: Writer, circle: Circle) -> Steps:
    """Look which rows of a circle are there already, and return how all are written.

    Raises BadInput as Writer.look() does, and for new rows of which none can be the first.
    """
    found = [(part, writer.look(part)) for batch in circle.batches for part in split(batch)]
    new = joined(part.take(of_part.new) for part, of_part in found)
    cleared = _cleared(new, circle.keys)
    places = places_of(new)
    completions = rows_at(new, [places[row] for row in sorted(cleared)])
    return Steps(
        found,
        list(_inserts(_with_nulls(new, cleared), circle.keys)),
        [part for batch in completions for part in split(batch)],
        [part.take(of_part.changed) for part, of_part in found if of_part.changed],
        {new[places[row][0]].places[places[row][1]]: columns for row, columns in cleared.items()},
    )


def write_circle(writer: Writer, circle: Circle, *, skip: bool) -> dict[str, Counts]:
    """Write the rows of a circle, and return what became of each table's. May be repeated. Raises BadInput as steps().

    skip: rows that are there already are left alone, as the writer has it.
    """
    found, inserts, completions, changes, _ = steps(writer, circle)
    new, changed, dropped, incomplete = Counts(), Counts(), Counts(), Counts()  # rows, by table
    for batch in inserts:
        inserted = writer.insert_new(batch)
        new[batch.table.name] += inserted
        dropped[batch.table.name] += writer.count_dropped(batch, inserted)
    for batch in completions:
        incomplete[batch.table.name] += batch.size - writer.update(batch)
    for batch in [] if skip else changes:
        updated = writer.update(batch)
        changed[batch.table.name] += updated
        dropped[batch.table.name] += batch.size - updated
    counts: dict[str, Counts] = {}
    for name in dict.fromkeys(batch.table.name for batch in circle.batches):
        size = sum(part.size for part, _ in found if part.table.name == name)
        if skip:
            of_table = {"new": new[name], "left alone": size - new[name] - dropped[name]}
        else:
            # What was dropped when it was inserted could not be completed, either.
            lost = max(0, incomplete[name] - dropped[name])
            new[name] -= lost
            dropped[name] += lost
            unchanged = size - new[name] - changed[name] - dropped[name]
            of_table = {"new": new[name], "changed": changed[name], "unchanged": unchanged}
        counts[name] = with_dropped(of_table, dropped[name])
    return counts


def _cleared(batches: Sequence[Batch], keys: ForeignKeys) -> dict[int, set[str]]:
    """Return in which rows which columns have to be NULL at first: in those of circles that no statement can write.

    Of the foreign keys that may be NULL, one is taken of which no CHECK speaks, and by which the fewest rows refer.
    Raises BadInput if there is none.
    """
    cleared: dict[int, set[str]] = {}
    left = keys.references(batches)
    while groups := _without_statement(batches, left, MOST_ROWS, MOST_BYTES):
        group_of = {row: number for number, group in enumerate(groups) for row in group}
        choices = []
        for number, (table, key) in enumerate(keys.pairs):
            columns = _nullable(table, key, keys)
            rows = [
                row for row, other in left[number].items() if row in group_of and group_of[row] == group_of.get(other)
            ]
            if columns and rows:
                choices.append((_is_checked(table, columns), len(rows), number, rows, columns))
        if not choices:
            groups = _without_statement(batches, left, len(group_of), LARGEST_STATEMENT)
            if groups:
                raise BadInput([_problem(batches, group, left, keys) for group in groups])
            break
        _, _, chosen, rows, columns = min(choices)
        for row in rows:
            cleared.setdefault(row, set()).update(columns)
        for (table, key), of_key in zip(keys.pairs, left, strict=True):
            if table.name == keys.pairs[chosen][0].name and not set(columns).isdisjoint(key.columns):
                for row in rows:
                    of_key.pop(row, None)
    return cleared


def _without_statement(
    batches: Sequence[Batch], all_references: list[References], most_rows: int, most_bytes: int
) -> list[list[int]]:
    """Return the circles whose rows cannot all go in one statement of such a size."""
    places = places_of(batches)
    groups = [group for group in components(parents_of(len(places), all_references)) if len(group) > 1]
    return [
        group
        for group in groups
        if len({places[row][0] for row in group}) > 1
        or len(group) > most_rows
        or sum(batches[places[row][0]].bytes_of(places[row][1]) for row in group) > most_bytes
    ]


def _nullable(table: Table, key: Constraint, keys: ForeignKeys) -> tuple[str, ...]:
    """Return the columns that have to be NULL so that a foreign key refers to nothing; () if they may not be."""
    wanted = {name for _, other in keys.pairs if other.referenced == table.name for name in other.referenced_columns}
    free = [name for name in key.columns if table.columns[name].nullable and name not in wanted]
    if " MATCH FULL" in key.definition:
        return key.columns if len(free) == len(key.columns) else ()
    return tuple(sorted(free, key=lambda name: _is_checked(table, (name,)))[:1])


def _is_checked(table: Table, columns: tuple[str, ...]) -> bool:
    checks = [constraint for constraint in table.constraints.values() if constraint.kind == "c"]
    return any(not set(columns).isdisjoint(check.columns) for check in checks)


def _problem(
    batches: Sequence[Batch], group: list[int], all_references: list[References], keys: ForeignKeys
) -> Problem:
    """Return the Problem with a circle that cannot be written, told at the first of its rows."""
    inside = set(group)
    names = [
        key.name
        for (_, key), of_key in zip(keys.pairs, all_references, strict=True)
        if any(row in inside and other in inside for row, other in of_key.items())
    ]
    places = places_of(batches)
    number, index = places[min(group)]
    of_one_table = len({batches[places[row][0]].table.name for row in group}) == 1
    text = (
        f"refers to itself over {len(group) - 1} other rows of the load ({', '.join(names)}), so that none can be the "
        "first: let a column of these foreign keys be NULL"
        + (", give the same columns in all these rows" if of_one_table else "")
        + ", or make one of them DEFERRABLE (PostgreSQL)"
    )
    return batches[number].problem(index, text)


def _with_nulls(batches: Sequence[Batch], cleared: dict[int, set[str]]) -> list[Batch]:
    """Return the rows with NULL in these columns."""
    changed = []
    start = 0
    for batch in batches:
        texts = [list(of_column) for of_column in batch.texts]
        for index in range(batch.size):
            for name in cleared.get(start + index, ()):
                texts[batch.columns.index(name)][index] = "NULL"
        changed.append(batch._replace(texts=texts))
        start += batch.size
    return changed


def _inserts(batches: Sequence[Batch], keys: ForeignKeys) -> Iterator[Batch]:
    """Return new rows as they can be inserted one batch after the other. What is left of circles goes in statements."""
    for step in rows_in_order(batches, keys):
        if isinstance(step, Circle):
            for batch in step.batches:
                yield from _packed(batch, keys)
        else:
            yield step


def _packed(batch: Batch, keys: ForeignKeys) -> Iterator[Batch]:
    """Return the rows of circles in batches, each circle as a whole in one of them."""
    rows: list[int] = []
    size = 0
    for group in components(parents_of(batch.size, keys.references([batch]))):
        length = sum(map(batch.bytes_of, group))
        if rows and (len(rows) + len(group) > MOST_ROWS or size + length > MOST_BYTES):
            yield batch.take(rows)
            rows, size = [], 0
        rows += group
        size += length
    yield batch.take(rows)
