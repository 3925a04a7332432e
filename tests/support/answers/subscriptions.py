"""The answers about what subscribers pay a month, when they leave, and where they are."""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal

from platform_year import Row, Rows

from answers.counting import (
    Answer,
    Parameters,
    by,
    distinct,
    month,
    month_before,
    next_month,
    one,
    percent,
    rounded,
    total,
    whole_months,
    within,
)


def _last_paid(r: Rows, p: Parameters) -> dict[int, dict[date, Row]]:
    """Return what each subscriber paid last in each month."""
    found: dict[int, dict[date, Row]] = defaultdict(dict)
    known = [row for row in r["payment_history"] if p["until"] and row["payment_date"] < p["until"]]
    for row in sorted(known, key=lambda row: (row["payment_date"], row["amount"], -row["subscription_id"])):
        if row["payer_id"] is not None:
            found[row["payer_id"]][month(row["payment_date"])] = row
    return found


def recurring_revenue_by_month(r: Rows, p: Parameters) -> Answer:
    paid = _last_paid(r, p)
    answer: Answer = []
    for first in whole_months(p):
        moves = Counter[str]()
        amounts = []
        for months_paid in paid.values():
            now, before = months_paid.get(first), months_paid.get(month_before(first))
            if now is None:
                moves["churned"] -= before["amount"] if before else 0
                continue
            amounts.append(now["amount"])
            if before:
                change = now["amount"] - before["amount"]
                moves["expansion" if change > 0 else "contraction"] += change
            else:
                moves["new" if first == min(months_paid) else "reactivated"] += now["amount"]
        recurring = sum(amounts, Decimal(0))
        names = ("new", "reactivated", "expansion", "contraction", "churned")
        each = rounded(recurring / len(amounts), 2) if amounts else None
        answer.append((first, recurring, *(moves[name] for name in names), each))
    return answer


def _at_risk(r: Rows, p: Parameters) -> list[tuple[int, Row, bool]]:
    """Return each whole month of a subscriber that another follows: the how many-th it is, what was paid, who left."""
    over = whole_months(p)
    found = []
    for months_paid in _last_paid(r, p).values():
        begin = min(months_paid)
        for first, row in months_paid.items():
            if first in over and next_month(first) in over:
                tenure = (first.year - begin.year) * 12 + first.month - begin.month + 1
                found.append((tenure, row, next_month(first) not in months_paid))
    return found


def churn_by_tenure(r: Rows, p: Parameters) -> Answer:
    groups: dict[int, list[bool]] = defaultdict(list)
    for tenure, _, has_left in _at_risk(r, p):
        groups[tenure if tenure <= 3 else 4 if tenure <= 6 else 7 if tenure <= 12 else 13].append(has_left)
    names = {4: "4 to 6", 7: "7 to 12", 13: "13 and more"}
    return [
        (names.get(tenure, str(tenure)), len(found), sum(found), percent(sum(found), len(found)))
        for tenure, found in sorted(groups.items())
    ]


def churn_by_plan(r: Rows, p: Parameters) -> Answer:
    names = one(r["subscriptions"], "subscription_id")
    plans: dict[int, list[tuple[Decimal, bool]]] = defaultdict(list)
    for _, row, has_left in _at_risk(r, p):
        plans[row["subscription_id"]].append((row["amount"], has_left))
    answer: Answer = []
    for plan, found in sorted(plans.items()):
        left = sum(has_left for _, has_left in found)
        paid = sum((amount for amount, _ in found), Decimal(0)) / len(found)
        lifetime = Decimal(len(found)) / left if left else None
        figures = (len(found), left, percent(left, len(found)), rounded(paid, 2))
        worth = (None, None) if lifetime is None else (rounded(lifetime), rounded(paid * lifetime, 2))
        answer.append((names[plan]["name"], *figures, *worth))
    return answer


def price_rises(r: Rows, p: Parameters) -> Answer:
    names = one(r["subscriptions"], "subscription_id")
    paid = _last_paid(r, p)
    prices: dict[tuple[int, date], Counter[Decimal]] = defaultdict(Counter)
    for months_paid in paid.values():
        for first, row in months_paid.items():
            prices[row["subscription_id"], first][row["amount"]] += 1
    usual = {key: min(count, key=lambda amount: (-count[amount], amount)) for key, count in prices.items()}
    rises, others = [], defaultdict(list)
    for first in whole_months(p):
        for plan in sorted(names):
            before = [x for x in paid.values() if x.get(month_before(first), {}).get("subscription_id") == plan]
            after = [x[first]["subscription_id"] if first in x else None for x in before]
            figures = (
                len(after),
                after.count(plan),
                len(after) - after.count(plan) - after.count(None),
                after.count(None),
            )
            was, now = usual.get((plan, month_before(first))), usual.get((plan, first))
            if before and was is not None and now is not None and now > was:
                rises.append((first, plan, was, now, figures))
            elif before:
                others[plan].append(figures)
    return [
        (first, names[plan]["name"], was, now, *figures, percent(figures[3], figures[0]),
         percent(sum(x[3] for x in others[plan]), sum(x[0] for x in others[plan])))
        for first, plan, was, now, figures in rises
    ]  # fmt: skip


def countries(r: Rows, p: Parameters) -> Answer:
    country = {user["user_id"]: user["country"] or "(unknown)" for user in r["users"]}
    users = Counter(country[user["user_id"]] for user in r["users"] if p["until"] and user["created_at"] < p["until"])
    paid = by(
        ({**x, "country": country.get(x["payer_id"])} for x in within(r["payment_history"], "payment_date", p)),
        "country",
    )
    seen = by(({**x, "country": country[x["user_id"]]} for x in within(r["watch_history"], "watched_at", p)), "country")
    return [
        (name, users[name], distinct(paid.get(name, []), "payer_id"), total(paid.get(name, [])),
         distinct(seen.get(name, []), "user_id"), len(seen.get(name, [])))
        for name in sorted(users, key=lambda name: (-users[name], name))
    ]  # fmt: skip
