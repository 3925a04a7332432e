"""Things in a generated year have reasons, and each can be found in the files alone, and turned off."""

import re
import statistics
from bisect import bisect_left
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from generated import Row, Year, generate, of_each, read

BEGIN = datetime(2025, 1, 1, tzinfo=timezone.utc)
END = datetime(2026, 1, 1, tzinfo=timezone.utc)
MONTH = timedelta(45)  # who has not paid for so long has cancelled: months are shorter, and some pay late


class Paid:
    """A month that somebody has paid for. left: they paid for no other one after it. number: 1 is their first."""

    def __init__(self, row: Row, number: int, left: bool, watched: int, watched_before: int | None) -> None:
        self.row, self.number, self.left = row, number, left
        self.watched, self.watched_before = watched, watched_before


def paid_months(year: Year) -> list[Paid]:
    """Return all months that were paid for, but for those of which it is not known how they ended."""
    watched = {
        user: [row["watched_at"] for row in rows] for user, rows in of_each(year.watch_history, "user_id").items()
    }
    found = []
    for user, payments in of_each(year.payment_history, "user_id").items():
        number: int = 0
        before: int | None = None
        ends = [row["payment_date"] for row in payments[1:]]
        for row, following in zip(payments, [*ends, END + 2 * MONTH], strict=True):
            begin = row["payment_date"]
            left = following - begin > MONTH
            moments = watched.get(user, [])
            count = bisect_left(moments, begin + timedelta(30)) - bisect_left(moments, begin)
            number += 1
            if begin < END - MONTH:
                found.append(Paid(row, number, left, count, before))
            number, before = (0, None) if left else (number, count)
    return found


def share_left(months: list[Paid]) -> float:
    return sum(month.left for month in months) / len(months)


def by_tenure(year: Year) -> tuple[float, float]:
    months = paid_months(year)
    return share_left([month for month in months if month.number == 1]), share_left([m for m in months if m.number > 6])


def by_activity(year: Year) -> tuple[float, float]:
    months = paid_months(year)
    return share_left([month for month in months if not month.watched]), share_left(
        [m for m in months if m.watched > 5]
    )


def around_the_rise(year: Year) -> tuple[float, float]:
    """Return how many cancel in the month before they would pay the higher price, and in the three before that."""
    first_at: dict[tuple[int, Decimal], datetime] = {}
    for row in year.payment_history:
        price = row["subscription_id"], row["amount"]
        first_at[price] = min(row["payment_date"], first_at.get(price, END))
    rise = min(moment for moment in first_at.values() if moment > BEGIN + timedelta(60))
    months = [(rise - month.row["payment_date"], month) for month in paid_months(year)]
    return (
        share_left([month for ago, month in months if timedelta(1) < ago < timedelta(29)]),
        share_left([month for ago, month in months if timedelta(32) < ago < timedelta(120)]),
    )


def test_one_in_twenty_cancels_in_a_month(year: Year, without: Year) -> None:
    """The reasons decide who it is, not how many they are."""
    assert 0.04 < share_left(paid_months(year)) < 0.06
    assert 0.04 < share_left(paid_months(without)) < 0.06


def test_people_leave_in_their_first_months(year: Year, without: Year) -> None:
    first, later = by_tenure(year)
    assert first > 1.8 * later
    first, later = by_tenure(without)
    assert 0.75 < first / later < 1.33


def test_who_watches_less_leaves_more(year: Year, without: Year) -> None:
    nothing, much = by_activity(year)
    assert nothing > 3 * much
    nothing, much = by_activity(without)
    assert 0.7 < nothing / much < 1.4


def test_most_who_leave_have_watched_less_than_before(year: Year) -> None:
    def less(months: list[Paid]) -> float:
        changed = [m for m in months if m.watched_before is not None and m.watched != m.watched_before]
        return sum(m.watched < (m.watched_before or 0) for m in changed) / len(changed)

    months = paid_months(year)
    leaving, staying = less([m for m in months if m.left]), less([m for m in months if not m.left])
    assert leaving > 0.6
    assert leaving > staying + 0.08


