"""Follower reads: services that only read take as_of, and then see what was there; only on CockroachDB.

docs/clusters.md shows a call.
"""

import inspect
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from documents import project_files, text_of

import services
from services import NotFound, create_user, get_user, update_user
from toolkit.console import UserError
from toolkit.database import Database, run_transaction
from toolkit.database.catalog import is_cockroachdb

UTC = timezone.utc
# The services that only read, each with a call.
READS: dict[str, dict[str, Any]] = {
    "content_rating": {"content_id": 1},
    "continue_watching": {"user_id": 1},
    "find_content": {},
    "get_content": {"content_id": 1},
    "get_subscription": {"subscription_id": 1},
    "get_user": {"user_id": 1},
    "get_user_by_email": {"email": "ann@example.com"},
    "list_payments": {"user_id": 1},
    "list_reviews": {"content_id": 1},
    "list_subscriptions": {},
    "list_users": {"limit": 1},
    "recommend_content": {"user_id": 1},
    "revenue": {"since": datetime(2020, 1, 1, tzinfo=UTC), "until": datetime(2030, 1, 1, tzinfo=UTC)},
    "watch_history": {"user_id": 1},
}


@pytest.fixture
def past(db: Database) -> Database:
    """The sample, where a server keeps the past, and has had it for more than a second."""
    if not run_transaction(db, is_cockroachdb):
        pytest.skip("PostgreSQL keeps no past")
    time.sleep(1.5)
    return db


def call(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(services, name)
    return function


def test_those_that_only_read_take_it_and_no_others() -> None:
    functions = (name for name in services.__all__ if inspect.isfunction(getattr(services, name)))
    assert sorted(READS) == sorted(name for name in functions if "as_of" in inspect.signature(call(name)).parameters)


def test_the_proof_takes_none() -> None:
    """What it verifies is what is there, not what was."""
    modules = [name for name in project_files() if name.startswith("simulation/") and name.endswith(".py")]
    assert modules
    assert [name for name in modules if "as_of" in text_of(name) or "AS OF SYSTEM" in text_of(name)] == []


@pytest.mark.parametrize("name", READS)
def test_postgresql_has_none_and_says_so(db: Database, name: str) -> None:
    if run_transaction(db, is_cockroachdb):
        pytest.skip("CockroachDB keeps the past")
    with pytest.raises(UserError, match=r"^as_of -4\.8s is for CockroachDB: .* is PostgreSQL, which keeps no past$"):
        call(name)(db, **READS[name], as_of="-4.8s")
    assert call(name)(db, **READS[name], as_of=None) == call(name)(db, **READS[name])


@pytest.mark.parametrize("name", READS)
def test_what_has_not_changed_is_read_the_same(past: Database, name: str) -> None:
    assert call(name)(past, **READS[name], as_of="-1s") == call(name)(past, **READS[name])


def test_what_was_written_since_is_not_seen(past: Database) -> None:
    create_user(past, name="Cleo", email="cleo@example.com", user_id=7)
    update_user(past, user_id=1, name="Anna")
    with pytest.raises(NotFound):
        get_user(past, user_id=7, as_of="-1s")
    assert get_user(past, user_id=1, as_of="-1s")["name"] == "Ann"
    assert get_user(past, user_id=1)["name"] == "Anna"
    time.sleep(1.5)
    assert get_user(past, user_id=7, as_of="-1s")["name"] == "Cleo"


@pytest.mark.parametrize(
    ("as_of", "sentence"),
    [
        ("-1h", "as of -1h the tables were not all there yet: .* does not exist"),
        ("1h", "as of 1h nothing can be read: .*future"),
        ("soon", "as of soon nothing can be read: value is neither timestamp, decimal, nor interval"),
        ("-1s'; DROP TABLE users; --", "nothing can be read"),
    ],
)
def test_a_time_that_cannot_be_read_is_told_in_a_sentence(past: Database, as_of: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        get_user(past, user_id=1, as_of=as_of)
    assert get_user(past, user_id=1)["name"] == "Ann"


def test_a_transaction_of_the_callers_reads_at_its_own_time(db: Database) -> None:
    with pytest.raises(UserError, match="as_of -1s needs a Database"):
        run_transaction(db, lambda cursor: get_user(cursor, user_id=1, as_of="-1s"))
