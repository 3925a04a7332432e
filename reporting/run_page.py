"""The page of one run of traffic, or of several side by side."""

from collections.abc import Sequence
from pathlib import Path

from reporting import run_cards, run_comparison
from reporting.formatting import plural
from reporting.markup import Markup, join, tag
from reporting.page import FigureSource, Section, page
from reporting.run_steps import RunInSteps, runs_in_steps
from reporting.run_summary import describe_run, summary

HOW = "A line for each operation and second."


def run_page(files: list[Path]) -> Markup:
    """Return the page of the runs of some files. Raises UserError as read_runs() does."""
    runs = runs_in_steps(files)
    names = ", ".join(dict.fromkeys(file.name for file in files))
    source = FigureSource(names, HOW, f"python simulate.py run --format json > {files[0].name}")
    return _page_of_one(runs[0], source) if len(runs) == 1 else _page_of_several(runs, source)


def _page_of_one(run: RunInSteps, source: FigureSource) -> Markup:
    sections = [
        Section("Over time", run_cards.cards_over_time(run, source)),
        Section("By operation, over time", run_cards.cards_by_operation(run, source)),
    ]
    return page("Traffic", describe_run(run.whole), summary(run.whole, source), sections, f"Read from {source.name}")


def _page_of_several(runs: Sequence[RunInSteps], source: FigureSource) -> Markup:
    told = tag("section", *(tag("p", describe_run(run.whole), class_="lead") for run in runs), id="facts")
    return page(
        "Traffic",
        f"{plural(len(runs), 'run', 'runs')} side by side.",
        join(told, run_comparison.comparison_tables(runs)),
        [Section("Over time", run_comparison.comparison_cards(runs, source))],
        f"Read from {source.name}",
    )
