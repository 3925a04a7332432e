"""schema.sql on a real server: each of its constraints, defaults and references."""

import re
import uuid

import psycopg2
import psycopg2.extensions
import pytest
from psycopg2 import errors
from schema_files import execute

from toolkit.database import Database, catalog, run_transaction

BITES = [
    ("INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'x', 1)", "subscriptions_pkey"),
    ("INSERT INTO subscriptions (name, price) VALUES ('Basic', 1)", "subscriptions_name_key"),
    ("INSERT INTO subscriptions (name, price) VALUES ('x', -0.01)", "subscriptions_price_range"),
    ("INSERT INTO subscriptions (name, price) VALUES ('x', 'NaN')", "subscriptions_price_range"),
    ("INSERT INTO users (user_id, name, email) VALUES (1, 'x', 'x')", "users_pkey"),
    ("INSERT INTO users (name, email) VALUES ('x', 'ann@example.com')", "users_email_key"),
    ("INSERT INTO users (name, email, subscription_id) VALUES ('x', 'x', 9)", "users_subscription_id_fkey"),
    ("INSERT INTO users (name, email) VALUES ('x', ' x')", "users_email_trimmed"),
    ("INSERT INTO users (name, email) VALUES ('x', e'x\\t')", "users_email_trimmed"),
    ("UPDATE users SET country = 'de'", "users_country_code"),
    ("UPDATE users SET country = 'DEU'", "users_country_code"),
    ("UPDATE users SET country = e'DE\\n'", "users_country_code"),
    ("DELETE FROM subscriptions WHERE subscription_id = 1", "subscription_id_fkey"),
    ("INSERT INTO content (content_id, title, content_type) VALUES (1, 'x', 'movie')", "content_pkey"),
    ("INSERT INTO content (title, content_type) VALUES ('x', 'opera')", "content_type_known"),
    ("UPDATE content SET rating = -0.1", "content_rating_range"),
    ("UPDATE content SET rating = 10.1", "content_rating_range"),
    ("UPDATE content SET duration_minutes = 0", "content_duration_minutes_positive"),
    ("UPDATE content SET episodes = 0", "content_episodes_positive"),
    ("INSERT INTO watch_history (watch_id, user_id, content_id) SELECT watch_id, 2, 1 FROM watch_history",
     "watch_history_pkey"),
    ("UPDATE watch_history SET user_id = 9", "watch_history_user_id_fkey"),
    ("UPDATE watch_history SET content_id = 9", "watch_history_content_id_fkey"),
    ("UPDATE watch_history SET progress = -0.01", "watch_history_progress_range"),
    ("UPDATE watch_history SET progress = 100.01", "watch_history_progress_range"),
    ("UPDATE watch_history SET episode = 0", "watch_history_episode_positive"),
    ("INSERT INTO reviews (review_id, user_id, content_id, rating) SELECT review_id, 2, 1, 5 FROM reviews",
     "reviews_pkey"),
    ("INSERT INTO reviews (user_id, content_id, rating) VALUES (1, 1, 5)", "reviews_user_id_content_id_key"),
    ("UPDATE reviews SET user_id = 9", "reviews_user_id_fkey"),
    ("UPDATE reviews SET content_id = 9", "reviews_content_id_fkey"),
    ("UPDATE reviews SET rating = -0.1", "reviews_rating_range"),
    ("UPDATE reviews SET rating = 10.1", "reviews_rating_range"),
    ("INSERT INTO payment_history (payment_id, subscription_id, amount, method) "
     "SELECT payment_id, 1, 1, 'x' FROM payment_history", "payment_history_pkey"),
    ("UPDATE payment_history SET user_id = 9", "payment_history_user_id_fkey"),
    ("UPDATE payment_history SET subscription_id = 9", "payment_history_subscription_id_fkey"),
    ("UPDATE payment_history SET amount = 0", "payment_history_amount_range"),
    ("UPDATE payment_history SET amount = 'NaN'", "payment_history_amount_range"),
    ("UPDATE payment_history SET payer_id = 2", "payment_history_payer_is_user"),
]  # fmt: skip


def test_each_constraint_bites(filled: Database) -> None:
    for statement, constraint in BITES:
        with pytest.raises(psycopg2.IntegrityError) as caught:
            execute(filled, statement)
        assert (caught.value.diag.constraint_name or "").endswith(constraint), statement


def test_no_constraint_is_left_out_above(database: Database) -> None:
    live = run_transaction(database, catalog.read)
    assert {constraint for _, constraint in BITES if constraint != "subscription_id_fkey"} == {
        name for table in live.values() for name in table.constraints
    }


def test_required_columns(filled: Database) -> None:
    live = run_transaction(filled, catalog.read)
    optional = {
        "users.subscription_id",
        "users.country",
        "content.genre",
        "content.release_year",
        "content.rating",
        "content.duration_minutes",
        "content.episodes",
        "watch_history.episode",
        "reviews.review_text",
        "payment_history.user_id",
        "payment_history.payer_id",
    }
    for table in live.values():
        for column in table.columns:
            if f"{table.name}.{column}" in optional:
                execute(filled, f"UPDATE {table.name} SET {column} = NULL")
            else:
                with pytest.raises(errors.NotNullViolation):
                    execute(filled, f"UPDATE {table.name} SET {column} = NULL")


