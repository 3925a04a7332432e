"""A URL with several hosts: the connections go round them, as many to each, and past those that do not answer.

docs/clusters.md shows it on a cluster.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg2.extensions
import pytest
from documents import PROJECT
from relay import Relay

from toolkit.database import Database


@pytest.fixture
def hosts(url: str) -> Iterator[list[Relay]]:
    """Three ways to the scratch database, as a cluster has three nodes."""
    with ExitStack() as stack:
        yield [stack.enter_context(Relay(url)) for _ in range(3)]


def url_of(hosts: list[Relay], **parameters: str) -> str:
    ports = ",".join(str(host.port) for host in hosts)
    return psycopg2.extensions.make_dsn(hosts[0].url, host="127.0.0.1,127.0.0.1,127.0.0.1", port=ports, **parameters)


def ports_used(database: Database, connections: int) -> list[int]:
    """Open so many connections, and return the ports that they lead to."""
    return [int(database.connect().info.port) for _ in range(connections)]


def test_each_connection_begins_with_the_next_host(hosts: list[Relay]) -> None:
    ports = [host.port for host in hosts]
    for _ in range(3):
        used = ports_used(Database(url_of(hosts)), 6)
        first = ports.index(used[0])
        assert used == (ports[first:] + ports[:first]) * 2


def test_processes_begin_with_different_hosts(hosts: list[Relay]) -> None:
    """Else all programs with one connection would use the first."""
    assert len({ports_used(Database(url_of(hosts)), 1)[0] for _ in range(40)}) == 3


def test_a_host_that_has_gone_is_passed_over(hosts: list[Relay]) -> None:
    hosts[1].close()
    used = ports_used(Database(url_of(hosts)), 6)
    assert set(used) == {hosts[0].port, hosts[2].port}


@pytest.mark.parametrize(("choice", "hosts_used"), [("disable", 1), ("random", 3)])
def test_the_url_may_choose_otherwise(hosts: list[Relay], choice: str, hosts_used: int) -> None:
    used = ports_used(Database(url_of(hosts, load_balance_hosts=choice)), 40)
    assert len(set(used)) == hosts_used
    assert choice != "random" or used != (used[:3] * 14)[:40]


@pytest.mark.usefixtures("database")
def test_a_large_load_uses_all_hosts(hosts: list[Relay], tmp_path: Path) -> None:
    """Four connections over three hosts: each host has one, and one of them two."""
    taken: Counter[int] = Counter()
    for host in hosts:
        connect, port = host._connect, host.port

        def counting(connect=connect, port=port):  # type: ignore[no-untyped-def]
            taken[port] += 1
            return connect()

        host._connect = counting  # type: ignore[method-assign]
    rows = [
        json.dumps({"content_id": key, "title": f"Title {key}", "content_type": "movie"}) for key in range(1, 20_001)
    ]
    (tmp_path / "content.jsonl").write_text("\n".join(rows) + "\n")
    command = [sys.executable, "insert_data.py", str(tmp_path), "--url", url_of(hosts), "--connections", "4"]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    assert sorted(taken.values()) in ([1, 1, 2], [1, 2, 2])  # 5: one more that has read the catalog
