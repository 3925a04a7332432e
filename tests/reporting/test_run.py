"""report.py --run: the page of a run of traffic, drawn from what simulate.py printed as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from reports import run_report, run_script, show

from reporting.run import MOST_STEPS, RunInSteps, runs_in_steps

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
    lines.append(json.dumps({"kind": "total", "run": "cafe", "operation": "pay"}))
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
    assert run.run.elapsed == pytest.approx(10, abs=0.01)


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
    tips = shown.page.eval_on_selector_all("#operations .mark", "marks => marks.map(mark => mark.dataset.tip)")
    assert [tip.partition(":")[0] for tip in tips] == [f"at {i} s" for i in range(1, 13) if i not in (5, 6, 7)]
    assert shown.page.locator("#latencies path.line").count() == 4  # p50 and p99, both broken once
    assert shown.page.locator("#errors .mark").count() == 1
    fields = shown.page.eval_on_selector_all("#p99_by_operation .mark", "all => all.map(one => one.dataset.tip)")
    assert len(fields) == 2 * 9
    assert "watch, at 12 s: 50" in " ".join(fields)


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
