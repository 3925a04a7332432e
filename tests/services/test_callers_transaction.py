"""Services in a transaction of the caller's: given its cursor in the place of the Database."""

from uuid import UUID

import pytest
from sample import CALLS, comparable, dump, execute, fill

import services
from services import AlreadyExists, InvalidValue, NotFound, StillInUse
from toolkit.database import IDEMPOTENT, Cursor, Database, run_transaction


@pytest.mark.parametrize("name", CALLS)
def test_each_service_does_the_same_as_by_itself(db: Database, name: str) -> None:
    service, arguments = getattr(services, name), CALLS[name]
    alone = comparable(service(db, **arguments))
    fill(db)
    inside = run_transaction(db, lambda cursor: service(cursor, **arguments), IDEMPOTENT)
    assert comparable(inside) == alone


def test_all_of_them_or_none(db: Database) -> None:
    def sign_up(cursor: Cursor) -> UUID:
        services.create_user(cursor, user_id=7, name="Cleo", email="cleo@example.com", subscription_id=2)
        services.start_watching(cursor, user_id=7, content_id=1, watch_id=UUID(int=7))
        return services.process_payment(cursor, user_id=7, method="card", payment_id=UUID(int=7))["payment_id"]

    def sign_up_in_vain(cursor: Cursor) -> None:
        sign_up(cursor)
        services.get_content(cursor, content_id=99)

    before = dump(db)
    with pytest.raises(NotFound):
        run_transaction(db, sign_up_in_vain, IDEMPOTENT)
    assert dump(db) == before
    assert run_transaction(db, sign_up, IDEMPOTENT) == UUID(int=7)
    assert services.get_user(db, user_id=7)["plan"] == "Premium"
    assert (
        len(services.watch_history(db, user_id=7)["items"]) == len(services.list_payments(db, user_id=7)["items"]) == 1
    )
    assert run_transaction(db, sign_up, IDEMPOTENT) == UUID(int=7), "the same keys again"
    assert execute(db, "SELECT count(*) FROM payment_history WHERE user_id = 7") == [(1,)]


def test_what_is_refused_is_named_and_the_transaction_goes_on(db: Database) -> None:
    def work(cursor: Cursor) -> None:
        services.update_user(cursor, user_id=1, name="Anna")
        with pytest.raises(AlreadyExists, match="email = ben@"):
            services.create_user(cursor, name="Cleo", email="ben@example.com")
        with pytest.raises(NotFound, match="content has no row with content_id = 99"):
            services.start_watching(cursor, user_id=1, content_id=99)
        with pytest.raises(InvalidValue, match="reviews_rating_range"):
            services.review_content(cursor, user_id=1, content_id=1, rating=11)
        with pytest.raises(StillInUse) as raised:
            services.remove_subscription(cursor, subscription_id=1)
        assert raised.value.uses == {"users": 1, "payment_history": 1}
        services.change_plan(cursor, user_id=1, subscription_id=2)

    run_transaction(db, work, IDEMPOTENT)
    user = services.get_user(db, user_id=1)
    assert (user["name"], user["plan"]) == ("Anna", "Premium")


def test_a_conflict_in_a_service_runs_all_of_it_again(db: Database) -> None:
    names = []

    def work(cursor: Cursor) -> None:
        names.append(services.get_user(cursor, user_id=1)["name"])
        if len(names) == 1:
            services.update_user(db, user_id=1, name="Anna")  # somebody else, in a transaction of their own
        services.update_user(cursor, user_id=1, name=names[-1] + " B.")

    run_transaction(db, work, IDEMPOTENT)
    assert names == ["Ann", "Anna"]
    assert services.get_user(db, user_id=1)["name"] == "Anna B."


def test_the_callers_cursor_reads_as_before(db: Database) -> None:
    def work(cursor: Cursor) -> list[type]:
        found = []
        for _ in range(2):
            cursor.execute("SELECT watch_id, watched_at FROM watch_history")
            found += [type(value) for value in cursor.fetchall()[0]]
            services.watch_history(cursor, user_id=1)
        return found

    types = run_transaction(db, work)
    assert types[:2] == types[2:]
