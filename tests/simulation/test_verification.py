"""The proof finds whatever is done to what a run has written, and nothing else."""

import re
import time
from decimal import Decimal
from math import inf
from uuid import UUID

import pytest
from sample import execute
from traffic import Finished, off, run_ops

import services
from simulation.traffic.history import FAIL, INFO, OK, Call, History
from simulation.traffic.plans import PriceHistory
from simulation.traffic.run_ids import new_run_id
from simulation.traffic.server_clock import ServerClock
from simulation.traffic.user_histories import possible_states
from simulation.traffic.verdict import PROGRESS, REMOVED, REWRITTEN, Tally, Verdict
from simulation.traffic.verification import RunWrites, verify
from toolkit.database import Database, run_transaction
from toolkit.database.catalog import is_cockroachdb

VIEWING = "watch_id = (SELECT watch_id FROM watch_history WHERE right(watch_id::TEXT, 12) = '{run_id}' {more} LIMIT 1)"
REVIEW = (
    "review_id = (SELECT review_id FROM reviews "
    "WHERE right(review_id::TEXT, 12) = '{run_id}' AND user_id > 1000000 LIMIT 1)"
)
OTHERS_REVIEW = REVIEW.replace("user_id > 1000000", "user_id < 9")
PAYMENT = "payment_id = (SELECT payment_id FROM payment_history WHERE right(payment_id::TEXT, 12) = '{run_id}' LIMIT 1)"
MEMBER = "user_id = (SELECT user_id FROM users WHERE email LIKE '%.{run_id}@sim.example.com' LIMIT 1)"
MEMBERS_VIEWING = VIEWING.replace("{more}", "AND user_id > 1000000 AND progress < 99")

# What is done to the database, and what the proof says of it.
CORRUPTIONS = {
    "a viewing is lost": (f"DELETE FROM watch_history WHERE {VIEWING}", "viewings", "lost"),
    "a viewing is of another title": (
        f"UPDATE watch_history SET content_id = 3 - content_id WHERE {VIEWING}",
        "viewings",
        "wrong",
    ),
    "a viewing is of another time": (
        f"UPDATE watch_history SET watched_at = now() - INTERVAL '1 day' WHERE {VIEWING}",
        "viewings",
        "wrong",
    ),
    "a viewing that nobody began": (
        "INSERT INTO watch_history (watch_id, user_id, content_id) VALUES ('{key}', 1, 1)",
        "viewings",
        "unexpected",
    ),
    "progress goes back": (
        f"UPDATE watch_history SET progress = 0 WHERE {VIEWING.replace('{more}', 'AND progress > 0')}",
        "progress",
        "lost",
    ),
    "progress that nobody made": (
        f"UPDATE watch_history SET progress = 99.99 WHERE {MEMBERS_VIEWING}",
        "progress",
        "unexpected",
    ),
    "a review is lost": (f"DELETE FROM reviews WHERE {REVIEW}", "reviews", "lost"),
    "a review has another rating": (f"UPDATE reviews SET rating = 0.3 WHERE {REVIEW}", "reviews", "wrong"),
    "a review has other words": (f"UPDATE reviews SET review_text = 'no' WHERE {REVIEW}", "reviews", "wrong"),
    "a payment is lost": (f"DELETE FROM payment_history WHERE {PAYMENT}", "payments", "lost"),
    "a payment is made twice": (
        "INSERT INTO payment_history (payment_id, user_id, subscription_id, amount, method) "
        f"SELECT '{{key}}', user_id, subscription_id, amount, method FROM payment_history WHERE {PAYMENT}",
        "payments",
        "unexpected",
    ),
    "a payment is of another amount": (
        f"UPDATE payment_history SET amount = amount + 0.01 WHERE {PAYMENT}",
        "payments",
        "wrong",
    ),
    "a payment is for another plan": (
        f"UPDATE payment_history SET subscription_id = 1 WHERE {PAYMENT}",
        "payments",
        "wrong",
    ),
    "a payment is by another user": (
        f"UPDATE payment_history SET user_id = 1, payer_id = 1 WHERE {PAYMENT}",
        "payments",
        "wrong",
    ),
    "a user is lost": ("DELETE FROM users WHERE user_id = {member}", "users", "lost"),
    "a user has another name": (f"UPDATE users SET name = 'x' WHERE {MEMBER}", "users", "wrong"),
    "a user is on another plan": (f"UPDATE users SET subscription_id = 1 WHERE {MEMBER}", "users", "wrong"),
    "a user whom nobody signed up": (
        "INSERT INTO users (name, email) VALUES ('x', 'x.1.{run_id}@sim.example.com')",
        "users",
        "unexpected",
    ),
    "reviews are moved to another year": (
        f"UPDATE reviews SET reviewed_at = '1999-01-01' WHERE {OTHERS_REVIEW}",
        "reviews",
        "wrong",
    ),
    "a plan has another price": (
        "UPDATE subscriptions SET price = 0.01 WHERE name = 'Basic, simulation {run_id}'",
        "plans",
        "wrong",
    ),
}


