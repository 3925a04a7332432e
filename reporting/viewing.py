"""Pictures of when and by whom things are watched."""

from datetime import date, timedelta

from reporting import charts
from reporting.cards import query_card
from reporting.charts import Bar, Cell, Series
from reporting.figures import Reader
from reporting.formatting import day, number, plural
from reporting.page import Card, Section
from reporting.period import Period

DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
LONGEST = timedelta(days=366)  # no more single days are drawn, the latest


def viewing_section(reader: Reader, period: Period) -> Section:
    return Section("Viewing", [_by_day(reader, period), _hours(reader, period), _top_users(reader, period)])


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
    drawn = (
        charts.lines(title, "viewings a day, average of seven days", labels, [averages]) if best["viewings"] else None
    )
    lead = f"The busiest day: {day(best['day'])}, {plural(best['viewings'], 'viewing', 'viewings')}."
    return query_card(result, title, lead if drawn else "Nobody watched anything.", drawn)


def _label(each: date, days: int) -> str:
    """Name a day below an axis, of many days only the first of each month."""
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
        title,
        "viewings that began in the hour",
        DAYS,
        [str(hour) for hour in range(24)],
        cells,
        below="hour of the day, UTC",
    )
    return query_card(result, title, lead if most else "Nobody watched anything.", drawn if most else None)


def _top_users(reader: Reader, period: Period) -> Card:
    result = reader.read("top_users", **period.parameters, limit=8)
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
    lead = (
        f"{result.rows[0]['name']} watched on {number(result.rows[0]['days'])} days."
        if rows
        else "Nobody watched anything."
    )
    return query_card(result, title, lead, charts.bars(title, "viewings", rows) if rows else None)
