"""Runs are told apart by their ids: when they are merged, and when what they have written is removed."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from sample import TABLES, execute
from seeding import snapshot
from traffic import run_ops

from reporting.run_page import run_page
from simulation.traffic.merge import merge
from simulation.traffic.run_file import read_runs
from toolkit.console import UserError
from toolkit.database import Database

PROJECT = Path(__file__).resolve().parents[2]


def script(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(PROJECT / "simulate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


def lines(run_id: str, seconds: int, *, ops: int = 10, started: str = "2026-01-01T00:00:00+00:00") -> list[str]:
    """Return the lines of a run in which every second has so many viewings of 5 ms."""
    histogram = HdrHistogram(1, 3_600_000_000, 2)
    for _ in range(ops):
        histogram.record_value(5_000)
    counts = dict.fromkeys(("errors", "unanswered", "refused", "retries", "late", "unstarted"), 0)
    encoded = histogram.encode().decode()
    entries: list[dict[str, Any]] = [
        {"kind": "run", "started": started, "concurrency": 4, "rate": None, "server": "X 1"}
    ]
    for second in range(1, seconds + 1):
        at = {"operation": "watch", "elapsed": second + 0.004, "seconds": 1.002}
        entries.append({"kind": "second", **at, "ops": ops, **counts, "latencies": encoded})
    entries += [{"kind": "silence", "begin": 2.0, "end": 4.0 + ops / 10}, {"kind": "end", "elapsed": seconds + 0.004}]
    return [json.dumps({"run": run_id, **entry}) for entry in entries]


def write(file: Path, *texts: list[str]) -> Path:
    file.write_text("".join(f"{line}\n" for text in texts for line in text))
    return file


def test_runs_in_one_file_are_several(tmp_path: Path) -> None:
    file = write(tmp_path / "a", lines("a" * 12, 3), lines("b" * 12, 5))
    runs = read_runs([file])
    assert [(run.run_id[0], run.elapsed, run.measurements["watch"].ops) for run in runs] == [
        ("a", 3.004, 30),
        ("b", 5.004, 50),
    ]


def test_the_same_run_counts_once(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a", lines("a" * 12, 3)), write(tmp_path / "b", lines("b" * 12, 3))
    with pytest.raises(UserError, match="given twice"):
        merge([one, one])
    twice = write(tmp_path / "c", lines("a" * 12, 3), lines("a" * 12, 3))
    with pytest.raises(UserError, match="is there twice"):
        merge([twice])
    merged = script("merge", "--format", "json", str(one), str(other))
    both = tmp_path / "both"
    both.write_text(merged.stdout)
    with pytest.raises(UserError, match="hold the same run"):
        merge([both, other])


def test_merged_runs_lie_beside_each_other_by_their_beginnings(tmp_path: Path) -> None:
    one = write(tmp_path / "a", lines("a" * 12, 6))
    other = write(tmp_path / "b", lines("b" * 12, 6, ops=20, started="2026-01-01T00:00:02+00:00"))
    merged = merge([one, other])
    assert [second.measurement.ops for second in merged.seconds] == [10, 10, 30, 30, 30, 30, 20, 20]
    assert merged.elapsed == pytest.approx(8.004)
    assert merged.metadata["concurrency"] == 8
    assert merged.metadata["server"] == "X 1"
    # Nobody had an answer: from 2 to 5 s for one, from 4 to 8 s, as this one counts, for the other.
    assert merged.silences == [(4.0, 5.0)]
    apart = write(tmp_path / "c", lines("c" * 12, 6, started="2026-01-02T00:00:00+00:00"))
    assert len(merge([one, apart]).seconds) == 6


def test_a_merged_run_is_written_and_read_again(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a", lines("a" * 12, 3)), write(tmp_path / "b", lines("b" * 12, 3))
    done = script("merge", "--format", "json", str(one), str(other))
    assert done.returncode == 0, done.stderr
    both = tmp_path / "both"
    both.write_text(done.stdout)
    [run] = read_runs([both])
    assert run.measurements["watch"].ops == 60
    assert run.clients == ["a" * 12, "b" * 12]
    assert run.has_ended


def test_a_file_that_was_cut_off_counts_as_far_as_it_came(tmp_path: Path) -> None:
    text = "\n".join(lines("a" * 12, 3))
    file = tmp_path / "cut"
    file.write_text(text[: text.index('"elapsed": 3.004') + 10])
    done = script("merge", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2].split()[3] == "20"
    assert "MISSING: cut ends before it" in done.stdout.splitlines()[-1]
    assert not read_runs([file])[0].has_ended


def test_what_was_unstarted_or_unanswered_is_merged(tmp_path: Path) -> None:
    files = []
    for name, number in (("a", 3), ("b", 4)):
        texts = lines(name * 12, 3)
        of_watch = json.loads(texts[1])
        never = {**of_watch, "operation": "(unstarted)", "ops": 0, "unstarted": number}
        cut_off = {**of_watch, "operation": "pay", "ops": 0, "errors": number, "unanswered": number}
        files.append(write(tmp_path / name, texts, [json.dumps(never), json.dumps(cut_off)]))
    [together] = [line.split() for line in script("merge", *map(str, files)).stdout.splitlines() if "(all)" in line]
    assert together[1:3] == ["7", "7"], "errors and unstarted"
    both = tmp_path / "both"
    both.write_text(script("merge", "--format", "json", *map(str, files)).stdout)
    [run] = read_runs([both])
    in_all_of_it = run.measurements
    assert (in_all_of_it["(unstarted)"].unstarted, in_all_of_it["pay"].unanswered) == (7, 7)
    page = str(run_page([both]))
    assert "7 without an answer at the end" in page


def test_a_merged_run_says_what_each_proof_said(tmp_path: Path) -> None:
    off = {"kind": "verdict", "verdict": "off", "text": "something is OFF: 1 lost", "calls": 30, "clock": ""}
    good = {
        "kind": "verdict",
        "verdict": "proved",
        "text": "proved: all is as it was confirmed",
        "calls": 40,
        "clock": "",
    }
    proof = {"kind": "proof", "checker": "users", "lost": 1, "examples": ["user 7: was confirmed, and is not there"]}
    missed = {"kind": "threshold", "threshold": "errors=0", "found": 2, "written": "it is 2", "holds": False}
    judged = {"a": [proof, off, missed], "b": [good], "c": []}
    files = [
        write(tmp_path / name, lines(name * 12, 3), [json.dumps({"run": name * 12, **entry}) for entry in entries])
        for name, entries in judged.items()
    ]
    shown = script("merge", *map(str, files)).stdout
    assert "aaaaaaaaaaaa, proof: 30 calls compared: something is OFF: 1 lost" in shown
    assert "aaaaaaaaaaaa, users: user 7: was confirmed, and is not there" in shown
    assert "aaaaaaaaaaaa, DOES NOT HOLD: errors=0 (it is 2)" in shown
    assert "bbbbbbbbbbbb, proof: 40 calls compared: proved: all is as it was confirmed" in shown
    assert "cccccccccccc, proof: 0 calls compared: MISSING: c ends before it" in shown
    both = tmp_path / "both"
    both.write_text(script("merge", "--format", "json", *map(str, files)).stdout)
    again = tmp_path / "again"
    other = write(tmp_path / "d", lines("d" * 12, 3), [json.dumps({"run": "d" * 12, **good})])
    again.write_text(script("merge", "--format", "json", str(both), str(other)).stdout)
    for file, clients in ((both, "abc"), (again, "abcd")):
        [run] = read_runs([file])
        assert [one["client"][0] for one in run.verdicts] == list(clients)
        assert run.verdict["text"] == off["text"], "the worst"
        assert [one["client"][0] for one in [*run.proof, *run.thresholds]] == ["a", "a"]
        page = str(run_page([file]))
        assert "aaaaaaaaaaaa: something is OFF: 1 lost" in page
        assert "aaaaaaaaaaaa: errors=0" in page
        assert f"the worst of {len(clients)}" in page


def test_clean_refuses_a_run_that_goes_on(db: Database, url: str) -> None:
    before = snapshot(url, TABLES)
    command = [
        sys.executable,
        str(PROJECT / "simulate.py"),
        "run",
        "--url",
        url,
        "--duration",
        "6",
        "--concurrency",
        "2",
    ]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while execute(db, "SELECT count(*) FROM watch_history")[0][0] < 20:
        time.sleep(0.05)
    ((name,),) = execute(db, "SELECT name FROM subscriptions WHERE name LIKE 'Basic, simulation%'")
    run_id = name.rpartition(" ")[2]
    for arguments in ([], ["--run", run_id]):
        refused = script("clean", "--yes", "--url", url, *arguments)
        assert refused.returncode == 1
        assert f"run {run_id} is going on" in refused.stderr
        assert "--force" in refused.stderr
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, out + err
    assert script("clean", "--yes", "--url", url).returncode == 0
    assert snapshot(url, TABLES) == before


def test_what_is_left_is_found_without_the_plans(db: Database, url: str) -> None:
    """Rows that a run has written after its plans were removed, or of which only the plans were removed."""
    before = snapshot(url, TABLES)
    finished = run_ops(db, url, 200)
    plans = ", ".join(str(plan.subscription_id) for plan in finished.plans)
    execute(
        db,
        f"DELETE FROM payment_history WHERE subscription_id IN ({plans}); "
        f"UPDATE users SET subscription_id = NULL WHERE subscription_id IN ({plans}); "
        f"DELETE FROM subscriptions WHERE subscription_id IN ({plans})",
    )
    execute(db, f"DELETE FROM users WHERE email LIKE '%.{finished.run_id}@sim.example.com'")
    cleaned = script("clean", "--yes", "--url", url, "--run", finished.run_id)
    assert cleaned.returncode == 0, cleaned.stderr
    assert snapshot(url, TABLES) == before


def test_a_run_whose_plans_are_gone_is_known_by_its_users(db: Database, url: str) -> None:
    before = snapshot(url, TABLES)
    finished = run_ops(db, url, 200)
    execute(db, "UPDATE users SET subscription_id = NULL WHERE user_id > 1000; DELETE FROM payment_history WHERE true")
    execute(db, "DELETE FROM subscriptions WHERE name LIKE '%, simulation %'")
    cleaned = script("clean", "--yes", "--url", url)
    assert f"run {finished.run_id}" in cleaned.stderr
    after = snapshot(url, TABLES)
    assert {table: after[table] for table in TABLES if table != "payment_history"} == {
        table: before[table] for table in TABLES if table != "payment_history"
    }
