"""The people who use the platform, each on a plan or on none: the table users."""

from string import ascii_lowercase, ascii_uppercase
from typing import cast

from services.arguments import service
from services.errors import NotFound
from services.pages import Order, read_page
from services.removals import remove
from services.row_types import Page, User, UserRow
from services.rows import NOT_GIVEN, Entity, read
from services.transactions import Queryable

USERS: Entity[User] = Entity(
    "users",
    "user_id",
    """SELECT t.user_id, t.name, t.email, t.country, t.subscription_id, s.name AS plan, s.price, s.features,
              t.created_at
       FROM {source} t LEFT JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
    identity=("email",),
)


@service
def create_user(
    database: Queryable,
    *,
    name: str,
    email: str,
    subscription_id: int | None = None,
    country: str | None = None,
    user_id: int | None = None,
) -> User:
    """Create a user, on a plan or without one, and return them as get_user does.

    email: stored without blanks around it, and with ASCII letters in lower case, so that different spellings of an
    address are one account. country: two capital letters, as in ISO 3166-1. With a user_id given, the same call again
    returns the same user, even if other columns than the email were changed since. Raises AlreadyExists if the email is
    taken, or the user_id by a user of another email; NotFound if there is no such plan.

    >>> create_user(database, name="Mia Lindqvist", email="Mia@example.com ", subscription_id=2)["email"]
    'mia@example.com'
    """
    row = {"name": name, "email": _normalized(email), "subscription_id": subscription_id, "country": country}
    return USERS.create(database, user_id, **row)


_LOWER_CASE = str.maketrans(ascii_uppercase, ascii_lowercase)


def _normalized(email: str) -> str:
    """Return an e-mail address as it is stored. Letters outside of ASCII stay: mail servers may tell them apart."""
    return email.strip().translate(_LOWER_CASE)


@service
def get_user(database: Queryable, *, user_id: int, as_of: str | None = None) -> User:
    """Return a user with their plan: its subscription_id, plan (the name), price and features. Raises NotFound.

    >>> user = get_user(database, user_id=1)
    >>> user["name"], user["plan"], user["price"]
    ('Amara Okafor', 'Premium', Decimal('14.99'))
    """
    return USERS.get(database, as_of, user_id=user_id)


@service
def get_user_by_email(database: Queryable, *, email: str, as_of: str | None = None) -> User:
    """Return the user with this email, in upper or lower case, with their plan. Raises NotFound.

    If a fixture has stored an email with capital letters, it is found only by exactly this spelling.

    >>> get_user_by_email(database, email="Amara.Okafor@example.com")["user_id"]
    1
    """
    found = read(database, _BY_EMAIL, {"email": _normalized(email), "written": email.strip()}, as_of)
    if not found:
        raise NotFound(USERS.table, {"email": email})
    return cast(User, found[0])


_EITHER_SPELLING = "(SELECT * FROM users WHERE email IN (%(email)s, %(written)s))"
_BY_EMAIL = USERS.select_from(_EITHER_SPELLING) + " ORDER BY t.email = %(written)s DESC"


@service
def list_users(
    database: Queryable, *, after: str | None = None, limit: int = 20, as_of: str | None = None
) -> Page[User]:
    """Return a page of the users with their plans, in the order of their keys.

    >>> page = list_users(database, limit=1)
    >>> [user["name"] for user in list_users(database, after=page["next"], limit=2)["items"]]
    ['Liam Chen', 'Sofia Rossi']
    """
    return read_page(database, USERS, (), _BY_KEY, after, limit, as_of)


_BY_KEY = Order({"t.user_id": int})


@service
def update_user(
    database: Queryable,
    *,
    user_id: int,
    name: str = NOT_GIVEN,
    email: str = NOT_GIVEN,
    country: str | None = NOT_GIVEN,
) -> User:
    """Change the given columns of a user (country None: not known), and return them.

    Raises NotFound; AlreadyExists if the email is taken.

    >>> update_user(database, user_id=1, country="NG")["country"]
    'NG'
    """
    kept = email if email is NOT_GIVEN else _normalized(email)
    return USERS.update(database, user_id, name=name, email=kept, country=country)


@service
def change_plan(database: Queryable, *, user_id: int, subscription_id: int | None) -> User:
    """Put a user on another plan (None: on none), and return them. Raises NotFound for the user or the plan.

    >>> change_plan(database, user_id=1, subscription_id=4)["plan"]
    'Family'
    """
    return USERS.update(database, user_id, subscription_id=subscription_id)


@service
def delete_user(database: Queryable, *, user_id: int) -> UserRow:
    """Delete a user with their viewings and reviews, and return them as they were. Raises NotFound.

    Their payments stay, with user_id NULL; payer_id says who paid.

    >>> delete_user(database, user_id=1)["email"]
    'amara.okafor@example.com'
    """
    return cast(UserRow, remove(database, USERS, user_id=user_id))