@pytest.fixture
def finished(db: Database, url: str) -> Finished:
    """A run among eight users who were there before."""
    rows = "SELECT g, 'x', g::TEXT || '@example.com' FROM generate_series(3, 8) AS n (g)"
    execute(db, f"INSERT INTO users (user_id, name, email) {rows}")
    return run_ops(db, url, 500)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_each_corruption_is_found(finished: Finished, db: Database, corruption: str) -> None:
    statement, checker, kind = CORRUPTIONS[corruption]
    assert off(finished.verify()) == {}
    filled = statement.replace("{run_id}", finished.run_id).replace("{key}", str(finished.run_id.key()))
    # In a subquery CockroachDB v21.1 cannot plan it for a DELETE that cascades.
    ((member,),) = execute(db, f"SELECT user_id FROM users WHERE {MEMBER}".replace("{run_id}", finished.run_id))
    execute(db, filled.replace("{more}", "").replace("{member}", str(member)))
    tallies = finished.verify()
    found = off(tallies)
    assert found[checker][kind] >= 1
    if corruption != "a user is lost":  # what was theirs goes with them
        assert found == {checker: {kind: 1}}
    assert tallies[checker].examples


def test_a_deleted_user_who_is_back_is_found(finished: Finished, db: Database) -> None:
    deleted = next(e for j in finished.histories for e in j.read_calls() if e.operation == "delete" and e.outcome == OK)
    execute(db, f"INSERT INTO users (user_id, name, email) VALUES ({deleted.user}, 'x', 'x')")
    assert off(finished.verify())["deletions"] == {"lost": 1}


def test_a_payment_that_went_with_its_user_is_found(finished: Finished, db: Database) -> None:
    execute(db, "DELETE FROM payment_history WHERE user_id IS NULL")
    assert "lost" in off(finished.verify())["payments"]


def test_two_reviews_of_a_title_are_found(finished: Finished, db: Database) -> None:
    drop_constraint(db, "reviews", "reviews_user_id_content_id_key", is_index=True)
    copy = f"SELECT '{UUID(int=1)}', user_id, content_id, rating, review_text, reviewed_at FROM reviews WHERE {REVIEW}"
    columns = "review_id, user_id, content_id, rating, review_text, reviewed_at"
    execute(db, f"INSERT INTO reviews ({columns}) {copy}".replace("{run_id}", finished.run_id))
    assert off(finished.verify()) == {"reviews": {"wrong": 1}}


@pytest.mark.parametrize("gone", ["users", "content"])
def test_references_that_dangle_are_found(finished: Finished, db: Database, gone: str) -> None:
    key = {"users": "user_id", "content": "content_id"}[gone]
    for table in ("watch_history", "reviews"):
        drop_constraint(db, table, f"{table}_{key}_fkey")
    drop_constraint(db, "payment_history", "payment_history_user_id_fkey")
    watched = f"SELECT {key} FROM watch_history WHERE right(watch_id::TEXT, 12) = '{finished.run_id}' LIMIT 1"
    execute(db, f"DELETE FROM {gone} WHERE {key} = ({watched})")
    assert off(finished.verify())["viewings"]["unexpected"] >= 1


