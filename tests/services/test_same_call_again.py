"""A service that makes a row with a key of the caller's may be called again with the same arguments."""

from typing import Any
from uuid import UUID

import pytest

import services
from services import AlreadyExists
from toolkit.database import Database


@pytest.mark.parametrize(
    ("name", "key", "arguments", "other"),
    [
        ("add_subscription", {"subscription_id": 7}, {"name": "F", "price": 1, "features": {"a": 0.1}}, {"name": "G"}),
        ("create_user", {"user_id": 7}, {"name": "F", "email": "f@x", "subscription_id": 1}, {"email": "g@x"}),
        ("add_content", {"content_id": 7}, {"title": "F", "content_type": "movie", "rating": 5}, {"title": "G"}),
        ("start_watching", {"watch_id": UUID(int=7)}, {"user_id": 1, "content_id": 1, "episode": 1}, {"user_id": 2}),
        ("start_watching", {"watch_id": UUID(int=7)}, {"user_id": 1, "content_id": 1, "episode": 1}, {"content_id": 2}),
        ("start_watching", {"watch_id": UUID(int=7)}, {"user_id": 1, "content_id": 1, "episode": 1}, {"episode": 2}),
        ("start_watching", {"watch_id": UUID(int=7)}, {"user_id": 1, "content_id": 1}, {"episode": 1}),
    ],
)
def test_the_same_call_again_does_nothing(
    db: Database, name: str, key: dict[str, Any], arguments: dict[str, Any], other: dict[str, Any]
) -> None:
    service = getattr(services, name)
    first = service(db, **key, **arguments)
    assert first.items() >= key.items()
    assert service(db, **key, **arguments) == first
    with pytest.raises(AlreadyExists) as raised:
        service(db, **key, **{**arguments, **other})
    assert raised.value.key == key


def test_the_same_call_again_after_a_change_returns_the_row_as_it_is_now(db: Database) -> None:
    user: dict[str, Any] = {"user_id": 7, "name": "Cleo", "email": "cleo@example.com", "subscription_id": 1}
    services.create_user(db, **user)
    services.change_plan(db, user_id=7, subscription_id=2)
    changed = services.update_user(db, user_id=7, name="Cleopatra", country="EG")
    assert services.create_user(db, **user) == changed

    plan: dict[str, Any] = {"subscription_id": 7, "name": "Family", "price": 20, "features": {"streams": 6}}
    services.add_subscription(db, **plan)
    cheaper = services.update_subscription(db, subscription_id=7, price=18, features={"streams": 5})
    assert services.add_subscription(db, **plan) == cheaper

    title: dict[str, Any] = {"content_id": 7, "title": "Low Tide", "content_type": "movie", "genre": None}
    services.add_content(db, **title)
    rated = services.update_content(db, content_id=7, genre="drama", content_type="other", rating=7)
    assert services.add_content(db, **title) == rated

    viewing: dict[str, Any] = {"watch_id": UUID(int=7), "user_id": 1, "content_id": 1, "episode": 3}
    services.start_watching(db, **viewing)
    further = services.log_progress(db, watch_id=UUID(int=7), progress=50)
    assert services.start_watching(db, **viewing) == further
