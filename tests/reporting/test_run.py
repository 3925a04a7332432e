"""report.py --run: the page of a run of traffic, drawn from what simulate.py printed as JSON."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from reports import run_report, run_script, show

from reporting.run_comparison import is_more_than_noise
from reporting.run_steps import MOST_STEPS, RunInSteps, runs_in_steps

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"  # a run is drawn without a database


def line(operation: str, second: int, latencies: list[int], errors: int = 0) -> str:
    """Return a line of a run: latencies in ms of the operations that ended in a second."""
    histogram = HdrHistogram(1, 3_600_000_000, 2)
    for latency in latencies:
        histogram.record_value(latency * 1000)
    figures = {"ops": len(latencies), "errors": errors, "refused": 0, "retries": 0, "late": 0}
    figures |= {"unanswered": 0, "unstarted": 0}
    elapsed = {"elapsed": second + 0.004, "seconds": 1.002}
    entry = {"kind": "second", "run": "cafe", "operation": operation, **elapsed, **figures}
    return json.dumps({**entry, "latencies": histogram.encode().decode()})


def write_run(file: Path, seconds: int, *, down: range = range(0)) -> Path:
    """Write a run in which nothing ends in some seconds, and all fails in the first after these."""
    lines = []
    for second in [second for second in range(1, seconds + 1) if second not in down]:
        errors = 4 if second == down.stop else 0
        lines += [line("pay", second, [20, 30], errors), line("watch", second, [1] * 90 + [50] * 10)]
    ends: list[dict[str, Any]] = [
        {"kind": "total", "operation": "pay"},
        {"kind": "end", "elapsed": seconds + 0.004},
        *([{"kind": "silence", "begin": down.start - 1.0, "end": down.stop - 0.5}] if down else []),
        {
            "kind": "proof",
            "checker": "users",
            "attempted": 7,
            "lost": 0,
            "not_judged": 3,
            "examples": ["user <b>7</b>"],
        },
        {"kind": "verdict", "verdict": "not proved", "text": "NOT PROVED: 3 calls", "calls": 7, "clock": ""},
        {"kind": "threshold", "threshold": "pMax<1s", "found": 50.0, "written": "it is 50 ms", "holds": True},
        {"kind": "threshold", "threshold": "p99<1ms", "found": None, "written": "nothing was measured", "holds": False},
    ]
    lines += [json.dumps({"run": "cafe", **entry}) for entry in ends]
    file.write_text("\n".join(lines) + "\n")
    return file


def read_run(file: Path) -> RunInSteps:
    [run] = runs_in_steps([file])
    return run


def test_steps_and_their_figures(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run.jsonl", 10, down=range(4, 7)))
    assert list(run.steps) == ["pay", "watch"]
    assert [one.ops for one in run.steps["watch"]] == [100, 100, 100, 0, 0, 0, 100, 100, 100, 100]
    assert [one.errors for one in run.steps["pay"]] == [0] * 6 + [4] + [0] * 3
    together = run.together
    assert run.rate(0, together[0]) == pytest.approx(102, rel=0.01)
    assert together[0].percentile("p50") == pytest.approx(1, rel=0.01)
    assert together[0].percentile("p99") == pytest.approx(50, rel=0.01)
    assert together[4].percentile("p99") is None
    assert run.whole.elapsed == pytest.approx(10, abs=0.01)


def test_a_long_run_has_few_steps_and_loses_nothing(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run.jsonl", 301))
    assert len(run.spans) <= MOST_STEPS
    assert sum(one.ops for one in run.steps["watch"]) == 30_100
    assert run.rate(3, run.steps["watch"][3]) == pytest.approx(100, rel=0.01)


def test_the_page_shows_when_a_node_was_down(chromium: Any, tmp_path: Path) -> None:
    file = run_report(NOWHERE, tmp_path, "--run", str(write_run(tmp_path / "run.jsonl", 12, down=range(5, 8))))
    for width in (400, 1400):
        for scheme in ("light", "dark"):
            shown = show(chromium, file, width=width, scheme=scheme)
            assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
            assert shown.noise == []
    tips = shown.page.eval_on_selector_all("#operations circle", "marks => marks.map(mark => mark.dataset.tip)")
    assert [tip.partition(":")[0] for tip in tips] == [f"at {i} s" for i in range(1, 13) if i not in (5, 6, 7)]
    assert shown.page.locator("#latencies path.line").count() == 6  # p50, p99 and pMax, each broken once
    assert shown.page.locator("#errors .mark").count() == 1
    fields = shown.page.eval_on_selector_all(
        "#p99_by_operation .mark:not(.band)", "all => all.map(one => one.dataset.tip)"
    )
    assert len(fields) == 2 * 9
    assert "watch, at 12 s: 50" in " ".join(fields)
    # Where nobody had an answer a heat map is not just empty, as where there was nothing to do.
    marked = shown.page.eval_on_selector_all("#p99_by_operation .band", "all => all.map(one => one.dataset.tip)")
    assert marked == 2 * [f"at {i} s: no answers between 4.0 s and 7.5 s" for i in (5, 6, 7)] + [None]  # the legend


def test_the_page_begins_with_what_is_asked_first(chromium: Any, tmp_path: Path) -> None:
    written = write_run(tmp_path / "run.jsonl", 12, down=range(5, 8))
    facts = {"server": "PostgreSQL 18.4", "host": "db1", "database": "tv", "concurrency": 8, "rate": None, "seed": 3}
    text = json.dumps({"kind": "run", "run": "cafe", "started": "2026-01-01T00:00:00+00:00", **facts})
    written.write_text(f"{text}\n{written.read_text()}")
    page = show(chromium, run_report(NOWHERE, tmp_path, "--run", str(written))).page
    head = page.locator("header").inner_text()
    for told in ("PostgreSQL 18.4", "at db1", "database tv", "8 workers", "seed 3", "closed loop"):
        assert told in head
    tiles = dict(
        page.eval_on_selector_all(
            ".tiles > div",
            "all => all.map(one => [one.querySelector('dt').textContent, one.querySelector('dd').innerText])",
        )
    )
    assert tiles["operations"].startswith("918")
    assert tiles["latency, pMax"].startswith("50")
    assert tiles["nobody had an answer"].startswith("3.5 s")
    assert "1 of 2 missed" in tiles["thresholds"]
    assert "not proved" in tiles["proof"]
    assert "No answers between 4.0 s and 7.5 s." in page.locator("#by_operation").inner_text()
    rows = page.eval_on_selector_all(
        "#by_operation tr", "rows => rows.map(row => [...row.cells].map(c => c.textContent))"
    )
    assert [row[0] for row in rows] == ["operation", "pay", "watch", "(all)"]
    assert rows[0][6:] == ["p50", "p95", "p99", "p99.9", "pMax"]
    assert "nothing was measured" in page.locator("#thresholds").inner_text()
    assert "user <b>7</b>" in page.locator("#proof").inner_text()
    band = page.locator("#operations .mark.band")
    assert band.get_attribute("data-tip") == "no answers between 4.0 s and 7.5 s"
    box, chart = band.bounding_box(), page.locator("#operations .area").bounding_box()
    assert box["width"] > chart["width"] / 6


def test_how_long_calls_took_is_seen(chromium: Any, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join([line("watch", 1, [1] * 90 + [30] * 9), line("watch", 2, [9_000])]) + "\n")
    page = show(chromium, run_report(NOWHERE, tmp_path, "--run", str(file))).page
    tips = page.eval_on_selector_all("#heat .mark", "marks => marks.map(mark => mark.dataset.tip)")
    assert sorted(tips) == [
        "at 1 s: 9 calls took 20 ms to 50 ms",
        "at 1 s: 90 calls took 500 us to 1 ms",
        "at 2 s: 1 calls took 5.00 s to 10.00 s",
    ]
    assert page.eval_on_selector_all("#heat .legend span", "all => all.map(one => one.textContent)") == [
        "1", "9", "90",
    ]  # fmt: skip


def test_runs_side_by_side(chromium: Any, tmp_path: Path) -> None:
    files = []
    for name, latencies in (("before", [10] * 50), ("after", [20] * 50)):
        file = tmp_path / f"{name}.jsonl"
        lines = [line("watch", second, latencies[: 48 + second % 3]) for second in range(1, 11)]
        file.write_text("\n".join(lines).replace("cafe", name) + "\n")
        files += ["--run", str(file)]
    shown = show(chromium, run_report(NOWHERE, tmp_path, *files))
    rows = shown.page.eval_on_selector_all(
        "#compared tr", "rows => rows.map(row => [...row.cells].map(c => c.innerHTML))"
    )
    figures = {row[0]: row[1:] for row in rows}
    assert figures[""] == ["before (before.jsonl)", "after (after.jsonl)"]
    assert figures["operations"] == ["490", "490"]
    assert re.fullmatch(r"<b>2\d(\.\d)? ms \(\+(99|10\d)\.\d %\)</b>", figures["p50"][1])
    assert "<b>" not in figures["operations/s"][1]
    assert shown.page.locator("#operations path.line").count() == 2
    assert "Welch" in shown.page.locator("#compared").inner_text()
    for width in (400, 1400):
        assert (
            show(chromium, tmp_path / "report.html", width=width).page.evaluate("document.documentElement.scrollWidth")
            <= width
        )
    twice = run_script(NOWHERE, "report.py", *files, *files[:2], "--out", str(tmp_path / "x.html"), status=1)
    assert "given twice" in twice


def test_two_runs_in_one_file_are_not_one(chromium: Any, tmp_path: Path) -> None:
    file = tmp_path / "both.jsonl"
    lines = [line("watch", 1, [5] * 10).replace("cafe", name) for name in ("one", "two")]
    file.write_text("\n".join(lines) + "\n")
    page = show(chromium, run_report(NOWHERE, tmp_path, "--run", str(file))).page
    assert "2 runs side by side" in page.locator("header").inner_text()


def test_noise() -> None:
    assert not is_more_than_noise([10.0, 11.0, 9.0, 10.5], [10.2, 11.1, 9.1, 10.4])
    assert is_more_than_noise([10.0, 11.0, 9.0, 10.5], [20.2, 21.1, 19.1, 20.4])
    assert not is_more_than_noise([10.0], [20.0])  # of one second nobody knows how much it varies


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: "", "holds no run"),
        (lambda _: '{"kind": "total", "run": "cafe"}\n', "holds no run"),
        (lambda text: "no JSON\n" + text, "line 1: is not of"),
        (lambda text: text.replace('"elapsed": 2.004, ', ""), "line 3: is not of"),
        (lambda text: text.replace('"latencies": "', '"latencies": "x'), "line 1: is not of"),
    ],
)
def test_what_is_no_run(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    file = write_run(tmp_path / "run.jsonl", 3)
    file.write_text(change(file.read_text()))
    assert said in run_script(NOWHERE, "report.py", "--run", str(file), "--out", str(tmp_path / "x.html"), status=1)
    assert not (tmp_path / "x.html").exists()


def test_a_run_that_was_cut_short_counts_as_far_as_it_came(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join([line("pay", 1, [5]), line("pay", 2, [5])[:100]]))
    assert [one.ops for one in read_run(file).steps["pay"]] == [1]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    said = run_script(NOWHERE, "report.py", "--run", str(tmp_path / "no.jsonl"), status=1)
    assert "no.jsonl cannot be read" in said


def test_a_byte_order_mark_is_no_part_of_a_run(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join([line("pay", 1, [5]), line("pay", 2, [5])]), "utf-8-sig")
    assert [one.ops for one in read_run(file).steps["pay"]] == [1, 1]
