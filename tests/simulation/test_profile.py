"""Profiles: the figures of the model can be changed, one by one, and an impossible one is named."""

import statistics
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from generated import Year, generate, of_each, read

from simulation.profile import load

PLAN = '[[plans]]\nname = "A"\nshare = 1\nfeatures = {}\nprices = [1.99]'
HIT = '[[hits]]\ntitle = "The \\"Long\\" Night"\nday = 181\nshare = 0.3\ncontent_type = "movie"'


def made(folder: Path, profile: str, *arguments: str) -> Year:
    """Return what is generated with a profile."""
    file = folder / "profile.toml"
    file.write_text(profile, "utf-8")
    done = generate(folder / "made", "--users", "1000", "--profile", str(file), *arguments)
    assert done.returncode == 0, done.stderr
    return read(folder / "made")


def test_the_defaults_are_a_profile(tmp_path: Path) -> None:
    printed = generate(tmp_path / "nothing", "--print-profile")
    assert printed.returncode == 0
    assert not (tmp_path / "nothing").exists()
    made(tmp_path, printed.stdout)
    generate(tmp_path / "plain", "--users", "1000")
    for file in (tmp_path / "plain").iterdir():
        assert (tmp_path / "made" / file.name).read_bytes() == file.read_bytes()


def test_titles_and_viewings(tmp_path: Path) -> None:
    year = made(tmp_path, "titles.count = 70\nviewings.per_user = 4.5\nreviews.per_user = 0")
    assert len(year.content) == 70
    assert len(year.watch_history) / 1000 == pytest.approx(4.5, abs=0.3)
    assert year.reviews == []


def test_no_viewings(tmp_path: Path) -> None:
    year = made(tmp_path, "viewings.per_user = 0")
    assert year.watch_history == year.reviews == []
    assert len(year.payment_history) > 3_500


@pytest.mark.parametrize(("churn", "stay"), [(0, 1.0), (0.3, 0.7)])
def test_churn(churn: float, stay: float, tmp_path: Path) -> None:
    year = made(tmp_path, f"[subscribers]\nchurn = {churn}\ncomeback = 0")
    stayed = []
    for payments in of_each(year.payment_history, "user_id").values():
        last = payments[-1]["payment_date"].date()
        stayed += [True] * (len(payments) - 1) + [False] * (last < date(2025, 11, 10))
    assert sum(stayed) / len(stayed) == pytest.approx(stay, abs=0.04)


def test_what_cannot_be_reached_is_told(tmp_path: Path) -> None:
    def told(profile: str) -> str:
        (tmp_path / "profile.toml").write_text(profile)
        arguments = ("--users", "40", "--days", "60", "--force", "--profile", str(tmp_path / "profile.toml"))
        done = generate(tmp_path / "made", *arguments)
        assert done.returncode == 0
        return done.stderr

    assert "viewings.per_user = 6000 was not reached, it is" in told("viewings.per_user = 6000")
    assert "reviews.per_user = 25 was not reached, it is" in told("reviews.per_user = 25")
    assert "was not reached" not in told("viewings.per_user = 5\nreviews.per_user = 0.2")


def test_churn_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text("subscribers.churn = 1\nchurn.title = 0\nchurn.inactivity = 90")
    done = generate(tmp_path / "made", "--users", "400", "--seed", "2", "--profile", str(tmp_path / "profile.toml"))
    assert "subscribers.churn = 1 was not reached, it is 0." in done.stderr


def test_plans_and_prices(tmp_path: Path) -> None:
    year = made(
        tmp_path,
        """
        [[plans]]
        name = "Семья"
        share = 0.2
        prices = [20]
        features = {screens = 6}
        [[plans]]
        name = "Single"
        share = 0.8
        prices = [7.5, 8.49]
        features = {}
        """,
    )
    assert [row["name"] for row in year.subscriptions] == ["Семья", "Single"]
    assert [str(row["price"]) for row in year.subscriptions] == ["20.00", "8.49"]
    assert year.subscriptions[0]["features"] == {"screens": 6}
    amounts = Counter(str(row["amount"]) for row in year.payment_history)
    assert set(amounts) == {"20.00", "7.50", "8.49"}
    assert 0.1 < amounts["20.00"] / amounts.total() < 0.35


