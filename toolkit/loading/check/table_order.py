"""The order of the tables of a load, each after those to which it refers; and how such an order is found."""

from collections.abc import Sequence

from toolkit.console import UserError
from toolkit.database.tables import Table


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
