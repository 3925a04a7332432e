"""The section about titles: popularity, completion, genres and ratings."""

from datetime import date
from typing import Any

from reporting import charts
from reporting.cards import NOBODY_WATCHED, query_card, unfinished_indexes
from reporting.charts import Bar, Cell, Series
from reporting.formatting import month, months, number, percent, plural
from reporting.money_section import tone
from reporting.page import Card, Section
from reporting.period import Period
from reporting.query_results import Reader

GENRES = 8  # at most
# The fewest reviews from which an average is shown. If no title has this many, those with one review are shown.
ENOUGH_REVIEWS = 5
ENOUGH_VIEWINGS = 5


def title_section(reader: Reader, period: Period, latest: Period) -> Section:
    """latest: the period that is compared with the one before."""
    cards = [
        _popular(reader, period),
        _rising_and_falling(reader, latest),
        _completion(reader, period),
        _genres(reader, period),
        _progress(reader, period),
        _against_critics(reader),
        _over_time(reader, period),
    ]
    return Section("Titles", cards)


def _popular(reader: Reader, period: Period) -> Card:
    result = reader.read("popular_titles", **period.parameters, limit=8)
    rows = [
        Bar(
            row["title"],
            [("main", row["viewers"])],
            number(row["viewers"]),
            f"{row['title']} ({row['genre'] or 'no genre'})\n{number(row['viewers'])} viewers, "
            f"{number(row['viewings'])} viewings, {percent(row['finished_percent'])} finished",
        )
        for row in result.rows
    ]
    title = "Most popular titles"
    lead = f"{result.rows[0]['title']} leads." if rows else NOBODY_WATCHED
    return query_card(result, title, lead, charts.bars("viewers", rows) if rows else None)


def _over_time(reader: Reader, period: Period) -> Card:
    result = reader.read("popular_titles_over_time", **period.parameters, limit=5)
    titles: dict[Any, list[dict[str, Any]]] = {}
    for row in result.rows:
        titles.setdefault(row["content_id"], []).append(row)
    axis: list[date] = sorted({row["month"] for row in result.rows})
    series = [
        Series(
            rows[0]["title"],
            tone(place),
            [row["viewings"] for row in rows],
            [
                f"{row['title']}, {month(row['month'])}{period.note(row['month'])}: {number(row['viewings'])} viewings"
                for row in rows
            ],
        )
        for place, rows in enumerate(titles.values())
    ]
    title = "The most watched, month by month"
    lead = f"The titles with the most viewings, {series[0].name} before all." if series else NOBODY_WATCHED
    drawn = (
        charts.lines(
            "viewings a month",
            months(axis),
            series,
            unfinished=unfinished_indexes(period, [{"month": each} for each in axis]),
        )
        if series
        else None
    )
    return query_card(result, title, lead, drawn)


def _rising_and_falling(reader: Reader, latest: Period) -> Card:
    result = reader.read("titles_rising_and_falling", **latest.parameters, limit=8)
    rows = [
        Bar(
            row["title"],
            [("up" if row["change"] >= 0 else "down", row["change"])],
            f"{row['change']:+,}",
            f"{row['title']}: {number(row['this_period'])} viewings, before {number(row['period_before'])}",
        )
        for row in sorted(result.rows, key=lambda row: -int(row["change"]))
    ]
    title = "Rising and falling"
    lead = f"{latest}, against {latest.before}: {rows[0].label} rose most." if rows else NOBODY_WATCHED
    return query_card(result, title, lead, charts.bars("change of the viewings", rows) if rows else None)


def _completion(reader: Reader, period: Period) -> Card:
    """Return the card with the titles that are finished most and least often, among those with enough viewings."""
    result = reader.read("completion_by_title", **period.parameters, min_viewings=ENOUGH_VIEWINGS, limit=100_000)
    ends = result.rows if len(result.rows) <= 8 else [*result.rows[:4], *result.rows[-4:]]
    rows = [
        Bar(
            row["title"],
            [("main", float(row["finished_percent"])), ("main faded", float(100 - row["finished_percent"]))],
            percent(row["finished_percent"]),
            f"{row['title']}: {number(row['viewings'])} viewings\n{percent(row['finished_percent'])} finished, "
            f"{percent(row['given_up_percent'])} given up at once",
        )
        for row in ends
    ]
    title = "Completion by title"
    lead = (
        f"From {rows[-1].note} ({rows[-1].label}) to {rows[0].note} ({rows[0].label})."
        if len(rows) > 1
        else f"No two titles have {ENOUGH_VIEWINGS} viewings."
    )
    return query_card(result, title, lead, charts.bars("% of the viewings that are finished", rows) if rows else None)