# For each table what is counted, and which of its rows is changed.
COLUMNS = {
    "users": ("users", "email LIKE '%.{run_id}@sim.example.com'"),
    "watch_history": ("viewings", "right(watch_id::TEXT, 12) = '{run_id}' AND user_id > 1000000 AND progress < 90"),
    # The last of them: there is none by the next user or of the next title, which is what they are changed to.
    "reviews": (
        "reviews",
        "right(review_id::TEXT, 12) = '{run_id}' AND user_id > 1000000 ORDER BY content_id DESC, user_id DESC",
    ),
    "payment_history": ("payments", "right(payment_id::TEXT, 12) = '{run_id}'"),
    "subscriptions": ("plans", "name LIKE '%, simulation {run_id}'"),
}
CHANGED = {
    "bigint": "coalesce({0}, 0) + 1",
    "numeric": "{0} + CASE WHEN {0} > 9 THEN -0.1 ELSE 0.1 END",
    "text": "CASE WHEN '{0}' = 'country' THEN 'XX' ELSE coalesce({0}, '') || 'x' END",
    "timestamp with time zone": "{0} - INTERVAL '1 second'",
    "uuid": "gen_random_uuid()",
    "jsonb": "'{{\"streams\": 9}}'",
}


def test_each_field_of_each_row_that_is_changed_is_found(finished: Finished, db: Database) -> None:
    """Of each kind of row that a run writes each column is changed by hand, and changed back."""
    constraints = "SELECT conrelid::REGCLASS::TEXT, conname FROM pg_constraint WHERE contype = 'f'"
    for table, name in execute(db, constraints):
        drop_constraint(db, table, name)
    drop_constraint(db, "payment_history", "payment_history_payer_is_user")
    found = []
    for table, (checker, condition) in COLUMNS.items():
        columns = execute(
            db, f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{table}'"
        )
        key = columns[0][0]
        for column, data_type in columns:
            ((row, before),) = execute(
                db,
                f"SELECT {key}, {column} FROM {table} WHERE {condition} LIMIT 1".replace("{run_id}", finished.run_id),
            )
            changed = CHANGED[data_type].format(column)
            ((now,),) = execute(db, f"UPDATE {table} SET {column} = {changed} WHERE {key} = '{row}' RETURNING {key}")
            if not off(finished.verify()).get("progress" if column == "progress" else checker):
                found.append(f"{table}.{column}: was changed, and not found")
            text = "{}" if before == {} else str(before).replace("'", "''")
            value = "NULL" if before is None else f"'{text}'"
            execute(db, f"UPDATE {table} SET {column} = {value} WHERE {key} = '{now}'")
    assert found == []
    assert off(finished.verify()) == {}


def test_what_others_do_is_not_judged(finished: Finished, db: Database) -> None:
    viewings = execute(
        db,
        f"SELECT watch_id::TEXT, user_id FROM watch_history WHERE right(watch_id::TEXT, 12) = '{finished.run_id}' "
        "AND user_id < 9 AND progress < 99",
    )
    changed, user = viewings[0]
    services.log_progress(db, watch_id=UUID(changed), progress=Decimal("99.99"))
    services.delete_user(db, user_id=next(other for _, other in viewings if other != user))
    verdict = finished.verdict()
    assert off(verdict.tallies) == {}
    assert verdict.tallies["progress"].reasons[PROGRESS] >= 1
    assert verdict.tallies["viewings"].reasons[REMOVED] >= 1
    assert f"{verdict.not_judged} calls" in verdict.text


