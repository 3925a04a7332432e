"""The page of a run of traffic: operations a second, latencies and errors over time, in all and by operation."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reporting import charts
from reporting.charts import Cell, Series
from reporting.formatting import DASH, number
from reporting.markup import Markup
from reporting.page import Card, FigureSource, Section, Tile, headline, page
from reporting.run import RunInSteps, runs_in_steps
from simulation.traffic.run_file import Measurement, in_all

COLUMNS = ["until (s)", "operation", "operations/s", "p50 (ms)", "p99 (ms)", "errors"]


def traffic_page(file: Path) -> Markup:
    """Return the page of a run. Raises UserError if the file holds none."""
    [run] = runs_in_steps([file])
    source = FigureSource(
        file.name, "A line for each operation and second.", f"python simulate.py run --format json > {file.name}"
    )
    together = run.together
    whole = in_all(together)
    tiles = [
        Tile("operations", number(whole.ops), "", "even"),
        Tile("operations/s", f"{whole.ops / run.run.elapsed:,.1f}", "", "even"),
        Tile("latency, p50", _milliseconds(whole.percentile("p50")), "", "even"),
        Tile("latency, p99", _milliseconds(whole.percentile("p99")), "", "even"),
        Tile("errors", number(whole.errors), "", "even"),
    ]
    sections = [
        Section("All operations", _together(run, together, source)),
        Section("By operation", _by_operation(run, source)),
    ]
    return page(
        "Traffic",
        f"Run {run.run.run_id}, {run.run.elapsed:,.0f} s long.",
        headline("The whole run", tiles, source),
        sections,
        f"Read from {file.name}",
    )


def _together(run: RunInSteps, together: Sequence[Measurement], source: FigureSource) -> list[Card]:
    rates = [run.rate(i, one) for i, one in enumerate(together)]
    rows = [[round(run.spans[i].end, 1), "(all)", *_figures(run, i, one)] for i, one in enumerate(together)]
    axis = _axis(run)
    tips = [f"{_when(run, i)}: {rate or 0:,.1f} operations/s" for i, rate in enumerate(rates)]
    lowest = min(range(len(rates)), key=lambda i: rates[i] or 0)
    latencies = [
        Series(
            name,
            kind,
            [one.percentile(name) for one in together],
            [f"{_when(run, i)}: {name} {_milliseconds(one.percentile(name))}" for i, one in enumerate(together)],
        )
        for name, kind in (("p99", "rank-2"), ("p50", "rank-1"))
    ]
    errors = Series(
        "errors",
        "down",
        [one.errors for one in together],
        [f"{_when(run, i)}: {number(one.errors)} errors" for i, one in enumerate(together)],
    )
    slowest = max((value or 0, i) for i, value in enumerate(latencies[0].values))
    failed = sum(one.errors for one in together)
    return [
        Card(
            "operations",
            "Operations a second",
            f"The least: {rates[lowest] or 0:,.1f} operations/s {_when(run, lowest)}.",
            charts.lines(
                "Operations a second", "operations/s, by seconds of the run", axis, [Series("", "main", rates, tips)]
            ),
            COLUMNS,
            rows,
            source,
        ),
        Card(
            "latencies",
            "Latencies",
            f"The highest p99: {_milliseconds(slowest[0])} {_when(run, slowest[1])}.",
            charts.lines("Latencies", "ms, by seconds of the run", axis, latencies),
            COLUMNS,
            rows,
            source,
        ),
        Card(
            "errors",
            "Errors",
            f"{number(failed)} operations failed." if failed else "No operation failed.",
            charts.columns("Errors", "failed operations, by seconds of the run", axis, [errors]) if failed else None,
            COLUMNS,
            rows,
            source,
        ),
    ]


def _by_operation(run: RunInSteps, source: FigureSource) -> list[Card]:
    rows = [
        [round(run.spans[i].end, 1), operation, *_figures(run, i, one)]
        for operation, steps in run.steps.items()
        for i, one in enumerate(steps)
    ]

    def heat(key: str, title: str, unit: str, lead: str, value: Callable[[int, Measurement], float | None]) -> Card:
        cells = _cells(run, unit, value, by_row=key == "operations_by_operation")
        columns = _axis(run)
        chart = charts.heat_map(title, unit, list(run.steps), columns, cells, below="seconds of the run")
        return Card(key, title, lead, chart if cells else None, COLUMNS, rows, source)

    cards = [
        heat(
            "operations_by_operation",
            "Operations a second",
            "operations/s",
            "The stronger, the more: each operation next to its most.",
            lambda i, one: run.rate(i, one),
        ),
        heat("p50_by_operation", "Half are done within", "ms (p50)", "The stronger, the slower.", _percentile("p50")),
        heat("p99_by_operation", "99 % are done within", "ms (p99)", "The stronger, the slower.", _percentile("p99")),
    ]
    if any(one.errors for steps in run.steps.values() for one in steps):
        shown = heat("errors_by_operation", "Errors", "failed operations", "The stronger, the more.", _errors)
        cards.append(shown)
    return cards


def _errors(_: int, one: Measurement) -> float | None:
    return one.errors or None


def _percentile(name: str) -> Callable[[int, Measurement], float | None]:
    return lambda _, one: one.percentile(name)


def _cells(
    run: RunInSteps, unit: str, value: Callable[[int, Measurement], float | None], *, by_row: bool
) -> list[Cell]:
    """Return the fields of a heat map; a step without a value has none.

    by_row: the shades are from 0 to the most of each operation; else from the least to the most of all, by their
    logarithms, for latencies differ by orders of magnitude.
    """
    found = {
        (row, i): known
        for row, steps in enumerate(run.steps.values())
        for i, one in enumerate(steps)
        if (known := value(i, one)) is not None
    }
    names = list(run.steps)
    least, most = min(found.values(), default=0), max(found.values(), default=0)
    cells = []
    for (row, i), known in found.items():
        if by_row:
            shade = known / (max(other for (at, _), other in found.items() if at == row) or 1)
        else:
            shade = math.log(known / least) / math.log(most / least) if 0 < least < most else 1.0
        cells.append(Cell(row, i, shade, "", f"{names[row]}, {_when(run, i)}: {known:,.4g} {unit}"))
    return cells


def _figures(run: RunInSteps, step: int, one: Measurement) -> list[Any]:
    percentiles = [None if (value := one.percentile(name)) is None else round(value, 1) for name in ("p50", "p99")]
    return [round(run.rate(step, one) or 0, 1), *percentiles, one.errors]


def _axis(run: RunInSteps) -> list[str]:
    """Return the labels of a run's steps: every so many seconds, where they end."""
    every = next((size for size in (1, 2, 5, 10, 20, 60, 120, 300, 600) if run.run.elapsed / size <= 12), 3600)
    labels = []
    for span in run.spans:
        end = round(span.end) // every * every
        labels.append(f"{end:,}" if end > round(span.begin) // every * every else "")
    return labels


def _when(run: RunInSteps, step: int) -> str:
    return f"at {run.spans[step].end:,.0f} s"


def _milliseconds(value: float | None) -> str:
    return DASH if value is None else f"{value:,.3g} ms" if value < 100 else f"{value:,.0f} ms"
