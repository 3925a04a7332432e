"""Each service with the connection cut at the end of its transaction: what comes of it is what else would have come."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from relay import END_OF_TRANSACTION, Moment, Relay
from sample import CALLS, TABLES, comparable, execute, fill

import services
from toolkit.database import Database

GIVEN_KEYS: dict[str, dict[str, Any]] = {
    "add_subscription": {"subscription_id": 7},
    "create_user": {"user_id": 7},
    "add_content": {"content_id": 7},
    "start_watching": {"watch_id": UUID(int=7)},
    "process_payment": {"payment_id": UUID(int=7)},
}
CASES = [*CALLS.items(), *((name, {**CALLS[name], **key}) for name, key in GIVEN_KEYS.items())]


class CutDatabase(Database):
    """A Database behind a relay that can cut the connection at the end of a transaction."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay.url, retry_for=20)
        self._relay = relay
        self.before_connecting: Callable[[], Any] = lambda: None

    def connect(self) -> Any:
        self.before_connecting()
        return super().connect()

    def cut(self, moment: Moment) -> None:
        """Cut the connection at the end of the next transaction."""
        self._relay.cut_at(END_OF_TRANSACTION, moment)


@pytest.fixture
def behind_relay(relay: Relay) -> Iterator[CutDatabase]:
    database = CutDatabase(relay)
    yield database
    database.close()


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_lost_connection_changes_nothing(
    database: Database, behind_relay: CutDatabase, relay: Relay, moment: Moment
) -> None:
    for cuts, (name, arguments) in enumerate(CASES):
        assert relay.cuts == cuts
        undisturbed = outcome(database, database, name, arguments)
        behind_relay.cut(moment)
        assert outcome(database, behind_relay, name, arguments) == undisturbed, f"{name}, {moment} its end"
    assert relay.cuts == len(CASES)
    assert behind_relay.retries >= len(CASES)


def test_what_others_change_before_the_repeat_is_kept(
    database: Database, behind_relay: CutDatabase, relay: Relay
) -> None:
    fill(database)
    behind_relay.before_connecting = lambda: execute(
        database, "UPDATE users SET name = 'Cleopatra' WHERE name = 'Cleo'"
    )
    behind_relay.cut("after")
    assert services.create_user(behind_relay, **CALLS["create_user"])["name"] == "Cleopatra"
    assert relay.cuts == 1


def outcome(database: Database, used: Database, name: str, arguments: dict[str, Any]) -> Any:
    """Return what a service returns on the sample rows, and which rows there are afterwards."""
    fill(database)
    result = getattr(services, name)(used, **arguments)
    rows = [execute(database, f"SELECT * FROM {table}") for table in TABLES]
    return comparable(result), [sorted(comparable(table), key=repr) for table in rows]
