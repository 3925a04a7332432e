"""The page of a run whose server was frozen, killed or slowed: it tells so, in its figures and in its pictures."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from own_server import OwnServer
from relay import Relay
from reports import PROJECT, run_report, show
from sample import fill

from reporting.run_steps import runs_in_steps
from toolkit import schema
from toolkit.database import Database

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
OVER_TIME = ("operations", "latencies")
HEAT_MAPS = ("heat", "operations_by_operation", "p50_by_operation", "p99_by_operation", "pMax_by_operation")
UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    server = OwnServer(tmp_path_factory.mktemp("own"))
    with closing(Database(server.url)) as database:
        schema.apply(database, PROJECT / "schema.sql")
        fill(database)
    yield server
    server.remove()


def run_while(url: str, file: Path, disturb: Callable[[], object], *, status: int) -> Path:
    """Run for ten seconds, in an open loop, and disturb it when it has gone on for some."""
    command = [sys.executable, str(PROJECT / "simulate.py"), "run", "--url", url, "--duration", "10", "--rate", "40"]
    expected = ["--format", "json", "--expect", "p99<100ms", "--expect", "errors=0"]
    with file.open("w") as output:
        running = subprocess.Popen([*command, *expected], stdout=output, stderr=subprocess.PIPE, text=True)
        while file.read_text().count('"second"') < 20 and running.poll() is None:
            time.sleep(0.1)
        disturb()
        _, err = running.communicate(timeout=120)
    assert running.returncode == status, err
    return file


def tiles_of(page: Any) -> dict[str, str]:
    return dict(
        page.eval_on_selector_all(
            ".tiles > div",
            "all => all.map(one => [one.querySelector('dt').textContent, one.querySelector('dd').innerText])",
        )
    )


def milliseconds(tile: str) -> float:
    value, unit = tile.split()[:2]
    return float(value) * UNITS[unit]


def check_looks(chromium: Any, page_file: Path) -> Any:
    """See that nothing stands over the edge or over its neighbour; return the page at 1280 pixels."""
    for width in (400, 800, 1280):
        shown = show(chromium, page_file, width=width)
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.noise == []
        boxes = shown.page.eval_on_selector_all(
            "svg.area", "all => all.map(one => [...one.querySelectorAll('text')].map(t => t.getBoundingClientRect()))"
        )
        assert len(boxes) >= len(OVER_TIME)
        for labels in boxes:
            places = sorted((box["x"], box["x"] + box["width"]) for box in labels)
            assert all(end <= begin for (_, end), (begin, _) in pairwise(places))
    return shown.page


def check_outage(page: Any, file: Path, *, least: float) -> None:
    """See that the page tells of one time of at least so many seconds without an answer, and where it lies."""
    [run] = runs_in_steps([file])
    silence = max(run.whole.silences, key=lambda one: one.end - one.begin)
    assert silence.end - silence.begin > least
    told = f"no answers between {silence.begin:.1f} s and {silence.end:.1f} s"
    for key in OVER_TIME:
        bands = page.locator(f"#{key} rect.band")
        assert told in bands.evaluate_all("all => all.map(one => one.dataset.tip)")
    # By the numbers below it, the marked stretch lies where the words have it.
    for key in OVER_TIME:
        numbers = page.eval_on_selector_all(
            f"#{key} svg.area text",
            "all => all.map(one => [+one.textContent, one.getBoundingClientRect()])"
            ".map(([second, box]) => [second, box.x + box.width / 2])",
        )
        (first, left), (last, right) = numbers[0], numbers[-2]  # the last number may be moved, to stay within
        box = page.locator(f"#{key} rect.band[data-tip='{told}']").bounding_box()
        for moment, edge in ((silence.begin, box["x"]), (silence.end, box["x"] + box["width"])):
            assert abs(left + (moment - first) * (right - left) / (last - first) - edge) < 6
    for key in HEAT_MAPS:
        columns = set(page.eval_on_selector_all(f"#{key} .heat .band", "all => all.map(one => one.dataset.tip)"))
        assert len(columns) >= least - 1
        assert all(column.endswith(told) for column in columns)
        assert "no answers" in page.locator(f"#{key} .legend").inner_text()
    tiles = tiles_of(page)
    assert float(tiles["nobody had an answer"].split()[0]) > least
    # In an open loop the percentiles know of it.
    assert 1_000 * least / 2 < milliseconds(tiles["latency, p99"]) <= milliseconds(tiles["latency, pMax"])
    assert re.search(r"[1-9]", tiles["never begun"]), "neither late nor unstarted"
    assert "1 of 2 missed" in tiles["thresholds"] or "2 of 2 missed" in tiles["thresholds"]


def test_a_frozen_server(chromium: Any, own_server: OwnServer, tmp_path: Path) -> None:
    def freeze() -> None:
        ids = own_server.process_ids
        for number in ids:
            os.kill(number, signal.SIGSTOP)
        time.sleep(3)
        for number in ids:
            os.kill(number, signal.SIGCONT)

    file = run_while(own_server.url, tmp_path / "frozen.jsonl", freeze, status=1)
    page = check_looks(chromium, run_report(NOWHERE, tmp_path, "--run", str(file)))
    check_outage(page, file, least=2.5)
    tiles = tiles_of(page)
    assert tiles["errors"] == "0"
    assert tiles["proof"].startswith("proved")


def test_a_server_that_is_frozen_until_the_end(chromium: Any, own_server: OwnServer, tmp_path: Path) -> None:
    """What was due and never began, and the calls without an answer, are in the figures."""
    with Relay(own_server.url) as relay:

        def freeze() -> None:
            relay.fall_silent()
            threading.Timer(12, relay.go_on).start()  # for the proof

        file = run_while(relay.url, tmp_path / "end.jsonl", freeze, status=1)
    page = check_looks(chromium, run_report(NOWHERE, tmp_path, "--run", str(file)))
    check_outage(page, file, least=5)
    tiles = tiles_of(page)
    assert "8 without an answer at the end" in tiles["errors"]
    assert int(tiles["never begun"].split()[0]) > 100
    assert page.locator("#errors .mark").count() >= 1


def test_a_killed_server(chromium: Any, own_server: OwnServer, tmp_path: Path) -> None:
    def kill() -> None:
        own_server.kill()
        time.sleep(2)
        own_server.start()

    file = run_while(own_server.url, tmp_path / "killed.jsonl", kill, status=1)
    page = check_looks(chromium, run_report(NOWHERE, tmp_path, "--run", str(file)))
    check_outage(page, file, least=2)
    tiles = tiles_of(page)
    assert int(tiles["retries"]) >= 1
    assert tiles["proof"].startswith("proved")


def test_a_slowed_server(chromium: Any, own_server: OwnServer, tmp_path: Path) -> None:
    """It answers, so there is no outage: the latencies tell, second by second."""
    with Relay(own_server.url) as relay:

        def slow() -> None:
            relay.delay = 0.2
            time.sleep(3)
            relay.delay = 0.0

        file = run_while(relay.url, tmp_path / "slowed.jsonl", slow, status=1)
    page = check_looks(chromium, run_report(NOWHERE, tmp_path, "--run", str(file)))
    assert page.locator(".band").count() == 0
    tiles = tiles_of(page)
    assert tiles["nobody had an answer"] == "never"
    assert 200 < milliseconds(tiles["latency, p99"]) <= milliseconds(tiles["latency, pMax"])
    [run] = runs_in_steps([file])
    slow_steps = [i for i, one in enumerate(run.together) if (one.percentile("p50") or 0) > 200]
    assert 2 <= len(slow_steps) <= 6
    tips = page.eval_on_selector_all("#latencies circle", "all => all.map(one => one.dataset.tip)")
    for figure in ("pMax", "p99", "p50"):
        assert sum(f": {figure} " in tip for tip in tips) == len(run.spans)
