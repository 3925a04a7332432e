"""The people who use the platform, each on a plan or on none: the table users."""

from services.arguments import service
from services.pages import Order, Page, read_page
from services.removals import remove
from services.rows import NOT_GIVEN, Entity, Row
from toolkit.database import Database

USERS = Entity(
    "users",
    "user_id",
    """SELECT t.user_id, t.name, t.email, t.created_at, t.subscription_id, s.name AS plan, s.price, s.features
       FROM {source} t LEFT JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
)


@service
def create_user(
    database: Database, *, name: str, email: str, subscription_id: int | None = None, user_id: int | None = None
) -> Row:
    """Create a user, on a plan or without one, and return them as get_user does.

    With a user_id of the caller's, the same call again returns the same user. Raises AlreadyExists if the email is
    taken, or the user_id by another user; NotFound if there is no such plan.

    >>> create_user(database, name="Cleo", email="cleo@example.com", subscription_id=2)["plan"]
    'Premium'
    """
    return USERS.create(database, user_id, name=name, email=email, subscription_id=subscription_id)


@service
def get_user(database: Database, *, user_id: int) -> Row:
    """Return a user with their plan: its subscription_id, plan (the name), price and features. Raises NotFound.

    >>> user = get_user(database, user_id=1)
    >>> user["name"], user["plan"], user["price"]
    ('Ann', 'Basic', Decimal('8.99'))
    """
    return USERS.get(database, user_id=user_id)


@service
def get_user_by_email(database: Database, *, email: str) -> Row:
    """Return the user with this email, written exactly so, with their plan. Raises NotFound.

    >>> get_user_by_email(database, email="ann@example.com")["user_id"]
    1
    """
    return USERS.get(database, email=email)


@service
def list_users(database: Database, *, after: str | None = None, limit: int = 20) -> Page:
    """Return a page of the users with their plans, in the order of their keys.

    >>> page = list_users(database, limit=1)
    >>> [user["name"] for user in list_users(database, after=page["next"])["items"]]
    ['Ben']
    """
    return read_page(database, USERS, (), _BY_KEY, after, limit)


_BY_KEY = Order({"t.user_id": int})


@service
def update_user(database: Database, *, user_id: int, name: str = NOT_GIVEN, email: str = NOT_GIVEN) -> Row:
    """Change a user's name or email, and return them. Raises NotFound; AlreadyExists if the email is taken.

    >>> update_user(database, user_id=1, name="Anna")["name"]
    'Anna'
    """
    return USERS.update(database, user_id, name=name, email=email)


@service
def change_plan(database: Database, *, user_id: int, subscription_id: int | None) -> Row:
    """Put a user on another plan (None: on none), and return them. Raises NotFound for the user or the plan.

    >>> change_plan(database, user_id=1, subscription_id=2)["plan"]
    'Premium'
    """
    return USERS.update(database, user_id, subscription_id=subscription_id)


@service
def delete_user(database: Database, *, user_id: int) -> Row:
    """Delete a user with their viewings and reviews, and return them as they were. Raises NotFound.

    Their payments stay, with user_id NULL; payer_id says who paid.

    >>> delete_user(database, user_id=1)["email"]
    'ann@example.com'
    """
    return remove(database, USERS, user_id=user_id)
