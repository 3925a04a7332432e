"""A generated year."""

import pytest
from generated import Year, generate, read


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    """A year of 4,000 users, with a seed of its own."""
    folder = tmp_path_factory.mktemp("year")
    done = generate(folder, "--users", "4000", "--seed", "2", "--force")
    assert done.returncode == 0, done.stderr
    return read(folder)
