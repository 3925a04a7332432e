"""Reviews: written once for each user and title, listed in pages, and averaged."""

from decimal import Decimal

from sample import all_pages

from services import content_rating, create_user, list_reviews, remove_review, review_content
from toolkit.database import Database


def test_a_review_again_replaces_the_first(db: Database) -> None:
    old = list_reviews(db, content_id=1)["items"][0]
    new = review_content(db, user_id=1, content_id=1, rating=Decimal("3.5"), review_text="Worse the second time.")
    assert new["review_id"] == old["review_id"]
    assert new["reviewed_at"] > old["reviewed_at"]
    assert list_reviews(db, content_id=1) == {"items": [new], "next": None}
    assert review_content(db, user_id=1, content_id=1, rating=4)["review_text"] is None


def test_reviews_of_a_title(db: Database) -> None:
    users = [create_user(db, name=f"u{n}", email=f"{n}@example.com")["user_id"] for n in range(4)]
    for number, user in enumerate(users):
        review_content(db, user_id=user, content_id=2, rating=number)
    pages = all_pages(list_reviews, db, content_id=2, limit=3)
    assert [[review["user_id"] for review in page] for page in pages] == [users[:0:-1], users[:1]]
    rating = content_rating(db, content_id=2)
    assert (rating["average"], rating["reviews"]) == (Decimal("1.50"), 4)
    assert remove_review(db, user_id=users[0], content_id=2)["user_id"] == users[0]
    assert content_rating(db, content_id=2)["average"] == 2
    for user in users[1:]:
        remove_review(db, user_id=user, content_id=2)
    rating = content_rating(db, content_id=2)
    assert (rating["average"], rating["reviews"]) == (None, 0)
