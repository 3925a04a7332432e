"""A generated year."""

import pytest
from generated import Year, generate, read

NO_REASONS = """
campaigns = []
[titles]
quality = 0
age = 0
word_of_mouth = 0
home = 0
[viewings]
rewatch = 0
honeymoon = 0
winter = 0
holidays = 0
releases = 0
[reviews]
extremes = 0
[subscribers]
weekend = 1
releases = 0
trade_down = 0
plan_by_activity = 0
[churn]
first_months = 0
inactivity = 0
fading = 0
price = 0
failure = 0
title = 1
[payments]
trials = 0
unpaid = 0
"""


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    """A year of 4,000 users, with a seed of its own."""
    folder = tmp_path_factory.mktemp("year")
    done = generate(folder, "--users", "4000", "--seed", "2", "--force")
    assert done.returncode == 0, done.stderr
    return read(folder)


@pytest.fixture(scope="session")
def without(tmp_path_factory: pytest.TempPathFactory) -> Year:
    """The same year without reasons."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "profile.toml").write_text(NO_REASONS)
    done = generate(folder / "made", "--users", "4000", "--seed", "2", "--profile", str(folder / "profile.toml"))
    assert done.returncode == 0, done.stderr
    return read(folder / "made")
