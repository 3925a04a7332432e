"""The services used by many at once, with conflicts that really happen."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

from sample import VIEWING, execute

from services import (
    AlreadyExists,
    NotFound,
    StillInUse,
    add_subscription,
    change_plan,
    create_user,
    delete_user,
    get_subscription,
    get_user,
    list_reviews,
    list_subscriptions,
    log_progress,
    process_payment,
    remove_subscription,
    review_content,
    start_watching,
    update_subscription,
)
from services.row_types import Payment
from toolkit.database import Database

SECONDS = 3.0


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same moment, each in a thread; return their results, or the Failures that they raised."""
    barrier = threading.Barrier(len(calls))

    def attempt(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except (NotFound, AlreadyExists, StillInUse) as failure:
            return failure

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(attempt, calls))


def test_sixteen_threads_pay_with_one_payment_id(db: Database) -> None:
    for _ in range(5):
        key = uuid4()
        payments = at_once(*[partial(process_payment, db, user_id=1, method="card", payment_id=key)] * 16)
        assert payments == payments[:1] * 16
        assert execute(db, f"SELECT count(*) FROM payment_history WHERE payment_id = '{key}'") == [(1,)]
    print(f"16 threads paying with one payment id, five times: {db.retries} retries")


def test_plans_prices_and_payments_change_together(db: Database) -> None:
    """Each plan's price only rises, and each user's plan is changed by one thread: so each payment can be judged."""
    plans = [
        add_subscription(db, name=f"Plan {n}", price=1 + n, subscription_id=100 + n)["subscription_id"]
        for n in range(3)
    ]
    users = [create_user(db, name=f"u{n}", email=f"{n}@x", subscription_id=plans[0], user_id=100 + n) for n in range(6)]
    keys = [user["user_id"] for user in users]
    # Prices of plan n are n + 1 above a multiple of 10, so that a price tells its plan.
    asked = {plan: [Decimal(1 + number)] for number, plan in enumerate(plans)}
    done = {plan: prices[0] for plan, prices in asked.items()}
    last_plan = dict.fromkeys(keys, plans[0])
    payments: list[tuple[Payment, dict[int, Decimal]]] = []
    end = time.monotonic() + SECONDS

    def raise_prices(plan: int) -> None:
        while time.monotonic() < end:
            asked[plan].append(asked[plan][-1] + 10)
            assert update_subscription(db, subscription_id=plan, price=asked[plan][-1])["price"] == asked[plan][-1]
            done[plan] = asked[plan][-1]

    def change_plans(mine: list[int]) -> None:
        while time.monotonic() < end:
            user, plan = random.choice(mine), random.choice(plans)
            assert change_plan(db, user_id=user, subscription_id=plan)["subscription_id"] == plan
            last_plan[user] = plan

    def pay() -> None:
        while time.monotonic() < end:
            before = dict(done)
            payments.append((process_payment(db, user_id=random.choice(keys), method="card"), before))

    prices = [partial(raise_prices, plan) for plan in plans]
    at_once(*prices, partial(change_plans, keys[:3]), partial(change_plans, keys[3:]), pay, pay, pay)
    print(f"{len(payments)} payments, {sum(map(len, asked.values()))} prices: {db.retries} retries in {SECONDS} s")
    assert len(payments) > 20
    for payment, before in payments:
        plan = payment["subscription_id"]
        assert payment["amount"] in asked[plan], "an amount that never was the price of the plan"
        assert payment["amount"] >= before[plan], "a price older than the call"
    stored = execute(db, "SELECT payment_id, subscription_id, amount FROM payment_history WHERE user_id >= 100")
    returned = [(p["payment_id"], p["subscription_id"], p["amount"]) for p, _ in payments]
    assert sorted((str(key), *rest) for key, *rest in stored) == sorted((str(key), *rest) for key, *rest in returned)
    assert {plan: get_subscription(db, subscription_id=plan)["price"] for plan in plans} == done
    assert {user: get_user(db, user_id=user)["subscription_id"] for user in keys} == last_plan


