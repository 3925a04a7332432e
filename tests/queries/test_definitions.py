"""What the figures mean: a few payments and viewings, and what each query makes of them, worked out by hand."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from documents import PROJECT
from platforms import run

from toolkit.queries import read_queries

QUERIES = read_queries(PROJECT / "queries.sql")
JAN, FEB, MAR, APR = (date(2024, month, 1) for month in (1, 2, 3, 4))

# January to March, and April until the 9th. Who paid what, in the order of the months; Cy leaves in February and is
# back in March, Di has deleted their account in February, Ed comes in February. Basic costs 6 from March on.
PLATFORM = """
    INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'Basic', 6), (2, 'Premium', 10);
    INSERT INTO users (user_id, name, email, subscription_id, created_at, country) VALUES
        (1, 'Ann', 'ann@example.com', 1, '2024-01-01 08:00Z', 'DE'),
        (2, 'Ben', 'ben@example.com', 2, '2024-01-01 08:00Z', 'DE'),
        (3, 'Cy', 'cy@example.com', 1, '2024-01-05 08:00Z', 'KR'),
        (5, 'Ed', 'ed@example.com', 1, '2024-02-03 08:00Z', NULL),
        (6, 'Fay', 'fay@example.com', NULL, '2024-04-05 08:00Z', 'KR');
    INSERT INTO payment_history (payment_id, user_id, payer_id, subscription_id, amount, method, payment_date) VALUES
        (gen_random_uuid(), 1, 1, 1, 5, 'card', '2024-01-02Z'), (gen_random_uuid(), 1, 1, 1, 5, 'card', '2024-02-01Z'),
        (gen_random_uuid(), 1, 1, 1, 5, 'card', '2024-02-29Z'), (gen_random_uuid(), 1, 1, 1, 6, 'card', '2024-03-30Z'),
        (gen_random_uuid(), 2, 2, 1, 5, 'card', '2024-01-02Z'), (gen_random_uuid(), 2, 2, 2, 10, 'card', '2024-02-02Z'),
        (gen_random_uuid(), 2, 2, 2, 10, 'card', '2024-03-02Z'),
        (gen_random_uuid(), 2, 2, 2, 10, 'card', '2024-04-02Z'),
        (gen_random_uuid(), 3, 3, 1, 5, 'card', '2024-01-06Z'), (gen_random_uuid(), 3, 3, 1, 6, 'card', '2024-03-06Z'),
        (gen_random_uuid(), NULL, 4, 2, 10, 'card', '2024-01-10Z'),
        (gen_random_uuid(), 5, 5, 1, 5, 'card', '2024-02-04Z');
    INSERT INTO content (content_id, title, content_type, rating, duration_minutes) VALUES
        (1, 'Series', 'series', 7, 30), (2, 'Film', 'movie', 8, 120), (3, 'Short', 'movie', 5, NULL);
    INSERT INTO watch_history (user_id, content_id, watched_at, progress) VALUES
        (1, 1, '2024-01-31 20:00Z', 100), (1, 1, '2024-01-31 20:30Z', 100), (1, 1, '2024-01-31 21:00Z', 90),
        (1, 2, '2024-01-31 21:30Z', 4), (2, 2, '2024-01-31 12:00Z', 50), (2, 1, '2024-01-31 16:00Z', 100),
        (2, 1, '2024-01-31 20:00:01Z', 89.99), (5, 2, '2024-02-09 08:00Z', 100), (3, 3, '2024-01-12 08:00:01Z', 100),
        (6, 1, '2024-04-09 08:00Z', 100);
    INSERT INTO reviews (user_id, content_id, rating) VALUES (1, 1, 7.5), (2, 1, 8), (1, 2, 2), (5, 3, 5.2);
