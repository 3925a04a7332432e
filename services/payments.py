"""What users have paid for their plans: the table payment_history."""

from datetime import datetime
from typing import cast
from uuid import UUID, uuid4

from psycopg2 import errors

from services.arguments import service
from services.errors import AlreadyExists, InvalidValue
from services.pages import Order, read_page, read_time
from services.row_types import Page, Payment, Revenue
from services.rows import MOST_TRIES, Entity, Row, fetch, write_or_find
from services.subscriptions import ALL_PLANS, plan_keys
from services.transactions import Queryable, transact_read
from services.users import USERS
from toolkit.database import Cursor

_PAYMENTS: Entity[Payment] = Entity(
    "payment_history",
    "payment_id",
    """SELECT t.payment_id, t.user_id, t.payer_id, t.subscription_id, s.name AS plan, t.amount, t.method, t.payment_date
       FROM {source} t JOIN subscriptions s ON s.subscription_id = t.subscription_id""",
)
_OF_USER = ("t.user_id = %(user_id)s",)
_LATEST_PAYMENTS = Order({"t.payment_date": read_time, "t.payment_id": UUID}, descending=True)


@service
def process_payment(database: Queryable, *, user_id: int, method: str, payment_id: UUID | None = None) -> Payment:
    """Record a payment of a user for their present plan at its present price, and return it.

    With a payment_id given, repeated calls record one payment, even if plan or price have changed since, or the user
    was deleted. Raises AlreadyExists if the payment_id is of another user or method; NotFound if there is no such user;
    InvalidValue if they have no plan, or one that costs nothing.

    >>> order = UUID("5b0f4e1c-6c3e-4f0a-9d53-0b8d6a2f7c11")
    >>> process_payment(database, user_id=1, method="card", payment_id=order)["amount"]
    Decimal('14.99')
    """
    for _ in range(MOST_TRIES):
        key = {"payment_id": payment_id or uuid4()}
        values = {**key, "user_id": user_id, "method": method}
        paid, existing, in_doubt = write_or_find(database, _PAY, _PAYMENT, values, _is_plan_or_user_gone)
        if paid:
            return cast(Payment, paid)
        # payer_id stays when the user is deleted, and user_id does not.
        is_same = existing and (existing["payer_id"], existing["method"]) == (user_id, method)
        # A row with a new key was written by an earlier try, whose answer was lost; or the key was not new.
        if existing and is_same and (payment_id or in_doubt):
            return cast(Payment, existing)
        if existing and payment_id:
            break
        if not existing and USERS.get(database, user_id=user_id)["subscription_id"] is None:
            raise InvalidValue("subscription_id", f"is missing: user {user_id} has no plan to pay for")
    raise AlreadyExists(_PAYMENTS.table, key)


def _is_plan_or_user_gone(error: Exception) -> bool:
    """Whether the user or the plan was removed while the statement was running. The next try finds out which."""
    return isinstance(error, errors.ForeignKeyViolation)


# One statement reads the price and writes the payment, so that it is the price of that moment. NOT EXISTS is for a
# payment that is there already: ON CONFLICT comes after the CHECK of the amount, which would fail if the plan has
# become free since. ON CONFLICT is for a payment that another call is writing at the same moment.
_PAY = _PAYMENTS.select_written("""
    INSERT INTO payment_history (payment_id, user_id, payer_id, subscription_id, amount, method)
    SELECT %(payment_id)s, u.user_id, u.user_id, s.subscription_id, s.price, %(method)s
    FROM users u JOIN subscriptions s ON s.subscription_id = u.subscription_id
    WHERE u.user_id = %(user_id)s
      AND NOT EXISTS (SELECT 1 FROM payment_history p WHERE p.payment_id = %(payment_id)s)
    ON CONFLICT (payment_id) DO NOTHING RETURNING *""")
_PAYMENT = _PAYMENTS.select_from("(SELECT * FROM payment_history WHERE payment_id = %(payment_id)s)")


@service
def list_payments(
    database: Queryable, *, user_id: int, after: str | None = None, limit: int = 20, as_of: str | None = None
) -> Page[Payment]:
    """Return a page of a user's payments, the latest first, with the names of the plans.

    >>> [(payment["plan"], payment["amount"]) for payment in list_payments(database, user_id=1, limit=2)["items"]]
    [('Premium', Decimal('14.99')), ('Premium', Decimal('14.99'))]
    """
    return read_page(database, _PAYMENTS, _OF_USER, _LATEST_PAYMENTS, after, limit, as_of, user_id=user_id)


@service
def revenue(
    database: Queryable, *, since: datetime | None = None, until: datetime | None = None, as_of: str | None = None
) -> list[Revenue]:
    """Return what was paid by month and plan, from the moment since to just before the moment until; None: no limit.

    Each row has month (in UTC; the date of its first day), subscription_id, plan (its name), payments (their number)
    and revenue. Months and plans without payments are left out. Raises InvalidValue if until is not later than since.

    >>> rows = revenue(database, until=datetime(2024, 2, 1, tzinfo=timezone.utc))
    >>> [(str(row["month"]), row["plan"], row["payments"], row["revenue"]) for row in rows]
    [('2024-01-01', 'Standard', 1, Decimal('9.99')), ('2024-01-01', 'Premium', 1, Decimal('14.99'))]
    """
    if since and until and since >= until:
        raise InvalidValue("until", "must be later than since")
    values = {"since": since, "until": until}
    period = "".join(condition for name, condition in _PERIOD.items() if values[name])

    # Two statements: given the keys of the plans, CockroachDB reads the part of the index on payment_history
    # (subscription_id, payment_date) that lies between the two moments, for each plan. For a join it would read all.
    def work(cursor: Cursor) -> list[Row]:
        plans = fetch(cursor, ALL_PLANS, {})
        sums = fetch(cursor, _REVENUE.format(period=period), {"plans": plan_keys(plans), **values})
        names = {plan["subscription_id"]: plan["name"] for plan in plans}
        return [{**row, "plan": names[row["subscription_id"]]} for row in sums]

    return cast(list[Revenue], transact_read(database, work, as_of))


_REVENUE = """
    SELECT date_trunc('month', payment_date)::DATE AS month, subscription_id,
           count(*) AS payments, sum(amount) AS revenue
    FROM payment_history
    WHERE subscription_id IN %(plans)s {period}
    GROUP BY 1, 2 ORDER BY 1, 2"""
_PERIOD = {"since": "AND payment_date >= %(since)s ", "until": "AND payment_date < %(until)s"}
