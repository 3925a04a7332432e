"""Floats where everybody writes them: ratings and progress. What is kept is the decimal that was written."""

from decimal import Decimal

import pytest
from sample import VIEWING

from services import add_content, find_content, log_progress, review_content, update_content
from toolkit.database import Database


@pytest.mark.parametrize("written", ["0.0", "0.1", "0.3", "1.1", "7.3", "8.5", "9.9", "10.0"])
def test_a_rating_is_the_decimal_that_was_written(db: Database, written: str) -> None:
    rating = float(written)
    assert str(review_content(db, user_id=1, content_id=1, rating=rating)["rating"]) == written
    assert str(add_content(db, title="Low Tide", content_type="movie", rating=rating)["rating"]) == written
    assert str(update_content(db, content_id=1, rating=rating)["rating"]) == written
    assert any(str(found["rating"]) == written for found in find_content(db, min_rating=rating)["items"])


def test_progress_is_the_decimal_that_was_written(db: Database) -> None:
    for written in ("35.57", "62.5", "99.99", "100.0"):
        assert log_progress(db, watch_id=VIEWING, progress=float(written))["progress"] == Decimal(written)
