"""A run in several processes: one table, one proof."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sample import TABLES, execute
from seeding import snapshot

from simulation.traffic.operations import MIX
from toolkit.database import Database

PROJECT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, str(PROJECT / "simulate.py"), "run", "--processes", "2", "--concurrency", "4"]


def start(url: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a run in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [*RUN, "--url", url, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(running: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = running.communicate(timeout=120)
    assert "Traceback" not in err
    return running.returncode, out, err


def wait_for_traffic(db: Database) -> None:
    while execute(db, "SELECT count(*) FROM watch_history")[0][0] < 20:
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-f", "-P", str(pid), "spawn_main"], capture_output=True, text=True, check=False)
    return list(map(int, found.stdout.split()))


def test_processes_share_the_work_and_the_proof(db: Database, url: str) -> None:
    before = snapshot(url, TABLES)
    # Nobody deletes their account, and with it what they have watched.
    mix = ",".join(f"{name}={share}" for name, share in MIX.items() if name != "delete")
    status, out, err = end(start(url, "--max-ops", "600", "--mix", mix, "--format", "json", "--expect", "ops>=500"))
    assert status == 0, out + err
    entries = [json.loads(line) for line in out.splitlines()]
    assert entries[0]["processes"] == 2
    totals = [entry for entry in entries if entry["kind"] == "total"]
    assert 500 < sum(entry["ops"] for entry in totals) <= 602
    [verdict] = [entry for entry in entries if entry["kind"] == "verdict"]
    assert verdict["verdict"] == "proved"
    written = sum(entry["attempted"] for entry in entries if entry["kind"] == "proof")
    assert verdict["calls"] == written > 200
    # What both have written is there, to the row: their users do not have the same numbers, and nobody belongs to both.
    run_id = entries[0]["run"]
    done = {entry["operation"]: entry["ops"] for entry in totals}
    proved = {entry["checker"]: entry["acknowledged"] for entry in entries if entry["kind"] == "proof"}
    for operation, checker, condition in (
        ("watch", "viewings", f"watch_history WHERE right(watch_id::TEXT, 12) = '{run_id}'"),
        ("pay", "payments", f"payment_history WHERE right(payment_id::TEXT, 12) = '{run_id}'"),
        ("signup", None, f"users WHERE email LIKE '%.{run_id}@sim.example.com'"),
    ):
        ((rows,),) = execute(db, f"SELECT count(*) FROM {condition}")
        assert rows == done[operation] > 0
        assert checker is None or proved[checker] == rows
    clean = [sys.executable, str(PROJECT / "simulate.py"), "clean", "--yes", "--url", url]
    assert subprocess.run(clean, capture_output=True, check=False).returncode == 0
    assert snapshot(url, TABLES) == before


@pytest.mark.usefixtures("db")
def test_a_warm_up_of_processes_does_not_count(url: str) -> None:
    status, out, err = end(
        start(url, "--warm-up", "2", "--duration", "3", "--rate", "40", "--format", "json", "--expect", "unstarted<=2")
    )
    assert status == 0, out + err
    entries = [json.loads(line) for line in out.splitlines()]
    ops = {kind: sum(entry["ops"] for entry in entries if entry["kind"] == kind) for kind in ("warm-up", "total")}
    assert 60 <= ops["warm-up"] <= 100
    assert 100 <= ops["total"] <= 125
    [elapsed] = [entry["elapsed"] for entry in entries if entry["kind"] == "end"]
    assert 2.9 < elapsed < 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_all_in_order(db: Database, url: str, number: signal.Signals) -> None:
    """A terminal sends it to all of them, and a pipeline to the first alone."""
    running = start(url)
    wait_for_traffic(db)
    time.sleep(1)
    if number == signal.SIGINT:
        os.killpg(running.pid, number)
    else:
        running.send_signal(number)
    status, out, err = end(running)
    assert status == 130, out + err
    assert "ops(total)" in out
    assert "proved: all is as it was confirmed" in out
    assert children(running.pid) == []


def test_a_process_that_is_killed_is_told(db: Database, url: str) -> None:
    running = start(url, "--duration", "20")
    wait_for_traffic(db)
    os.kill(children(running.pid)[0], signal.SIGKILL)
    status, out, err = end(running)
    assert status == 1
    assert "error: a process of the run was killed" in err
    assert "ops(total)" in out
    assert "Proof: NOT MADE: what the killed process has called is not known" in out
