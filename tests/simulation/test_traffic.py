"""`simulate.py run`, `clean` and `merge`, as the script that they are."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_server import OwnServer
from relay import Relay
from sample import TABLES, execute, fill
from seeding import snapshot
from terminal import Terminal
from traffic import off, run_ops

from simulation.traffic import run
from simulation.traffic.audience import Audience
from simulation.traffic.operations import MIX
from simulation.traffic.options import Options
from simulation.traffic.plans import add_plans
from simulation.traffic.run_ids import new_run_id
from simulation.traffic.runner import Runner
from toolkit import schema
from toolkit.database import Database

PROJECT = Path(__file__).resolve().parents[2]


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "simulate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.usefixtures("db")
def test_after_run_and_clean_the_database_is_as_it_was(url: str) -> None:
    before = snapshot(url, TABLES)
    done = script("run", "--url", url, "--max-ops", "400", "--concurrency", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all is as it was confirmed" in done.stdout
    first = snapshot(url, TABLES)
    assert len(first["watch_history"]) > len(before["watch_history"])
    # What was there is untouched.
    for table, rows in before.items():
        assert [row for row in rows if row not in first[table]] == []
    second = script("run", "--url", url, "--max-ops", "200", "--concurrency", "2", "--format", "json")
    assert second.returncode == 0
    run_id = json.loads(second.stdout.splitlines()[0])["run"]
    cleaned = script("clean", "--yes", "--url", url, "--run", run_id)
    assert cleaned.returncode == 0, cleaned.stderr
    assert f"run {run_id}" in cleaned.stderr
    assert snapshot(url, TABLES) == first
    assert script("clean", "--yes", "--url", url).returncode == 0
    assert snapshot(url, TABLES) == before
    assert "nothing of any run" in script("clean", "--yes", "--url", url).stderr


def test_clean_keeps_plans_that_others_use(db: Database, url: str) -> None:
    finished = run_ops(db, url, 60)
    execute(db, f"UPDATE users SET subscription_id = {finished.plans[0].subscription_id} WHERE user_id = 1")
    cleaned = script("clean", "--yes", "--url", url)
    assert cleaned.returncode == 1
    assert "still in use: users = 1" in cleaned.stderr
    execute(db, "UPDATE users SET subscription_id = 1 WHERE user_id = 1")
    assert script("clean", "--yes", "--url", url).returncode == 0


def test_clean_needs_an_answer(url: str) -> None:
    done = script("clean", "--url", url)
    assert done.returncode == 2
    assert "--yes" in done.stderr


@pytest.mark.usefixtures("db")
def test_clean_asks_on_a_terminal(url: str) -> None:
    before = snapshot(url, TABLES)
    assert script("run", "--url", url, "--max-ops", "100").returncode == 0
    written = snapshot(url, TABLES)
    for answer, status, left in (("\n", 1, written), ("n\n", 1, written), ("y\n", 0, before)):
        terminal = Terminal("simulate.py", "clean", "--url", url)
        terminal.read_until("Go on? [y/N] ")
        assert "this removes what run" in terminal.shown
        terminal.type(answer)
        assert terminal.end() == status, terminal.shown
        assert snapshot(url, TABLES) == left


@pytest.mark.usefixtures("database")
def test_nothing_to_watch(url: str) -> None:
    done = script("run", "--url", url, "--max-ops", "10")
    assert done.returncode == 1
    assert "run `python insert_data.py` first" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_users_somebody_signs_up(database: Database, url: str) -> None:
    execute(database, "INSERT INTO content (title, content_type) VALUES ('Low Tide', 'movie')")
    finished = run_ops(database, url, 200)
    assert off(finished.verify()) == {}
    assert finished.totals.measurements["signup"].ops > 0


@pytest.mark.usefixtures("db")
def test_the_table(url: str) -> None:
    done = script("run", "--url", url, "--duration", "3", "--concurrency", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.split("_+", lines[0].strip("_"))[:4] == ["elapsed", "errors", "ops/sec(inst)", "ops/sec(cum)"]
    seconds = {line.split()[0] for line in lines if re.match(r" +\d+\.\ds ", line)}
    assert len(seconds) in (3, 4)
    totals = lines[next(i for i, line in enumerate(lines) if "ops(total)" in line) :]
    counted = {line.split()[-1]: line.split() for line in totals if re.match(r" +\d+\.\ds ", line)}
    assert int(counted["(all)"][3]) == sum(int(row[3]) for name, row in counted.items() if name != "(all)")
    assert counted.keys() - {"(all)"} <= set(MIX)
    for row in counted.values():
        p50, p95, p99, longest = map(float, row[5:9])
        assert 0 < p50 <= p95 <= p99 <= longest
    assert "s of CPU in" in done.stderr


@pytest.mark.usefixtures("db")
def test_on_a_terminal_the_table_stays_in_its_place(url: str) -> None:
    terminal = Terminal("simulate.py", "run", "--url", url, "--duration", "3", "--mix", "browse=1,search=1")
    assert terminal.end() == 0, terminal.shown
    drawn = terminal.shown.partition("ops(total)")[0]
    assert drawn.count("ops/sec(inst)") == drawn.count("s        0 ") / 2 >= 3
    # From the second time on it is drawn over the lines of the first: the header and two operations.
    assert drawn.count("\x1b[3A") == drawn.count("ops/sec(inst)") - 1


@pytest.mark.usefixtures("db")
def test_on_a_narrow_terminal_nothing_is_drawn_over(url: str) -> None:
    """Its lines would be broken in two, so that going back by the number of lines would lead astray."""
    terminal = Terminal("simulate.py", "run", "--url", url, "--duration", "2", columns=80)
    assert terminal.end() == 0, terminal.shown
    assert "\x1b" not in terminal.shown
    assert terminal.shown.count("ops/sec(inst)") == 1


@pytest.mark.usefixtures("db")
def test_on_a_low_terminal_nothing_is_drawn_over(url: str) -> None:
    """Its first lines would be pushed out at the top, and going back would end at the first that is left."""
    terminal = Terminal("simulate.py", "run", "--url", url, "--duration", "2", lines=6)
    assert terminal.end() == 0, terminal.shown
    assert "\x1b" not in terminal.shown
    assert terminal.shown.count("ops/sec(inst)") == 1


@pytest.mark.usefixtures("db")
def test_a_window_that_changes_its_size_is_drawn_in_anew(url: str) -> None:
    """Its lines were broken in other places, so that those of before are not where they were."""
    terminal = Terminal("simulate.py", "run", "--url", url, "--duration", "6", "--mix", "browse=1,search=1")
    terminal.read_until("\x1b[3A")
    terminal.resize(130, 24)
    terminal.read_until("ops(total)")
    drawn = terminal.shown.partition("ops(total)")[0]
    assert terminal.end() == 0, terminal.shown
    assert drawn.count("\x1b[3A") == drawn.count("ops/sec(inst)") - 2


@pytest.mark.usefixtures("db")
def test_the_mix(url: str) -> None:
    done = script("run", "--url", url, "--max-ops", "50", "--mix", "browse=1,search=1", "--expect", "watch.ops=0")
    assert done.returncode == 0, done.stderr
    assert {line.split()[-1] for line in done.stdout.splitlines() if re.match(r" +\d+\.\ds ", line)} == {
        "browse",
        "search",
        "(all)",
    }


@pytest.mark.usefixtures("db")
def test_expectations(url: str) -> None:
    # A review of what was reviewed already is refused, and is none of the 100 operations.
    expected = ["errors=0", "ops>=90", "p99<3600s", "browse.p50>1us", "OPS/S>0.1", "pmax>0ms"]
    given = [word for text in expected for word in ("--expect", text)]
    done = script("run", "--url", url, "--max-ops", "100", *given)
    assert done.returncode == 0, done.stdout
    assert len(re.findall("^holds: ", done.stdout, re.MULTILINE)) == len(expected)
    done = script("run", "--url", url, "--max-ops", "50", "--expect", "errors=0", "--expect", "p50<1us")
    assert done.returncode == 1
    assert "DOES NOT HOLD: p50<1us" in done.stdout


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("--expect", "p98<50ms", "no figure p98"),
        ("--expect", "sleep.p99<50ms", "no operation sleep"),
        ("--expect", "errors<5ms", "not a time"),
        ("--expect", "p99", "like p99<50ms"),
        ("--expect", "p99<1.2.3", "not a number"),
        ("--mix", "sleep=1", "no operation sleep"),
        ("--mix", "watch=many", "expected a number"),
        ("--mix", "watch=0", "no operation has a weight"),
        ("--mix", "watch=-1", "from 0"),
        ("--rate", "0", "from 0.001"),
        ("--concurrency", "0", "1 to 1,000"),
        ("--max-ops", "0", "from 1"),
        ("--duration", "-1", "number of seconds"),
    ],
)
def test_wrong_options(option: str, text: str, reason: str) -> None:
    done = script("run", option, text, "--url", "postgresql://nowhere.invalid/x")
    assert done.returncode == 2
    assert reason in done.stderr


@pytest.mark.usefixtures("db")
def test_an_open_loop_counts_from_when_it_was_due(url: str) -> None:
    slow = script("run", "--url", url, "--duration", "3", "--rate", "20", "--expect", "ops>=50", "--expect", "ops<=62")
    assert slow.returncode == 0, slow.stdout + slow.stderr
    fast = script(
        "run", "--url", url, "--duration", "3", "--rate", "1000000", "--concurrency", "2", "--expect", "p50>500ms",
        "--expect", "late>100",
    )  # fmt: skip
    assert fast.returncode == 0, fast.stdout + fast.stderr
    assert re.search(r"operations began later than they were due, and [\d,]+ had not begun", fast.stderr)


@pytest.mark.usefixtures("db")
def test_runs_are_merged(url: str, tmp_path: Path) -> None:
    files = []
    ops = 0
    for number in range(2):
        done = script("run", "--url", url, "--max-ops", "80", "--format", "json", "--seed", str(number))
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        assert {entry["kind"] for entry in entries} == {"run", "second", "total", "end", "proof", "verdict"}
        in_seconds = sum(entry["ops"] for entry in entries if entry["kind"] == "second")
        assert in_seconds == sum(entry["ops"] for entry in entries if entry["kind"] == "total")
        ops += in_seconds
        files.append(tmp_path / f"{number}.jsonl")
        files[-1].write_text(done.stdout)
    merged = script("merge", *map(str, files))
    assert merged.returncode == 0, merged.stderr
    [together] = [line.split() for line in merged.stdout.splitlines() if line.endswith("(all)")]
    assert int(together[3]) == ops
    other = tmp_path / "other.jsonl"
    other.write_text('{"kind": "second"}\n')
    refused = script("merge", str(other))
    assert refused.returncode == 1
    assert "line 1: is not of" in refused.stderr
    assert "cannot be read" in script("merge", str(tmp_path / "missing")).stderr


@pytest.mark.usefixtures("db")
def test_ctrl_c_ends_with_totals_and_proof(url: str) -> None:
    command = [sys.executable, str(PROJECT / "simulate.py"), "run", "--url", url, "--concurrency", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "ops(total)" in out
    assert "all is as it was confirmed" in out
    assert "Traceback" not in err


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    server = OwnServer(tmp_path_factory.mktemp("own"))
    yield server
    server.remove()


def test_a_killed_server_is_survived(own_server: OwnServer) -> None:
    database = Database(own_server.url)
    schema.apply(database, PROJECT / "schema.sql")
    fill(database)
    database.close()
    command = [sys.executable, str(PROJECT / "simulate.py"), "run", "--url", own_server.url, "--duration", "14"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    own_server.kill()
    time.sleep(2)
    own_server.start()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err
    assert "all is as it was confirmed" in out
    [together] = [line.split() for line in out.splitlines() if line.endswith("(all)")]
    assert int(together[-2]) > 0, "no retries"
    # It has gone on afterwards.
    last = [line for line in out.splitlines() if re.match(r" +1[34]\.\ds .* progress$", line)]
    assert float(last[0].split()[2]) > 0


@pytest.mark.parametrize(("busy", "warns"), [(0.0, True), (9.0, False)])
@pytest.mark.usefixtures("db")
def test_a_client_at_its_limit_is_told(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, busy: float, warns: bool
) -> None:
    monkeypatch.setattr(run, "BUSY", busy)
    assert run.run_traffic(url, Options(max_ops=50, concurrency=2)) == 0
    assert ("the client was the bottleneck" in capsys.readouterr().err) == warns


def test_a_server_that_falls_silent_is_told(db: Database, relay: Relay) -> None:
    """The workers are interrupted at the end, and what they were about to write is uncertain."""
    audience, run_id = Audience(db), new_run_id()
    plans = add_plans(db, audience, run_id)
    options = Options(concurrency=2, duration=4.0, mix={"watch": 1.0})
    runner = Runner(relay.url, run_id, audience, plans, options)
    silences: list[float] = []

    def every_second() -> None:
        silences.append(runner.silence())
        if len(silences) == 1:
            relay.fall_silent()

    runner.run(every_second)
    assert max(silences) > 5  # it is told while the last calls are waited for, too
    outcomes = [call.outcome for history in runner.histories for call in history.read_calls()]
    assert outcomes.count("info") == 2
    runner.totals.take()
    runner.totals.end()
    watch = runner.totals.measurements["watch"]
    assert (watch.errors, watch.unanswered) == (2, 2)
    longest = watch.percentile("pMax")
    assert longest is not None
    assert longest > 6_000  # from second 1 to 4, and 5 more
    assert max(silence.end - silence.begin for silence in runner.totals.silences) > 6
