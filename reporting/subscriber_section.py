"""The section about subscribers: their number, retention, churn, plan changes and countries."""

from decimal import Decimal

from reporting import charts
from reporting.cards import NOBODY_PAID, Row, monthly_line, query_card, unfinished_indexes, whole_months
from reporting.charts import Bar, Cell, Series
from reporting.formatting import DASH, money, month, months, number, percent, plural, value_range
from reporting.money_section import Tones
from reporting.page import Card, Section
from reporting.period import Period
from reporting.query_results import Reader

COHORTS = 24  # the latest, and as many months of each
MONTHS_KEPT = 3  # the retention after this many months is in the card's text


def subscriber_section(reader: Reader, period: Period, tones: Tones) -> Section:
    cards = [
        *_subscribers(reader, period),
        _cohorts(reader, period),
        _plan_changes(reader, period),
        _countries(reader, period),
        _by_tenure(reader, period),
        _by_plan(reader, period, tones),
        _activation(reader, period),
    ]
    return Section("Subscribers", cards)


def _subscribers(reader: Reader, period: Period) -> list[Card]:
    """Return three cards of one query: the number of subscribers, net additions, and churn."""
    result = reader.read("subscribers_by_month", **period.parameters)
    rows, axis = result.rows, months([row["month"] for row in result.rows])
    tips = [
        f"{month(row['month'])}{period.note(row['month'])}: {number(row['subscribers'])} subscribers\n"
        f"{number(row['joined'])} joined, {DASH if row['left'] is None else number(row['left'])} left"
        for row in rows
    ]
    title = "Subscribers by month"
    churn = monthly_line(
        result,
        period,
        "Churn by month",
        "% of the month before who did not pay again",
        "churn_percent",
        percent,
        lambda row: f"{percent(row['churn_percent'])}, {number(row['left'] or 0)} left",
        key="churn_by_month",
    )
    if not any(row["subscribers"] for row in rows):
        return [query_card(result, title, NOBODY_PAID, None), churn]
    most = max(whole_months(period, rows), key=lambda row: int(row["subscribers"]))
    counts = Series("subscribers", "main", [row["subscribers"] for row in rows], tips)
    lead = f"The most: {number(most['subscribers'])} in {month(most['month'])}. A subscriber is who paid in the month."
    unfinished = unfinished_indexes(period, rows)
    drawn = charts.columns("users who paid in the month", axis, [counts], unfinished=unfinished)
    known = [row for row in rows if row["net_additions"] is not None]
    moves = [
        Series("joined", "tone-1", [row["joined"] for row in known], [tips[rows.index(row)] for row in known]),
        Series("left", "tone-4", [-row["left"] for row in known], [tips[rows.index(row)] for row in known]),
    ]
    net = sum(row["net_additions"] for row in known)
    between = value_range((row["net_additions"] for row in known), "{:+,}".format) if known else ""
    additions = query_card(
        result,
        "Net additions by month",
        f"{net:+,} in {plural(len(known), 'month', 'months')}, {between} a month." if known else "No month is over.",
        charts.columns("subscribers won and lost", months([row["month"] for row in known]), moves) if known else None,
        key="net_additions_by_month",
    )
    return [query_card(result, title, lead, drawn), additions, churn]


def _cohorts(reader: Reader, period: Period) -> Card:
    result = reader.read("retention_cohorts", **period.parameters)
    cohorts = sorted({row["cohort"] for row in result.rows})[-COHORTS:]
    shown = [row for row in result.rows if row["cohort"] in cohorts and row["months_later"] < COHORTS]
    title = "Retention by cohort"
    if not shown:
        return query_card(result, title, "Nobody paid for the first time in a month that is over.", None)
    longest = max(row["months_later"] for row in shown)
    # Shades begin at the minimum, because few subscribers leave in a month.
    least = min(row["retained_percent"] for row in shown)
    cells = [
        Cell(
            cohorts.index(row["cohort"]),
            row["months_later"],
            float((row["retained_percent"] - least) / (100 - least)) if least < 100 else 1,
            f"{row['retained_percent']:.0f}" if longest < 12 else "",
            f"First paid in {month(row['cohort'])}: {number(row['subscribers'])}\n{row['months_later']} months later: "
            f"{number(row['retained'])} paid, {percent(row['retained_percent'])}",
        )
        for row in shown
    ]
    after = min(MONTHS_KEPT, longest)
    later = [row for row in shown if row["months_later"] == after]
    kept = percent(100 * sum(row["retained"] for row in later) / sum(row["subscribers"] for row in later))
    lead = f"{kept} of all subscribers paid {plural(after, 'month', 'months')} after their first payment."
    names = [f"{each:%b} ’{each:%y}" for each in cohorts]
    drawn = charts.heat_map(
        "% of those who first paid in a month",
        names,
        [str(i) for i in range(longest + 1)],
        cells,
        below="months after the first payment",
    )
    return query_card(result, title, lead, drawn)