def test_a_rise_costs_subscribers(year: Year, without: Year) -> None:
    after, before = around_the_rise(year)
    assert after > 1.4 * before
    after, before = around_the_rise(without)
    assert 0.6 < after / before < 1.5


def test_a_rise_makes_some_take_a_cheaper_plan(year: Year, without: Year) -> None:
    def compared(of: Year) -> float:
        """Return how many go to a cheaper plan in the month in which prices rise, next to other months."""
        down: dict[bool, list[bool]] = defaultdict(list)
        for payments in of_each(of.payment_history, "user_id").values():
            for before, row in pairwise(payments):
                if before["subscription_id"] > 1 and row["payment_date"] - before["payment_date"] < MONTH:
                    risen = before["payment_date"] < rise <= row["payment_date"]
                    down[risen].append(row["subscription_id"] < before["subscription_id"])
        return statistics.mean(down[True]) / statistics.mean(down[False])

    rise = BEGIN + timedelta(211)
    assert compared(year) > 2.5
    assert compared(without) < 2.5


def a_day(year: Year, begin: datetime, days: int) -> float:
    """Return how many viewings there are on a day, for each user who has paid for it."""
    there: float = sum(
        max(
            timedelta(0),
            min(row["payment_date"] + timedelta(30), begin + timedelta(days)) - max(row["payment_date"], begin),
        )
        / timedelta(1)
        for row in year.payment_history
    )
    viewings: int = sum(begin <= row["watched_at"] < begin + timedelta(days) for row in year.watch_history)
    return viewings / there


def test_there_are_winters_and_holidays(year: Year, without: Year) -> None:
    def compared(of: Year) -> tuple[float, float]:
        autumn, holidays = a_day(of, BEGIN.replace(month=12), 20), a_day(of, BEGIN.replace(month=12, day=24), 8)
        return holidays / autumn, autumn / a_day(of, BEGIN.replace(month=7), 31)

    holidays, winter = compared(year)
    assert holidays > 1.12
    assert winter > 1.08
    holidays, winter = compared(without)
    assert 0.7 < holidays < 1.12
    assert 0.7 < winter < 1.08


def test_campaigns_and_weekends_bring_sign_ups(year: Year, without: Year) -> None:
    def a_day(of: Year, begin: datetime, days: int) -> float:
        joined: int = sum(begin <= row["created_at"] < begin + timedelta(days) for row in of.users)
        return joined / days

    campaign, before = BEGIN.replace(month=11, day=24), BEGIN.replace(month=10, day=20)
    assert a_day(year, campaign, 8) > 2 * a_day(year, before, 28)
    assert a_day(without, campaign, 8) < 1.4 * a_day(without, before, 28)
    days = Counter(row["created_at"].weekday() for row in year.users)
    assert (days[5] + days[6]) / 2 > 1.15 * sum(days[day] for day in range(5)) / 5


