"""The cards of a run: operations a second, latencies and errors over time, in all and by operation."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from reporting import charts
from reporting.charts import Band, Cell, Series
from reporting.formatting import number
from reporting.page import Card, FigureSource
from reporting.run_steps import RunInSteps
from reporting.run_summary import describe_silences
from simulation.traffic.run_file import Measurement, combined, format_latency

COLUMNS = ["until (s)", "operation", "operations/s", "p50 (ms)", "p99 (ms)", "pMax (ms)", "errors"]
SHOWN = ("p50", "p99", "pMax")
TIME = "seconds of the run"
# The ranges of latencies end at these numbers of milliseconds, times powers of 10.
STEPS = (1, 2, 5)


def cards_over_time(run: RunInSteps, source: FigureSource) -> list[Card]:
    """Return the cards of all operations together."""
    together = run.together
    rows = [
        [round(run.spans[i].end, 1), "(all)", *_figures(run, i, measurement)] for i, measurement in enumerate(together)
    ]
    errors = Series(
        "errors",
        "down",
        [measurement.errors for measurement in together],
        [f"{step_label(run, i)}: {number(measurement.errors)} errors" for i, measurement in enumerate(together)],
    )
    cards = [
        _operations(run, together, rows, source),
        _latencies(run, together, rows, source),
        _heat_of_latencies(run, together, rows, source),
    ]
    failed = sum(measurement.errors for measurement in together)
    if failed:
        drawn = charts.columns(f"failed operations, by {TIME}", axis_labels(run), [errors])
        said = f"{number(failed)} operations failed, or had no answer at the end."
        cards.append(Card("errors", "Errors", said, drawn, COLUMNS, rows, source))
    return cards


def bands(run: RunInSteps) -> list[Band]:
    """Return the bands that mark when nobody had an answer."""
    return [
        Band(
            run.axis_position(silence.begin),
            run.axis_position(silence.end),
            f"no answers between {silence.begin:.1f} s and {silence.end:.1f} s",
        )
        for silence in run.whole.silences
    ]


def silent_steps(run: RunInSteps) -> dict[int, str]:
    """Return the steps without a result because nobody had an answer, with a tooltip for each."""
    return {
        i: f"{step_label(run, i)}: no answers between {silence.begin:.1f} s and {silence.end:.1f} s"
        for i, (span, together) in enumerate(zip(run.spans, run.together, strict=True))
        for silence in run.whole.silences
        if silence.begin < span.end and span.begin < silence.end and not together.attempts
    }


def _operations(run: RunInSteps, together: Sequence[Measurement], rows: list[list[Any]], source: FigureSource) -> Card:
    rates = [run.rate(i, measurement) for i, measurement in enumerate(together)]
    tips = [f"{step_label(run, i)}: {rate or 0:,.1f} operations/s" for i, rate in enumerate(rates)]
    unit = f"operations/s, by {TIME}; marked: no answers"
    drawn = charts.lines(unit, axis_labels(run), [Series("", "main", rates, tips)], bands=bands(run))
    return Card("operations", "Operations a second", describe_silences(run.whole), drawn, COLUMNS, rows, source)


def _latencies(run: RunInSteps, together: Sequence[Measurement], rows: list[list[Any]], source: FigureSource) -> Card:
    series = [
        Series(
            name,
            tone,
            [measurement.percentile(name) for measurement in together],
            [
                f"{step_label(run, i)}: {name} {format_latency(measurement.percentile(name))}"
                for i, measurement in enumerate(together)
            ],
        )
        for name, tone in (("pMax", "down"), ("p99", "rank-2"), ("p50", "rank-1"))
    ]
    drawn = charts.lines("ms", axis_labels(run), series, bands=bands(run), is_log=True)
    found = [(longest, i) for i, longest in enumerate(series[0].values) if longest is not None]
    lead = "Nothing was measured."
    if found:
        longest, step = max(found)
        p99 = format_latency(combined(run.whole.measurements.values()).percentile("p99"))
        lead = f"The longest: {format_latency(longest)}, {step_label(run, step)}. p99 of the whole run: {p99}."
    return Card("latencies", "Latencies", lead, drawn, COLUMNS, rows, source)


def _heat_of_latencies(
    run: RunInSteps, together: Sequence[Measurement], rows: list[list[Any]], source: FigureSource
) -> Card:
    """Return the heat map of latencies: each field is the number of calls of a step with a latency in a range."""
    counts: dict[tuple[int, int], int] = {}  # step, range -> calls
    for i, measurement in enumerate(together):
        for value in measurement.latencies.get_recorded_iterator():
            place = i, _latency_range(value.value_iterated_to / 1000)
            counts[place] = counts.get(place, 0) + value.count_added_in_this_iter_step
    ranges = [row for _, row in counts]
    shown = list(range(max(ranges, default=0), min(ranges, default=0) - 1, -1))
    most = max(counts.values(), default=1)

    def shade(calls: float) -> float:
        return math.log(calls) / math.log(most) if most > 1 else 1.0

    cells = [
        Cell(shown.index(row), i, shade(calls), "", f"{step_label(run, i)}: {calls:,} calls took {_format_range(row)}")
        for (i, row), calls in counts.items()
    ]
    steps = sorted({1, round(math.sqrt(most)), most})
    drawn = charts.heat_map(
        "calls by their latency: at most so long",
        [format_latency(_range_end(row)) for row in shown],
        axis_labels(run),
        cells,
        below=TIME,
        scale=[(shade(calls), f"{calls:,}") for calls in steps],
        marked=silent_steps(run),
        mark="no answers",
    )
    lead = "The stronger, the more calls took so long. Calls that wait long are alone above the others."
    return Card("heat", "How long calls took", lead, drawn if cells else None, COLUMNS, rows, source)


def _latency_range(milliseconds: float) -> int:
    """Return the number of the range that holds a latency. Ranges end at ..., 1, 2, 5, 10, ... milliseconds."""
    power = math.floor(math.log10(max(milliseconds, 0.001)))
    step = next((i for i, end in enumerate(STEPS) if milliseconds <= end * 10.0**power * 1.005), len(STEPS))
    return power * len(STEPS) + step


def _range_end(row: int) -> float:
    return STEPS[row % len(STEPS)] * 10.0 ** (row // len(STEPS))


def _format_range(row: int) -> str:
    return f"{format_latency(_range_end(row - 1))} to {format_latency(_range_end(row))}"


def cards_by_operation(run: RunInSteps, source: FigureSource) -> list[Card]:
    """Return the cards with a row for each operation."""
    rows = [
        [round(run.spans[i].end, 1), operation, *_figures(run, i, measurement)]
        for operation, steps in run.steps.items()
        for i, measurement in enumerate(steps)
    ]

    silent = silent_steps(run)

    def heat(key: str, title: str, unit: str, lead: str, value: Callable[[int, Measurement], float | None]) -> Card:
        cells, scale = _cells(run, unit, value, by_row=key == "operations_by_operation")
        names = list(run.steps)
        chart = charts.heat_map(
            unit, names, axis_labels(run), cells, below=TIME, scale=scale, marked=silent, mark="no answers"
        )
        return Card(key, title, lead, chart if cells else None, COLUMNS, rows, source)

    cards = [
        heat(
            "operations_by_operation",
            "Operations a second",
            "operations/s",
            "The stronger, the more: each operation next to its most.",
            run.rate,
        ),
        heat("p50_by_operation", "Half are done within", "ms (p50)", "The stronger, the slower.", _percentile("p50")),
        heat("p99_by_operation", "99 % are done within", "ms (p99)", "The stronger, the slower.", _percentile("p99")),
        heat("pMax_by_operation", "All are done within", "ms (pMax)", "The stronger, the slower.", _percentile("pMax")),
    ]
    if any(measurement.errors for steps in run.steps.values() for measurement in steps):
        cards.append(
            heat(
                "errors_by_operation",
                "Errors",
                "failed operations",
                "The stronger, the more.",
                lambda _, measurement: measurement.errors or None,
            )
        )
    return cards


def _percentile(name: str) -> Callable[[int, Measurement], float | None]:
    return lambda _, measurement: measurement.percentile(name)


def _cells(
    run: RunInSteps, unit: str, value: Callable[[int, Measurement], float | None], *, by_row: bool
) -> tuple[list[Cell], list[tuple[float, str]]]:
    """Return the fields of a heat map, and its scale. A step without a value has no field.

    by_row: shades are linear, from 0 to the maximum of each operation. Else they are logarithmic, from the minimum to
    the maximum of all operations, because latencies differ by orders of magnitude.
    """
    found = {
        (row, i): known
        for row, steps in enumerate(run.steps.values())
        for i, measurement in enumerate(steps)
        if (known := value(i, measurement)) is not None
    }
    names = list(run.steps)
    least, most = min(found.values(), default=0), max(found.values(), default=0)
    cells = []
    for (row, i), known in found.items():
        if by_row:
            shade = known / (max(other for (at, _), other in found.items() if at == row) or 1)
        else:
            shade = math.log(known / least) / math.log(most / least) if 0 < least < most else 1.0
        cells.append(Cell(row, i, shade, "", f"{names[row]}, {step_label(run, i)}: {_format_value(known, unit)}"))
    ends = (
        [(0.0, "none"), (1.0, "its most")]
        if by_row
        else [(0.0, _format_short(least, unit)), (1.0, _format_short(most, unit))]
    )
    return cells, ends if least < most else ends[1:]


def _format_short(value: float, unit: str) -> str:
    return format_latency(value) if unit.startswith("ms") else f"{value:,.3g}"


def _format_value(value: float, unit: str) -> str:
    return f"{format_latency(value)} {unit.removeprefix('ms ')}" if unit.startswith("ms") else f"{value:,.4g} {unit}"


def _figures(run: RunInSteps, step: int, measurement: Measurement) -> list[Any]:
    percentiles = [None if (value := measurement.percentile(name)) is None else round(value, 1) for name in SHOWN]
    rate = run.rate(step, measurement)
    return [None if rate is None else round(rate, 1), *percentiles, measurement.errors]


def axis_labels(run: RunInSteps) -> list[str]:
    """Return the labels of a run's steps: the end of a step, every few seconds; else ""."""
    every = next((size for size in (1, 2, 5, 10, 20, 60, 120, 300, 600) if run.whole.elapsed / size <= 12), 3600)
    labels = []
    for span in run.spans:
        end = round(span.end) // every * every
        labels.append(f"{end:,}" if end > round(span.begin) // every * every else "")
    return labels


def step_label(run: RunInSteps, step: int) -> str:
    """Return the name of a step, by its end."""
    return f"at {run.spans[step].end:,.0f} s"
