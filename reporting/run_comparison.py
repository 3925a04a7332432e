"""Compare several runs: the same figures side by side, with their differences and whether these are significant."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import mean, stdev

from reporting import charts
from reporting.charts import Series
from reporting.formatting import DASH, number
from reporting.markup import Markup, tag
from reporting.page import Card, FigureSource
from reporting.run_cards import TIME, axis_labels, step_label
from reporting.run_steps import RunInSteps
from reporting.run_summary import format_rate, table
from simulation.traffic.run_file import PERCENTILES, UNSTARTED, MeasuredRun, Measurement, combined, format_latency

# Welch's t-test: the difference of two means counts as more than noise if it is more than three times its standard
# error. Not two times, because consecutive seconds are correlated, and because many figures are compared.
MOST_NOISE = 3.0
METHOD = (
    "In brackets the difference from the first run. In bold what is more than noise: the means of the figures of the "
    f"single seconds differ by more than {MOST_NOISE:g} times their standard error (Welch's t-test). Counts and pMax "
    "are not tested: they are sums and extremes."
)
TONES = ("main", "tone-2", "tone-3", "tone-4", "tone-5", "tone-6")
FIGURES = ("operations/s", "p50", "p99")  # for each operation

Value = Callable[[Measurement, float], float | None]


def comparison_tables(runs: Sequence[RunInSteps]) -> Markup:
    """Return the tables with the runs side by side."""
    measured = [run.whole for run in runs]
    names = list(dict.fromkeys(name for run in measured for name in run.measurements if name != UNSTARTED))
    head = ["", *(f"{run.run_id[:12]} ({run.file.name})" for run in measured)]
    rows = [_counts("operations", measured, lambda measurement: measurement.ops)]
    rows.append(_row("operations/s", measured, None, Measurement.rate))
    rows += [_row(name, measured, None, _percentile(name)) for name in PERCENTILES]
    for label, count in (
        ("errors", lambda measurement: measurement.errors),
        ("never begun", lambda measurement: measurement.unstarted),
        ("refused", lambda measurement: measurement.refused),
        ("retries", lambda measurement: measurement.retries),
    ):
        rows.append(_counts(label, measured, count))
    silent = [sum(silence.end - silence.begin for silence in run.silences) for run in measured]
    rows.append(["nobody had an answer", *(f"{seconds:.1f} s" for seconds in silent)])
    rows.append(["proof", *(str(run.verdict.get("verdict", DASH)) for run in measured)])
    rows.append(["thresholds", *map(_thresholds, measured)])
    of_operations = [
        _row(f"{name}, {figure}", measured, name, Measurement.rate if figure == "operations/s" else _percentile(figure))
        for name in names
        for figure in FIGURES
    ]
    cards = [
        tag("article", tag("h3", "All operations"), tag("p", METHOD, class_="lead"), table(head, rows), id="compared"),
        tag("article", tag("h3", "By operation"), table(head, of_operations), id="compared_by_operation"),
    ]
    return tag("section", tag("h2", "Side by side"), tag("div", *cards, class_="stack"))


def comparison_cards(runs: Sequence[RunInSteps], source: FigureSource) -> list[Card]:
    """Return the cards of charts with a line for each run."""
    longest = max(runs, key=lambda run: run.whole.elapsed)
    return [
        _picture("operations", "Operations a second", "operations/s", runs, longest, source),
        _picture("p99", "p99", "ms", runs, longest, source),
        _picture("pMax", "pMax", "ms", runs, longest, source),
    ]


def _picture(
    key: str, title: str, unit: str, runs: Sequence[RunInSteps], longest: RunInSteps, source: FigureSource
) -> Card:
    series = []
    for run, tone in zip(runs, TONES * len(runs), strict=False):
        values = [
            run.rate(i, measurement) if key == "operations" else measurement.percentile(key)
            for i, measurement in enumerate(run.together)
        ]
        tips = [
            f"{run.whole.run_id[:12]}, {step_label(run, i)}: {value or 0:,.4g} {unit}" for i, value in enumerate(values)
        ]
        series.append(Series(run.whole.run_id[:12], tone, values, tips))
    drawn = charts.lines(f"{unit}, by {TIME}", axis_labels(longest), series, is_log=key != "operations")
    rows = [[line.name, i + 1, value] for line in series for i, value in enumerate(line.values)]
    return Card(key, title, "A line for each run.", drawn, ["run", "step", unit], rows, source)


def _percentile(name: str) -> Value:
    return lambda measurement, _: measurement.percentile(name)


def _counts(label: str, runs: Sequence[MeasuredRun], count: Callable[[Measurement], int]) -> list[object]:
    return [label, *(number(count(combined(run.measurements.values()))) for run in runs)]


def _row(label: str, runs: Sequence[MeasuredRun], operation: str | None, value: Value) -> list[object]:
    """Return a row: a figure of each run with its difference from the first, in bold if that is more than noise."""
    whole = [value(_measurement(run, operation), run.elapsed) for run in runs]
    is_rate = value is Measurement.rate
    written = [
        format_rate(_measurement(run, operation), run.elapsed) if is_rate else format_latency(found)
        for run, found in zip(runs, whole, strict=True)
    ]
    cells: list[object] = [label, written[0]]
    for run, found, text in zip(runs[1:], whole[1:], written[1:], strict=True):
        if not found or not whole[0]:
            cells.append(text)
            continue
        said = f"{text} ({100 * (found / whole[0] - 1):+.1f} %)"
        is_more = label.rpartition(" ")[2] != "pMax" and is_more_than_noise(
            by_second(runs[0], operation, value), by_second(run, operation, value)
        )
        cells.append(tag("b", said) if is_more else said)
    return cells


def _measurement(run: MeasuredRun, operation: str | None) -> Measurement:
    measurements = run.measurements
    return combined(measurements.values()) if operation is None else measurements.get(operation, Measurement())


def by_second(run: MeasuredRun, operation: str | None, value: Value) -> list[float]:
    """Return a figure of each second of a run, without seconds in which nothing was measured."""
    seconds: dict[float, list[Measurement]] = defaultdict(list)
    lengths: dict[float, float] = {}
    for second in run.seconds:
        if operation in (None, second.operation):
            seconds[second.elapsed].append(second.measurement)
            lengths[second.elapsed] = second.seconds
    found = (value(combined(ones), lengths[elapsed] or 1.0) for elapsed, ones in seconds.items())
    return [value for value in found if value is not None]


def is_more_than_noise(ones: Sequence[float], others: Sequence[float]) -> bool:
    """Whether the means of two series of figures differ by more than MOST_NOISE times their standard error."""
    if min(len(ones), len(others)) < 2:
        return False
    error = math.sqrt(stdev(ones) ** 2 / len(ones) + stdev(others) ** 2 / len(others))
    return abs(mean(ones) - mean(others)) > MOST_NOISE * error


def _thresholds(run: MeasuredRun) -> str:
    missed = sum(not threshold["holds"] for threshold in run.thresholds)
    return f"{missed} of {len(run.thresholds)} missed" if run.thresholds else DASH
