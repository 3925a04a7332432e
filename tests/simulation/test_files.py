"""The files that `simulate.py generate` writes: keys, shards, the same bytes each time, and nothing half-made."""

import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from documents import PROJECT
from generated import Year, generate, read, rows
from seeding import load

from toolkit.database import Database

KEYS = {"watch_history": "watch_id", "reviews": "review_id", "payment_history": "payment_id"}
# Of `generate --users 300`. It changes with the model and its figures, and with nothing else: no machine, no Python.
CHECKSUM = "2c02b008e48f9770777455234f186d5ea7d68c95dedbf12667f9f2e9b5a5a41b"


def contents(folder: Path) -> dict[str, bytes]:
    """Return what all files of a folder hold, hidden ones among them."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path, "--users", "300")
    digest = hashlib.sha256(b"".join(contents(tmp_path).values())).hexdigest()
    assert digest == CHECKSUM


def test_another_seed_makes_others(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2", "-2", "123456789012345678901234567890"):
        assert generate(tmp_path / seed, "--users", "20", "--seed", seed).returncode == 0
        made.append(contents(tmp_path / seed)["watch_history.jsonl"])
    assert len(set(made)) == 4


def test_keys_are_sorted_and_spread_and_in_the_form_of_version_4(year: Year) -> None:
    for table, key in KEYS.items():
        keys = [row[key] for row in getattr(year, table)]
        assert keys == sorted(set(keys))
        assert all(uuid.UUID(text).version == 4 and uuid.UUID(text).variant == uuid.RFC_4122 for text in keys)
        first = Counter(text[0] for text in keys)
        assert len(first) == 16
        assert max(first.values()) < 2 * min(first.values())


def test_shards_hold_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    generate(tmp_path / "one", "--users", "1000")
    generate(tmp_path / "many", "--users", "1000", "--shards", "7")
    one, many = contents(tmp_path / "one"), contents(tmp_path / "many")
    assert sorted(many) == sorted(
        ["content.jsonl", "subscriptions.jsonl"]
        + [f"{table}.{number:04}.jsonl" for table in ("users", *KEYS) for number in range(1, 8)]
    )
    for table in ("users", *KEYS):
        shards = [many[f"{table}.{number:04}.jsonl"] for number in range(1, 8)]
        assert b"".join(shards) == one[f"{table}.jsonl"]
        assert max(map(len, shards)) < 2 * min(map(len, shards))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--users", "1", "--days", "1"),
        ("--users", "1", "--days", "3650"),
        ("--users", "2", "--days", "31", "--until", "2024-02-29", "--shards", "40"),
        ("--users", "50", "--days", "2"),
        ("--users", "5", "--until", "1971-01-01"),
    ],
)
@pytest.mark.usefixtures("database")
def test_unusual_sizes_load(arguments: tuple[str, ...], url: str, tmp_path: Path) -> None:
    done = generate(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    counted = load(url, tmp_path)
    assert counted["users"]["new"] == int(arguments[1])
    payments = len(read(tmp_path).payment_history)  # a trial has none
    assert counted["payment_history"].get("new", 0) == payments


def test_it_loads_beside_the_sample_data(database: Database, url: str, tmp_path: Path) -> None:
    database.close()
    load(url, PROJECT / "test_data.json")
    assert generate(tmp_path, "--users", "200").returncode == 0
    counted = load(url, tmp_path)
    assert counted.pop("subscriptions")["unchanged"] == 4
    assert counted["users"]["new"] == 200
    assert {counts["changed"] for counts in counted.values()} == {0}
    again = load(url, tmp_path)
    assert {counts["new"] + counts["changed"] for counts in again.values()} == {0}


def test_fixtures_in_the_folder_are_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "reviews.0003.jsonl.gz").write_bytes(b"older")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    before = contents(tmp_path)
    done = generate(tmp_path, "--users", "5")
    assert done.returncode == 1
    assert "reviews.0003.jsonl.gz" in done.stderr
    assert "--force" in done.stderr
    assert contents(tmp_path) == before


def test_force_leaves_nothing_of_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"mine")
    (tmp_path / "content.json").write_bytes(b"older")
    generate(tmp_path, "--users", "50", "--shards", "9", "--force")
    assert len(list(rows(tmp_path, "users"))) == 50
    generate(tmp_path, "--users", "60", "--shards", "2", "--force")
    assert len(contents(tmp_path)) == 2 + 4 * 2 + 1
    assert len(list(rows(tmp_path, "users"))) == 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_that_loads(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "simulate.py", "generate", "--users", "60000", "--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if any(file.stat().st_size > 2**20 for file in tmp_path.rglob("watch_history*")):
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".jsonl"]
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert told.endswith("interrupted\n")
        assert contents(tmp_path) == {}
    assert generate(tmp_path, "--users", "5").returncode == 0
    assert len(contents(tmp_path)) == 6


def test_a_full_disk_is_an_error_that_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "simulate.py", "generate", "--users", "5000", "--out", str(tmp_path)]

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 1
    assert re.fullmatch(rf"error: {tmp_path}.* cannot be written: File too large\n", done.stderr)
    assert contents(tmp_path) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_nothing_is_said_twice_where_output_goes_nowhere(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "simulate.py", "generate", "--users", "5", "--out", str(tmp_path)]
        done = subprocess.run(command, cwd=PROJECT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--users", "0"), "--users: expected a number from 1"),
        (("--days", "0"), "--days: expected a number from 1 to"),
        (("--days", "1000000"), "--days: expected a number from 1 to"),
        (("--until", "yesterday"), "--until: expected a date such as"),
        (("--until", "2025-02-29"), "--until: expected a date such as"),
        (("--shards", "0"), "--shards: expected a number from 1 to"),
        (("--seed", "x"), "--seed: invalid int value"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = generate(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        done = generate(folder, "--users", "5")
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {tmp_path}/file")
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = generate(tmp_path, "--users", "5")
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
