"""The backend services: what an API, a bot or a test does with plans, users, content, viewings, reviews and payments.

This is the contract of all of them. Programs import them from here, or as `from streaming_services import create_user`.

Each function takes the Database first, and keyword arguments after it. It does its work in one transaction, which is
tried again after conflicts, lost connections and ambiguous commits (toolkit.database.run_transaction), and takes effect
once all the same (docs/services.md describes the limits of that). In place of the Database a function takes the cursor
of a transaction that the caller has begun, and then does its work in that.

Rows are returned as a dict: column -> value, with money and ratings as Decimal, times as datetime in UTC, keys as int
or uuid.UUID, and features as a dict in which decimals are Decimal. services.row_types has a type for each. A function
that removes a row returns the columns of its table as they were. Others may add columns of related rows, such as the
name of a user's plan.

Arguments are named after the columns, and their types are strict: float only for ratings and progress, no bool for an
int, no datetime without a time zone, no blank text. Nothing is rounded. An argument whose default is NOT_GIVEN can be
left out: add_subscription() then takes the column's default, and the update_ functions leave the column as it is.

The functions that only read take as_of, on CockroachDB only: as_of='-4.8s' reads what was there 4.8 seconds ago. For
data of that age any replica may answer (a follower read), so the nearest one does, and no write is waited for. Such a
read does not see what was written since, even by this program: a user just created is NotFound, a viewing has less
progress, and removed rows are still there. So do not base a write on it.

Besides the errors below, a function can raise those of run_transaction(). All are kinds of toolkit.console.UserError,
with a text for people.

    NotFound        a row with that key, or a row that it should refer to, is not there (any more)
    AlreadyExists   another row has that key, or that value of a unique column
    InvalidValue    an argument of the wrong type, or one that breaks a rule of the schema
    StillInUse      other rows refer to the one that is to be removed

A page is {"items": [...], "next": text or None}. Give `next` as the argument `after` to get the next page; None says
that this is the last one. A page begins after the last row of the page before, so rows that are added or removed
meanwhile do not shift it. `limit` is 1 to 1000. A list for a user or a title that does not exist is empty.
"""

from services.content import add_content, find_content, get_content, remove_content, update_content
from services.errors import AlreadyExists, InvalidValue, NotFound, StillInUse
from services.payments import list_payments, process_payment, revenue
from services.recommendations import recommend_content
from services.reviews import content_rating, list_reviews, remove_review, review_content
from services.rows import NOT_GIVEN
from services.subscriptions import (
    add_subscription,
    get_subscription,
    list_subscriptions,
    remove_subscription,
    update_subscription,
)
from services.users import (
    change_plan,
    create_user,
    delete_user,
    get_user,
    get_user_by_email,
    list_users,
    update_user,
)

# The function takes the place of the module of the same name: `services.watch_history` is the function from here on.
from services.watch_history import FINISHED, continue_watching, log_progress, start_watching, watch_history

__all__ = [
    "FINISHED",
    "NOT_GIVEN",
    "AlreadyExists",
    "InvalidValue",
    "NotFound",
    "StillInUse",
    "add_content",
    "add_subscription",
    "change_plan",
    "content_rating",
    "continue_watching",
    "create_user",
    "delete_user",
    "find_content",
    "get_content",
    "get_subscription",
    "get_user",
    "get_user_by_email",
    "list_payments",
    "list_reviews",
    "list_subscriptions",
    "list_users",
    "log_progress",
    "process_payment",
    "recommend_content",
    "remove_content",
    "remove_review",
    "remove_subscription",
    "revenue",
    "review_content",
    "start_watching",
    "update_content",
    "update_subscription",
    "update_user",
    "watch_history",
]
