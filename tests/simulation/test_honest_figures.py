"""The figures of a run cannot flatter: what did not happen does not count as good, and an outage looks like one."""

import json
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from relay import Relay
from sample import execute

from simulation.traffic import run as traffic_run
from simulation.traffic.measurements import Measurement, combined, format_latency
from simulation.traffic.operations import MIX
from simulation.traffic.options import Options
from simulation.traffic.recorder import Recorder, Totals
from simulation.traffic.run_file import read_runs
from simulation.traffic.thresholds import threshold_parser
from toolkit.database import Database, run_transaction
from toolkit.database.transaction import TransactionOptions

PROJECT = Path(__file__).resolve().parents[2]


def start(*arguments: str, before: Callable[[], object] | None = None) -> "subprocess.Popen[str]":
    command = [sys.executable, str(PROJECT / "simulate.py"), *arguments]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def end(running: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = running.communicate(timeout=120)
    assert "Traceback" not in err
    return running.returncode, out, err


def run(*arguments: str) -> tuple[int, str, str]:
    return end(start(*arguments))


def wait_for_traffic(db: Database) -> None:
    """Wait until a run has begun to watch."""
    while execute(db, "SELECT count(*) FROM watch_history")[0][0] < 20:
        time.sleep(0.05)


def test_a_server_that_is_frozen_at_the_end(db: Database, relay: Relay) -> None:
    """Calls that are cut off, and operations that never began, are errors with their time and not nothing."""
    expected = ["errors=0", "unanswered=0", "unstarted=0", "pMax<1000ms", "p99<1000ms", "ops>0"]
    given = [word for text in expected for word in ("--expect", text)]
    running = start("run", "--url", relay.url, "--duration", "5", "--rate", "100", "--format", "json", *given)
    wait_for_traffic(db)
    relay.fall_silent()
    threading.Timer(12, relay.go_on).start()  # for the proof
    status, out, err = end(running)
    assert status == 1
    entries = [json.loads(line) for line in out.splitlines()]
    holds = {entry["threshold"]: entry["holds"] for entry in entries if entry["kind"] == "threshold"}
    assert holds == {**dict.fromkeys(expected, False), "ops>0": True}
    assert "had no answer at the end" in err
    assert "a statement has had no answer for" in err
    totals = {entry["operation"]: entry for entry in entries if entry["kind"] == "total"}
    assert sum(entry["unanswered"] for entry in totals.values()) == 8
    assert totals["(unstarted)"]["unstarted"] > 100
    assert (totals["(unstarted)"]["p50_ms"], totals["(unstarted)"]["ops_per_second"]) == (None, None)
    assert max(entry["pMax_ms"] or 0 for entry in totals.values()) > 5_000
    assert max(entry["end"] - entry["begin"] for entry in entries if entry["kind"] == "silence") > 5


def test_a_server_that_is_frozen_in_the_middle(db: Database, relay: Relay, tmp_path: Path) -> None:
    running = start("run", "--url", relay.url, "--duration", "6", "--format", "json")
    wait_for_traffic(db)
    relay.fall_silent()
    time.sleep(3)
    relay.go_on()
    status, out, err = end(running)
    assert status == 0, out + err
    file = tmp_path / "run.jsonl"
    file.write_text(out)
    [measured] = read_runs([file])
    silence = max(measured.silences, key=lambda one: one.end - one.begin)
    assert 2.5 < silence.end - silence.begin < 4.5
    assert "no answers between" in err
    assert f"{silence.begin:.1f} s and {silence.end:.1f} s" in err
    assert "in a closed loop workers that wait send nothing" in err
    longest = combined(measured.measurements.values()).percentile("pMax")
    assert longest is not None
    assert longest > 2_500


def test_a_second_without_operations_is_not_a_quick_one(db: Database, relay: Relay) -> None:
    running = start("run", "--url", relay.url, "--duration", "5", "--concurrency", "2", "--mix", "watch=1")
    wait_for_traffic(db)
    relay.fall_silent()
    time.sleep(3)
    relay.go_on()
    status, out, _ = end(running)
    assert status == 0, out
    rows = [line.split() for line in out.partition("ops(total)")[0].splitlines() if line.endswith("watch")]
    silent = [row for row in rows if row[2] == "-"]
    assert len(silent) >= 2
    assert all(row[4:8] == ["-"] * 4 for row in silent)
    assert "0.0" not in {word for row in rows for word in row[4:8]}


@pytest.mark.usefixtures("db")
def test_an_expectation_of_what_was_not_measured_fails(url: str) -> None:
    given = ["watch.p99<50ms", "watch.errors=0", "watch.ops=0", "browse.errors=0"]
    status, out, _ = run(
        "run", "--url", url, "--max-ops", "50", "--mix", "browse=1", *(w for t in given for w in ("--expect", t))
    )
    assert status == 1
    assert "DOES NOT HOLD: watch.p99<50ms (nothing was measured)" in out
    assert "DOES NOT HOLD: watch.errors=0 (nothing was measured)" in out
    assert "holds: watch.ops=0" in out
    assert "holds: browse.errors=0" in out


def test_figures_are_for_people() -> None:
    measurement = Measurement()
    measurement.ops = 1
    measurement.record(11.73)
    holds, found = threshold_parser(list(MIX))("pMax<1000ms").judge({"watch": measurement}, 1.0)
    assert not holds
    assert threshold_parser(list(MIX))("pMax<1000ms").describe(found).startswith("it is 11.7")
    assert [format_latency(value) for value in (None, 0.85, 8.384, 90.6, 999.4, 11_730)] == [
        "-", "850 us", "8.38 ms", "90.6 ms", "999 ms", "11.73 s",
    ]  # fmt: skip


def test_p99_9_is_a_figure() -> None:
    read = threshold_parser(list(MIX))
    assert (read("p99.9<50ms").operation, read("p99.9<50ms").figure) == (None, "p99.9")
    assert (read("watch.p99.9<50ms").operation, read("watch.p99.9<50ms").figure) == ("watch", "p99.9")


def test_a_silence_begins_when_somebody_waits() -> None:
    """Without anybody who waits for an answer there is no silence, however long it is quiet."""
    recorder = Recorder()
    totals = Totals([recorder])
    now = time.monotonic()
    recorder.ok((now + 1.0, now, True, "watch", 0))
    recorder.ok((now + 8.5, now + 8.0, True, "watch", 0))  # nothing was asked for 7 s
    recorder.ok((now + 11.0, now + 8.4, True, "watch", 0))  # asked before the latest answer
    totals.take()
    assert [(round(one.begin, 1), round(one.end, 1)) for one in totals.silences] == [(0.0, 1.0), (8.5, 11.0)]


def test_what_is_tried_in_vain_is_a_silence() -> None:
    recorder = Recorder()
    totals = Totals([recorder])
    recorder.failed("watch", time.monotonic() - 3, 0, is_error=True)
    recorder.unanswered("pay", time.monotonic())
    totals._answered -= 10
    totals.take()
    totals.end()
    [silence] = totals.silences
    assert silence.end - silence.begin > 2.9


@pytest.mark.usefixtures("db")
def test_a_pipeline_ends_a_run_in_order(url: str) -> None:
    running = start("run", "--url", url, "--concurrency", "2")
    time.sleep(4)
    running.send_signal(signal.SIGTERM)
    status, out, err = end(running)
    assert status == 130, err
    assert "ops(total)" in out
    assert "proved: all is as it was confirmed" in out


@pytest.mark.usefixtures("db")
def test_a_signal_that_comes_twice_is_one(url: str) -> None:
    """As `timeout` sends it: to the process, and to the group in which it is."""
    running = start("run", "--url", url, "--concurrency", "2")
    time.sleep(4)
    running.send_signal(signal.SIGTERM)
    time.sleep(0.05)  # two that wait together are one for the system
    running.send_signal(signal.SIGTERM)
    status, out, err = end(running)
    assert status == 130, err
    assert "proved: all is as it was confirmed" in out


def test_a_second_signal_ends_at_once(db: Database, relay: Relay) -> None:
    running = start("run", "--url", relay.url, "--concurrency", "2")
    wait_for_traffic(db)
    relay.fall_silent()  # or the first one would do
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    begin = time.monotonic()
    running.send_signal(signal.SIGTERM)
    status, _, err = end(running)
    assert time.monotonic() - begin < 2
    assert status == 130
    assert "ended at once" in err


@pytest.mark.usefixtures("db")
def test_a_history_that_cannot_be_written_ends_the_run(url: str) -> None:
    """No file may be longer than 40 kB, as on a disk that is full."""
    running = start(
        "run", "--url", url, "--duration", "20", "--concurrency", "2",
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )  # fmt: skip
    status, out, err = end(running)
    assert status == 1
    assert "the history of the calls cannot be written to" in err
    assert "File too large" in err
    assert "what was to be printed" not in err
    assert "ops(total)" in out
    assert "proved: all is as it was confirmed" in out
    assert float(re.findall(r"(\d+\.\d)s .*\(all\)", out)[0]) < 15


@pytest.mark.usefixtures("db")
def test_a_warm_up_does_not_count(url: str) -> None:
    status, out, _ = run(
        "run",
        "--url",
        url,
        "--warm-up",
        "2",
        "--duration",
        "2",
        "--rate",
        "50",
        "--format",
        "json",
        "--expect",
        "ops<=110",
    )
    assert status == 0, out
    entries = [json.loads(line) for line in out.splitlines()]
    ops = {
        kind: sum(entry["ops"] for entry in entries if entry["kind"] == kind) for kind in ("warm-up", "second", "total")
    }
    assert 80 <= ops["warm-up"] <= 120
    assert 80 <= ops["total"] == ops["second"] <= 110
    assert max(entry["elapsed"] for entry in entries if entry["kind"] == "second") < 3


@pytest.mark.usefixtures("db")
def test_another_isolation(url: str) -> None:
    """Every transaction has it, that of one statement as well; the services keep their promises at each."""
    for isolation in ("read committed", "repeatable read"):
        with Database(url, isolation=isolation) as database:
            levels = {
                run_transaction(database, isolation_of, options)
                for options in (TransactionOptions(), TransactionOptions(read_only=True, single_statement=True))
            }
        assert len(levels) == 1
        status, out, err = run("run", "--url", url, "--max-ops", "500", "--isolation", isolation, "--format", "json")
        assert status == 0, out + err
        metadata = json.loads(out.splitlines()[0])
        assert {metadata["isolation"]} == levels
        # CockroachDB may run it at a stronger one, and that is told.
        assert ("was asked for" in err) == (metadata["isolation"] != isolation)
        assert metadata["isolation"] == isolation or metadata["server"].startswith("CockroachDB")


def isolation_of(cursor: Any) -> str:
    cursor.execute("SHOW transaction_isolation")
    return str(cursor.fetchall()[0][0])


@pytest.mark.usefixtures("db")
def test_an_isolation_that_the_server_does_not_give_is_told(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        traffic_run, "run_metadata", lambda *_: {"isolation": "serializable", "server": "CockroachDB v21.1"}
    )
    assert traffic_run.run_traffic(url, Options(max_ops=20, isolation="read committed")) == 0
    assert "read committed was asked for, and CockroachDB v21.1 runs at serializable" in capsys.readouterr().err


def test_help_lists_the_operations() -> None:
    _, out, _ = run("run", "--help")
    for operation in MIX:
        assert re.search(rf"^  {operation} +\d+  \w", out, re.MULTILINE)
