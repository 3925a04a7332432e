"""Each query of queries.sql answers what Python computes from the same rows."""

import json
from contextlib import closing
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from answers import EXPECTED, Parameters, expected
from documents import PROJECT
from platform_year import Rows, typed
from platforms import Platform, run

from toolkit.queries import read_queries

QUERIES = read_queries(PROJECT / "queries.sql")
# They ask for what few users have: titles in their genres that they have not seen, plans changed, payments missed.
MAY_BE_EMPTY = {"unseen_in_favourite_genres", "overdue_payments", "plan_changes", "price_rises", "find_content"}

# Each period with what it tries: a whole year, a leap day's month, parts of months and days, across the change of the
# clocks, a month without a payment, before the first row, after the last.
PERIODS = [
    ("2024-01-01", "2025-01-01"),
    ("2024-02-01", "2024-03-01"),
    ("2024-03-05T06:30", "2024-04-20T17:45"),
    ("2024-09-01", "2024-11-01"),
    ("2022-01-01", "2022-03-01"),
    ("2023-12-15", "2026-02-01"),
]


def having(*parameters: str) -> list[str]:
    """Return the names of the queries that have one of these parameters."""
    return [name for name, query in QUERIES.items() if set(parameters) & set(query.defaults)]


def test_every_query_has_its_figures() -> None:
    assert set(QUERIES) == set(EXPECTED)


@pytest.mark.parametrize("name", QUERIES)
def test_with_its_own_parameters(name: str, platform: Platform) -> None:
    query = QUERIES[name]
    given = platform.parameters(query)
    answer = expected(name, platform.rows, given)
    assert answer or name in MAY_BE_EMPTY, "a question without an answer shows nothing"
    assert platform.answer(query, given) == answer


@pytest.mark.parametrize("name", having("limit"))
def test_with_all_rows(name: str, platform: Platform) -> None:
    given = platform.parameters(QUERIES[name], limit=100_000, sample=100_000)
    assert platform.answer(QUERIES[name], given) == expected(name, platform.rows, given)


@pytest.mark.parametrize(("since", "until"), PERIODS)
@pytest.mark.parametrize("name", having("until"))
def test_in_other_periods(name: str, since: str, until: str, platform: Platform) -> None:
    given = platform.parameters(QUERIES[name], since=since, until=until, limit=25)
    assert platform.answer(QUERIES[name], given) == expected(name, platform.rows, given)


@pytest.mark.parametrize("name", having("user_id", "content_id"))
def test_for_other_users_and_titles(name: str, platform: Platform) -> None:
    for column, keys in (("user_id", platform.users), ("content_id", platform.titles)):
        for key in keys if column in QUERIES[name].defaults else []:
            given = platform.parameters(QUERIES[name], **{column: key}, limit=300)
            assert platform.answer(QUERIES[name], given) == expected(name, platform.rows, given), key


def test_groups_that_are_too_small_are_left_out(platform: Platform) -> None:
    name = "users_against_critics"
    lengths = []
    for least in (1, 4, 5, 30):  # of our own, two titles have four reviews
        given = platform.parameters(QUERIES[name], min_reviews=least)
        found = platform.answer(QUERIES[name], given)
        assert found == expected(name, platform.rows, given)
        lengths.append(len(found))
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[-1]


@pytest.mark.parametrize("name", QUERIES)
def test_the_time_zone_of_the_shell_changes_nothing(name: str, platform: Platform) -> None:
    """The clocks of New York change within the period and within the one before."""
    given = platform.parameters(QUERIES[name], since="2024-02-20", until="2024-03-25")
    with platform.connection.cursor() as cursor:
        cursor.execute("SET timezone TO 'America/New_York'")
        cursor.execute(*QUERIES[name].bind(given))
        there = cursor.fetchall()
    assert there == platform.answer(QUERIES[name], given)


@pytest.mark.usefixtures("database")
def test_on_an_empty_database(url: str) -> None:
    tables = ("subscriptions", "users", "content", "watch_history", "reviews", "payment_history")
    assert_all(url, {table: [] for table in tables})


def test_on_the_sample_data_as_they_stand(url: str) -> None:
    """What is pasted is what is tested, and shows something."""
    run("streaming_services.py", "--url", url)
    run("insert_data.py", "--url", url)
    document = json.loads((PROJECT / "test_data.json").read_text(), parse_float=Decimal)
    empty = assert_all(url, {table: [typed(table, row) for row in rows] for table, rows in document.items()})
    assert empty == {"unseen_in_favourite_genres", "price_rises"}  # one title of each genre, and no price rose


def assert_all(url: str, rows: Rows) -> set[str]:
    """Run each query as it stands in the file; return the names of those whose answer is empty."""
    empty = set()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone TO 'UTC'")
        for name, query in QUERIES.items():
            cursor.execute(query.text)
            found = cursor.fetchall()
            assert found == expected(name, rows, as_python(query.defaults)), name
            if not found:
                empty.add(name)
    return empty


def as_python(defaults: Any) -> Parameters:
    found: Parameters = {}
    for name, value in defaults.items():
        found[name] = int(value) if isinstance(value, Decimal) else value
        if name in ("since", "until") and value:
            found[name] = datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=timezone.utc)
    return found
