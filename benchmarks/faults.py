"""What becomes of the rows when loads are killed, interrupted, cut off, or run against each other.

    python benchmarks/faults.py URL [--rounds N]

Makes a database of its own on the server of URL and drops it at the end. Each fault is met N times by a small load (one
transaction) and by a large one; then the tables are compared with the files. On a cluster, stop and start nodes
meanwhile: with several hosts in the URL it goes on. The last line of the output is one JSON object with the figures.
"""

import argparse
import json
import random
import re
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

import psycopg2
import psycopg2.extensions

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "support")]

from disturbed_loads import (  # noqa: E402
    LARGE,
    SMALL,
    Damage,
    Ended,
    Loader,
    Tables,
    damage,
    empty,
    load,
    sample,
    write_document,
    write_lines,
)
from relay import Moment, Relay  # noqa: E402
from server_faults import cut_sessions  # noqa: E402

from toolkit import schema  # noqa: E402 - these lie beside this folder
from toolkit.database import Database  # noqa: E402

T = TypeVar("T")

MOST_CUTS = 5  # by which the server ends the connections of one load
PATIENCE = 300.0  # seconds in which a cluster has to answer again


class Case(NamedTuple):
    """A load, and how long it takes undisturbed."""

    url: str
    tables: Tables
    path: Path
    seconds: float


class Outcome(NamedTuple):
    """What one fault did: to how many loads, how often they were disturbed, tried again and failed, and to the rows."""

    loads: int = 0
    disturbed: int = 0
    retries: int = 0
    failed: int = 0  # loads that ended with an error of their own accord, and were run again
    lost: int = 0
    doubled: int = 0

    def plus(self, other: "Outcome") -> "Outcome":
        return Outcome(*map(sum, zip(self, other, strict=True)))


def main() -> int:
    parser = argparse.ArgumentParser(description="Disturb loads, and count the rows that are lost or doubled.")
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each fault is met (default: 5)")
    arguments = parser.parse_args()
    name = f"benchmark_{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcomes = _meet(psycopg2.extensions.make_dsn(arguments.url, dbname=name), Path(folder), arguments.rounds)
        finally:
            patiently(lambda: _drop(arguments.url, name))
    print(json.dumps({fault: outcome._asdict() for fault, outcome in outcomes.items()}))
    return int(any(outcome.lost or outcome.doubled for outcome in outcomes.values()))


def _meet(url: str, folder: Path, rounds: int) -> dict[str, Outcome]:
    """Meet each fault in each round, and print what it did."""
    database = Database(url, wait=PATIENCE, retry_for=PATIENCE)
    schema.apply(database, PROJECT / "schema.sql")
    database.close()
    small, large = sample(SMALL), sample(LARGE)
    cases = [
        _case(url, small, write_document(folder, small, "small")),
        _case(url, large, write_lines(folder, large, "large")),
    ]
    print(f"{'':34}{'loads':>8}{'disturbed':>11}{'retries':>9}{'failed':>8}{'rows lost':>11}{'doubled':>9}")
    outcomes = {}
    for fault, disturb in FAULTS.items():
        outcomes[fault] = outcome = _sum(_met(case, disturb) for _ in range(rounds) for case in cases)
        loads, disturbed, retries, failed, lost, doubled = outcome
        print(f"{fault:34}{loads:8}{disturbed:11}{retries:9}{failed:8}{lost:11}{doubled:9}", flush=True)
    return outcomes


def _case(url: str, tables: Tables, path: Path) -> Case:
    begin = time.monotonic()
    _finish(url, path)
    return Case(url, tables, path, time.monotonic() - begin)


def _met(case: Case, disturb: Callable[[Case], Outcome]) -> Outcome:
    """Let a fault meet a load into empty tables, finish it, and compare."""
    patiently(lambda: empty(case.url))
    outcome = disturb(case)
    _finish(case.url, case.path)
    after: Damage = patiently(lambda: damage(case.url, case.tables))
    return outcome.plus(Outcome(lost=after.lost, doubled=after.doubled))


def _sum(outcomes: Iterable[Outcome]) -> Outcome:
    total = Outcome()
    for outcome in outcomes:
        total = total.plus(outcome)
    return total


def _finish(url: str, path: Path) -> None:
    """Run the loader until it has succeeded; nodes may be down meanwhile."""
    end = time.monotonic() + PATIENCE
    while (ended := load(url, path)).status != 0:
        if time.monotonic() > end:
            raise SystemExit(f"the load does not succeed: {ended.stderr}")
        time.sleep(1)


def patiently(call: Callable[[], T]) -> T:
    """Return what call() returns, tried again while nodes come and go."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except psycopg2.Error:
            if time.monotonic() > end:
                raise
        time.sleep(1)


def _drop(url: str, name: str) -> None:
    with closing(psycopg2.connect(url)) as admin:
        admin.autocommit = True
        cockroachdb = admin.get_parameter_status("crdb_version")
        admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")


# The faults


def _nothing(case: Case) -> Outcome:
    return _outcome(0, [load(case.url, case.path)])


def _eight_at_once(case: Case) -> Outcome:
    loaders = [Loader(case.url, case.path, begun=False) for _ in range(8)]
    return _outcome(8, [loader.end() for loader in loaders])


def _killed(case: Case) -> Outcome:
    return _signalled(case, signal.SIGKILL)


def _interrupted(case: Case) -> Outcome:
    return _signalled(case, signal.SIGINT)


def _signalled(case: Case, number: signal.Signals) -> Outcome:
    loader = Loader(case.url, case.path)
    time.sleep(random.uniform(0, case.seconds / 2))
    loader.send(number)
    return Outcome(1, int(loader.end().status != 0))


def _cut_by_the_server(case: Case) -> Outcome:
    name = f"cut {uuid.uuid4().hex}"
    loader = Loader(psycopg2.extensions.make_dsn(case.url, application_name=name), case.path)
    cuts = 0
    # So often and no more: cut again and again, a transaction would never have the time it needs.
    for _ in range(MOST_CUTS):
        time.sleep(random.uniform(0, case.seconds))
        if loader.process.poll() is not None:
            break
        cuts += patiently(lambda: cut_sessions(case.url, name))
    return _outcome(cuts, [loader.end()])


def _cut_at_commit(moment: Moment) -> Callable[[Case], Outcome]:
    def disturb(case: Case) -> Outcome:
        if psycopg2.extensions.parse_dsn(case.url).get("sslmode") not in (None, "disable", "allow", "prefer"):
            return Outcome()  # a relay sees no COMMIT in a TLS connection
        with Relay(case.url) as relay:
            relay.cut_at("COMMIT", moment, times=5)
            end = load(relay.url, case.path)
            return _outcome(relay.cuts, [end])

    return disturb


def _outcome(disturbed: int, ends: list[Ended]) -> Outcome:
    retries = sum(int(number) for end in ends for number in re.findall(r", (\d+) retr", end.stdout))
    for failed in (end for end in ends if end.status):
        print(failed.stderr.rstrip(), file=sys.stderr)
    return Outcome(len(ends), disturbed, retries, sum(end.status != 0 for end in ends))


FAULTS: dict[str, Callable[[Case], Outcome]] = {
    "none": _nothing,
    "8 loaders of the same file": _eight_at_once,
    "loader killed, run again": _killed,
    "Ctrl-C, run again": _interrupted,
    "connections ended by the server": _cut_by_the_server,
    "connection cut before COMMIT": _cut_at_commit("before"),
    "connection cut during COMMIT": _cut_at_commit("during"),
    "connection cut after COMMIT": _cut_at_commit("after"),
}


if __name__ == "__main__":
    sys.exit(main())