def test_who_came_in_a_campaign_leaves_more(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(
        '[[campaigns]]\nbegins = "03-01"\ndays = 30\nsign_ups = 6\nchurn = 3\n[churn]\ninactivity = 0'
    )
    generate(tmp_path / "made", "--users", "3000", "--profile", str(tmp_path / "profile.toml"))
    year = read(tmp_path / "made")
    joined = {row["user_id"]: row["created_at"].month for row in year.users}
    months = paid_months(year)
    came = share_left([month for month in months if joined[month.row["user_id"]] == 3])
    assert came > 1.8 * share_left([month for month in months if joined[month.row["user_id"]] != 3])


def test_people_watch_titles_in_their_language(year: Year, without: Year) -> None:
    scripts = {"KR": "[가-힣]", "JP": "[ぁ-ヿ]", "IN": "[\u0900-\u097f]", "SA": "[\u0620-\u064a]"}

    def own(of: Year) -> tuple[float, float]:
        """Return the share of titles in the script of a country in what is watched there, and elsewhere."""
        countries = {row["user_id"]: row["country"] for row in of.users}
        made_for = {
            row["content_id"]: country
            for row in of.content
            for country, script in scripts.items()
            if re.search(script, row["title"])
        }
        watched = Counter((countries[row["user_id"]], made_for.get(row["content_id"])) for row in of.watch_history)
        there: Counter[str] = Counter()
        for (country, _), viewings in watched.items():
            there[country] += viewings
        at_home = sum(watched[country, country] for country in scripts)
        abroad = sum(viewings for (country, market), viewings in watched.items() if market and market != country)
        others = sum(there.total() - there[country] for country in scripts)
        return at_home / sum(there[country] for country in scripts), abroad / others

    at_home, elsewhere = own(year)
    assert at_home > 0.06
    assert at_home > 3 * elsewhere > 0
    at_home, elsewhere = own(without)
    assert at_home < 2 * elsewhere


def rank_correlation(pairs: list[tuple[float, float]]) -> float:
    ones, others = ([sorted(values).index(value) for value in values] for values in zip(*pairs, strict=True))
    return statistics.correlation(ones, others)


def test_good_titles_are_watched_more(year: Year, without: Year) -> None:
    def compared(of: Year) -> float:
        watched = Counter(row["content_id"] for row in of.watch_history)
        return rank_correlation(
            [(float(row["rating"]), watched[row["content_id"]]) for row in of.content if row["rating"] is not None]
        )

    assert 0.12 < compared(year) < 0.7
    assert -0.2 < compared(without) < 0.2


def test_old_titles_are_watched_less(year: Year) -> None:
    """Of those that were there before the year began: what comes out in it has less time to be watched."""
    watched = Counter(row["content_id"] for row in year.watch_history)
    old = [row for row in year.content if row["release_year"] < 2025]
    assert rank_correlation([(row["release_year"], watched[row["content_id"]]) for row in old]) > 0.1


def test_no_market_has_more_of_the_most_watched_than_people(tmp_path: Path) -> None:
    """What is made for few is watched by few: so the first titles are not those of a market of one in a hundred."""
    (tmp_path / "profile.toml").write_text("viewings.per_user = 60\ntastes.strength = 0\nviewings.releases = 0")
    generate(tmp_path / "made", "--users", "2000", "--profile", str(tmp_path / "profile.toml"))
    year = read(tmp_path / "made")
    watched = Counter(row["content_id"] for row in year.watch_history)
    arabic = {row["content_id"] for row in year.content if re.search("[\u0620-\u064a]", row["title"])}
    assert sum(watched[key] for key in arabic) < 0.05 * watched.total()


def test_who_watches_more_takes_a_dearer_plan(year: Year, without: Year) -> None:
    def compared(of: Year) -> float:
        watched = Counter(row["user_id"] for row in of.watch_history)
        plans = {row["user_id"]: row["subscription_id"] for row in reversed(of.payment_history)}  # the first one
        dear, cheap = (
            statistics.mean(watched[user] for user, plan in plans.items() if (plan > 2) == dearer)
            for dearer in (True, False)
        )
        return dear / cheap

    assert compared(year) > 1.2
    assert 0.7 < compared(without) < 1.2


def test_countries_have_their_ways_to_pay(year: Year) -> None:
    countries = {row["user_id"]: row["country"] for row in year.users}
    by_transfer = {
        country: statistics.mean(
            row["method"] == "bank_transfer" for row in year.payment_history if countries[row["user_id"]] == country
        )
        for country in ("US", "BR")
    }
    assert by_transfer["BR"] > 3 * by_transfer["US"] > 0


def test_not_everybody_watches_at_once(year: Year) -> None:
    joined = {row["user_id"]: row["created_at"] for row in year.users}
    first = {rows[0]["user_id"]: rows[0]["watched_at"] for rows in of_each(year.watch_history, "user_id").values()}
    at_once = statistics.mean(moment - joined[user] < timedelta(hours=1) for user, moment in first.items())
    assert 0.7 < at_once < 0.9


def test_sign_ups_are_at_all_times_of_the_day(year: Year) -> None:
    hours = Counter((row["created_at"] - timedelta(hours=1)).hour for row in year.users if row["country"] == "GB")
    assert sum(hours[hour] for hour in range(6, 14)) > 0.1 * hours.total()


def test_sequels_are_of_the_same_kind_and_later(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text("titles.count = 3000")
    generate(tmp_path / "made", "--users", "20", "--profile", str(tmp_path / "profile.toml"))
    content = read(tmp_path / "made").content
    named = {row["title"]: row for row in content}
    assert len(named) == 3000
    sequels = [row for row in content if row["title"].endswith((" 2", " 3"))]
    assert len(sequels) > 30
    for row in sequels:
        name, number = row["title"].rsplit(" ", 1)
        before = named[name if number == "2" else f"{name} 2"]
        assert before["release_year"] < row["release_year"]
        assert (before["content_type"], before["genre"]) == (row["content_type"], row["genre"])


def test_types_differ_in_how_often_they_are_seen_to_the_end(year: Year) -> None:
    types = {row["content_id"]: row["content_type"] for row in year.content}
    seen: dict[str, list[bool]] = defaultdict(list)
    for row in year.watch_history:
        seen[types[row["content_id"]]].append(row["progress"] >= 90)
    finished = {kind: statistics.mean(values) for kind, values in seen.items()}
    assert finished["series"] > finished["movie"] + 0.02 > finished["documentary"] + 0.02


def test_first_episodes_are_given_up_more_often_than_later_ones(year: Year) -> None:
    given_up = {
        first: statistics.mean(
            row["progress"] < 5 for row in year.watch_history if row["episode"] and (row["episode"] == 1) == first
        )
        for first in (True, False)
    }
    assert given_up[True] > 1.8 * given_up[False]


def test_few_see_a_thing_again(year: Year) -> None:
    types = {row["content_id"]: row["content_type"] for row in year.content}
    again: Counter[str] = Counter()
    viewings: Counter[str] = Counter()
    for rows in of_each(year.watch_history, "user_id").values():
        seen: set[tuple[int, int | None]] = set()
        times: Counter[int] = Counter()
        for row in rows:
            kind, known = types[row["content_id"]], (row["content_id"], row["episode"])
            viewings[kind] += 1
            again[kind] += known in seen
            times[row["content_id"]] += kind != "series"
            if row["progress"] >= 90:
                seen.add(known)
        assert max(times.values()) <= 5
    assert 0.003 < again["movie"] / viewings["movie"] < 0.04
    assert again["documentary"] / viewings["documentary"] < again["movie"] / viewings["movie"]
    assert again["series"] / viewings["series"] < 0.03


def test_episodes_are_seen_in_their_order(year: Year) -> None:
    """The next one, the same one again that was not seen to its end, or, seldom, the first."""
    steps: Counter[str] = Counter()
    for rows in of_each(year.watch_history, "user_id").values():
        at: dict[int, Row] = {}
        for row in rows:
            if row["episode"]:
                before = at.get(row["content_id"])
                reached = 0 if before is None else before["episode"] + (before["progress"] >= 90)
                steps["in order" if row["episode"] == max(1, reached) else "other"] += 1
                at[row["content_id"]] = row
    assert steps["in order"] / steps.total() > 0.97


def test_some_came_for_a_new_title(tmp_path: Path, without: Year) -> None:
    """What people watch first is more often what has just come out than the third title that they watch."""

    def new(of: Year) -> float:
        released: dict[int, datetime] = {}
        for row in of.watch_history:
            released[row["content_id"]] = min(row["watched_at"], released.get(row["content_id"], END))
        late = {user["user_id"] for user in of.users if user["created_at"] > BEGIN + timedelta(60)}
        is_new: dict[int, list[bool]] = {0: [], 2: []}
        for user, rows in of_each(of.watch_history, "user_id").items():
            titles: dict[int, Row] = {}
            for row in rows if user in late else []:
                titles.setdefault(row["content_id"], row)
            for number, row in enumerate(titles.values()):
                if number in is_new:
                    is_new[number].append(row["watched_at"] - released[row["content_id"]] < timedelta(14))
        return statistics.mean(is_new[0]) / statistics.mean(is_new[2])

    (tmp_path / "profile.toml").write_text("subscribers.releases = 2")
    generate(tmp_path / "made", "--users", "3000", "--profile", str(tmp_path / "profile.toml"))
    assert new(read(tmp_path / "made")) > 1.7
    assert new(without) < 1.5