"""
PERIOD = {"since": "2024-01-01 00:00Z", "until": "2024-04-10 00:00Z"}


@pytest.fixture(scope="module")
def connection(module_url: str) -> Iterator[Any]:
    run("streaming_services.py", "--no-compare", "--url", module_url)
    connected = psycopg2.connect(module_url)
    connected.autocommit = True
    connected.cursor().execute(PLATFORM)
    yield connected
    connected.close()


def ask(connection: Any, name: str, **values: Any) -> list[tuple[Any, ...]]:
    query = QUERIES[name]
    cursor = connection.cursor()
    cursor.execute(*query.bind({key: value for key, value in {**PERIOD, **values}.items() if key in query.defaults}))
    return list(cursor.fetchall())


def test_recurring_revenue(connection: Any) -> None:
    """Ann pays twice in February, which is no rise. Of April nothing is said: it is not over."""
    assert ask(connection, "recurring_revenue_by_month") == [
        # month, recurring, new, reactivated, expansion, contraction, churned, of each subscriber
        (JAN, Decimal(25), Decimal(25), 0, 0, 0, 0, Decimal("6.25")),
        (
            FEB,
            Decimal(20),
            Decimal(5),
            0,
            Decimal(5),
            0,
            Decimal(-15),
            Decimal("6.67"),
        ),  # Ben from 5 to 10; Cy (5) and Di (10) gone
        (
            MAR,
            Decimal(22),
            0,
            Decimal(6),
            Decimal(1),
            0,
            Decimal(-5),
            Decimal("7.33"),
        ),  # Cy is back, Ann pays 1 more, Ed is gone
    ]


def test_churn_counts_who_deleted_their_account(connection: Any) -> None:
    """Of four payers of January, two are gone in February: Cy, and Di, of whom no user is left."""
    assert ask(connection, "subscribers_by_month") == [
        (JAN, 4, 4, 0, 4, None),
        (FEB, 3, 1, 2, -1, Decimal("50.0")),
        (MAR, 3, 1, 1, 0, Decimal("33.3")),
        (APR, 1, 0, None, None, None),
    ]


def test_retention(connection: Any) -> None:
    assert ask(connection, "retention_cohorts") == [
        (JAN, 4, 0, 4, Decimal("100.0")),
        (JAN, 4, 1, 2, Decimal("50.0")),
        (JAN, 4, 2, 3, Decimal("75.0")),
        (FEB, 1, 0, 1, Decimal("100.0")),
        (FEB, 1, 1, 0, Decimal("0.0")),
    ]


def test_churn_by_tenure(connection: Any) -> None:
    """In their first month: the four of January, two of whom left, and Ed, who left. In their second: Ann and Ben."""
    assert ask(connection, "churn_by_tenure") == [("1", 5, 3, Decimal("60.0")), ("2", 2, 0, Decimal("0.0"))]


def test_churn_and_value_by_plan(connection: Any) -> None:
    """Basic: Ann, Ben, Cy in January, Ann and Ed in February, each 5; Cy and Ed left: 2.5 months of 5."""
    assert ask(connection, "churn_by_plan") == [
        ("Basic", 5, 2, Decimal("40.0"), Decimal("5.00"), Decimal("2.5"), Decimal("12.50")),
        ("Premium", 2, 1, Decimal("50.0"), Decimal("10.00"), Decimal("2.0"), Decimal("20.00")),  # Di left, Ben stayed
    ]


def test_what_a_rise_did(connection: Any) -> None:
    """Basic rose in March, for Ann, who stays, and Ed, who leaves. In February one of its three left."""
    assert ask(connection, "price_rises") == [
        (MAR, "Basic", Decimal(5), Decimal(6), 2, 1, 0, 1, Decimal("50.0"), Decimal("33.3"))
    ]


def test_plan_changes(connection: Any) -> None:
    assert ask(connection, "plan_changes") == [("Basic", "Premium", 1)]


def test_activation(connection: Any) -> None:
    """Cy watched a second after seven days. Fay signed up five days before the end, so nobody can say yet."""
    assert ask(connection, "sign_ups_by_month") == [
        (JAN, 3, 0, Decimal("0.0"), 3),
        (FEB, 1, 1, Decimal("100.0"), 4),
        (MAR, 0, 0, None, 4),
        (APR, 1, 1, None, 5),
    ]


def test_stickiness(connection: Any) -> None:
    """In January three viewers on 3 of 31 days each watched once: 3 / 31 a day, of 3."""
    assert ask(connection, "active_viewers_by_month")[:2] == [
        (JAN, 3, Decimal("0.1"), Decimal("3.2")),
        (FEB, 1, Decimal("0.0"), Decimal("3.4")),
    ]
    assert ask(connection, "active_viewers_by_month")[3] == (APR, 1, None, None)


def test_hours(connection: Any) -> None:
    """January: 2.9 + 1 + 0.8999 times half an hour, 0.54 of the film's two; the short's length is not known."""
    assert ask(connection, "hours_watched_by_month")[0] == (JAN, Decimal("3.5"), Decimal("1.2"), 8, 1)


def test_binges(connection: Any) -> None:
    """Ann saw three of the series in a sitting. Ben's third sitting began a second too late for the second."""
    assert ask(connection, "binges_by_month")[0] == (JAN, 4, 1, 1, Decimal("25.0"))


