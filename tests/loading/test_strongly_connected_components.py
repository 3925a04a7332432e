"""The order of nodes in a graph, and its cycles."""

import random

import pytest

from toolkit.loading.write.order import depths, strongly_connected_components


def reachable(parents: list[list[int]]) -> list[set[int]]:
    """Return what can be reached from each node, itself included, the slow way."""
    found = [{node} for node in range(len(parents))]
    for _ in parents:
        found = [set.union(*(found[other] for other in [node, *parents[node]])) for node in range(len(parents))]
    return found


@pytest.mark.parametrize("seed", range(300))
def test_groups_are_the_nodes_that_reach_each_other_and_come_after_their_parents(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.randrange(1, 10)
    parents = [[other for other in range(size) if other != node and chance.random() < 0.2] for node in range(size)]
    reached = reachable(parents)
    cycles = {frozenset(other for other in reached[node] if node in reached[other]) for node in range(size)}
    groups = strongly_connected_components(parents)
    assert {frozenset(group) for group in groups} == cycles
    assert sum(map(len, groups)) == size
    place = {node: number for number, group in enumerate(groups) for node in group}
    depth = depths(parents, groups)
    for node in range(size):
        for parent in parents[node]:
            assert place[parent] <= place[node]
            assert depth[parent] < depth[node] or place[parent] == place[node]


def test_a_long_chain_and_a_large_cycle() -> None:
    size = 20_000
    chain = [[node + 1] for node in range(size - 1)] + [[]]
    assert strongly_connected_components(chain) == [[node] for node in reversed(range(size))]
    assert depths(chain, strongly_connected_components(chain))[0] == size - 1
    assert [len(group) for group in strongly_connected_components([[(node + 1) % size] for node in range(size)])] == [
        size
    ]
