"""Rows that refer to each other in cycles, where no constraint can wait for them and no statement can hold them.

New rows are inserted with NULL in a column of a foreign key that may be NULL, and completed when all are there. A row
that was in the database before is never given a NULL for this: new rows can refer to it as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from toolkit.database.tables import Table
from toolkit.loading.batch import Batch, merged, split
from toolkit.loading.check.values import NULL
from toolkit.loading.problems import BadInput, Problem
from toolkit.loading.write.order import (
    Cycle,
    ForeignKey,
    batches_of,
    fits_statement,
    locations_of,
    parents_of,
    references,
    rows_in_order,
    strongly_connected_components,
)
from toolkit.loading.write.writer import Counts, Writer

# The columns that are NULL at first, by table.
Cleared = dict[str, set[str]]


class Write(NamedTuple):
    """One of the statements that write a cycle. run: runs it. cleared: the columns that are NULL only for now."""

    batch: Batch
    run: Callable[[Batch], Counts]
    cleared: frozenset[str] = frozenset()


def write_cycle(writer: Writer, cycle: Cycle) -> dict[str, Counts]:
    """Write the rows of a cycle, and return what became of each table's. May be repeated. Raises BadInput as writes()
    does.
    """
    counts: dict[str, Counts] = {batch.table.name: writer.zero_counts() for batch in cycle.batches}
    for write in writes(writer, cycle):
        counts[write.batch.table.name].update(write.run(write.batch))
    for name, of_table in counts.items():
        size = sum(batch.size for batch in cycle.batches if batch.table.name == name)
        of_table[writer.untouched_label] += size - of_table.total()
    return counts


def writes(writer: Writer, cycle: Cycle) -> Iterator[Write]:
    """Return the statements that insert those rows of a cycle which are not there yet, and update the others.

    Each has to be run before the next is asked for. Raises BadInput as Writer.match_existing() does, and for new rows
    of which none can be the first.
    """
    found = [(part, writer.match_existing(part)) for batch in cycle.batches for part in split(batch)]
    new = merged(part.select_rows(existing.new) for part, existing in found)
    cleared = _columns_to_clear(new, cycle.keys)
    for step in rows_in_order(_with_nulls(new, cleared), cycle.keys):
        for batch in batches_of(step):
            of_table = frozenset(cleared.get(batch.table.name, ()))
            # Each of the cycles in a batch goes as a whole.
            cycles = strongly_connected_components(parents_of([batch], cycle.keys)) if isinstance(step, Cycle) else None
            for part in split(batch, cycles):
                yield Write(part, writer.insert_counted, of_table)
    for batch in new:
        if columns := [name for name in batch.columns if name in cleared.get(batch.table.name, ())]:
            for part in split(batch.select_columns([*batch.table.primary_key, *columns])):
                yield Write(part, writer.fill_in_cleared)
    for part, existing in found:
        yield Write(part.select_rows(existing.changed), writer.update_counted)


def _columns_to_clear(batches: Sequence[Batch], keys: list[ForeignKey]) -> Cleared:
    """Return which columns have to be NULL at first, so that what is left of the cycles goes in statements.

    Chooses a foreign key that may be NULL: rather one whose columns are in no CHECK, and of these the one that the
    fewest rows use. Raises BadInput if there is none.
    """
    cleared: Cleared = {}
    while stuck := _oversized_cycles(batches, keys):
        choices = []
        for number, key in enumerate(keys):
            columns = _nullable(key, keys)
            rows = _rows_inside(batches, key, stuck)
            if columns and rows:
                choices.append((_in_check_constraint(key.table, columns), len(rows), number, columns))
        if not choices:
            raise BadInput([_problem(batches, group, keys) for group in stuck])
        *_, number, columns = min(choices)
        cleared.setdefault(keys[number].table.name, set()).update(columns)
        batches = _with_nulls(batches, cleared)
    return cleared


def _oversized_cycles(batches: Sequence[Batch], keys: list[ForeignKey]) -> list[list[int]]:
    """Return the cycles that no statement can hold."""
    locations = locations_of(batches)
    groups = strongly_connected_components(parents_of(batches, keys))
    return [group for group in groups if not fits_statement(batches, locations, group)]


def _rows_inside(batches: Sequence[Batch], key: ForeignKey, groups: list[list[int]]) -> list[int]:
    """Return the rows that refer by a foreign key to another row of the same group."""
    group_of = {row: number for number, group in enumerate(groups) for row in group}
    found = references(batches, key).items()
    return [row for row, other in found if row in group_of and group_of[row] == group_of.get(other)]


def _nullable(key: ForeignKey, keys: list[ForeignKey]) -> tuple[str, ...]:
    """Return the columns that have to be NULL so that a foreign key refers to nothing; () if they may not be."""
    table, constraint = key
    wanted = {*table.primary_key}.union(
        *(other.referenced_columns for _, other in keys if other.referenced == table.name)
    )
    free = [name for name in constraint.columns if table.columns[name].nullable and name not in wanted]
    if " MATCH FULL" in constraint.definition:  # it refers to nothing only if all of its columns are NULL
        return constraint.columns if len(free) == len(constraint.columns) else ()
    return tuple(sorted(free, key=lambda name: _in_check_constraint(table, (name,)))[:1])


def _in_check_constraint(table: Table, columns: tuple[str, ...]) -> bool:
    checks = [constraint for constraint in table.constraints.values() if constraint.kind == "c"]
    return any(not set(columns).isdisjoint(check.columns) for check in checks)


def _problem(batches: Sequence[Batch], group: list[int], keys: list[ForeignKey]) -> Problem:
    """Return the Problem with a cycle that cannot be written, told at the first of its rows."""
    inside = [key for key in keys if _rows_inside(batches, key, [group])]
    columns = [f"{table.name}.{name}" for table, constraint in inside for name in constraint.columns]
    locations = locations_of(batches)
    number, index = locations[min(group)]
    of_one_table = len({batches[locations[row][0]].table.name for row in group}) == 1
    text = (
        f"refers to itself over {len(group) - 1} other rows of the load "
        f"({', '.join(key.constraint.name for key in inside)}), so that none can be the first: let one of the columns "
        f"{', '.join(dict.fromkeys(columns))} be NULL"
        + (", give the same columns in all these rows" if of_one_table else "")
        + ", or make one of the foreign keys DEFERRABLE (PostgreSQL)"
    )
    return batches[number].problem(index, text)


def _with_nulls(batches: Sequence[Batch], cleared: Cleared) -> list[Batch]:
    """Return the rows with NULL in these columns."""
    return [
        batch._replace(
            texts=[
                [NULL] * batch.size if name in cleared.get(batch.table.name, ()) else texts
                for name, texts in zip(batch.columns, batch.texts, strict=True)
            ]
        )
        for batch in batches
    ]