def test_infinity_is_no_price_and_no_amount(filled: Database) -> None:
    """A column of PostgreSQL with two decimals has no infinity, and CockroachDB's CHECK refuses it."""
    for statement in ("UPDATE subscriptions SET price = 'Infinity'", "UPDATE payment_history SET amount = 'Infinity'"):
        with pytest.raises((errors.CheckViolation, errors.NumericValueOutOfRange)):
            execute(filled, statement)


def test_deleting_a_user_keeps_the_payments_and_who_paid(filled: Database) -> None:
    execute(filled, "UPDATE payment_history SET payer_id = user_id")
    execute(filled, "DELETE FROM users WHERE user_id = 1")
    assert execute(filled, "SELECT user_id, payer_id, amount::TEXT FROM payment_history") == [(None, 1, "9.99")]
    assert execute(filled, "SELECT (SELECT count(*) FROM watch_history), (SELECT count(*) FROM reviews)") == [(0, 0)]


def test_deleting_content_deletes_its_history_and_reviews(filled: Database) -> None:
    execute(filled, "DELETE FROM content WHERE content_id = 1")
    assert execute(filled, "SELECT (SELECT count(*) FROM watch_history), (SELECT count(*) FROM reviews)") == [(0, 0)]


def test_a_plan_that_was_only_paid_for_cannot_be_deleted_either(filled: Database) -> None:
    execute(filled, "UPDATE users SET subscription_id = NULL")
    with pytest.raises(errors.ForeignKeyViolation):
        execute(filled, "DELETE FROM subscriptions WHERE subscription_id = 1")
    execute(filled, "DELETE FROM subscriptions WHERE subscription_id = 2")


def test_defaults(database: Database) -> None:
    execute(
        database,
        """
        INSERT INTO subscriptions (name, price) VALUES ('Basic', 0);
        INSERT INTO users (name, email) VALUES ('Ann', 'ann@example.com');
        INSERT INTO content (title, content_type) VALUES ('Deep Water', 'movie');
        INSERT INTO watch_history (user_id, content_id) SELECT user_id, content_id FROM users, content;
        INSERT INTO reviews (user_id, content_id, rating) SELECT user_id, content_id, 10 FROM users, content;
        INSERT INTO payment_history (subscription_id, amount, method) SELECT subscription_id, 1, '' FROM subscriptions
        """,
    )
    assert execute(database, "SELECT subscription_id > 0, features::TEXT FROM subscriptions") == [(True, "{}")]
    assert execute(database, "SELECT user_id > 0, subscription_id, now() - created_at < '1h' FROM users") == [
        (True, None, True)
    ]
    assert execute(database, "SELECT content_id > 0 FROM content") == [(True,)]
    assert execute(database, "SELECT progress, now() - watched_at < '1h' FROM watch_history") == [(0, True)]
    assert execute(database, "SELECT now() - reviewed_at < '1h' FROM reviews") == [(True,)]
    assert execute(database, "SELECT now() - payment_date < '1h' FROM payment_history") == [(True,)]
    keys = [
        key
        for name, table in (("watch_id", "watch_history"), ("review_id", "reviews"), ("payment_id", "payment_history"))
        for key in execute(database, f"SELECT {name}::TEXT FROM {table}")
    ]
    assert {uuid.UUID(key).version for (key,) in keys} == {4}
    assert len(set(keys)) == 3


def test_numbers_keep_their_decimals(filled: Database) -> None:
    execute(filled, "UPDATE watch_history SET progress = 33.33; UPDATE subscriptions SET price = 99999999.99")
    assert execute(filled, "SELECT progress::TEXT FROM watch_history") == [("33.33",)]
    assert execute(filled, "SELECT DISTINCT price::TEXT FROM subscriptions") == [("99999999.99",)]


def test_the_two_queries_everyone_starts_with(filled: Database) -> None:
    assert execute(
        filled,
        "SELECT u.name, u.email, s.name AS subscription "
        "FROM users u JOIN subscriptions s ON u.subscription_id = s.subscription_id;",
    ) == [("Ann", "ann@example.com", "Basic")]
    rows = execute(
        filled,
        "SELECT r.review_text, r.rating, u.name AS user "
        "FROM reviews r JOIN users u ON r.user_id = u.user_id WHERE r.content_id = 1;",
    )
    assert [(text, float(rating), name) for text, rating, name in rows] == [("Good", 8.0, "Ann")]


def test_each_foreign_key_has_an_index(database: Database) -> None:
    live = run_transaction(database, catalog.read)
    for table in live.values():
        starts = [re.findall(r"\w+", text.partition("(")[2]) for text in table.indexes.values()]
        starts = [[word for word in start if word not in ("ASC", "DESC")] for start in starts]
        for key in table.foreign_keys:
            assert any(tuple(start[: len(key.columns)]) == key.columns for start in starts), key.name
