"""Each service with the connection cut at the COMMIT of its work: what comes of it is what would have come without."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from relay import Moment, Relay
from sample import CALLS, TABLES, TellingDatabase, execute, fill

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


class CutDatabase(TellingDatabase):
    """A Database behind a relay that cuts the connection at the COMMIT after the next statement of a service's work."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay.url, self._told)
        self._relay = relay
        self._moment: Moment | None = None
        self.before_connecting: Callable[[], Any] = lambda: None

    def connect(self) -> Any:
        self.before_connecting()
        return super().connect()

    def cut(self, moment: Moment) -> None:
        self._moment = moment

    def _told(self, statement: str) -> None:
        if self._moment and "unique_rowid" not in statement and "SET" not in statement.split(maxsplit=1)[0]:
            self._relay.cut_at("COMMIT", self._moment)
            self._moment = None


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
        assert outcome(database, behind_relay, name, arguments) == undisturbed, f"{name}, {moment} COMMIT"
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


def comparable(value: Any) -> Any:
    """Return a value without the keys and times that are new in each call: their type is in their place."""
    if isinstance(value, dict):
        return {name: comparable(element) for name, element in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(element) for element in value]
    if isinstance(value, UUID | date | datetime) or (isinstance(value, int) and value > 1_000_000):
        return type(value).__name__
    if isinstance(value, str) and len(value) == 36:
        return "UUID"
    return value
