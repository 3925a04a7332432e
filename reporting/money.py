"""Pictures of money and subscribers."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reporting import charts
from reporting.cards import query_card
from reporting.charts import Bar, Cell, Series
from reporting.figures import Reader
from reporting.formatting import DASH, money, month, months, number, percent
from reporting.page import Card, Section
from reporting.period import Period

# The schema names no currency: amounts are in that of the plans' prices.
CURRENCY = "in the currency of the prices"
REST = "tone-rest"
OTHERS = "other plans"
COHORTS = 24  # the latest are drawn, and as many months of each

Tones = Mapping[str, str]


def tone(place: int) -> str:
    """Return the colour of the n-th of several things, counted from 0; the seventh and all after it share one."""
    return f"tone-{place + 1}" if place < 6 else REST


def plan_tones(reader: Reader) -> Tones:
    """Return the colour of each plan, by name: in every picture the same, in the order in which plans were made."""
    plans = sorted(reader.read("plans").rows, key=lambda row: int(row["subscription_id"]))
    return {row["name"]: tone(place) for place, row in enumerate(plans)}


def money_section(reader: Reader, period: Period, tones: Tones) -> Section:
    return Section("Money", [_by_plan(reader, period, tones), _plans(reader, tones), _methods(reader, period)])


def subscriber_section(reader: Reader, period: Period) -> Section:
    return Section("Subscribers", [*_subscribers(reader, period), _cohorts(reader, period)])


def _by_plan(reader: Reader, period: Period, tones: Tones) -> Card:
    result = reader.read("revenue_by_month_and_plan", **period.parameters)
    paid: dict[str, dict[date, Decimal]] = {}
    totals: dict[date, Decimal] = {}
    for row in result.rows:
        name = row["plan"] if tones[row["plan"]] != REST else OTHERS
        of_plan = paid.setdefault(name, {})
        of_plan[row["month"]] = of_plan.get(row["month"], Decimal()) + row["revenue"]
        totals[row["month"]] = totals.get(row["month"], Decimal()) + row["revenue"]
    title = "Revenue by month and plan"
    if not any(totals.values()):
        return query_card(result, title, "Nobody paid.", None)
    series = [
        Series(
            name,
            tones.get(name, REST),
            [float(amount) for amount in of_plan.values()],
            [f"{name}, {month(each)}\n{money(amount)} of {money(totals[each])}" for each, amount in of_plan.items()],
        )
        for name, of_plan in paid.items()
        if any(of_plan.values())
    ]
    best = max(totals, key=lambda each: totals[each])
    lead = f"{money(sum(totals.values()))} in all. The best month: {month(best)}, {money(totals[best])}."
    return query_card(
        result, title, lead, charts.columns(title, f"paid a month, {CURRENCY}", months(list(totals)), series)
    )


def _plans(reader: Reader, tones: Tones) -> Card:
    result = reader.read("subscribers_by_plan")
    rows = [
        Bar(
            f"{row['plan']}, {money(row['price'])} a month",
            [(tones[row["plan"]], row["subscribers"])],
            f"{number(row['subscribers'])} ({percent(row['share_percent'])})",
            f"{row['plan']}: {number(row['subscribers'])} users, {money(row['a_month'])} a month",
        )
        for row in result.rows[:8]
    ]
    title = "Users of each plan now"
    users = sum(row["subscribers"] for row in result.rows)
    lead = f"{number(users)} have a plan, worth {money(sum(row['a_month'] for row in result.rows))} a month."
    return query_card(
        result, title, lead, charts.bars(title, "users (share of all who have a plan)", rows) if users else None
    )


def _methods(reader: Reader, period: Period) -> Card:
    result = reader.read("payment_methods", **period.parameters)
    rows = [
        Bar(
            row["method"].replace("_", " "),
            [("main", float(row["revenue"]))],
            percent(row["share_percent"]),
            f"{row['method']}: {number(row['payments'])} payments, {money(row['revenue'])}, "
            f"{money(row['average_amount'])} each",
        )
        for row in result.rows[:8]
    ]
    title = "Payment methods"
    lead = f"{number(sum(row['payments'] for row in result.rows))} payments."
    return query_card(result, title, lead, charts.bars(title, "share of the revenue", rows) if rows else None)


def _subscribers(reader: Reader, period: Period) -> list[Card]:
    """Draw one query twice: how many subscribers, and which share of them was lost."""
    result = reader.read("subscribers_by_month", **period.parameters)
    rows, axis = result.rows, months([row["month"] for row in result.rows])
    tips = [
        f"{month(row['month'])}{period.note(row['month'])}: {number(row['subscribers'])} subscribers\n"
        f"{number(row['joined'])} joined, {DASH if row['left'] is None else number(row['left'])} left"
        for row in rows
    ]
    title = "Subscribers by month"
    most = max(rows, key=lambda row: int(row["subscribers"]))
    counts = Series("subscribers", "main", [row["subscribers"] for row in rows], tips)
    lead = f"The most: {number(most['subscribers'])} in {month(most['month'])}. A subscriber is a user who paid."
    drawn = charts.columns(title, "users who paid in the month", axis, [counts]) if most["subscribers"] else None
    how_many = query_card(result, title, lead if drawn else "Nobody paid.", drawn)

    title = "Churn by month"
    known = [row for row in rows if row["churn_percent"] is not None]
    line = Series(
        "churn",
        "main",
        [_float(row["churn_percent"]) for row in rows],
        [f"{month(row['month'])}: {_churn(row)}" if row["left"] is not None else "" for row in rows],
    )
    lead = (
        f"The latest: {percent(known[-1]['churn_percent'])} in {month(known[-1]['month'])}." if known else "None yet."
    )
    drawn = charts.lines(title, "% of the month before who did not pay again", axis, [line]) if known else None
    return [how_many, query_card(result, title, lead, drawn, key="churn_by_month")]


def _churn(row: Mapping[str, Any]) -> str:
    return f"{percent(row['churn_percent'])}, {number(row['left'])} left"


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _cohorts(reader: Reader, period: Period) -> Card:
    result = reader.read("retention_cohorts", **period.parameters)
    cohorts = sorted({row["cohort"] for row in result.rows})[-COHORTS:]
    shown = [row for row in result.rows if row["cohort"] in cohorts and row["months_later"] < COHORTS]
    longest = max((row["months_later"] for row in shown), default=0)
    # The shades are from the least to all, for few subscribers leave in a month.
    least = min((row["retained_percent"] for row in shown), default=Decimal())
    cells = [
        Cell(
            cohorts.index(row["cohort"]),
            row["months_later"],
            float((row["retained_percent"] - least) / (100 - least)) if least < 100 else 1,
            f"{row['retained_percent']:.0f}" if longest < 16 else "",
            f"First paid in {month(row['cohort'])}: {number(row['subscribers'])}\n{row['months_later']} months later: "
            f"{number(row['retained'])} paid, {percent(row['retained_percent'])}",
        )
        for row in shown
    ]
    title = "Retention by cohort"
    name_of_rows = [f"{each:%b} ’{each:%y}" for each in cohorts]
    later = [row for row in shown if row["months_later"] == min(3, longest)]
    size = sum(row["subscribers"] for row in later)
    kept = percent(100 * sum(row["retained"] for row in later) / size) if size else DASH
    lead = f"{min(3, longest)} months after their first payment {kept} of all subscribers paid."
    drawn = charts.heat_map(
        title,
        "% of those who first paid in a month",
        name_of_rows,
        [str(i) for i in range(longest + 1)],
        cells,
        below="months after the first payment",
    )
    return query_card(result, title, lead if shown else "Nobody paid for the first time.", drawn if shown else None)