def _genres(reader: Reader, period: Period) -> Card:
    result = reader.read("completion_by_genre", **period.parameters)
    rows = [
        Bar(
            row["genre"],
            [("main", row["finished"]), ("main faded", row["viewings"] - row["finished"])],
            percent(row["finished_percent"]),
            f"{row['genre']}: {number(row['viewings'])} viewings\n{percent(row['finished_percent'])} finished, "
            f"{percent(row['given_up_percent'])} given up at once",
        )
        for row in result.rows[:GENRES]
    ]
    title = "Viewings and completion by genre"
    viewings = sum(row["viewings"] for row in result.rows)
    finished = sum(row["finished"] for row in result.rows)
    lead = (
        f"{number(viewings)} viewings, {percent(100 * finished / viewings)} finished: the strong part."
        if viewings
        else ""
    )
    drawn = charts.bars("viewings, and which share is finished", rows) if rows else None
    return query_card(result, title, lead or NOBODY_WATCHED, drawn)


def _progress(reader: Reader, period: Period) -> Card:
    result = reader.read("progress_histogram", **period.parameters)
    found = {row["from_percent"]: row for row in result.rows}
    steps = list(range(0, 101, 10))
    labels = [str(step) for step in steps]
    counts = [found[step]["viewings"] if step in found else 0 for step in steps]
    tips = [
        f"{'the end' if step == 100 else f'{step} to {step + 10} %'}: {number(count)} viewings"
        for step, count in zip(steps, counts, strict=True)
    ]
    title = "How far viewings get"
    total = sum(counts)
    lead = f"{percent(100 * counts[0] / total)} end in the first tenth." if total else NOBODY_WATCHED
    drawn = charts.columns("viewings, by percent watched", labels, [Series("", "main", counts, tips)])
    return query_card(result, title, lead, drawn if total else None)


def _against_critics(reader: Reader) -> Card:
    least = ENOUGH_REVIEWS
    result = reader.read("ratings_density", min_reviews=least)
    if sum(row["titles"] for row in result.rows) < 2:
        least = 1
        result = reader.read("ratings_density", min_reviews=least)
    rows = result.rows
    title = "Users against critics"
    if not rows:
        return query_card(result, title, "No rated title has a review.", None)
    steps = [int(row[name] * 2) for row in rows for name in ("critics_from", "users_from")]
    low, high = min(steps), max(steps)
    most = max(row["titles"] for row in rows)
    cells = [
        Cell(
            high - int(row["users_from"] * 2),
            int(row["critics_from"] * 2) - low,
            (row["titles"] / most) ** 0.5,
            "",
            f"critics {row['critics_from']}, users {row['users_from']}: {plural(row['titles'], 'title', 'titles')}\n"
            f"{plural(row['reviews'], 'review', 'reviews')}",
        )
        for row in rows
    ]
    titles, better = (sum(row[name] for row in rows) for name in ("titles", "liked_better"))
    which = f" with {least} reviews or more" if least > 1 else ""
    lead = (
        f"Users like {percent(100 * better / titles)} of {plural(titles, 'title', 'titles')}{which} better than the"
        " critics do."
    )
    labels = [f"{step / 2:g}" for step in range(low, high + 1)]
    drawn = charts.heat_map(
        "users' average rating, 0 to 10",
        labels[::-1],
        labels,
        cells,
        below="critics' rating, 0 to 10",
        scale=[((1 / most) ** 0.5, "1 title"), (1, plural(most, "title", "titles"))] if most > 1 else (),
    )
    return query_card(result, title, lead, drawn)
