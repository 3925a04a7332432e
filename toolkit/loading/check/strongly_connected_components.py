"""Directed graphs, of tables or of rows: an order in which each node follows its parents, and the cycles in it."""

from collections.abc import Sequence


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
