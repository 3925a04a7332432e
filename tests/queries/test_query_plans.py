"""The queries read of the large tables what they are about, by an index, and not the whole table."""

import re
from collections.abc import Iterator

import pytest
from documents import PROJECT
from platforms import Platform
from query_plans import gather_statistics, plan, whole_tables

from toolkit.database import Database
from toolkit.queries import read_queries

QUERIES = read_queries(PROJECT / "queries.sql")
LARGE = {"watch_history", "payment_history", "reviews"}
# These are about all rows of a table. An index that has all that they ask for is read instead.
ABOUT_ALL_ROWS = {
    "recurring_revenue_by_month": "payment_history",
    "price_rises": "payment_history",
    "churn_by_tenure": "payment_history",
    "churn_by_plan": "payment_history",
    "retention_cohorts": "payment_history",
    "ratings_density": "reviews",
    "users_against_critics": "reviews",
    "subscribers_by_plan": "users",
}
ABOUT_USERS_OF_A_PERIOD = ["days_of_data", "headline_figures", "overdue_payments", "sign_ups_by_month"]


@pytest.fixture(scope="module")
def database(module_url: str, platform: Platform) -> Iterator[Database]:  # noqa: ARG001 - it has to be loaded
    database = Database(module_url)
    gather_statistics(database)
    yield database
    database.close()


def statement(name: str, platform: Platform) -> str:
    """Return a query about a month of the year, one user and one title, with its values in place."""
    query = QUERIES[name]
    # Two hundred viewers are a small part of a real platform, but of these 700 users nearly a third.
    ordinary = {"user_id": platform.users[2], "content_id": platform.titles[2], "sample": 20}
    given = platform.parameters(query, since="2024-06-01", until="2024-07-01", **ordinary)
    with platform.connection.cursor() as cursor:
        return str(cursor.mogrify(*query.bind(given)).decode())


@pytest.mark.parametrize("name", [name for name in QUERIES if name not in ABOUT_ALL_ROWS])
def test_no_large_table_is_read_whole(name: str, platform: Platform, database: Database) -> None:
    text = statement(name, platform)
    assert not whole_tables(database, text) & LARGE, plan(database, text)


@pytest.mark.parametrize(("name", "table"), ABOUT_ALL_ROWS.items())
def test_an_index_serves_where_all_rows_are_asked_for(
    name: str, table: str, platform: Platform, database: Database
) -> None:
    """PostgreSQL takes the table where that costs less; forbidden, it needs nothing but the index."""
    shown = plan_by_index(database, statement(name, platform))
    assert re.search(rf"Index Only Scan(?: Backward)? using \w+_idx on {table}|{table}@\w+_idx", shown), shown
    assert not re.search(rf"Seq Scan on {table}|{table}@(?:primary|\w+_pkey)", shown), shown


@pytest.mark.parametrize("name", ABOUT_USERS_OF_A_PERIOD)
def test_users_of_a_period_are_read_from_the_index_on_their_time(
    name: str, platform: Platform, database: Database
) -> None:
    """Their names are looked up by the primary key, of as many as are shown."""
    shown = plan_by_index(database, statement(name, platform))
    assert re.search(r"Index Only Scan(?: Backward)? using users_created_at_idx|users@users_created_at_idx", shown), (
        shown
    )
    assert not re.search(r"Seq Scan on users|users@(?:primary|users_pkey)(?:(?!@)[\s\S])*?FULL SCAN", shown), shown


def test_users_are_looked_up_by_their_keys(platform: Platform, database: Database) -> None:
    shown = plan_by_index(database, statement("top_users", platform))
    assert re.search(r"users_pkey|lookup join[\s\S]*users@primary", shown), shown


def plan_by_index(database: Database, text: str) -> str:
    """Return the plan where an index is to serve: PostgreSQL would take a table that is as small as these at once."""
    connection = database.connect()
    with connection.cursor() as cursor:
        if connection.get_parameter_status("crdb_version") is None:
            cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {text}")
        shown = "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())
    connection.close()
    return shown


def test_a_query_without_an_index_is_noticed(database: Database) -> None:
    assert whole_tables(database, "SELECT count(*) FROM watch_history WHERE progress = 7") & LARGE
