"""The people of a generated year: their names and addresses, and when they sign up. Statistics of the files alone."""

import re
import statistics
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

from generated import Row, Year, generate, read

from simulation.addresses import Addresses
from simulation.names import Person


def from_there(year: Year, country: str) -> list[Row]:
    return [row for row in year.users if row["country"] == country]


def test_some_names_are_frequent(year: Year) -> None:
    """One Korean in five is a Kim, and Smith is the first of the American names, with no more than some percent."""
    koreans = Counter(row["name"][0] for row in from_there(year, "KR"))
    assert [name for name, _ in koreans.most_common(2)] == ["김", "이"]
    assert 0.15 < koreans["김"] / koreans.total() < 0.4
    americans = Counter(row["name"].split()[-1] for row in from_there(year, "US"))
    assert "Smith" in dict(americans.most_common(3))
    assert 0.02 < americans["Smith"] / americans.total() < 0.07
    of_all = statistics.mean(americans.values())
    assert statistics.pvariance(americans.values()) > 3 * of_all  # equally frequent ones would have no more than that


def test_most_canadians_have_english_names(year: Year) -> None:
    canadians = from_there(year, "CA")
    english = {row["name"].split()[0] for row in from_there(year, "US")}
    assert 0.6 < statistics.mean(row["name"].split()[0] in english for row in canadians) < 0.95


def test_addresses_are_spelled_as_people_do(year: Year) -> None:
    koreans = Counter(
        word for row in from_there(year, "KR") for word in re.findall("[a-z]+", row["email"].partition("@")[0])
    )
    assert koreans["kim"] + koreans["lee"] + koreans["park"] > 20
    assert not koreans.keys() & {"gim", "bag"}
    assert not [row for row in from_there(year, "KR") if re.search("yeong|hyeon|sug", row["email"])]
    germans = [row for row in from_there(year, "DE") if re.search("[äöüÄÖÜ]", row["name"].split()[-1])]
    spelled = [row for row in germans if re.search("[aou]e", row["email"].partition("@")[0])]
    assert len(spelled) > 0.6 * len(germans) > 0


def test_a_number_takes_the_place_of_one_that_is_taken() -> None:
    """Nobody puts a second one behind it."""
    addresses, rng = Addresses(1_000), Random(1)
    made = [addresses.address(Person("Ann Lee", "ann", "lee"), rng) for _ in range(300)]
    assert len(set(made)) == 300
    assert not [address for address in made if re.search(r"\d{5}", address)]


def sign_ups(year: Year, month: int, day: int, days: int) -> list[int]:
    """Return how many sign up on each of some days."""
    counted = Counter(row["created_at"].date() for row in year.users)
    begin = datetime(2025, month, day, tzinfo=timezone.utc).date()
    return [counted[begin + timedelta(number)] for number in range(days)]


def test_users_are_numbered_as_they_sign_up(year: Year) -> None:
    moments = [row["created_at"] for row in sorted(year.users, key=lambda row: row["user_id"])]
    assert moments == sorted(moments)


def test_days_differ_by_chance(year: Year) -> None:
    """Within working weeks without a campaign the variance is about the mean, as of all that happens by chance."""
    scatter = []
    for week in range(8, 46):
        if week not in range(23, 29):  # the summer campaign
            days = sign_ups(year, 1, 6, 365)[7 * week : 7 * week + 5]
            scatter.append(statistics.variance(days) / statistics.mean(days))
    assert 0.6 < statistics.mean(scatter) < 2.5


def test_campaigns_have_a_shape(tmp_path: Path) -> None:
    """More on the first and the last day, and on Fridays, and fewer in the weeks after than in the weeks before."""
    (tmp_path / "profile.toml").write_text(
        "viewings.per_user = 1\nviewings.winter = 0\n[subscribers]\nnoise = 0\nreleases = 0\nweekend = 1\nlaunch = 0\n"
        '[[campaigns]]\nbegins = "05-01"\ndays = 46\nsign_ups = 6\nchurn = 1'
    )
    generate(tmp_path / "made", "--users", "8000", "--profile", str(tmp_path / "profile.toml"))
    year = read(tmp_path / "made")
    first, *days, last = sign_ups(year, 5, 1, 46)
    fridays = days[0::7]  # 2 May is one
    others = [count for number, count in enumerate(days) if number % 7]
    assert statistics.mean(fridays) > 1.4 * statistics.mean(others)
    assert min(first, last) > 1.2 * statistics.mean(others)
    assert sum(sign_ups(year, 6, 16, 40)) < 0.92 * sum(sign_ups(year, 3, 20, 40))


def test_evenings_are_earlier_in_utc_while_clocks_are_ahead(year: Year) -> None:
    def evening(countries: set[str], months: set[int]) -> float:
        users = {row["user_id"] for row in year.users if row["country"] in countries}
        hours = [
            row["watched_at"].hour + row["watched_at"].minute / 60
            for row in year.watch_history
            if row["user_id"] in users and row["watched_at"].month in months
        ]
        return float(statistics.median(hours))

    winter, summer = {1, 2, 11, 12}, {5, 6, 7, 8}
    ahead = {"DE", "ES", "FR", "GB", "IT", "NL", "PL", "SE"}
    assert 0.6 < evening(ahead, winter) - evening(ahead, summer) < 1.4
    assert -0.5 < evening({"JP", "KR", "TW"}, winter) - evening({"JP", "KR", "TW"}, summer) < 0.5
