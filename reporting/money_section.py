"""The section about money: revenue, plans, payment methods, price rises."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from reporting import charts
from reporting.cards import NOBODY_PAID, monthly_line, query_card, unfinished_indexes, whole_months
from reporting.charts import Bar, Series
from reporting.formatting import money, month, months, number, percent
from reporting.page import Card, Section
from reporting.period import Period
from reporting.query_results import Reader

REST = "tone-rest"
OTHERS = "other plans"

Tones = Mapping[str, str]
# The components of the change of recurring revenue, with their colours.
MOVES_KEY = "recurring_revenue_moves"
MOVES = {"new": "tone-1", "reactivated": "tone-6", "expansion": "main", "contraction": "tone-2", "churned": "tone-4"}


def tone(place: int) -> str:
    """Return the colour of the n-th series, counted from 0. The seventh and later ones have the same."""
    return f"tone-{place + 1}" if place < 6 else REST


def plan_tones(reader: Reader) -> Tones:
    """Return the colour of each plan, by name, in the order of the plans' keys. It is the same in every chart."""
    plans = sorted(reader.read("plans").rows, key=lambda row: int(row["subscription_id"]))
    return {row["name"]: tone(place) for place, row in enumerate(plans)}


def money_section(reader: Reader, period: Period, tones: Tones) -> Section:
    cards = [
        *_recurring(reader, period),
        _plans(reader, tones),
        _methods(reader, period),
        _rises(reader, period),
        _by_plan(reader, period, tones),
    ]
    return Section("Money", cards)


def _recurring(reader: Reader, period: Period) -> list[Card]:
    """Return three cards of one query: recurring revenue, its changes, and the revenue per subscriber."""
    result = reader.read("recurring_revenue_by_month", **period.parameters)
    rows, title = result.rows, "How recurring revenue moved"
    revenue = monthly_line(
        result,
        period,
        "Monthly recurring revenue",
        "what the subscribers of a month paid last in it",
        "recurring_revenue",
        money,
        lambda row: money(row["recurring_revenue"]),
    )
    each = monthly_line(
        result,
        period,
        "Recurring revenue per subscriber",
        "what a subscriber paid last in a month, on average",
        "revenue_per_subscriber",
        money,
        lambda row: money(row["revenue_per_subscriber"]),
        key="revenue_per_subscriber",
    )
    if not any(row["recurring_revenue"] for row in rows):
        return [revenue, query_card(result, title, NOBODY_PAID, None, key=MOVES_KEY), each]
    series = [
        Series(
            name,
            kind,
            [float(row[name]) for row in rows],
            [
                f"{month(row['month'])}: {name} {row[name]:+,.2f}\nrecurring {money(row['recurring_revenue'])}"
                for row in rows
            ],
        )
        for name, kind in MOVES.items()
    ]
    last = rows[-1]
    moved = sum(last[name] for name in MOVES)
    lead = f"{moved:+,.2f} in {month(last['month'])}, against the month before."
    drawn = charts.columns("gained and lost a month", months([row["month"] for row in rows]), series)
    return [revenue, query_card(result, title, lead, drawn, key=MOVES_KEY), each]


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
        return query_card(result, title, NOBODY_PAID, None)
    series = [
        Series(
            name,
            tones.get(name, REST),
            [float(amount) for amount in of_plan.values()],
            [
                f"{name}, {month(each)}{period.note(each)}\n{money(amount)} of {money(totals[each])}"
                for each, amount in of_plan.items()
            ],
        )
        for name, of_plan in paid.items()
        if any(of_plan.values())
    ]
    rows = [{"month": each} for each in totals]
    best = max((row["month"] for row in whole_months(period, rows)), key=lambda each: totals[each])
    lead = f"{money(sum(totals.values()))} in all. The best month: {month(best)}, {money(totals[best])}."
    drawn = charts.columns("paid a month", months(list(totals)), series, unfinished=unfinished_indexes(period, rows))
    return query_card(result, title, lead, drawn)


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
    users = sum(row["subscribers"] for row in result.rows)
    lead = f"{number(users)} have a plan, worth {money(sum(row['a_month'] for row in result.rows))} a month."
    drawn = charts.bars("users, and their share of all who have a plan", rows) if users else None
    return query_card(result, "Users of each plan now", lead, drawn)


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
    payments = sum(row["payments"] for row in result.rows)
    lead = f"{rows[0].note} of the revenue by {rows[0].label}, of {number(payments)} payments." if rows else NOBODY_PAID
    return query_card(result, "Payment methods", lead, charts.bars("share of the revenue", rows) if rows else None)


def _rises(reader: Reader, period: Period) -> Card:
    result = reader.read("price_rises", **period.parameters)
    rows = [
        Bar(
            f"{row['plan']} to {money(row['price'])}, {row['month']:%b %Y}",
            [("down", float(row["left_percent"]))],
            f"{percent(row['left_percent'])}, else {percent(row['usual_left_percent'])}",
            f"{row['plan']}, {month(row['month'])}: {money(row['price_before'])} to {money(row['price'])}\n"
            f"of {number(row['subscribers_before'])} subscribers {number(row['stayed'])} stayed,\n"
            f"{number(row['changed_plan'])} changed the plan, {number(row['left'])} left",
        )
        for row in result.rows[-8:]
    ]
    left, of = (sum(row[name] for row in result.rows) for name in ("left", "subscribers_before"))
    lead = f"{percent(100 * left / of)} left in the month of a rise." if of else "No plan's price rose."
    drawn = charts.bars("share that left then, and in other months", rows) if rows else None
    return query_card(result, "What price rises did", lead, drawn)
