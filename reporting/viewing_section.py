"""The section about viewings: when and how much is watched, and by whom."""

from datetime import date, timedelta

from reporting import charts
from reporting.cards import NOBODY_WATCHED, Row, monthly_line, query_card
from reporting.charts import Bar, Cell, Series
from reporting.formatting import day, number, percent, plural
from reporting.page import Card, Section
from reporting.period import Period
from reporting.query_results import Reader

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
LONGEST = timedelta(days=366)  # of the chart by day: the latest days of a longer period


def viewing_section(reader: Reader, period: Period) -> Section:
    cards = [
        *_active(reader, period),
        _hours_watched(reader, period),
        _binges(reader, period),
        _hours(reader, period),
        _top_users(reader, period),
        _by_day(reader, period),
    ]
    return Section("Viewing", cards)


def _active(reader: Reader, period: Period) -> list[Card]:
    """Return two cards of one query: active viewers, and stickiness."""
    result = reader.read("active_viewers_by_month", **period.parameters)

    def tip(row: Row) -> str:
        a_day = "" if row["viewers_a_day"] is None else f", {row['viewers_a_day']:,} a day: "
        return (
            f"{plural(row['viewers'], 'viewer', 'viewers')}{a_day}{percent(row['stickiness_percent']) if a_day else ''}"
        )

    return [
        monthly_line(result, period, "Viewers by month", "users who watched in the month", "viewers", number, tip),
        monthly_line(
            result,
            period,
            "Stickiness",
            "viewers of an average day, % of the month's",
            "stickiness_percent",
            percent,
            tip,
            key="stickiness_by_month",
        ),
    ]


def _hours_watched(reader: Reader, period: Period) -> Card:
    result = reader.read("hours_watched_by_month", **period.parameters)
    return monthly_line(
        result,
        period,
        "Hours watched by month",
        "hours",
        "hours",
        lambda hours: f"{hours:,.0f}",
        lambda row: (
            f"{row['hours']:,} hours, {row['hours_per_viewer'] or 0:,} for each viewer\n"
            f"{plural(row['without_duration'], 'viewing', 'viewings')} of titles whose duration is not known"
        ),
    )


def _binges(reader: Reader, period: Period) -> Card:
    result = reader.read("binges_by_month", **period.parameters)
    return monthly_line(
        result,
        period,
        "Binges by month",
        "% of the sittings with three or more viewings of one title",
        "binge_percent",
        percent,
        lambda row: (
            f"{number(row['binges'])} of {plural(row['sittings'], 'sitting', 'sittings')}, "
            f"by {plural(row['bingers'], 'user', 'users')}"
        ),
    )


def _by_day(reader: Reader, period: Period) -> Card:
    period = Period(max(period.since, period.until - LONGEST), period.until)
    result = reader.read("viewings_by_day", **period.parameters)
    rows = result.rows
    averages = Series(
        "average",
        "main",
        [float(row["seven_day_average"]) for row in rows],
        [
            f"{day(row['day'])}: {plural(row['viewings'], 'viewing', 'viewings')}\n"
            f"{row['seven_day_average']} a day in the week before"
            for row in rows
        ],
    )
    best = max(rows, key=lambda row: int(row["viewings"]))
    title = "Viewings by day"
    labels = [_label(row["day"], len(rows)) for row in rows]
    drawn = charts.lines("viewings a day, average of seven days", labels, [averages]) if best["viewings"] else None
    lead = f"The busiest day: {day(best['day'])}, {plural(best['viewings'], 'viewing', 'viewings')}."
    return query_card(result, title, lead if drawn else NOBODY_WATCHED, drawn)


def _label(each: date, days: int) -> str:
    """Return the label of a day; of many days only the first of each month has one."""
    if days <= 62:
        return f"{each.day} {each:%b}"
    return f"{each:%b}" if each.day == 1 else ""


def _hours(reader: Reader, period: Period) -> Card:
    result = reader.read("busiest_hours", **period.parameters)
    most = max(row["viewings"] for row in result.rows)
    cells = [
        Cell(
            row["weekday"] - 1,
            row["hour"],
            row["viewings"] / (most or 1),
            "",
            f"{DAYS[row['weekday'] - 1]} {row['hour']:02}:00 to {row['hour']:02}:59\n"
            f"{plural(row['viewings'], 'viewing', 'viewings')}",
        )
        for row in result.rows
    ]
    best = max(result.rows, key=lambda row: int(row["viewings"]))
    title = "The hours of the week"
    lead = f"The busiest: {DAYS[best['weekday'] - 1]} {best['hour']:02}:00, {number(most)} viewings in the period."
    drawn = charts.heat_map(
        "viewings that began in the hour",
        DAYS,
        [str(hour) for hour in range(24)],
        cells,
        below="hour of the day, UTC",
        scale=[(0, "none"), (1, number(most))],
    )
    return query_card(result, title, lead if most else NOBODY_WATCHED, drawn if most else None)


def _top_users(reader: Reader, period: Period) -> Card:
    result = reader.read("top_users", **period.parameters, limit=6)
    rows = [
        Bar(
            row["name"],
            [("main", row["viewings"])],
            number(row["viewings"]),
            f"{row['name']} (user {row['user_id']})\n"
            f"{number(row['viewings'])} viewings of {number(row['titles'])} titles on {number(row['days'])} days, "
            f"{number(row['finished'])} finished",
        )
        for row in result.rows
    ]
    title = "Top users"
    lead = f"{result.rows[0]['name']} watched on {number(result.rows[0]['days'])} days." if rows else NOBODY_WATCHED
    return query_card(result, title, lead, charts.bars("viewings", rows) if rows else None)
