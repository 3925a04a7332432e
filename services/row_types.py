"""The types of the rows and pages that the services return, for editors and type checkers.

Money and ratings are Decimal, and times datetime in UTC. A time that Python cannot hold (infinity, before the year 1,
after the year 9999) comes as the text that the server writes for it.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar
from uuid import UUID

Item = TypeVar("Item")

if TYPE_CHECKING:

    class Page(TypedDict, Generic[Item]):
        """A page of a list. next: the argument `after` for the page that follows; None: this is the last."""

        items: list[Item]
        next: str | None

else:
    Page = dict  # a TypedDict can be Generic from Python 3.11 on


class Subscription(TypedDict):
    """A plan."""

    subscription_id: int
    name: str
    price: Decimal
    features: dict[str, Any]


class SubscriptionInUse(Subscription):
    """A plan, and how many users have it."""

    subscribers: int


class UserRow(TypedDict):
    """A user, as the table has them."""

    user_id: int
    name: str
    email: str
    country: str | None
    subscription_id: int | None
    created_at: datetime


class User(UserRow):
    """A user with their plan; all None where they have none. plan: its name."""

    plan: str | None
    price: Decimal | None
    features: dict[str, Any] | None


class Content(TypedDict):
    """A title."""

    content_id: int
    title: str
    content_type: str
    genre: str | None
    release_year: int | None
    rating: Decimal | None
    duration_minutes: int | None
    episodes: int | None


class Recommendation(Content):
    """A title, and why it is recommended."""

    reason: str


class Viewing(TypedDict):
    """A viewing, with the title of what is watched."""

    watch_id: UUID
    user_id: int
    content_id: int
    title: str
    episode: int | None
    watched_at: datetime
    progress: Decimal


class ViewingToContinue(Viewing):
    """A viewing, and which episode is to be watched next: the same where it is not finished."""

    next_episode: int | None


class ReviewRow(TypedDict):
    """A review, as the table has it."""

    review_id: UUID
    user_id: int
    content_id: int
    rating: Decimal
    review_text: str | None
    reviewed_at: datetime


class Review(ReviewRow):
    """A review with its author's name."""

    name: str


class ContentRating(TypedDict):
    """What users think of a title. average: None without reviews."""

    content_id: int
    title: str
    average: Decimal | None
    reviews: int


class Payment(TypedDict):
    """A payment. payer_id: who paid; user_id: the same, but None once the user was deleted. plan: its name."""

    payment_id: UUID
    user_id: int | None
    payer_id: int | None
    subscription_id: int
    plan: str
    amount: Decimal
    method: str
    payment_date: datetime


class Revenue(TypedDict):
    """What was paid in a month for a plan. month: its first day; payments: how many."""

    month: date
    subscription_id: int
    plan: str
    payments: int
    revenue: Decimal
