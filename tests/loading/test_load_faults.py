"""Loads on a bad day: killed, interrupted, cut off, in each other's way, on servers that refuse, end or say nothing.

Whatever happens: no row is lost, none is there twice, and the person reads what happened and what to do.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extensions
import pytest
from disturbed_loads import (
    HINT,
    LARGE,
    SMALL,
    UNDAMAGED,
    Ended,
    Loader,
    Tables,
    damage,
    empty,
    in_order,
    load,
    sample,
    stored,
    write_document,
    write_lines,
)
from own_server import OwnServer
from relay import Moment, Relay
from server_faults import cut_sessions

from toolkit import schema
from toolkit.database import Database

PROJECT = Path(__file__).resolve().parents[2]
ON_CI = os.environ.get("CI") == "true"
SCHEMA = PROJECT / "schema.sql"


class Case(NamedTuple):
    """A load: its rows, and the file or folder that they are in."""

    tables: Tables
    path: Path
    is_large: bool

    def assert_loaded(self, url: str) -> None:
        assert damage(url, self.tables) == UNDAMAGED

    def assert_committed(self, url: str, said: str) -> None:
        """What the loader said is committed is there; of a small load, all or nothing."""
        there = {table: len(rows) for table, rows in stored(url, self.tables).items()}
        if self.is_large:
            parts = said.split("Committed rows, at least: ")[1].split(".")[0].split(", ")
            for table, rows in (part.split(" ") for part in parts):
                assert there[table] >= int(rows.replace(",", ""))
        else:
            assert "The load is one transaction" in said
            assert sum(there.values()) in (0, SMALL)
        assert "Running it again finishes." in said


def make_case(folder: Path, is_large: bool, variant: int = 0) -> Case:
    tables = sample(LARGE if is_large else SMALL, variant)
    write = write_lines if is_large else write_document
    return Case(tables, write(folder, tables, f"variant{variant}"), is_large)


def make_tables(url: str) -> None:
    database = Database(url)
    schema.apply(database, SCHEMA)
    database.close()


@pytest.fixture(params=["small", "large"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return make_case(tmp_path, request.param == "large")


@pytest.fixture(scope="module")
def tables_url(module_url: str) -> str:
    make_tables(module_url)
    return module_url


@pytest.fixture
def url(tables_url: str) -> str:
    """The URL of a database with the six tables, which are empty."""
    empty(tables_url)
    return tables_url


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    server = OwnServer(tmp_path_factory.mktemp("own"))
    make_tables(server.url)
    yield server
    server.remove()


@contextmanager
def locked(url: str, tables: Tables) -> Iterator[Callable[[], None]]:
    """Somebody else's transaction has just inserted the first plan, and does not end before it is told to."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        plan = tables["subscriptions"][0]
        cursor.execute(
            "INSERT INTO subscriptions (subscription_id, name, price) VALUES (%s, %s, 1)",
            (plan["subscription_id"], plan["name"]),
        )
        yield connection.rollback


def interrupt(loader: Loader) -> Ended:
    """Press Ctrl-C, which ends the loader at once."""
    begin = time.monotonic()
    loader.send(signal.SIGINT)
    end = loader.end()
    assert time.monotonic() - begin < 1.5
    return end


def seconds_of(call: Callable[[], Any]) -> float:
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


# In each other's way


def test_eight_loaders_of_the_same_file(url: str, case: Case) -> None:
    ends = at_once(url, [case.path] * 8)
    assert [end.status for end in ends] == [0] * 8, ends
    assert stored(url, case.tables) == in_order(case.tables)
    print(f"8 loaders: {[end.stdout.splitlines()[-1] for end in ends]}")


def at_once(url: str, paths: list[Path]) -> list[Ended]:
    """Run a loader for each path. They begin together: all wait for the same lock."""
    with locked(url, sample(SMALL)) as release:
        loaders = [Loader(url, path) for path in paths]
        time.sleep(1)
        assert all(loader.process.poll() is None for loader in loaders)
        release()
    return [loader.end() for loader in loaders]


def test_loaders_of_overlapping_files(url: str, tmp_path: Path) -> None:
    """Each row is in two files, with different values, and each pair of files has 40 rows in common."""
    plans = sample(SMALL)["subscriptions"]
    files = []
    for variant in range(6):
        users = [{**user, "name": f"variant {variant}"} for user in sample(4000)["users"]]
        mine = users[variant * 40 : variant * 40 + 80]
        files.append(write_document(tmp_path, {"subscriptions": plans, "users": mine}, f"variant{variant}"))
    ends = at_once(url, files)
    assert [end.status for end in ends] == [0] * 6, ends
    users = stored(url, {"users": sample(4000)["users"]})["users"]
    assert [user["user_id"] for user in users] == list(range(1, 281))
    for pair in range(7):
        names = {user["name"] for user in users[pair * 40 : pair * 40 + 40]}
        assert len(names) == 1, "a mixture that no order of the loads gives"
        assert names <= {f"variant {pair - 1}", f"variant {pair}"}


