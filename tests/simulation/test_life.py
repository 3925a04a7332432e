"""A generated year looks like a life: each sentence of docs/simulation.md about it, by a statistic of the files alone.

Bounds are wide enough for other seeds and sizes: what is measured is the sentence, not the generator's figures.
"""

import calendar
import math
import statistics
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import groupby, pairwise

from generated import Row, Year, of_each

BEGIN = datetime(2025, 1, 1, tzinfo=timezone.utc)
END = datetime(2026, 1, 1, tzinfo=timezone.utc)


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the line of least squares through points."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def test_so_much_of_everything(year: Year) -> None:
    users = len(year.users)
    assert len(year.subscriptions) == 4
    assert len(year.content) == users // 20
    assert 29 < len(year.watch_history) / users < 31
    assert 1.8 < len(year.reviews) / users < 2.2
    assert 4 < len(year.payment_history) / users < 9


def test_popularity_is_a_power_law(year: Year) -> None:
    counts = sorted(Counter(row["content_id"] for row in year.watch_history).values(), reverse=True)
    for top in (50, 100, len(counts)):
        points = [(math.log(rank), math.log(count)) for rank, count in enumerate(counts[:top], 1)]
        assert 0.75 < -slope(points) < 1.05
        assert statistics.correlation(*zip(*points, strict=True)) < -0.97


