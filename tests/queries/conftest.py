"""Two platforms to ask: a year that simulate.py generates, and one of our own with what a life seldom brings."""

from collections.abc import Iterator

import psycopg2
import pytest
from platform_year import made_year, read, written
from platforms import Platform, chosen, run


@pytest.fixture(scope="module", params=["generated", "borders"])
def platform(
    request: pytest.FixtureRequest, module_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """Some 20,000 viewings. Tests read only."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "generated":
        run("simulate.py", "generate", "--users", "700", "--out", str(folder / "year"))
        folder = folder / "year"
    else:
        written(made_year(), folder)
    run("streaming_services.py", "--reset", "--yes", "--url", module_url)
    run("insert_data.py", str(folder), "--url", module_url)
    rows = read(folder)
    assert len(rows["watch_history"]) > 15_000
    connection = psycopg2.connect(module_url)
    connection.autocommit = True
    yield Platform(
        connection,
        rows,
        2025 if request.param == "generated" else 2024,
        *(chosen(rows, column) for column in ("user_id", "content_id")),
    )
    connection.close()