def test_several_devices_log_their_progress(db: Database) -> None:
    positions = random.sample(range(36, 10_000), 80)

    def device(mine: list[int]) -> None:
        for position in mine:
            progress = Decimal(position) / 100
            assert log_progress(db, watch_id=VIEWING, progress=progress)["progress"] >= progress

    at_once(*(partial(device, positions[n::8]) for n in range(8)))
    print(f"8 devices logging progress: {db.retries} retries")
    assert execute(db, f"SELECT progress FROM watch_history WHERE watch_id = '{VIEWING}'") == [
        (max(Decimal("35.5"), Decimal(max(positions)) / 100),)
    ]


def test_users_are_deleted_while_they_watch(db: Database) -> None:
    for number in range(100, 106):
        create_user(db, name="x", email=f"{number}@x", subscription_id=1, user_id=number)
    gone: list[Any] = []
    over = threading.Event()

    def live(user: int) -> None:
        try:
            process_payment(db, user_id=user, method="card")
            while not over.wait(0.005):  # faster than anybody watches, and leaves the deletion a moment to get through
                viewing = start_watching(db, user_id=user, content_id=random.choice((1, 2)))
                log_progress(db, watch_id=viewing["watch_id"], progress=50)
                review_content(db, user_id=user, content_id=random.choice((1, 2)), rating=5)
        except NotFound as failure:
            gone.append(failure)

    def delete_them() -> None:
        try:
            for user in range(100, 106):
                time.sleep(0.05)
                delete_user(db, user_id=user)
            time.sleep(1)  # until everybody has noticed
        finally:
            over.set()

    at_once(*(partial(live, user) for user in range(100, 106)), delete_them)
    print(f"6 users deleted while they watch: {db.retries} retries")
    assert len(gone) == 6
    for table in ("users", "watch_history", "reviews"):
        assert execute(db, f"SELECT count(*) FROM {table} WHERE user_id >= 100") == [(0,)]
    assert execute(db, "SELECT count(*) FROM payment_history WHERE user_id >= 100") == [(0,)]


def test_one_of_many_gets_an_email(db: Database) -> None:
    results = at_once(*[partial(create_user, db, name="Cleo", email="cleo@example.com")] * 8)
    refused = [result for result in results if isinstance(result, AlreadyExists)]
    assert [result["email"] for result in results if result not in refused] == ["cleo@example.com"]
    assert {str(failure) for failure in refused} == {"users already has another row with email = cleo@example.com"}


def test_many_make_the_same_call_with_the_same_key(db: Database) -> None:
    results = at_once(*[partial(create_user, db, name="Cleo", email="cleo@example.com", user_id=9)] * 8)
    assert results == results[:1] * 8


def test_one_user_reviews_a_title_from_several_devices(db: Database) -> None:
    results = at_once(*(partial(review_content, db, user_id=2, content_id=2, rating=n) for n in range(8)))
    assert len({result["review_id"] for result in results}) == 1
    [review] = list_reviews(db, content_id=2)["items"]
    assert review in results


def test_a_plan_is_removed_while_users_change_to_it(db: Database) -> None:
    seen: set[str] = set()

    def change_soon(user: int, plan: int) -> Any:
        time.sleep(random.choice((0, 0.02)))
        return change_plan(db, user_id=user, subscription_id=plan)

    for number in range(20, 32):
        add_subscription(db, name=f"Plan {number}", price=1, subscription_id=number)
        removal = partial(remove_subscription, db, subscription_id=number)
        removed, *changed = at_once(removal, partial(change_soon, 1, number), partial(change_soon, 2, number))
        there = number in [plan["subscription_id"] for plan in list_subscriptions(db)]
        if there:
            assert isinstance(removed, StillInUse)
            assert 1 <= removed.uses["users"] <= 2
            assert [user["subscription_id"] for user in changed] == [number, number]
        else:
            assert removed["name"] == f"Plan {number}"
            assert all(isinstance(failure, NotFound) for failure in changed)
        seen.add("refused" if there else "removed")
    print(f"a plan removed while two users change to it: {sorted(seen)}, {db.retries} retries")