def test_a_hit_starts_on_its_day(tmp_path: Path) -> None:
    year = made(tmp_path, HIT)
    (hit,) = [row for row in year.content if row["title"] == 'The "Long" Night']
    days = Counter(row["watched_at"].date() for row in year.watch_history if row["content_id"] == hit["content_id"])
    of_all = Counter(row["watched_at"].date() for row in year.watch_history)
    begin = date(2025, 6, 30)
    assert min(days) == begin
    shares = [days[day] / of_all[day] for day in (begin + timedelta(number) for number in range(180))]
    assert 0.1 < statistics.mean(shares[:3]) < 0.4
    assert statistics.mean(shares[:10]) > 4 * statistics.mean(shares[-60:])


@pytest.mark.parametrize("strength", [0, 1])
def test_tastes_can_be_turned_off(strength: int, tmp_path: Path) -> None:
    year = made(tmp_path, f"[tastes]\nstrength = {strength}")
    genres = {row["content_id"]: row["genre"] for row in year.content}
    of_all = Counter(genres[row["content_id"]] for row in year.watch_history)
    gains = []
    for viewings in of_each(year.watch_history, "user_id").values():
        # Episodes of one story say nothing about tastes: one viewing of each title counts.
        watched = [genres[title] for title in dict.fromkeys(row["content_id"] for row in viewings)]
        if len(watched) >= 12:
            middle = len(watched) // 2
            (best, _), *_ = Counter(watched[:middle]).most_common(1)
            gains.append(watched[middle:].count(best) / (len(watched) - middle) / (of_all[best] / of_all.total()))
    assert len(gains) > 100
    if strength:
        assert statistics.mean(gains) > 1.5
    else:
        assert statistics.mean(gains) < 1.2


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("[titles]\nexponant = 1", "titles.exponant: there is no such figure; did you mean titles.exponent?"),
        ("[title]\ncount = 1", "title: there is no such figure; did you mean titles?"),
        ("churns = 0.1", "churns: there is no such figure; did you mean churn?"),
        ("churn = 0.1", "churn: expected a table of figures, got 0.1"),
        ("titles = 5", "titles: expected a table of figures, got 5"),
        ("[subscribers]\nchurn = 1.5", "subscribers.churn: expected a number from 0 to 1, got 1.5"),
        ("[subscribers]\nchurn = nan", "subscribers.churn: expected a number from 0 to 1, got NaN"),
        ("[subscribers]\nchurn = true", "subscribers.churn: expected a number from 0 to 1, got true"),
        ('[titles]\ncount = "many"', 'titles.count: expected a whole number from 0 to 1,000,000, got "many"'),
        ("[titles]\ncount = 1.5", "titles.count: expected a whole number from 0 to 1,000,000, got 1.5"),
        ("[viewings]\nearly_quits = 0.6\nlater_quits = 0.6", "viewings.early_quits and viewings.later_quits"),
        ("plans = []", "plans: none has a share"),
        ("plans = 3", "plans: expected tables that begin with [[plans]]"),
        (PLAN.replace("prices", "price"), "plans[1].prices: this figure is missing"),
        (PLAN.replace("1.99", "1.999"), "plans[1].prices: expected a list of prices"),
        (PLAN.replace("1.99", "0"), "plans[1].prices: expected a list of prices"),
        (PLAN.replace("A", " "), "plans[1].name: expected a text"),
        (PLAN.replace("{}", "1"), "plans[1].features: expected a table"),
        (HIT.replace("181", "400"), "hits[1].day: 400 is after the last day, 365"),
        (HIT.replace("movie", "song"), "hits[1].content_type: expected one of movie"),
        (
            '[[campaigns]]\nbegins = "02-30"',
            'campaigns[1].begins: expected a month and day such as "11-24", got "02-30"',
        ),
        ("campaigns = 1", "campaigns: expected tables that begin with [[campaigns]]"),
        (HIT + "\nstart = 1", "hits[1].start: there is no such figure"),
        ("[titles", "is not TOML"),
    ],
)
def test_an_impossible_figure_is_named(profile: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(profile, "utf-8")
    done = generate(tmp_path / "made", "--profile", str(file))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "made").exists()


def test_a_profile_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = generate(tmp_path / "made", "--profile", str(tmp_path / "missing.toml"))
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {tmp_path}/missing.toml cannot be read: No such file or directory\n",
    )


def test_the_bounds_of_figures_are_allowed(tmp_path: Path) -> None:
    """Also where the number has no exact float."""
    (tmp_path / "profile.toml").write_text("titles.lasting = 0.01\nviewings.weekend = 0.1\nhits = []")
    assert load(tmp_path / "profile.toml").titles.lasting == 0.01