# Killed


def test_killed_at_any_moment_and_run_again(url: str, tmp_path: Path) -> None:
    cases = [make_case(tmp_path, is_large) for is_large in (False, True)]
    undisturbed = [seconds_of(lambda case=case: load(url, case.path)) for case in cases]  # type: ignore[misc]
    killed = lost = doubled = number = 0
    while killed < (6 if ON_CI else 50):
        number += 1
        case = cases[number % 2]
        empty(url)
        loader = Loader(url, case.path)
        time.sleep(random.uniform(0, undisturbed[number % 2]))
        loader.send(signal.SIGKILL)
        killed += loader.end().status == -signal.SIGKILL
        if not case.is_large:
            assert sum(map(len, stored(url, case.tables).values())) in (0, SMALL)
        assert load(url, case.path).status == 0
        after = damage(url, case.tables)
        lost, doubled = lost + after.lost, doubled + after.doubled
        assert stored(url, case.tables) == in_order(case.tables)
    print(f"{killed} loaders killed and run again: {lost} rows lost, {doubled} doubled")


# Interrupted


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_a_statement_waits_for_a_lock(url: str, case: Case, times: int) -> None:
    with locked(url, case.tables):
        loader = Loader(url, case.path)
        time.sleep(1.5)
        begin = time.monotonic()
        for _ in range(times):
            loader.send(signal.SIGINT)
            time.sleep(0.02)
        end = loader.end()
        assert time.monotonic() - begin < 1.5
    assert end.status in (130, -signal.SIGINT)  # for a shell both are 130
    assert end.stderr.splitlines()[-1] == "interrupted"
    if times == 1:
        case.assert_committed(url, end.stderr)
    assert load(url, case.path).status == 0
    case.assert_loaded(url)


def test_ctrl_c_when_the_network_has_fallen_silent(relay: Relay, url: str, tmp_path: Path) -> None:
    case = make_case(tmp_path, is_large=True)
    with locked(url, case.tables):
        loader = Loader(relay.url, case.path)
        time.sleep(1)
        relay.fall_silent()
        assert "Ctrl-C stops" in loader.told("waiting for an answer from")
        end = interrupt(loader)
    assert end.status == 130
    case.assert_committed(url, end.stderr)


def test_ctrl_c_when_the_lost_connections_cannot_be_replaced(relay: Relay, url: str, tmp_path: Path) -> None:
    case = make_case(tmp_path, is_large=True)
    with locked(url, case.tables):
        loader = Loader(relay.url, case.path)
        time.sleep(1)
        relay.fall_silent()
        relay.cut_all()
        time.sleep(0.5)  # all are connecting now, which nothing can cut short
        end = interrupt(loader)
    assert end.status == 130
    case.assert_committed(url, end.stderr)


def test_ctrl_c_when_a_server_does_not_let_us_in(relay: Relay, case: Case) -> None:
    relay.fall_silent()
    loader = Loader(relay.url, case.path)
    time.sleep(1)
    begin = time.monotonic()
    loader.send(signal.SIGINT)
    assert loader.end().status == 130
    assert time.monotonic() - begin < 2


def test_ctrl_c_at_any_moment(url: str, tmp_path: Path) -> None:
    cases = [make_case(tmp_path, is_large) for is_large in (False, True)]
    undisturbed = [seconds_of(lambda case=case: load(url, case.path)) for case in cases]  # type: ignore[misc]
    interrupted = 0
    for number in range(8 if ON_CI else 40):
        case = cases[number % 2]
        empty(url)
        loader = Loader(url, case.path)
        time.sleep(random.uniform(0, undisturbed[number % 2] * 0.9))
        begin = time.monotonic()
        loader.send(signal.SIGINT)
        end = loader.end()
        assert time.monotonic() - begin < 2
        assert end.status in (0, 130, -signal.SIGINT), end  # for a shell both are 130
        if "Loaded" in end.stdout:
            case.assert_loaded(url)
        else:
            interrupted += 1
            assert "interrupted" in end.stderr
            assert "error" not in end.stderr
            if "Committed" in end.stderr or "transaction" in end.stderr:
                case.assert_committed(url, end.stderr)
    assert interrupted > 0
    assert load(url, cases[1].path).status == 0
    cases[1].assert_loaded(url)


# Cut off


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_connection_cut_at_commit(relay: Relay, url: str, case: Case, moment: Moment) -> None:
    relay.cut_at("COMMIT", moment, times=6)
    end = load(relay.url, case.path)
    assert end.status == 0, end
    assert relay.cuts == 6
    assert stored(url, case.tables) == in_order(case.tables)
    assert int(re.findall(r"(\d+) retries", end.stdout)[0]) >= 6
    assert "retr" not in load(url, case.path).stdout


