"""The summary of a run: its options, its headline figures, operations, thresholds and proof."""

import re
from collections.abc import Sequence
from typing import Any

from reporting.formatting import DASH, number, plural
from reporting.markup import Markup, join, tag
from reporting.page import FigureSource, Tile, headline
from simulation.traffic.run_file import PERCENTILES, UNSTARTED, MeasuredRun, Measurement, combined, format_latency

# The metadata of a run by their names in its JSON, with a format for each. Those that are None are left out.
METADATA = {
    "server": "{}",
    "host": "at {}",
    "database": "database {}",
    "started": "started {}",
    "concurrency": "{} workers",
    "processes": "in {} processes",
    "rate": "{:g} operations/s due (open loop)",
    "duration": "for {:g} s",
    "max_ops": "{:,} operations at most",
    "warm_up": "after a warm-up of {:g} s",
    "isolation": "isolation {}",
    "seed": "seed {}",
    "clock": "viewers' clock x {}",
    "mix": "mix {}",
    "users": "{:,} users there before",
    "titles": "{:,} titles",
}
COLUMNS = ["operation", "operations", "operations/s", "errors", "refused", "retries", *PERCENTILES]


def format_rate(measurement: Measurement, seconds: float) -> str:
    """Format the operations a second."""
    rate = measurement.rate(seconds)
    return DASH if rate is None else f"{rate:,.1f}"


def describe_run(run: MeasuredRun) -> str:
    """Return the metadata of a run as one line of text."""
    known = {name: value for name, value in run.metadata.items() if value and (name, value) != ("processes", 1)}
    told = [_metadata_text(form, known[name]) for name, form in METADATA.items() if name in known]
    if run.metadata and not run.metadata.get("rate"):
        told.append("closed loop: who waits sends nothing")
    ended = "" if run.has_ended else ", cut off"
    return f"Run {run.run_id}, {run.elapsed:,.1f} s long{ended}. {'; '.join(told)}"


def _metadata_text(form: str, value: Any) -> str:
    """Format a value of the metadata. If merged runs differ in it, it is a text with all values."""
    return re.sub(r"{.*}", lambda _: value, form) if isinstance(value, str) else form.format(value)


def summary(run: MeasuredRun, source: FigureSource) -> Markup:
    """Return the headline figures and the tables of operations, thresholds and proof."""
    together = combined(run.measurements.values())
    tiles = [
        Tile("operations", number(together.ops), "", "even"),
        Tile("operations/s", format_rate(together, run.elapsed), "", "even"),
        _tile_of_errors(together),
        Tile("retries", number(together.retries), "", "even"),
        Tile(
            "never begun",
            number(together.unstarted),
            f"{together.late:,} late",
            _tone(not together.late and not together.unstarted),
        ),
        *(Tile(f"latency, {name}", format_latency(together.percentile(name)), "", "even") for name in PERCENTILES),
        _tile_of_silence(run),
        _tile_of_thresholds(run),
        _tile_of_proof(run),
    ]
    cards = [_operations(run, together), _thresholds(run), _proof(run)]
    return join(headline("The whole run", tiles, source), tag("div", *cards, class_="stack"))


def _tone(is_good: bool) -> str:
    return "up" if is_good else "down"


def _tile_of_errors(together: Measurement) -> Tile:
    unanswered = f"{together.unanswered:,} without an answer at the end" if together.unanswered else ""
    return Tile("errors", number(together.errors), unanswered, _tone(not together.errors))


def _tile_of_silence(run: MeasuredRun) -> Tile:
    seconds = sum(silence.end - silence.begin for silence in run.silences)
    times = plural(len(run.silences), "time", "times")
    return Tile("nobody had an answer", f"{seconds:.1f} s" if seconds else "never", times if seconds else "", "down")


def _tile_of_thresholds(run: MeasuredRun) -> Tile:
    missed = sum(not threshold["holds"] for threshold in run.thresholds)
    if not run.thresholds:
        return Tile("thresholds", DASH, "none was given", "even")
    return Tile(
        "thresholds", "missed" if missed else "hold", f"{missed} of {len(run.thresholds)} missed", _tone(not missed)
    )