def test_completion(connection: Any) -> None:
    """Finished is 90 percent and more: of the series five of six."""
    assert ask(connection, "completion_by_title", min_viewings=3) == [
        (1, "Series", 6, Decimal("83.3"), Decimal("0.0"), Decimal("96.7")),
        (2, "Film", 3, Decimal("33.3"), Decimal("33.3"), Decimal("51.3")),
    ]


def test_countries(connection: Any) -> None:
    """Di's payment is of no country: their account is gone."""
    assert ask(connection, "countries") == [
        ("DE", 2, 2, Decimal(56), 2, 7),
        ("KR", 2, 1, Decimal(11), 2, 2),
        ("(unknown)", 1, 1, Decimal(5), 1, 1),
    ]


def test_ratings(connection: Any) -> None:
    """The series has 7 and 7.75, the film 8 and 2, the short 5 and 5.2."""
    assert ask(connection, "ratings_density") == [
        (Decimal("5.0"), Decimal("5.0"), 1, 1, 1),
        (Decimal("7.0"), Decimal("7.5"), 1, 1, 2),
        (Decimal("8.0"), Decimal("2.0"), 1, 0, 1),
    ]


def test_a_month_compares_with_the_month_before(connection: Any) -> None:
    """March has 31 days and February 29: each has one payment of each subscriber (and two of Ann)."""
    found = {row[0]: row[1:3] for row in ask(connection, "headline_figures", since="2024-03-01Z", until="2024-04-01Z")}
    assert found["subscribers"] == (3, 3)
    assert found["revenue"] == (22, 25)
    assert found["revenue per subscriber"] == (Decimal("7.33"), Decimal("8.33"))


def test_mistakes_in_dates_are_counted_and_left_out(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("BEGIN")
    try:
        cursor.execute(
            "INSERT INTO payment_history (user_id, payer_id, subscription_id, amount, method, payment_date)"
            " SELECT 1, 1, 1, 6, 'card', '2024-03-01Z'::TIMESTAMPTZ + i * INTERVAL '1 hour'"
            " FROM generate_series(1, 100) AS g (i)"
        )
        cursor.execute("UPDATE payment_history SET payment_date = '2062-05-01Z' WHERE payer_id = 4")
        cursor.execute(
            "INSERT INTO users (name, email, created_at) VALUES ('Gil', 'gil@example.com', '0044-03-15 BC'),"
            " ('Hal', 'hal@example.com', 'infinity'), ('Ida', 'ida@example.com', '9999-01-01Z')"
        )
        assert ask(connection, "days_of_data") == [
            (date(2024, 1, 1), date(2024, 4, 9), date(2024, 4, 9), date(2024, 4, 2), 0, 1, 3)
        ]
    finally:
        cursor.execute("ROLLBACK")
