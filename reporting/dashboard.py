"""The page of the platform: its period, its sections and their order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from reporting.cards import query_source
from reporting.formatting import day, money, month, number, plural
from reporting.markup import Markup
from reporting.money_section import money_section, plan_tones
from reporting.page import Tile, headline, message, page
from reporting.period import Period, first_of_month, months_later
from reporting.query_results import QueryResult, Reader, read_snapshot
from reporting.segment import Segment, runs_in
from reporting.subscriber_section import subscriber_section
from reporting.title_section import title_section
from reporting.user_section import user_section
from reporting.viewing_section import viewing_section
from toolkit.console import UserError, clipped
from toolkit.database import Database
from toolkit.queries import Query

TITLE = "The streaming service"


@dataclass(frozen=True)
class ReportOptions:
    """The options of the page.

    since, until: the period, without the day until; None: as far as there are data. user_id: adds a section about this
    user. as_of: a time in the past, on CockroachDB; None: now. plan, country: only this part of the platform; None:
    all. currency: of the prices, which the schema does not know.
    """

    since: date | None = None
    until: date | None = None
    user_id: int | None = None
    as_of: str | None = None
    plan: str | None = None
    country: str | None = None
    currency: str | None = None


def dashboard_page(
    database: Database, queries: Mapping[str, Query], options: ReportOptions, tell: Callable[[str], None]
) -> Markup:
    """Return the page. tell(name) is called before each query.

    Raises UserError if there is no such user or plan, no data in the period, no server, or another schema.
    """
    return read_snapshot(database, queries, lambda reader: _page(reader, options, database), tell, options.as_of)


def _page(reader: Reader, options: ReportOptions, database: Database) -> Markup:
    _check_plan(reader, options.plan)
    segment = Segment(options.plan, options.country, runs_in(reader.cursor))
    reader = reader._replace(segment=segment)
    # The period with data is that of the whole platform, without simulated runs.
    [days] = reader._replace(segment=Segment(runs=segment.runs)).read("days_of_data").rows
    if days["first_day"] is None:
        nothing = message(_no_data(segment) + _left_out(days, segment))
        return page(TITLE, str(segment), nothing, [], _footer(reader, options, database))
    # Time without data would only stretch the axes.
    until = min(options.until or date.max, days["last_day"] + timedelta(1))
    first = first_of_month(days["first_day"])
    if until <= max(options.since or first, first):
        data = f"{day(days['first_day'])} to {day(days['last_day'])}"
        raise UserError(f"there is nothing in this period: the data are from {data}")
    since = max(options.since or months_later(first_of_month(until - timedelta(1)), -11), first)
    period = Period(since, until)
    latest = period if options.since else _latest_month(period, days)
    tiles = _headline(reader.read("headline_figures", **latest.parameters), latest)
    tones = plan_tones(reader)
    sections = [
        *([user_section(reader, database, options.user_id, tones)] if options.user_id is not None else []),
        money_section(reader, period, tones),
        subscriber_section(reader, period, tones),
        title_section(reader, period, latest),
        viewing_section(reader, period),
    ]
    amounts = f"Amounts are in {options.currency or 'the currency of the prices'}."
    what = f"{str(segment)[0].upper()}{str(segment)[1:]}, " if str(segment) else ""
    subtitle = (
        f"{what}{period}. All days and hours are in UTC. {amounts}{_unfinished(period)}{_left_out(days, segment)}"
    )
    return page(TITLE, subtitle, tiles, sections, _footer(reader, options, database))


def _latest_month(period: Period, days: Mapping[str, Any]) -> Period:
    """Return the latest whole month with viewings and payments; the period, if there is none.

    A month that is not whole lacks payments, so it cannot be compared with others.
    """
    last = min(filter(None, (days["last_viewing"], days["last_payment"])), default=period.last)
    latest = first_of_month(min(last, period.last))
    if not period.is_whole(latest):
        latest = months_later(latest, -1)
    return Period(latest, months_later(latest, 1)) if period.since <= latest else period


def _check_plan(reader: Reader, plan: str | None) -> None:
    names = [row["name"] for row in reader.read("plans").rows]
    if plan is not None and plan not in names:
        raise UserError(f"there is no plan {plan}: there are {', '.join(map(clipped, names)) or 'none'}")


def _no_data(segment: Segment) -> str:
    """Return the text for a page without data, with the next command."""
    if str(segment):
        return f"Nobody of {segment} has signed up, watched or paid: run `python report.py` to see all."
    return (
        "The database is empty: nobody has signed up, watched or paid. Load the sample data with"
        " `python insert_data.py`, or make a year of a platform with `python simulate.py generate` and load that with"
        " `python insert_data.py generated`."
    )


def _unfinished(period: Period) -> str:
    """Return the sentence about the months that are not whole; "" if all are."""
    months = dict.fromkeys(map(first_of_month, (period.since, period.last)))
    said = [f"{month(each)}{period.note(each)}" for each in months if period.note(each)]
    are = "is" if len(said) == 1 else "are"
    return f" {' and '.join(said)} {are} hatched or hollow, and in no average." if said else ""


def _left_out(days: Mapping[str, Any], segment: Segment) -> str:
    """Return the sentences about rows that are left out: of simulated runs, and with implausible dates."""
    ends = [(days["rows_before"], "before", days["first_day"]), (days["rows_after"], "after", days["last_day"])]
    said = [f"{plural(count, 'row', 'rows')} dated long {where} {day(end)}" for count, where, end in ends if count]
    if days["rows_outside"]:
        said.append(f"{plural(days['rows_outside'], 'row', 'rows')} with dates outside of 1900 to 9998")
    mistakes = f" Left out as mistakes: {', '.join(said)}." if said else ""
    runs = plural(len(segment.runs), "simulated run", "simulated runs")
    return mistakes + (
        f" What {runs} wrote is left out; `python simulate.py clean` removes it." if segment.runs else ""
    )


def _footer(reader: Reader, options: ReportOptions, database: Database) -> str:
    """Return the footer: database, moment, duration, and the slowest queries."""
    reader.cursor.execute("SELECT now() AT TIME ZONE 'UTC'")
    [(now,)] = reader.cursor.fetchall()
    moment = f"as of {options.as_of}" if options.as_of else f"on {day(now)} at {now:%H:%M} UTC"
    slowest = f" The slowest queries: {reader.slowest}." if reader.slowest else ""
    took = f"{sum(reader.seconds.values()):,.1f} s"
    return f"Read from the database {database.target.database} {moment}, in {took}.{slowest}"


def _headline(result: QueryResult, latest: Period) -> Markup:
    tiles = []
    for row in result.rows:
        write = money if row["figure"].startswith("revenue") else number
        change = row["change_percent"]
        if row["this_period"] is None:
            continue
        if change is None:
            said, tone = "none before" if not row["period_before"] else "", "even"
        else:
            arrow, tone = ("▲", "up") if change > 0 else ("▼", "down") if change < 0 else ("=", "even")
            said = f"{arrow} {abs(change):,} %"
        tiles.append(Tile(row["figure"], write(row["this_period"]), said, tone))
    return headline(f"{latest}, against {latest.before}", tiles, query_source(result))
