"""A generated year looks like a life: each sentence of docs/simulation.md about it, by a statistic of the files alone.

Bounds are wide enough for other seeds and sizes: what is measured is the sentence, not the generator's figures.
"""

import math
import statistics
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise

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
    assert 4 < len(year.payment_history) / users < 8


def test_popularity_is_a_power_law(year: Year) -> None:
    """With an exponent a little below 1 from the head to the tail: the first ten have a third of all, and more."""
    counts = sorted(Counter(row["content_id"] for row in year.watch_history).values(), reverse=True)
    assert 0.07 < counts[0] / sum(counts) < 0.16
    assert 0.34 < sum(counts[:10]) / sum(counts) < 0.46
    assert 0.66 < sum(counts[:50]) / sum(counts) < 0.78
    for top, least, most in ((50, 0.74, 1.0), (100, 0.78, 1.0), (len(counts), 0.8, 1.08)):
        points = [(math.log(rank), math.log(count)) for rank, count in enumerate(counts[:top], 1)]
        assert least < -slope(points) < most
        assert statistics.correlation(*zip(*points, strict=True)) < -0.9


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
    assert 0.22 < len(given_up) / len(progress) < 0.4
    assert 0.42 < sum(value < 5 for value in given_up) / len(given_up) < 0.58
    finished = [value for value in progress if value >= 90]
    assert 95 < statistics.mean(finished) < 99
    assert 0.3 < sum(value == 100 for value in finished) / len(finished) < 0.6
    assert min(finished) < 91
    assert max(value for value in progress if value < 90) > 89


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
    assert gains / found > 1.8


def test_plans_are_changed_by_one_step_mostly(year: Year) -> None:
    steps = Counter(
        abs(later["subscription_id"] - earlier["subscription_id"])
        for payments in of_each(year.payment_history, "user_id").values()
        for earlier, later in pairwise(payments)
    )
    assert 0.005 < (steps.total() - steps[0]) / steps.total() < 0.04
    assert steps[1] > 5 * (steps[2] + steps[3]) > 0


def test_payments_are_once_a_month_about_the_day_of_sign_up(year: Year) -> None:
    joined = {row["user_id"]: row["created_at"] for row in year.users}
    gaps, hours, on_day = [], Counter[int](), 0
    for user, payments in of_each(year.payment_history, "user_id").items():
        moments = [row["payment_date"] for row in payments]
        assert moments == sorted(moments)
        assert moments[0] >= joined[user]
        gaps += [(later - earlier).days for earlier, later in pairwise(moments)]
        hours.update(moment.hour for moment in moments[1:])
        on_day += sum(moment.day == joined[user].day for moment in moments[1:])
    assert min(gaps) > 20
    assert sum(gap < 36 for gap in gaps) / len(gaps) > 0.95
    assert 0.3 < on_day / len(gaps) < 0.9
    assert len(hours) == 24


def test_payments_are_the_price_of_the_plan_which_rises_once(year: Year) -> None:
    now = {row["subscription_id"]: row["price"] for row in year.subscriptions}
    for plan, payments in of_each(year.payment_history, "subscription_id").items():
        before, after = sorted({row["amount"] for row in payments})
        assert after == now[plan]
        last = max(row["payment_date"] for row in payments if row["amount"] == before)
        first = min(row["payment_date"] for row in payments if row["amount"] == after)
        assert last - first < timedelta(9)  # some are late


def test_who_has_cancelled_has_no_plan_and_does_not_watch(year: Year) -> None:
    months = of_each(year.payment_history, "user_id")
    watched = of_each(year.watch_history, "user_id")
    gone = 0
    for user in year.users:
        number = user["user_id"]
        last = months[number][-1]["payment_date"] if number in months else user["created_at"]
        if user["subscription_id"] is None:
            gone += 1
            assert all(row["watched_at"] < last + timedelta(33) for row in watched.get(number, []))
        elif number in months:
            assert last + timedelta(42) > END
            assert user["subscription_id"] == months[number][-1]["subscription_id"] or last + timedelta(20) < END
    assert 0.2 < gone / len(year.users) < 0.5


def test_some_sign_ups_never_pay(year: Year) -> None:
    """Trials that are not paid for, and others. Looked at are those who have had the time to pay."""
    months = of_each(year.payment_history, "user_id")
    early = [row for row in year.users if row["created_at"] < END - timedelta(45)]
    first = [months[row["user_id"]][0]["payment_date"] - row["created_at"] for row in early if row["user_id"] in months]
    never = 1 - len(first) / len(early)
    converted = sum(gap > timedelta(25) for gap in first) / len(early)
    assert 0.08 < never < 0.2
    assert 0.45 < converted / (converted + never - 0.02) < 0.7
    assert sum(gap < timedelta(1) for gap in first) / len(first) > 0.7


def test_some_methods_are_more_common_and_some_people_change_theirs(year: Year) -> None:
    methods = Counter(row["method"] for row in year.payment_history)
    assert len(methods) >= 4
    assert methods.most_common()[0][1] > 5 * methods.most_common()[-1][1]
    months = of_each(year.payment_history, "user_id").values()
    changed = sum(len({row["method"] for row in payments}) > 1 for payments in months)
    assert 0.02 < changed / len(months) < 0.12


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
    whole = statistics.mean(row["rating"] == int(row["rating"]) for row in year.reviews)
    assert 0.65 < whole < 0.85
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
    assert len(texts) > 0.9 * len(with_words)
    assert max(texts.values()) < 0.01 * len(with_words)
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
    assert all(domain.endswith(("example.com", "example.org", "example.net")) for domain in domains)
    assert max(domains.values()) > 5 * min(domains.values())
    assert sum(address.partition("@")[0][-1].isdigit() for address in addresses) / len(addresses) < 0.5
    assert sum("." in address.partition("@")[0] for address in addresses) / len(addresses) > 0.3
    assert all(address.isascii() and address == address.lower() and " " not in address for address in addresses)


def test_it_goes_on_all_year(year: Year) -> None:
    def months(found: list[Row], column: str) -> Counter[int]:
        return Counter(row[column].month for row in found)

    joined = months(year.users, "created_at")
    assert len(joined) == 12
    assert joined[1] > 2 * joined[8]
    watched = months(year.watch_history, "watched_at")
    assert len(watched) == 12
    assert watched[12] > watched[7]


def test_countries_go_with_names(year: Year) -> None:
    countries = Counter(row["country"] for row in year.users)
    assert countries["US"] == max(countries.values())
    assert len(countries) > 15
    assert {script(row["name"]) for row in year.users if row["country"] == "KR"} == {"HANGUL"}


def test_titles_have_durations_and_series_have_episodes(year: Year) -> None:
    content = {row["content_id"]: row for row in year.content}
    assert all(10 < row["duration_minutes"] < 200 for row in year.content)
    assert all((row["episodes"] is not None) == (row["content_type"] == "series") for row in year.content)
    for row in year.watch_history:
        episodes = content[row["content_id"]]["episodes"]
        assert 1 <= row["episode"] <= episodes if episodes else row["episode"] is None
