"""A service that makes a row with a key of the caller's may be called again with the same arguments."""

from typing import Any
from uuid import uuid4

import pytest

import services
from services import AlreadyExists
from toolkit.database import Database


@pytest.mark.parametrize(
    ("name", "key", "arguments", "other"),
    [
        ("add_subscription", {"subscription_id": 7}, {"name": "F", "price": 1, "features": {"a": 0.1}}, {"price": 2}),
        ("create_user", {"user_id": 7}, {"name": "F", "email": "f@x", "subscription_id": 1}, {"email": "g@x"}),
        ("add_content", {"content_id": 7}, {"title": "F", "content_type": "movie", "rating": 5}, {"title": "G"}),
        ("start_watching", {"watch_id": uuid4()}, {"user_id": 1, "content_id": 1}, {"user_id": 2}),
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