def test_users_who_were_removed_in_the_middle_are_no_proof(finished: Finished, db: Database) -> None:
    """What nobody can judge is not as it was confirmed, if it is too much; the limit is an option."""
    for user in range(1, 9):
        services.delete_user(db, user_id=user)
    verdict = finished.verdict()
    assert (verdict.kind, verdict.is_good) == ("not proved", False)
    assert verdict.text.startswith("NOT PROVED")
    assert "as it was confirmed" not in verdict.text
    assert REMOVED in verdict.text
    lenient = verify(db, finished.written, finished.clock, most_not_judged=100)
    assert (lenient.kind, lenient.is_good) == ("proved in part", True)


def test_a_review_that_its_author_has_removed_or_changed_is_not_lost(finished: Finished, db: Database) -> None:
    reviews = execute(
        db,
        f"SELECT user_id, content_id FROM reviews WHERE right(review_id::TEXT, 12) = '{finished.run_id}' "
        "AND user_id < 9",
    )
    services.remove_review(db, user_id=reviews[0][0], content_id=reviews[0][1])
    services.review_content(db, user_id=reviews[1][0], content_id=reviews[1][1], rating=Decimal("0.1"))
    tallies = finished.verify()
    assert off(tallies) == {}
    assert tallies["reviews"].reasons[REWRITTEN] >= 2


def test_a_verdict_says_what_was_not_judged() -> None:
    tallies = {"users": Tally(), "reviews": Tally()}
    tallies["users"].attempted = 100
    assert Verdict(tallies, 5, 0, "").text == "proved: all is as it was confirmed"
    tallies["reviews"].reasons[REWRITTEN] = 5
    assert Verdict(tallies, 5, 0, "").kind == "proved in part"
    assert Verdict(tallies, 4.9, 0, "").kind == "not proved"
    tallies["users"].lost = 2
    assert Verdict(tallies, 5, 0, "").text == f"something is OFF: 2 lost; not judged: 5 {REWRITTEN}"


def test_an_uncertain_payment_is_judged_by_all_that_came_until_the_proof(finished: Finished, db: Database) -> None:
    """It is committed after the plan of its user, and the price of that, were changed."""
    run_id, history, plan, now = finished.run_id, History(), finished.plans[0], time.monotonic()
    user, key = 1 << 61, run_id.key()
    email = run_id.address("late", 1)
    other = finished.plans[1].subscription_id
    history.begin(now, user, "signup", user, ["Late", email, other])
    row = services.create_user(db, user_id=user, name="Late", email=email, subscription_id=other)
    history.end(now, OK, {"created_at": row["created_at"]})
    history.begin(now + 0.001, user, "pay", key, ["card"])
    history.end(now + 0.002, INFO, {})
    history.begin(now + 0.003, user, "plan", user, [plan.subscription_id])
    services.change_plan(db, user_id=user, subscription_id=plan.subscription_id)
    history.end(now + 0.004, OK, {})
    history.begin(now + 0.005, 0, "price", plan.subscription_id, ["7.77"])
    services.update_subscription(db, subscription_id=plan.subscription_id, price=Decimal("7.77"))
    history.end(now + 0.006, OK, {})
    services.process_payment(db, user_id=user, method="card", payment_id=key)
    written = RunWrites(run_id, [plan, finished.plans[1]], [plan.price, finished.plans[1].price], [history])
    tallies = verify(db, written, finished.clock).tallies
    assert tallies["payments"].wrong == 0, tallies["payments"].examples
    assert tallies["payments"].recovered == 1


def test_the_time_of_an_uncertain_call_is_judged_by_the_clock(db: Database) -> None:
    run_id, history, now = new_run_id(), History(), time.monotonic()
    key = run_id.key()
    history.begin(now, 1, "watch", key, [1, None])
    services.start_watching(db, user_id=1, content_id=1, watch_id=key)
    written, clock = RunWrites(run_id, [], [], [history]), ServerClock(db)
    assert off(verify(db, written, clock).tallies) == {}
    for moment in ("- INTERVAL '3 seconds'", "+ INTERVAL '9 seconds'"):
        execute(db, f"UPDATE watch_history SET watched_at = watched_at {moment} WHERE watch_id = '{key}'")
        assert off(verify(db, written, clock).tallies) == {"viewings": {"wrong": 1}}


