"""Make the cards of the page from results of queries."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reporting import charts
from reporting.charts import Chart, Series
from reporting.formatting import month, months, value_range
from reporting.markup import Markup
from reporting.page import Card, FigureSource
from reporting.period import Period, months_later
from reporting.query_results import QueryResult

Row = Mapping[str, Any]
NOBODY_PAID, NOBODY_WATCHED = "Nobody paid.", "Nobody watched anything."


def query_source(result: QueryResult) -> FigureSource:
    """Return the source of a result: the query's name, and the SQL that was run."""
    return FigureSource(result.query.name, result.query.description, result.sql + ";")


def query_card(
    result: QueryResult, title: str, lead: str, chart: Chart | Markup | None, *, key: str | None = None
) -> Card:
    """Return a card with a chart of a result.

    key: the id of the card, for links and tests, if one query has several cards; by default the query's name.
    """
    rows = [list(row.values()) for row in result.rows]
    return Card(key or result.query.name, title, lead, chart, result.columns, rows, query_source(result))


def whole_months(period: Period, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of whole months; all rows, if no month is whole."""
    return [row for row in rows if period.is_whole(row["month"])] or list(rows)


def unfinished_indexes(period: Period, rows: Sequence[Row]) -> list[int]:
    """Return the indexes of the rows whose months are not whole. A chart marks these."""
    return [i for i, row in enumerate(rows) if not period.is_whole(row["month"])]


def monthly_line(
    result: QueryResult,
    period: Period,
    title: str,
    unit: str,
    column: str,
    write: Callable[[Any], str],
    tip: Callable[[Row], str],
    *,
    key: str | None = None,
) -> Card:
    """Return a card with a line of a figure by month. Its text names the range, and the latest whole month.

    column: of the figure. write: formats a value. tip: returns the tooltip of a row. key: see query_card().
    """
    rows = [row for row in result.rows if period.since < months_later(row["month"], 1)]
    known = [row for row in whole_months(period, rows) if row[column] is not None]
    if not known:
        return query_card(result, title, "Nothing is known of a month that is over.", None, key=key)
    line = Series(
        "",
        "main",
        [None if row[column] is None else float(row[column]) for row in rows],
        [
            "" if row[column] is None else f"{month(row['month'])}{period.note(row['month'])}: {tip(row)}"
            for row in rows
        ],
    )
    latest = f"{write(known[-1][column])} in {month(known[-1]['month'])}"
    between = value_range((row[column] for row in known), write)
    if len({row[column] for row in known}) > 1:
        lead = f"{between[0].upper()}{between[1:]}; {latest}."
    else:
        lead = f"{latest}." if len(known) == 1 else f"{between} in each of {len(known)} months."
    axis = months([row["month"] for row in rows])
    drawn = charts.lines(unit, axis, [line], unfinished=unfinished_indexes(period, rows))
    return query_card(result, title, lead, drawn, key=key)