def test_new_titles_are_watched_most_when_they_come_out(year: Year) -> None:
    """Of titles first watched in the middle of the year, in each of four weeks; then it falls no more."""
    weeks: Counter[int] = Counter()
    for viewings in of_each(year.watch_history, "content_id").values():
        first = min(row["watched_at"] for row in viewings)
        if len(viewings) > 50 and BEGIN + timedelta(90) < first < END - timedelta(120):
            weeks.update((row["watched_at"] - first).days // 7 for row in viewings)
    assert weeks[0] + weeks[1] > 1.3 * (weeks[2] + weeks[3]) > 1.3 * 1.3 * (weeks[8] + weeks[9])


def test_some_watch_very_much(year: Year) -> None:
    watched = Counter(row["user_id"] for row in year.watch_history)
    counts = sorted((watched[row["user_id"]] for row in year.users), reverse=True)
    assert 0.35 < sum(counts[: len(counts) // 10]) / sum(counts) < 0.65
    assert counts[0] > 10 * statistics.median(counts)


def test_everyone_has_an_evening(year: Year) -> None:
    """In the six hours of the day in which somebody watches most, they watch most of what they do.

    These hours are learned from every other viewing and tested with the rest. They are others for others.
    """
    shares, hours = [], []
    for viewings in of_each(year.watch_history, "user_id").values():
        if len(viewings) >= 40:
            known = Counter(row["watched_at"].hour for row in viewings[::2])
            best = max(range(24), key=lambda hour: sum(known[(hour + later) % 24] for later in range(6)))
            tested = [(row["watched_at"].hour - best) % 24 < 6 for row in viewings[1::2]]
            shares.append(sum(tested) / len(tested))
            hours.append(best)
    assert len(shares) > len(year.users) / 10
    assert statistics.mean(shares) > 0.6
    of_all = Counter(row["watched_at"].hour for row in year.watch_history)
    assert max(sum(of_all[(hour + later) % 24] for later in range(6)) for hour in range(24)) < 0.5 * of_all.total()
    assert len(Counter(hours)) > 8


def test_weekends_are_for_watching(year: Year) -> None:
    days = Counter(row["watched_at"].weekday() for row in year.watch_history)
    assert 1.2 < (days[5] + days[6]) / 2 / (sum(days[day] for day in range(4)) / 4) < 1.6


def test_there_are_sessions_of_several(year: Year) -> None:
    """Viewings begin soon after the one before has ended, much more often than by chance."""
    gaps = []
    for viewings in of_each(year.watch_history, "user_id").values():
        moments = [row["watched_at"] for row in viewings]
        assert moments == sorted(moments)
        gaps += [(later - earlier).total_seconds() / 3600 for earlier, later in pairwise(moments)]
    assert 0.35 < sum(gap < 3 for gap in gaps) / len(gaps) < 0.75
    assert sum(gap == 0 for gap in gaps) == 0


def test_half_of_those_who_give_up_do_so_at_once(year: Year) -> None:
    progress = [float(row["progress"]) for row in year.watch_history]
    given_up = [value for value in progress if value < 90]
    assert 0.25 < len(given_up) / len(progress) < 0.45
    assert 0.42 < sum(value < 5 for value in given_up) / len(given_up) < 0.58
    finished = [value for value in progress if value >= 90]
    assert statistics.mean(finished) > 98


def test_tastes_can_be_found(year: Year) -> None:
    """The genre that somebody watched most in the first half of their viewings takes much of the second half."""
    genres = {row["content_id"]: row["genre"] for row in year.content}
    of_all = Counter(genres[row["content_id"]] for row in year.watch_history)
    gains, found = 0.0, 0
    for viewings in of_each(year.watch_history, "user_id").values():
        if len(viewings) >= 40:
            watched = [genres[row["content_id"]] for row in viewings]
            middle = len(watched) // 2
            (best, _), *_ = Counter(watched[:middle]).most_common(1)
            gains += watched[middle:].count(best) / (len(watched) - middle) / (of_all[best] / of_all.total())
            found += 1
    assert gains / found > 2.5


def test_about_one_in_twenty_cancels_in_a_month(year: Year) -> None:
    paid = {(row["user_id"], row["payment_date"].month) for row in year.payment_history}
    stayed = [(user, month + 1) in paid for user, month in paid if month < 12]
    assert 0.93 < sum(stayed) / len(stayed) < 0.965
    again = sum((user, month + 1) not in paid and (user, month + 2) in paid for user, month in paid if month < 11)
    assert again > 0
    months = of_each(year.payment_history, "user_id")
    changed = sum(len({row["subscription_id"] for row in payments}) > 1 for payments in months.values())
    assert 0.03 < changed / len(year.users) < 0.2


def test_payments_are_on_the_day_of_sign_up(year: Year) -> None:
    joined = {row["user_id"]: row["created_at"] for row in year.users}
    for user, payments in of_each(year.payment_history, "user_id").items():
        dates = [row["payment_date"] for row in payments]
        assert dates == sorted(dates)
        assert len({(date.year, date.month) for date in dates}) == len(dates)
        assert dates[0].date() == joined[user].date()
        for date in dates:
            assert date.day == min(joined[user].day, calendar.monthrange(date.year, date.month)[1])


def test_payments_are_the_price_of_the_plan_which_rises_once(year: Year) -> None:
    now = {row["subscription_id"]: row["price"] for row in year.subscriptions}
    rises = set()
    for plan, payments in of_each(year.payment_history, "subscription_id").items():
        in_order = sorted(payments, key=lambda row: row["payment_date"])
        prices = [(price, list(group)) for price, group in groupby(in_order, key=lambda row: row["amount"])]
        (before, _), (after, later) = prices
        assert before < after == now[plan]
        rises.add(later[0]["payment_date"].date())
    assert max(rises) - min(rises) < timedelta(7)


def test_who_has_cancelled_has_no_plan_and_does_not_watch(year: Year) -> None:
    months = of_each(year.payment_history, "user_id")
    watched = of_each(year.watch_history, "user_id")
    gone = 0
    for user in year.users:
        last = months[user["user_id"]][-1]
        month_ends = last["payment_date"] + timedelta(31)
        if user["subscription_id"] is None:
            gone += 1
            assert month_ends < END + timedelta(31)
            assert all(row["watched_at"] < month_ends for row in watched.get(user["user_id"], []))
        else:
            assert user["subscription_id"] == last["subscription_id"]
            assert month_ends > END
    assert 0.1 < gone / len(year.users) < 0.4


def test_some_methods_are_more_common(year: Year) -> None:
    methods = Counter(row["method"] for row in year.payment_history)
    assert len(methods) >= 4
    assert methods.most_common()[0][1] > 5 * methods.most_common()[-1][1]


def test_reviews_are_of_what_was_watched(year: Year) -> None:
    first: dict[tuple[int, int], datetime] = {}
    for row in year.watch_history:
        if row["progress"] >= 90:
            first.setdefault((row["user_id"], row["content_id"]), row["watched_at"])
    assert len({(row["user_id"], row["content_id"]) for row in year.reviews}) == len(year.reviews)
    for row in year.reviews:
        assert row["reviewed_at"] - first[row["user_id"], row["content_id"]] > timedelta(minutes=10)


def test_ratings_are_quality_and_bias_and_noise(year: Year) -> None:
    critics = {row["content_id"]: row["rating"] for row in year.content if row["rating"] is not None}
    pairs = [
        (float(critics[row["content_id"]]), float(row["rating"]))
        for row in year.reviews
        if row["content_id"] in critics
    ]
    assert 0.45 < statistics.correlation(*zip(*pairs, strict=True)) < 0.9
    # What two ratings by one user have in common beyond the titles' quality.
    residuals = [
        [float(row["rating"] - critics[row["content_id"]]) for row in reviews if row["content_id"] in critics]
        for reviews in of_each(year.reviews, "user_id").values()
    ]
    twos = [(values[0], values[1]) for values in residuals if len(values) > 1]
    assert 0.15 < statistics.correlation(*zip(*twos, strict=True)) < 0.6


def test_words_fit_the_rating(year: Year) -> None:
    with_words = [row for row in year.reviews if row["review_text"]]
    assert 0.3 < len(with_words) / len(year.reviews) < 0.5
    texts = Counter(row["review_text"] for row in with_words)
    assert len(texts) > 0.4 * len(with_words)
    # No text goes with a bad and with a good rating.
    rated = of_each(with_words, "review_text").values()
    assert not [
        rows for rows in rated if min(row["rating"] for row in rows) < 5 < 6.5 < max(row["rating"] for row in rows)
    ]
    assert len({script(text) for text in texts}) >= 3


def test_nothing_is_before_its_time(year: Year) -> None:
    joined = {row["user_id"]: row["created_at"] for row in year.users}
    released = {row["content_id"]: row["release_year"] for row in year.content}
    for row in year.watch_history:
        assert joined[row["user_id"]] <= row["watched_at"] < END
        assert released[row["content_id"]] <= row["watched_at"].year
    for column, found in {"reviewed_at": year.reviews, "payment_date": year.payment_history}.items():
        assert all(joined[row["user_id"]] <= row[column] < END for row in found)
    assert all(BEGIN <= moment < END for moment in joined.values())
    assert max(released.values()) <= 2025


def test_names_are_of_several_scripts(year: Year) -> None:
    assert {"LATIN", "CJK", "HANGUL", "DEVANAGARI"} <= {script(row["name"]) for row in year.users}
    assert len({script(row["title"]) for row in year.content}) >= 4
    assert len({row["title"] for row in year.content}) == len(year.content)
    assert len({row["name"] for row in year.users}) > 0.9 * len(year.users)


def script(text: str) -> str:
    """Return the script of the first letter, by its name in Unicode."""
    import unicodedata

    return unicodedata.name(next(char for char in text if char.isalpha())).split()[0]


def test_genres_fit_the_types(year: Year) -> None:
    types: dict[str, set[str]] = {}
    for row in year.content:
        types.setdefault(row["content_type"], set()).add(row["genre"])
    assert set(types) == {"movie", "series", "documentary", "other"}
    assert "Drama" in types["movie"] & types["series"]
    assert not types["documentary"] & types["series"]
    assert all(len(genres) > 1 for genres in types.values())
    assert all(row["release_year"] > 1900 for row in year.content)


def test_addresses_are_examples(year: Year) -> None:
    addresses = [row["email"] for row in year.users]
    assert len(set(addresses)) == len(addresses)
    domains = Counter(address.rpartition("@")[2] for address in addresses)
    assert set(domains) == {"example.com", "example.org", "example.net"}
    assert all(address.isascii() and address == address.lower() and " " not in address for address in addresses)


def test_it_goes_on_all_year(year: Year) -> None:
    def months(found: list[Row], column: str) -> Counter[int]:
        return Counter(row[column].month for row in found)

    joined = months(year.users, "created_at")
    assert len(joined) == 12
    assert joined[1] > 2 * joined[8]
    watched = months(year.watch_history, "watched_at")
    assert len(watched) == 12
    assert watched[12] > watched[2]
