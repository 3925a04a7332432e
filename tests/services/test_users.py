"""Users: with their plan, in pages, and deleted."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sample import all_pages, execute

from services import (
    AlreadyExists,
    NotFound,
    change_plan,
    create_user,
    delete_user,
    get_user,
    get_user_by_email,
    list_users,
    update_user,
)
from toolkit.database import Database

UTC = timezone.utc


def test_a_user_comes_with_their_plan(db: Database) -> None:
    before = datetime.now(UTC) - timedelta(minutes=5)
    user = create_user(db, name="Cleo", email="cleo@example.com", subscription_id=2)
    assert user["created_at"] > before
    assert user["created_at"].utcoffset() == timedelta(0)
    assert (user["plan"], user["price"], user["features"]) == ("Premium", Decimal("15.99"), {"streams": 4})
    assert get_user(db, user_id=user["user_id"]) == get_user_by_email(db, email="cleo@example.com") == user
    alone = change_plan(db, user_id=user["user_id"], subscription_id=None)
    assert (alone["subscription_id"], alone["plan"], alone["price"], alone["features"]) == (None, None, None, None)
    assert update_user(db, user_id=user["user_id"], name="Cleopatra") == {**alone, "name": "Cleopatra"}


def test_a_deleted_user_leaves_payments_only(db: Database) -> None:
    delete_user(db, user_id=1)
    assert execute(db, "SELECT count(*) FROM watch_history") == [(0,)]
    assert execute(db, "SELECT count(*) FROM reviews") == [(0,)]
    assert execute(db, "SELECT user_id, payer_id, amount FROM payment_history") == [(None, 1, Decimal("8.99"))]


def test_pages_neither_miss_nor_repeat_a_user(db: Database) -> None:
    for number in range(10, 15):
        create_user(db, name="Same", email=f"{number}@example.com", user_id=number)
    first = list_users(db, limit=3)
    create_user(db, name="Early", email="early@example.com", user_id=-1)
    delete_user(db, user_id=first["items"][-1]["user_id"])
    rest = list_users(db, after=first["next"])
    assert [user["user_id"] for user in first["items"]] == [1, 2, 10]
    assert [user["user_id"] for user in rest["items"]] == [11, 12, 13, 14]
    assert [len(page) for page in all_pages(list_users, db, limit=7)] == [7]
    assert [len(page) for page in all_pages(list_users, db, limit=3)] == [3, 3, 1]


def test_an_email_is_one_account_however_it_is_written(db: Database) -> None:
    user = create_user(db, name="Cleo", email=" Cleo.X@Example.com\n")
    assert user["email"] == "cleo.x@example.com"
    for spelling in ("cleo.x@example.com", "CLEO.X@EXAMPLE.COM", "\tcleo.x@Example.com "):
        with pytest.raises(AlreadyExists) as raised:
            create_user(db, name="Cleo", email=spelling)
        assert raised.value.key == {"email": spelling}
        assert get_user_by_email(db, email=spelling) == user
        with pytest.raises(AlreadyExists):
            update_user(db, user_id=1, email=spelling)
    assert update_user(db, user_id=1, email="ANN@example.com")["email"] == "ann@example.com"
    assert create_user(db, name="Ä", email="Ä.İ@x")["email"] == "Ä.İ@x", "letters beyond ASCII are not ours to compare"


def test_an_email_of_a_fixture_is_found_as_it_is_written(db: Database) -> None:
    execute(db, "INSERT INTO users (user_id, name, email) VALUES (7, 'Gus', 'Gus@Example.com')")
    assert get_user_by_email(db, email="Gus@Example.com ")["user_id"] == 7
    with pytest.raises(NotFound):
        get_user_by_email(db, email="gus@example.com")
    create_user(db, name="Gus", email="gus@example.com", user_id=8)
    assert get_user_by_email(db, email="gus@example.com")["user_id"] == 8
    assert get_user_by_email(db, email="Gus@Example.com")["user_id"] == 7


def test_a_country_is_kept_and_taken_back(db: Database) -> None:
    assert create_user(db, name="Cleo", email="cleo@x", country="EG", user_id=7)["country"] == "EG"
    assert update_user(db, user_id=7, name="Cleopatra")["country"] == "EG"
    assert update_user(db, user_id=7, country=None)["country"] is None