def _churn_bar(label: str, row: Row, tone: str, *, more: str = "") -> Bar:
    tip = f"{label}: {number(row['left'])} of {number(row['subscriber_months'])} months were the last{more}"
    return Bar(label, [(tone, float(row["churn_percent"]))], percent(row["churn_percent"]), tip)


def _by_tenure(reader: Reader, period: Period) -> Card:
    result = reader.read("churn_by_tenure", **period.parameters)
    rows = [_churn_bar(f"month {row['month_of_subscription']}", row, "main") for row in result.rows]
    lead = (
        f"{rows[0].note} leave after {rows[0].label}, {rows[-1].note} after {rows[-1].label}."
        if len(rows) > 1
        else "Too few months are over."
    )
    drawn = charts.bars("% who do not pay in the month after", rows) if rows else None
    return query_card(result, "Churn by tenure", lead, drawn)


def _by_plan(reader: Reader, period: Period, tones: Tones) -> Card:
    result = reader.read("churn_by_plan", **period.parameters)
    rows = []
    for row in result.rows:
        value = DASH if row["lifetime_value"] is None else money(row["lifetime_value"])
        bar = _churn_bar(row["plan"], row, tones[row["plan"]], more=f"\nlifetime value {value}")
        rows.append(bar._replace(note=f"{bar.note}, worth {value}"))
    known = [row for row in result.rows if row["lifetime_value"] is not None]
    best = max(known, key=lambda row: Decimal(row["lifetime_value"]), default=None)
    lead = (
        f"A subscriber of {best['plan']} is worth the most: {money(best['lifetime_value'])}, "
        f"{money(best['paid_a_month'])} a month for {best['lifetime_months']:,} months."
        if best
        else "Nobody left."
    )
    drawn = charts.bars("% who leave in a month, and the lifetime value", rows) if rows else None
    return query_card(result, "Churn and lifetime value by plan", lead, drawn)


def _plan_changes(reader: Reader, period: Period) -> Card:
    result = reader.read("plan_changes", **period.parameters)
    rows = [
        Bar(
            f"{row['from_plan']} to {row['to_plan']}",
            [("main", row["changes"])],
            number(row["changes"]),
            f"{row['from_plan']} to {row['to_plan']}: {plural(row['changes'], 'change', 'changes')}",
        )
        for row in result.rows[:8]
    ]
    changes = sum(row["changes"] for row in result.rows)
    lead = f"{plural(changes, 'change', 'changes')}, most from {rows[0].label}." if rows else "Nobody changed plans."
    return query_card(result, "Plan changes", lead, charts.bars("changes", rows) if rows else None)


def _activation(reader: Reader, period: Period) -> Card:
    result = reader.read("sign_ups_by_month", **period.parameters)
    return monthly_line(
        result,
        period,
        "Activation by month of sign-up",
        "% of new users who watched within seven days",
        "activated_percent",
        percent,
        lambda row: f"{percent(row['activated_percent'])} of {plural(row['sign_ups'], 'sign-up', 'sign-ups')}",
    )


def _countries(reader: Reader, period: Period) -> Card:
    result = reader.read("countries", **period.parameters)
    rows = [
        Bar(
            row["country"],
            [("main", row["users"])],
            f"{number(row['users'])}, paid {money(row['revenue'])}",
            f"{row['country']}: {number(row['users'])} users, {number(row['subscribers'])} paid "
            f"{money(row['revenue'])}\n{number(row['viewers'])} watched {number(row['viewings'])} times",
        )
        for row in result.rows[:8]
    ]
    known = [row for row in result.rows if row["country"] != "(unknown)"]
    lead = (
        f"{plural(len(known), 'country', 'countries')}; most users are in {known[0]['country']}."
        if known
        else "Not known."
    )
    return query_card(result, "Countries", lead, charts.bars("users, and what they paid", rows) if rows else None)