def _tile_of_proof(run: MeasuredRun) -> Tile:
    if not run.verdict:
        return Tile("proof", DASH, "there is none in this file", "even")
    kind = str(run.verdict["verdict"])
    calls = f"{sum(verdict['calls'] for verdict in run.verdicts):,} calls compared"
    worst = f"the worst of {len(run.verdicts)}; {calls}" if len(run.verdicts) > 1 else calls
    return Tile("proof", kind, worst, _tone(kind.startswith("proved")))


def describe_silences(run: MeasuredRun) -> str:
    """Return a sentence about when nobody had an answer."""
    if not run.silences:
        return "There was no second in which somebody waited and nobody had an answer."
    when = ", ".join(f"{silence.begin:.1f} s and {silence.end:.1f} s" for silence in run.silences[:5])
    return f"No answers between {when}" + (", and at other times." if len(run.silences) > 5 else ".")


def _operations(run: MeasuredRun, together: Measurement) -> Markup:
    measured = [
        *((name, measurement) for name, measurement in run.measurements.items() if name != UNSTARTED),
        ("(all)", together),
    ]
    rows = [
        [
            name,
            *(
                number(measurement.ops),
                format_rate(measurement, run.elapsed),
                number(measurement.errors),
                number(measurement.refused),
                number(measurement.retries),
            ),
            *(format_latency(measurement.percentile(percentile)) for percentile in PERCENTILES),
        ]
        for name, measurement in measured
    ]
    return _card("by_operation", "By operation", describe_silences(run), table(COLUMNS, rows))


def _thresholds(run: MeasuredRun) -> Markup:
    if not run.thresholds:
        return Markup()
    rows = [
        [
            _of_client(threshold, threshold["threshold"]),
            threshold["written"],
            _verdict("holds" if threshold["holds"] else "does not hold", threshold["holds"]),
        ]
        for threshold in run.thresholds
    ]
    return _card("thresholds", "Thresholds", "What --expect has asked for.", table(["threshold", "found", ""], rows))


def _proof(run: MeasuredRun) -> Markup:
    if not run.verdict:
        return Markup()
    verdicts = [
        tag("p", _verdict(_of_client(verdict, verdict["text"]), str(verdict["verdict"]).startswith("proved")))
        for verdict in run.verdicts
    ]
    columns = [
        name for name in (run.proof[0] if run.proof else {}) if name not in ("kind", "run", "elapsed", "examples")
    ]
    rows = [
        [number(line[name]) if isinstance(line[name], int) else line[name] for name in columns] for line in run.proof
    ]
    examples = [tag("li", _of_client(line, example)) for line in run.proof for example in line["examples"]]
    found = tag("ul", *examples, class_="found") if examples else ""
    shown = join(*verdicts, table(columns, rows) if rows else "", found)
    return _card("proof", "Proof", "What the run wrote, compared with the database.", shown)


def _of_client(line: dict[str, Any], text: Any) -> str:
    """Return a text, in a merged run with the id of the run it is about."""
    return f"{line['client']}: {text}" if "client" in line else str(text)


def _verdict(text: str, is_good: bool) -> Markup:
    return tag("span", text, class_=f"verdict {_tone(is_good)}")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    """Return a table whose first column is text; the others are numbers."""
    kinds = [None, *["number"] * (len(columns) - 1)]
    head = [
        tag("th", name.replace("_", " "), class_=kind, scope="col") for name, kind in zip(columns, kinds, strict=True)
    ]
    body = [tag("tr", *(tag("td", value, class_=kind) for value, kind in zip(row, kinds, strict=True))) for row in rows]
    return tag("div", tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body)), class_="summary", tabindex=0)


def _card(key: str, title: str, lead: str, shown: Markup) -> Markup:
    return tag("article", tag("h3", title), tag("p", lead, class_="lead"), tag("figure", shown), id=key)