def test_connections_cut_at_any_moment(url: str, case: Case) -> None:
    cuts = 0
    with locked(url, case.tables):
        loader = Loader(psycopg2.extensions.make_dsn(url, application_name="cut off"), case.path)
        while cuts < 5:
            time.sleep(random.uniform(0, 0.3))
            cuts += cut_sessions(url, "cut off")
    while loader.process.poll() is None:
        cuts += cut_sessions(url, "cut off")
        time.sleep(random.uniform(0, 0.3))
    end = loader.end()
    assert end.status == 0, end
    assert re.search(r", [1-9]\d* retr(y|ies): ", end.stdout)
    assert stored(url, case.tables) == in_order(case.tables)
    print(f"{cuts} cuts: {end.stdout.splitlines()[-1]}")


# The server ends


def test_the_server_is_killed_and_started_again(own_server: OwnServer, case: Case) -> None:
    empty(own_server.url)
    with locked(own_server.url, case.tables):
        loader = Loader(own_server.url, case.path)
        time.sleep(1)  # it waits for the lock
        own_server.kill()
        time.sleep(1)
        assert loader.process.poll() is None
        own_server.start()
    end = loader.end()
    assert end.status == 0, end
    assert re.search(r", [1-9]\d* retr(y|ies): ", end.stdout)
    assert stored(own_server.url, case.tables) == in_order(case.tables)


def test_the_server_is_killed_at_any_moment_and_started_again(own_server: OwnServer, tmp_path: Path) -> None:
    for number in range(2 if ON_CI else 10):
        case = make_case(tmp_path, is_large=True, variant=number)
        empty(own_server.url)
        loader = Loader(own_server.url, case.path)
        time.sleep(random.uniform(0.1, 0.6))
        own_server.kill()
        own_server.start()
        end = loader.end()
        # Before its first connection it does not wait for a server.
        assert end.status == 0 or "no server answers" in end.stderr, end
        if end.status == 0:
            case.assert_loaded(own_server.url)


def test_the_server_is_killed_and_not_started_again(own_server: OwnServer, case: Case) -> None:
    empty(own_server.url)
    with locked(own_server.url, case.tables):
        loader = Loader(own_server.url, case.path, "--retry-for", "2")
        time.sleep(1)
        own_server.kill()
        begin = time.monotonic()
        end = loader.end()
        assert time.monotonic() - begin < 10
        own_server.start()
    assert end.status == 1
    assert end.stderr.removeprefix(HINT).startswith("error: no server answers at 127.0.0.1:")
    case.assert_committed(own_server.url, end.stderr)
    assert load(own_server.url, case.path).status == 0
    case.assert_loaded(own_server.url)


# The server refuses, or says nothing


def test_a_read_only_server(url: str, case: Case) -> None:
    end = load(psycopg2.extensions.make_dsn(url, options="-c default_transaction_read_only=on"), case.path)
    assert end.status == 1
    assert "read-only" in end.stderr
    assert "use the URL of a server that can be written to" in end.stderr
    assert sum(map(len, stored(url, case.tables).values())) == 0


def test_the_connection_is_lost_again_and_again(url: str, case: Case) -> None:
    """The time for trying again is over: the error says so, and what is in the database."""
    with Relay(url) as relay:
        relay.cut_at("INSERT", "before", times=1_000)
        end = load(relay.url, case.path, "--retry-for", "1")
    assert end.status == 1
    assert "given up after" in end.stderr
    assert "in 1 s" in end.stderr
    case.assert_committed(url, end.stderr)


def test_all_connections_are_lost_again_and_again(url: str, tmp_path: Path) -> None:
    """The time for trying again is over for all at once, and not for one after the other."""
    rows = [{"content_id": number, "title": "A", "content_type": "movie"} for number in range(LARGE)]
    folder = write_lines(tmp_path, {"content": rows})
    with Relay(url) as relay:
        relay.cut_at("INSERT", "before", times=1_000)
        begin = time.monotonic()
        end = load(relay.url, folder, "--retry-for", "3")
        assert time.monotonic() - begin < 10  # one after the other they would take 12
    assert end.status == 1
    assert "given up after" in end.stderr
    assert "Committed rows, at least: content 0. Running it again finishes." in end.stderr


