"""The order in which the rows of a load are written: none before those it refers to, and circles by themselves.

The foreign keys between tables say too little: teams have a captain and players have a team, and still most rows can be
written one after the other. So where tables refer to each other, or a table to itself, the rows decide.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from toolkit.database.tables import Constraint, Table, TableName
from toolkit.loading.batch import Batch, by_key, joined, split
from toolkit.loading.check.duplicates import key_values
from toolkit.loading.check.spellings import Spellings
from toolkit.loading.check.strongly_connected_components import components, depths

# For a foreign key: row -> the other row it refers to. Rows are numbered over all batches.
References = dict[int, int]


class ForeignKeys(NamedTuple):
    """Foreign keys of a load, each with the table that it is of; spellings: of the values in them."""

    pairs: list[tuple[Table, Constraint]]
    spellings: Spellings

    def among(self, names: set[TableName]) -> "ForeignKeys":
        """Return those of tables with these names to tables with these names."""
        return self._replace(
            pairs=[(table, key) for table, key in self.pairs if table.name in names and key.referenced in names]
        )

    def references(self, batches: Sequence[Batch]) -> list[References]:
        """Return for each foreign key which rows of these batches refer to which others."""
        return [_references(batches, table, key, self.spellings) for table, key in self.pairs]


class Circle(NamedTuple):
    """Rows that refer to each other by these foreign keys, so that none can be the first; of one circle or several."""

    batches: list[Batch]
    keys: ForeignKeys


Step = Batch | Circle


def batches_of(step: Step) -> list[Batch]:
    """Return the rows of a step."""
    return step.batches if isinstance(step, Circle) else [step]


class Plan(NamedTuple):
    """How a load is written. tables: in the order of their references, as far as they have one. defers: whether the
    constraints that can be judged at the end of the transaction are judged there.
    """

    tables: list[Table]
    steps: list[Step]
    defers: bool

    def batches(self, table: Table) -> list[Batch]:
        """Return the rows of a table."""
        return [batch for step in self.steps for batch in batches_of(step) if batch.table.name == table.name]


def make_plan(tables: Sequence[Table], batches: Sequence[Batch], spellings: Spellings) -> Plan:
    """Return how the rows of these tables can be written in one transaction."""
    keys = foreign_keys(tables, spellings)
    steps = list(in_order(tables, batches, keys))
    judged_at_once = [(table, key) for table, key in keys.pairs if not key.is_deferrable]
    defers = any(table.has_deferrable_key for table in tables)
    if len(judged_at_once) < len(keys.pairs) and any(isinstance(step, Circle) for step in steps):
        steps = list(in_order(tables, batches, keys._replace(pairs=judged_at_once)))
        defers = True
    return Plan([table for group in _groups(tables, keys) for table in group], steps, defers)


def foreign_keys(tables: Iterable[Table], spellings: Spellings) -> ForeignKeys:
    """Return the foreign keys of these tables to these tables."""
    tables = list(tables)
    pairs = [(table, key) for table in tables for key in table.foreign_keys]
    return ForeignKeys(pairs, spellings).among({table.name for table in tables})


def _groups(tables: Sequence[Table], keys: ForeignKeys) -> list[list[Table]]:
    """Return the tables in groups, each after those it refers to: a table, or several that refer to each other."""
    numbers: dict[str, int] = {table.name: number for number, table in enumerate(tables)}
    parents: list[list[int]] = [[] for _ in tables]
    for table, key in keys.pairs:
        if key.referenced != table.name:
            parents[numbers[table.name]].append(numbers[str(key.referenced)])
    return [[tables[number] for number in sorted(group)] for group in components(parents)]


def in_order(tables: Sequence[Table], batches: Sequence[Batch], keys: ForeignKeys) -> Iterator[Step]:
    """Return the rows of these tables as they can be written one after the other, in batches that are not too large.

    keys: the foreign keys that the server judges after each statement.
    """
    for group in _groups(tables, keys):
        names = {table.name for table in group}
        yield from rows_in_order([batch for batch in batches if batch.table.name in names], keys.among(names))


def rows_in_order(batches: Sequence[Batch], keys: ForeignKeys) -> Iterator[Step]:
    """Return the rows of tables that refer to each other as they can be written one after the other."""
    batches = joined(batches)
    all_references = keys.references(batches)
    if not any(all_references):
        for batch in batches:
            yield from split(by_key(batch))
        return
    places = places_of(batches)
    parents = parents_of(len(places), all_references)
    groups = components(parents)
    depth = depths(parents, groups)
    in_circle = {row for group in groups if len(group) > 1 for row in group}
    # The rows of a statement may refer to each other, so that those of one batch go together, whatever their depths,
    # unless rows of other batches or a circle come between.
    ordered = sorted(range(len(places)), key=lambda row: (depth[row], row in in_circle, row))
    for (circle, number), rows in groupby(
        ordered, lambda row: (True, depth[row]) if row in in_circle else (False, places[row][0])
    ):
        if circle:
            yield Circle(rows_at(batches, [places[row] for row in rows]), keys)
        else:
            yield from split(batches[number].take([places[row][1] for row in rows]))


def places_of(batches: Sequence[Batch]) -> list[tuple[int, int]]:
    """Return for each row the number of its batch and its index there, in the order in which rows are numbered."""
    return [(number, index) for number, batch in enumerate(batches) for index in range(batch.size)]


def rows_at(batches: Sequence[Batch], places: Iterable[tuple[int, int]]) -> list[Batch]:
    """Return the rows at these places, which come batch by batch."""
    return [batches[number].take([index for _, index in group]) for number, group in groupby(places, itemgetter(0))]


def _references(batches: Sequence[Batch], table: Table, key: Constraint, spellings: Spellings) -> References:
    """Return which rows refer to which others of these batches by a foreign key of a table."""
    row_of: dict[Any, int] = {}
    wanted: dict[int, Any] = {}
    start = 0
    for batch in batches:
        if batch.table.name == key.referenced and set(key.referenced_columns) <= set(batch.columns):
            row_of.update(
                (value, start + index)
                for index, value in enumerate(key_values(batch, key.referenced_columns, spellings))
            )
        if batch.table.name == table.name and set(key.columns) <= set(batch.columns):
            wanted.update(
                (start + index, value) for index, value in enumerate(key_values(batch, key.columns, spellings))
            )
        start += batch.size
    found = {row: row_of.get(value, row) for row, value in wanted.items() if value is not None}
    return {row: other for row, other in found.items() if other != row}


def parents_of(rows: int, all_references: Iterable[References]) -> list[list[int]]:
    """Return for each of so many rows the others that it refers to, by any foreign key."""
    parents: list[list[int]] = [[] for _ in range(rows)]
    for of_key in all_references:
        for row, other in of_key.items():
            parents[row].append(other)
    return parents
