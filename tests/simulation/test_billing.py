"""Payments, comebacks and failures of a generated year have reasons, too. By statistics of the files alone."""

import statistics
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

from generated import Row, Year, generate, of_each, read

END = datetime(2026, 1, 1, tzinfo=timezone.utc)
MONTH = timedelta(45)  # who has not paid for so long has cancelled: months are shorter, and some pay late


def joined(year: Year) -> dict[int, datetime]:
    return {row["user_id"]: row["created_at"] for row in year.users}


def after_clock_time(moment: datetime, other: datetime) -> timedelta:
    """Return how long after the time of the day of another moment this one is."""
    return (moment - other) % timedelta(days=1)


def comebacks(year: Year) -> list[Row]:
    """Return the payments of those who have paid before, and not for a while."""
    return [
        later
        for payments in of_each(year.payment_history, "user_id").values()
        for earlier, later in pairwise(payments)
        if later["payment_date"] - earlier["payment_date"] > MONTH
    ]


def test_trials_are_paid_for_in_the_billing_runs(year: Year) -> None:
    """Not at the time of the day at which people signed up."""
    since = joined(year)
    first = [payments[0] for payments in of_each(year.payment_history, "user_id").values()]
    converted = [row for row in first if row["payment_date"] - since[row["user_id"]] > timedelta(20)]
    at_that_time = [
        after_clock_time(row["payment_date"], since[row["user_id"]]) < timedelta(minutes=30) for row in converted
    ]
    assert len(converted) > 200
    assert statistics.mean(at_that_time) < 0.1


def test_people_come_back_on_any_day_and_pay_from_then_on_and_watch(year: Year) -> None:
    since, watched = joined(year), of_each(year.watch_history, "user_id")
    back = comebacks(year)
    assert len(back) > 100
    same_day = [row["payment_date"].day == since[row["user_id"]].day for row in back]
    at_that_time = [
        after_clock_time(row["payment_date"], since[row["user_id"]]) < timedelta(minutes=30) for row in back
    ]
    at_once = [
        any(
            timedelta(minutes=-30) < viewing["watched_at"] - row["payment_date"] < timedelta(hours=3)
            for viewing in watched.get(row["user_id"], [])
        )
        for row in back
        if row["method"] != "bank_transfer"
    ]
    assert statistics.mean(same_day) < 0.15
    assert statistics.mean(at_that_time) < 0.15
    assert statistics.mean(at_once) > 0.5
    # The month after that is paid for a month later.
    following = {
        (row["user_id"], earlier["payment_date"]): row["payment_date"] - earlier["payment_date"]
        for payments in of_each(year.payment_history, "user_id").values()
        for earlier, row in pairwise(payments)
    }
    gaps = [following.get((row["user_id"], row["payment_date"])) for row in back]
    assert statistics.mean(timedelta(26) < gap < timedelta(36) for gap in gaps if gap and gap < MONTH) > 0.95


def test_banks_are_quick_in_some_countries_and_closed_at_weekends_in_others(year: Year) -> None:
    countries = {row["user_id"]: row["country"] for row in year.users}
    weekdays = defaultdict(list)
    for row in year.payment_history:
        if row["method"] == "bank_transfer":
            weekdays[countries[row["user_id"]]].append((row["payment_date"] + timedelta(hours=1)).weekday())
    assert len(weekdays["DE"]) > 50
    assert max(weekdays["DE"]) < 5
    for country in ("BR", "NL"):
        assert statistics.mean(day >= 5 for day in weekdays[country]) > 0.15


def test_gift_cards_are_used_up(year: Year) -> None:
    long = [payments for payments in of_each(year.payment_history, "user_id").values() if len(payments) >= 8]
    with_gifts = [
        methods for methods in ({row["method"] for row in payments} for payments in long) if "gift_card" in methods
    ]
    assert len(with_gifts) > 20
    assert statistics.mean(methods == {"gift_card"} for methods in with_gifts) < 0.2


def by_lateness(year: Year) -> tuple[dict[bool, list[bool]], dict[bool, list[bool]]]:
    """Return, by whether a month was paid for late, whether they left after it, and whether the next one was late too.

    Late: a day or more after the day of the month of their first payment.
    """
    left: dict[bool, list[bool]] = defaultdict(list)
    again: dict[bool, list[bool]] = defaultdict(list)
    for payments in of_each(year.payment_history, "user_id").values():
        anchor: datetime = payments[0]["payment_date"]
        before: bool | None = None
        if anchor.day > 27 or {row["method"] for row in payments} - {"card", "paypal"}:
            continue
        for number, row in enumerate(payments):
            later = payments[number + 1] if number + 1 < len(payments) else None
            late = 1 <= (row["payment_date"] - anchor.replace(month=row["payment_date"].month)).days <= 6
            leaves = later is None or later["payment_date"] - row["payment_date"] > MONTH
            if before is not None and row["payment_date"] < END - MONTH:
                again[before].append(late)
                left[late].append(leaves)
            if leaves:
                break  # who comes back does on another day
            before = late
    return left, again


def test_failures_are_of_some_people_more_than_of_others(year: Year) -> None:
    _, again = by_lateness(year)
    assert statistics.mean(again[True]) > 1.8 * statistics.mean(again[False]) > 0


def test_failures_end_subscriptions(tmp_path: Path) -> None:
    def compared(failure: int) -> float:
        (tmp_path / "profile.toml").write_text(
            f"payments.failures = 0.2\n[churn]\nfailure = {failure}\ninactivity = 0\nfirst_months = 0"
        )
        generate(tmp_path / "made", "--users", "3000", "--force", "--profile", str(tmp_path / "profile.toml"))
        left, _ = by_lateness(read(tmp_path / "made"))
        return statistics.mean(left[True]) / statistics.mean(left[False])

    assert compared(4) > 1.4
    assert 0.7 < compared(0) < 1.3


def test_who_leaves_fades_in_more_than_the_last_month(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text("payments.failures = 0\n[churn]\nfading = 0.9\ninactivity = 0")
    generate(tmp_path / "made", "--users", "3000", "--profile", str(tmp_path / "profile.toml"))
    year = read(tmp_path / "made")
    watched = of_each(year.watch_history, "user_id")
    months = [0, 0, 0, 0]  # the one that was paid for last, and those before
    for user, payments in of_each(year.payment_history, "user_id").items():
        last = payments[-1]["payment_date"]
        if len(payments) > 4 and last - payments[-5]["payment_date"] < timedelta(130) and last < END - MONTH:
            for row in watched.get(user, []):
                before = (last - row["watched_at"]) // timedelta(30) + 1
                if 0 <= before < 4:
                    months[before] += 1
    last_one, before_that, earlier, _ = months
    assert last_one < 0.4 * before_that
    assert before_that < 0.85 * earlier