def test_a_load_goes_on_while_one_batch_is_unlucky(url: str, tmp_path: Path) -> None:
    """It gives up when nothing of it was committed for --retry-for seconds, not when one batch was tried so long."""
    title = {5_000: "Unlucky"}
    rows = [
        {"content_id": number, "title": title.get(number, "A"), "content_type": "movie"} for number in range(150_000)
    ]
    folder = write_lines(tmp_path, {"content": rows})
    with Relay(url) as relay:
        relay.cut_at("Unlucky", "before", times=8)  # the pauses before its tries are some 2 s together
        end = load(relay.url, folder, "--retry-for", "0.5")
    assert end.status == 0, end
    assert relay.cuts == 8
    assert len(stored(url, {"content": rows})["content"]) == len(rows)


def test_a_lock_is_waited_for_and_told(url: str, case: Case) -> None:
    with locked(url, case.tables) as release:
        loader = Loader(url, case.path)
        begin = time.monotonic()
        said = loader.told("waiting for an answer from")
        assert 4 < time.monotonic() - begin < 15
        release()
        end = loader.end()
    assert end.status == 0
    assert "waiting" not in end.stderr, "it is told once"
    assert "Ctrl-C" in said
    case.assert_loaded(url)


# Runs in a network of its own, from which a relay leads to the server's socket: a load, and then the network is gone.
DEAD_NETWORK = """
import subprocess, sys, time
from pathlib import Path
import psycopg2.extensions
from disturbed_loads import Loader
from relay import Relay

def network(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)

def is_connected(port):
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return any(line[2].endswith(f":{port:04X}") and line[3] == "01" for line in lines)  # remote address, ESTABLISHED

network("up")
with Relay(sys.argv[1]) as relay:
    impatient = {"keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 2, "tcp_user_timeout": 2000}
    loader = Loader(psycopg2.extensions.make_dsn(relay.url, **impatient), sys.argv[2])
    time.sleep(1.5)  # it waits for a lock
    assert is_connected(relay.port)
    network("down")
    begin = time.monotonic()
    while is_connected(relay.port) and time.monotonic() - begin < 60:
        time.sleep(0.1)
    print(f"noticed after {time.monotonic() - begin:.0f} s", flush=True)
    sys.stdin.readline()
    relay.cut_all()  # the server notices, too
    network("up")
    end = loader.end()
print(end.stdout, end.stderr)
sys.exit(end.status)
"""


def test_a_dead_network_is_noticed(own_server: OwnServer, case: Case) -> None:
    alone = ["unshare", "--net", sys.executable, "-c"]
    if own_server.is_cockroachdb or not shutil.which("unshare"):
        pytest.skip("needs a network of its own, and a server with a socket outside of it")
    probe = [*alone, "import subprocess; subprocess.run(['ip', 'link'], check=True)"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a network")
    empty(own_server.url)
    paths = os.pathsep.join([str(SCHEMA.parent), str(PROJECT / "tests" / "support")])
    with locked(own_server.url, case.tables) as release:
        load_there = subprocess.Popen(
            [*alone, DEAD_NETWORK, own_server.direct_url, str(case.path)],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert load_there.stdout
        noticed = re.fullmatch(r"noticed after (\d+) s\n", load_there.stdout.readline())
        assert noticed
        assert int(noticed[1]) < 20
        release()
    said, _ = load_there.communicate("go on\n", timeout=60)
    assert load_there.returncode == 0, said
    assert re.search(r", [1-9]\d* retr(y|ies): ", said)
    case.assert_loaded(own_server.url)


def test_a_short_load_says_nothing_but_its_report(url: str, case: Case) -> None:
    assert load(url, case.path).stderr.removeprefix(HINT) == ""


@pytest.fixture
def full_disk(own_server: OwnServer) -> Iterator[str]:
    """The URL of a database with the six tables on a disk of 16 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    if own_server.is_cockroachdb:
        pytest.skip("CockroachDB has one disk for all, and ends itself when it is full")
    folder = own_server.directory / "small_disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody make a small disk")
    try:
        owner = own_server.directory.stat()
        (folder / "space").mkdir()
        os.chown(folder / "space", owner.st_uid, owner.st_gid)
        with closing(psycopg2.connect(own_server.url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("CREATE TABLESPACE small LOCATION %s", (str(folder / "space"),))
            cursor.execute("CREATE DATABASE full_disk TABLESPACE small")
            url = psycopg2.extensions.make_dsn(own_server.url, dbname="full_disk")
            make_tables(url)
            yield url
            cursor.execute("DROP DATABASE full_disk WITH (FORCE)")
            cursor.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_a_full_disk(full_disk: str, tmp_path: Path) -> None:
    for is_large in (False, True):
        tables = sample(LARGE if is_large else SMALL)
        for user in tables["users"]:
            user["name"] = random.randbytes(10_000_000 // len(tables["users"])).hex()
        case = Case(tables, write_lines(tmp_path, tables, f"large{is_large}"), is_large)
        end = load(full_disk, case.path)
        assert end.status == 1
        assert "the server's disk is full: make room there" in end.stderr
