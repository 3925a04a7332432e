"""The order in which a load is written: each table, and each row, after those it refers to, and cycles by themselves.

The foreign keys between tables say too little: teams have a captain and players have a team, and still most rows can be
written one after the other. So where tables refer to each other, or a table to itself, the rows decide.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from toolkit.console import UserError
from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import Batch, merged, sorted_by_key, split
from toolkit.loading.check.keys import key_values

# A cycle goes in one statement of up to so many bytes. CockroachDB takes 16 MiB
# (sql.conn.max_read_buffer_message_size), and on the way quotation marks and backslashes are doubled.
LARGEST_CYCLE = 7_000_000

# For a foreign key: row -> the other row it refers to. Rows are numbered over all batches.
References = dict[int, int]
# Where a row is: the number of its batch, and its index there.
Location = tuple[int, int]


class ForeignKey(NamedTuple):
    """A foreign key, and the table that it is of."""

    table: Table
    constraint: Constraint


class Cycle(NamedTuple):
    """Rows that refer to each other by these foreign keys, so that none can be the first; of one cycle or several.

    No single statement can write them: they are of several tables, give different columns, or are too large together.
    """

    batches: list[Batch]
    keys: list[ForeignKey]


Step = Batch | Cycle


def batches_of(step: Step) -> list[Batch]:
    """Return the rows of a step."""
    return step.batches if isinstance(step, Cycle) else [step]


def groups_in_order(tables: Sequence[Table]) -> list[list[Table]]:
    """Return the tables in groups, each after those it refers to: a table, or several that refer to each other."""
    numbers: dict[str, int] = {table.name: number for number, table in enumerate(tables)}
    parents = [[numbers[name] for name in referenced(table) & numbers.keys() - {table.name}] for table in tables]
    return [[tables[number] for number in sorted(group)] for group in strongly_connected_components(parents)]


def by_references(tables: Sequence[Table]) -> list[Table]:
    """Return the tables, each after those it refers to. Raises UserError if their foreign keys form a cycle."""
    groups = groups_in_order(tables)
    for group in groups:
        if len(group) > 1:
            raise UserError(_advice({table.name: table for table in group}))
    return [table for group in groups for table in group]


def _advice(cycle: dict[str, Table]) -> str:
    """Say how tables whose foreign keys form a cycle can be loaded."""
    text = (
        f"the foreign keys of {', '.join(cycle)} form a cycle, and a load of more than 10,000 rows goes table by table"
    )
    columns = [
        f"{table.name}.{name}"
        for table in cycle.values()
        for key in table.foreign_keys
        if key.referenced in cycle and key.referenced != table.name
        for name in key.columns
        if table.columns[name].nullable
    ]
    if columns:
        return f"{text}: load them one at a time, first without {' or '.join(columns)}, and that table again at the end"
    return f"{text}: load it in parts of at most 10,000 rows, with rows that refer to each other in the same part"


def referenced(table: Table) -> set[str]:
    """Return the names of the tables to which a table refers."""
    return {str(key.referenced) for key in table.foreign_keys}


def refers_to_itself(table: Table) -> bool:
    """Whether a foreign key of the table refers to the table itself."""
    return table.name in referenced(table)


class WritePlan(NamedTuple):
    """How a load is written. tables: in the order of their references, as far as they have one. defers: whether the
    constraints that can be judged at the end of the transaction are judged there.
    """

    tables: list[Table]
    steps: list[Step]
    defers: bool

    def batches(self, table: Table) -> list[Batch]:
        """Return the rows of a table."""
        return [batch for step in self.steps for batch in batches_of(step) if batch.table.name == table.name]


def make_write_plan(tables: Sequence[Table], batches: Sequence[Batch]) -> WritePlan:
    """Return how the rows of these tables can be written in one transaction."""
    steps = list(in_order(tables, batches))
    defers = any(table.has_deferrable_key for table in tables)
    if any(isinstance(step, Cycle) for step in steps):
        steps = list(in_order(tables, batches, may_defer=True))
        defers = defers or any(key.is_deferrable for table in tables for key in table.foreign_keys)
    return WritePlan([table for group in groups_in_order(tables) for table in group], steps, defers)


def in_order(tables: Sequence[Table], batches: Sequence[Batch], *, may_defer: bool = False) -> Iterator[Step]:
    """Return the rows of these tables as they can be written one after the other, in batches that are not too large.

    may_defer: the foreign keys that can be judged at the end of the transaction will be judged there.
    """
    for group in groups_in_order(tables):
        names: set[str] = {table.name for table in group}
        keys = [ForeignKey(table, key) for table in group for key in table.foreign_keys if key.referenced in names]
        judged_at_once = [key for key in keys if not (may_defer and key.constraint.is_deferrable)]
        yield from rows_in_order([batch for batch in batches if batch.table.name in names], judged_at_once)


def rows_in_order(batches: Sequence[Batch], keys: list[ForeignKey]) -> Iterator[Step]:
    """Return the rows of tables that refer to each other as they can be written one after the other."""
    batches = merged(batches)
    parents = parents_of(batches, keys)
    if not any(parents):
        for batch in batches:
            yield from split(sorted_by_key(batch))
        return
    locations = locations_of(batches)
    groups = strongly_connected_components(parents)
    depth = depths(parents, groups)
    first = {row: min(group) for group in groups for row in group}
    in_cycle = {row for group in groups if not fits_statement(batches, locations, group) for row in group}
    # Rows of one INSERT may refer to each other, so a batch goes in one even if its rows are of several generations.
    # It is split only where rows of another batch, or a cycle, have to be written in between.
    ordered = sorted(range(len(locations)), key=lambda row: (depth[row], row in in_cycle, first[row], row))
    for (cycle, number), rows in groupby(
        ordered, lambda row: (True, depth[row]) if row in in_cycle else (False, locations[row][0])
    ):
        if cycle:
            yield Cycle(_rows_at(batches, [locations[row] for row in sorted(rows)]), keys)
        else:
            together = groupby(rows, first.__getitem__)
            yield from split(batches[number], ([locations[row][1] for row in group] for _, group in together))


def fits_statement(batches: Sequence[Batch], locations: Sequence[Location], group: Sequence[int]) -> bool:
    """Whether the rows of a cycle can go in one statement. One row always can."""
    return len(group) == 1 or (
        len({locations[row][0] for row in group}) == 1
        and sum(batches[locations[row][0]].bytes_of(locations[row][1]) for row in group) <= LARGEST_CYCLE
    )


def locations_of(batches: Sequence[Batch]) -> list[Location]:
    """Return where each row is, in the order in which rows are numbered."""
    return [(number, index) for number, batch in enumerate(batches) for index in range(batch.size)]


def _rows_at(batches: Sequence[Batch], locations: Iterable[Location]) -> list[Batch]:
    """Return these rows, which are given batch by batch."""
    return [
        batches[number].select_rows([index for _, index in group])
        for number, group in groupby(locations, itemgetter(0))
    ]


def references(batches: Sequence[Batch], key: ForeignKey) -> References:
    """Return which rows refer to which others of these batches by a foreign key."""
    table, constraint = key
    row_of: dict[Any, int] = {}
    wanted: dict[int, Any] = {}
    start = 0
    for batch in batches:
        rows = range(start, start + batch.size)
        if batch.table.name == constraint.referenced and batch.has_columns(constraint.referenced_columns):
            row_of.update(zip(key_values(batch, constraint.referenced_columns), rows, strict=True))
        if batch.table.name == table.name and batch.has_columns(constraint.columns):
            wanted.update(zip(rows, key_values(batch, constraint.columns), strict=True))
        start += batch.size
    found = {row: row_of.get(value, row) for row, value in wanted.items() if value is not None}
    return {row: other for row, other in found.items() if other != row}


def parents_of(batches: Sequence[Batch], keys: Iterable[ForeignKey]) -> list[list[int]]:
    """Return for each row of these batches the others that it refers to, by any of these foreign keys."""
    parents: list[list[int]] = [[] for batch in batches for _ in range(batch.size)]
    for key in keys:
        for row, other in references(batches, key).items():
            parents[row].append(other)
    return parents


def strongly_connected_components(parents: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the nodes in groups, each group after those of its parents. A group is a node, or all nodes of a cycle.

    parents: for each node, which is its index here, the nodes that have to come before it; not the node itself. The
    groups are the strongly connected components, found by Tarjan's algorithm (SIAM Journal on Computing 1, 1972),
    without recursion, because a chain may be long.
    """
    reached: dict[int, int] = {}  # node -> how many were reached before it
    lowest: dict[int, int] = {}  # node -> the first reached node that it leads to, of those without a group
    waiting: list[int] = []  # the nodes without a group, as they were reached
    groups: list[list[int]] = []
    for start in range(len(parents)):
        path = [] if start in reached else [(start, iter(parents[start]))]
        while path:
            node, rest = path[-1]
            if node not in reached:
                lowest[node] = reached[node] = len(reached)
                waiting.append(node)
            parent = next(rest, None)
            if parent is not None:
                if parent not in reached:
                    path.append((parent, iter(parents[parent])))
                elif parent in lowest:
                    lowest[node] = min(lowest[node], reached[parent])
                continue
            path.pop()
            if path:
                child = path[-1][0]
                lowest[child] = min(lowest[child], lowest[node])
            if lowest[node] == reached[node]:
                group = [waiting.pop()]
                while group[-1] != node:
                    group.append(waiting.pop())
                for member in group:
                    del lowest[member]
                groups.append(group)
    return groups


def depths(parents: Sequence[Sequence[int]], groups: list[list[int]]) -> list[int]:
    """Return for each node how many generations of groups are above its own."""
    found = [0] * len(parents)
    for group in groups:
        inside = set(group)
        above = [found[parent] for node in group for parent in parents[node] if parent not in inside]
        depth = max(above, default=-1) + 1
        for node in group:
            found[node] = depth
    return found
