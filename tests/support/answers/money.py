"""The answers about payments and subscribers that a dashboard shows."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from platform_year import Row, Rows

from answers.counting import (
    Answer,
    Parameters,
    a_month_before,
    average,
    by,
    distinct,
    is_whole,
    latest,
    midnight,
    month,
    month_before,
    months,
    next_month,
    one,
    percent,
    rounded,
    total,
    whole_months,
    within,
)


def revenue_by_month(r: Rows, p: Parameters) -> Answer:
    paid: dict[date, list[Row]] = defaultdict(list)
    for row in within(r["payment_history"], "payment_date", p):
        paid[month(row["payment_date"])].append(row)
    so_far = Decimal(0)
    before: Decimal | None = None
    answer: Answer = []
    for first in months(p):
        revenue = total(paid[first])
        so_far += revenue
        growth = None if before is None or not is_whole(first, p) else percent(revenue - before, before)
        payers = distinct(paid[first], "payer_id")
        each = rounded(revenue / payers, 2) if payers else None
        answer.append((first, len(paid[first]), payers, revenue, each, growth, so_far))
        before = revenue
    return answer


def revenue_by_month_and_plan(r: Rows, p: Parameters) -> Answer:
    paid: dict[tuple[date, int], list[Row]] = defaultdict(list)
    for row in within(r["payment_history"], "payment_date", p):
        paid[month(row["payment_date"]), row["subscription_id"]].append(row)
    before: dict[int, Decimal] = {}
    answer = []
    for first in months(p):
        plans = sorted(r["subscriptions"], key=lambda row: row["subscription_id"])
        whole = sum((total(paid[first, plan["subscription_id"]]) for plan in plans), Decimal(0))
        for plan in plans:
            key = plan["subscription_id"]
            revenue = total(paid[first, key])
            growth = percent(revenue - before[key], before[key]) if key in before and is_whole(first, p) else None
            answer.append((first, plan["name"], len(paid[first, key]), revenue, growth, percent(revenue, whole)))
            before[key] = revenue
    return answer


def payment_methods(r: Rows, p: Parameters) -> Answer:
    paid = within(r["payment_history"], "payment_date", p)
    answer = [
        (method, len(rows), total(rows), average((x["amount"] for x in rows), 2), percent(total(rows), total(paid)))
        for method, rows in by(paid, "method").items()
    ]
    return sorted(answer, key=lambda x: (-x[2], x[0]))


def price_changes(r: Rows, p: Parameters) -> Answer:
    names = one(r["subscriptions"], "subscription_id")
    found = []
    for (plan, amount), rows in by(
        within(r["payment_history"], "payment_date", p), "subscription_id", "amount"
    ).items():
        dates = [row["payment_date"] for row in rows]
        found.append((plan, (names[plan]["name"], amount, len(rows), min(dates), max(dates))))
    found.sort(key=lambda x: (x[0], x[1][3], x[1][1]))
    return [row for _, row in found]


def plan_changes(r: Rows, p: Parameters) -> Answer:
    names = {row["subscription_id"]: row["name"] for row in r["subscriptions"]}
    count: Counter[tuple[int, int]] = Counter()
    for payer, rows in by(within(r["payment_history"], "payment_date", p), "payer_id").items():
        plans = [row["subscription_id"] for row in reversed(latest(rows, "payment_date", "subscription_id"))]
        count.update(pair for pair in pairwise(plans) if payer is not None and pair[0] != pair[1])
    ordered = sorted(count, key=lambda pair: (-count[pair], pair))
    return [(names[before], names[now], count[before, now]) for before, now in ordered]


def overdue_payments(r: Rows, p: Parameters) -> Answer:
    if p["until"] is None:
        return []
    plan = one(r["subscriptions"], "subscription_id")
    paid = by((row for row in r["payment_history"] if row["payment_date"] < p["until"]), "user_id")
    border = a_month_before(p["until"])
    lately = {row["payer_id"] for row in r["payment_history"] if border <= row["payment_date"] < p["until"]}
    found = []
    for user in r["users"]:
        if user["subscription_id"] is None or user["created_at"] >= border:
            continue
        last = max((row["payment_date"] for row in paid.get(user["user_id"], [])), default=None)
        named = plan[user["subscription_id"]]
        if named["price"] > 0 and user["user_id"] not in lately:
            found.append(
                (last or user["created_at"], (user["user_id"], user["name"], named["name"], named["price"], last))
            )
    found.sort(key=lambda x: (x[0], x[1][0]))
    return [row for _, row in found[: p["limit"]]]


def subscribers_by_plan(r: Rows, _: Parameters) -> Answer:
    count = Counter(user["subscription_id"] for user in r["users"] if user["subscription_id"])
    ordered = sorted(r["subscriptions"], key=lambda s: (-count[s["subscription_id"]], s["subscription_id"]))
    return [
        (s["name"], s["price"], n, percent(n, sum(count.values())), s["price"] * n)
        for s in ordered
        for n in [count[s["subscription_id"]]]
    ]


def _payers_by_month(r: Rows, until: datetime) -> dict[date, set[int]]:
    payers: dict[date, set[int]] = defaultdict(set)
    for row in r["payment_history"]:
        if row["payer_id"] is not None and row["payment_date"] < until:
            payers[month(row["payment_date"])].add(row["payer_id"])
    return payers


def subscribers_by_month(r: Rows, p: Parameters) -> Answer:
    payers = _payers_by_month(r, p["until"]) if p["until"] else {}
    answer = []
    for first in months(p):
        now, before = payers[first], payers[month_before(first)]
        joined, left = len(now - before), len(before - now)
        known = (left, joined - left, percent(left, len(before))) if is_whole(first, p) else (None, None, None)
        answer.append((first, len(now), joined, *known))
    return answer


def retention_cohorts(r: Rows, p: Parameters) -> Answer:
    payers = _payers_by_month(r, p["until"]) if p["until"] else {}
    begun: set[int] = set()
    answer = []
    for cohort in sorted(payers):
        new = payers[cohort] - begun
        begun |= new
        later = [first for first in whole_months(p) if first >= cohort]
        if new and cohort >= month(p["since"]):
            for i, first in enumerate(later):
                kept = len(new & payers[first])
                answer.append((cohort, len(new), i, kept, percent(kept, len(new))))
    return answer


def sign_ups_by_month(r: Rows, p: Parameters) -> Answer:
    seen = by(r["watch_history"], "user_id")
    joined: dict[date, list[tuple[bool, bool]]] = defaultdict(list)
    for user in within(r["users"], "created_at", p):
        begin = user["created_at"]
        week = any(begin <= x["watched_at"] < begin + timedelta(days=7) for x in seen.get(user["user_id"], []))
        joined[month(begin)].append((week, begin < p["until"] - timedelta(days=7)))
    answer = []
    for first in months(p):
        activated = [week for week, is_over in joined[first] if is_over]
        before = sum(user["created_at"] < min(midnight(next_month(first)), p["until"]) for user in r["users"])
        of_month = joined[first]
        share = percent(sum(activated), len(activated))
        answer.append((first, len(of_month), sum(week for week, _ in of_month), share, before))
    return answer


def idle_subscribers(r: Rows, p: Parameters) -> Answer:
    names = one(r["subscriptions"], "subscription_id")
    active = {row["user_id"] for row in within(r["watch_history"], "watched_at", p)}
    return [
        (user["user_id"], user["name"], user["email"], names[user["subscription_id"]]["name"])
        for user in sorted(r["users"], key=lambda row: row["user_id"])
        if p["since"] and user["subscription_id"] and user["created_at"] < p["since"] and user["user_id"] not in active
    ][: p["limit"]]
