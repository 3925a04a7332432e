"""A report of the sample data, and a browser to look at pages with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, NO_BROWSER, browser
from reports import PROJECT, run_report, run_script


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not CHROMIUM:
        pytest.skip(NO_BROWSER)
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def sample(module_url: str) -> str:
    """The URL of a database with the sample data."""
    run_script(module_url, "streaming_services.py", "--no-compare")
    run_script(module_url, "insert_data.py", str(PROJECT / "test_data.json"))
    return module_url


@pytest.fixture(scope="module")
def report(sample: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample data, with a section about user 2."""
    return run_report(sample, tmp_path_factory.mktemp("report"), "--user", "2")