def test_what_is_uncertain_may_be_there_or_not(db: Database) -> None:
    """The same calls, of which nobody knows what came: one came true, one did not."""
    run_id, history, now = new_run_id(), History(), time.monotonic()
    there, missing = run_id.key(), run_id.key()
    services.start_watching(db, user_id=1, content_id=1, watch_id=there)
    for key in (there, missing):
        history.begin(now, 1, "watch", key, [1, None])
        history.end(now, INFO, {})
    tallies = verify(db, RunWrites(run_id, [], [], [history]), ServerClock(db)).tallies
    assert off(tallies) == {}
    viewings = tallies["viewings"]
    assert (viewings.attempted, viewings.acknowledged, viewings.uncertain, viewings.recovered) == (2, 0, 2, 1)


def test_a_refused_call_must_have_left_nothing(db: Database) -> None:
    run_id, history, now = new_run_id(), History(), time.monotonic()
    key = run_id.key()
    history.begin(now, 1, "watch", key, [1, None])
    history.end(now, FAIL, {})
    services.start_watching(db, user_id=1, content_id=1, watch_id=key)
    tallies = verify(db, RunWrites(run_id, [], [], [history]), ServerClock(db)).tallies
    assert off(tallies) == {"viewings": {"unexpected": 1}}


def test_a_call_that_never_ended_is_uncertain() -> None:
    history = History()
    history.begin(1.0, 7, "watch", "a", [1])
    history.begin(2.0, 7, "watch", "b", [1])
    history.end(3.0, OK, {"watched_at": "x"})
    history.begin(4.0, 7, "watch", "c", [1])
    assert [(call.key, call.outcome, call.end) for call in history.read_calls()] == [
        ("a", INFO, inf),
        ("b", OK, 3.0),
        ("c", INFO, inf),
    ]


def price(begin: float, end: float, value: str, outcome: str) -> Call:
    return Call(begin, end, 0, "price", "1", [value], outcome, {})


def test_prices_that_may_have_been_in_force() -> None:
    changes = [price(1, 2, "5", OK), price(3, 4, "6", FAIL), price(5, 6, "7", OK), price(7, 8, "8", INFO)]
    prices = PriceHistory(Decimal(4), changes)
    assert prices.between(0.0, 0.5) == [4]
    assert prices.between(0.0, 1.5) == [4, 5]
    assert prices.between(2.5, 4.5) == [5]
    assert prices.between(5.5, 5.7) == [5, 7]
    assert prices.between(6.5, 9.0) == [7, 8]
    assert prices.between(9.0, 9.5) == [7, 8]
    assert [sent[0] for sent in prices.last] == ["7", "8"]
    assert possible_states([]) == [None]


def test_a_tally_keeps_a_few_examples() -> None:
    tally = Tally()
    for number in range(100):
        tally.tell(str(number))
    assert tally.examples == ["0", "1", "2", "3", "4"]


def test_keys_carry_the_id_and_are_spread() -> None:
    run_id = new_run_id()
    keys = [run_id.key() for _ in range(200)]
    assert {str(key)[-12:] for key in keys} == {run_id}
    assert {(key.version, key.variant) for key in keys} == {(4, "specified in RFC 4122")}
    assert len({str(key)[0] for key in keys}) == 16
    assert re.fullmatch(r"ana\.7\.[0-9a-f]{12}@sim\.example\.com", run_id.address("ana", 7))


def drop_constraint(database: Database, table: str, name: str, *, is_index: bool = False) -> None:
    if is_index and run_transaction(database, is_cockroachdb):
        run_alone(database, f"DROP INDEX {table}@{name} CASCADE")
    else:
        run_alone(database, f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def run_alone(database: Database, statement: str) -> None:
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
