"""Compare rows of the database with the history: a checker for each kind of row. verdict.py defines the counts."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from simulation.traffic.history import FAIL, INFO, OK, Call
from simulation.traffic.plans import Plan, PriceHistory
from simulation.traffic.server_clock import ServerClock
from simulation.traffic.stored_rows import Row, StoredRows
from simulation.traffic.user_histories import UserHistories, by_key, has_outcome, possible_states
from simulation.traffic.verdict import PROGRESS, REMOVED, REWRITTEN, Tallies, Tally


class Evidence(NamedTuple):
    """What the calls are compared with. prices: by the plan's key. now: when the proof began (time.monotonic())."""

    stored: StoredRows
    prices: dict[int, PriceHistory]
    clock: ServerClock
    now: float

    def could_be(self, moment: datetime, call: Call) -> bool:
        """Whether a time that the server has written can be that of a call, or later if its outcome is uncertain."""
        return self.clock.could_be(moment, call.begin, min(call.end, self.now))

    def is_time_of(self, moment: datetime, call: Call, column: str) -> bool:
        """Whether a time is the one that the call has returned; if it returned none, whether it can be the call's."""
        return str(moment) == call.got[column] if call.got else self.could_be(moment, call)


Checker = Callable[[UserHistories, Evidence, Tallies], None]


def check_presence(tally: Tally, name: str, calls: list[Call], row: Row | None, *, should_be_gone: bool) -> bool:
    """Check whether the row that these calls were to create is there (else row is None) as it should be.

    should_be_gone: the row was removed again for certain, or what it belongs to is gone. Return whether the row is
    there rightly, so that its values have to be checked.
    """
    is_there = row is not None
    if is_there and should_be_gone:
        tally.unexpected += 1
        tally.tell(f"{name}: is there, though it was removed, or what it belongs to is gone")
        return False
    if is_there and not (has_outcome(calls, OK) or has_outcome(calls, INFO)):
        tally.unexpected += 1
        tally.tell(f"{name}: is there, though it was refused")
        return False
    if is_there and not has_outcome(calls, OK):
        tally.recovered += 1
    if not is_there and not should_be_gone and has_outcome(calls, OK):
        tally.lost += 1
        tally.tell(f"{name}: was confirmed, and is not there")
    return is_there


def check_values(tally: Tally, name: str, row: Row, wanted: dict[str, list[Any]]) -> bool:
    """Check the values of a row. wanted: column -> the values that it may have. Return whether all are right."""
    wrong = [
        f"{column} is {row[column]}, not {' or '.join(map(str, values)) or 'any that it can have'}"
        for column, values in wanted.items()
        if row[column] not in values
    ]
    if wrong:
        tally.wrong += 1
        tally.tell(f"{name}: {'; '.join(wrong)}")
    return not wrong


def check_time(tally: Tally, name: str, row: Row, column: str, call: Call, evidence: Evidence) -> None:
    """Check a time that the server has written for a call."""
    if not evidence.is_time_of(row[column], call, column):
        tally.wrong += 1
        when = call.got[column] if call.got else "a time of the call that has written it"
        tally.tell(f"{name}: {column} is {row[column]}, not {when}")


def check_users(histories: UserHistories, evidence: Evidence, tallies: Tallies) -> None:
    """Users who signed up are there with name, email, plan and time, unless they deleted their account."""
    tally, deletions, stored = tallies["users"], tallies["deletions"], evidence.stored
    for user in stored.own:
        calls = by_key(histories[user], "signup")[str(user)]
        changes = [call for call in histories[user] if call.operation in ("plan", "cancel")]
        deleted = [call for call in histories[user] if call.operation == "delete"]
        tally.count(calls + changes)
        deletions.count(deleted)
        name, row = f"user {user}", stored.users.get(user)
        if row and has_outcome(deleted, OK):
            deletions.lost += 1
            deletions.tell(f"{name}: was deleted, and is there")
        elif not row and has_outcome(deleted, INFO):
            deletions.recovered += 1
        elif check_presence(tally, name, calls, row, should_be_gone=has_outcome(deleted, OK)) and row:
            own_name, email, plan = calls[0].sent
            plans = [sent[0] for sent in possible_states(changes, [plan])]
            wanted = {"name": [own_name], "email": [email], "subscription_id": plans, "country": [None]}
            if check_values(tally, name, row, wanted):
                check_time(tally, name, row, "created_at", calls[0], evidence)


def check_viewings(histories: UserHistories, evidence: Evidence, tallies: Tallies) -> None:
    """Viewings are there with user, title, episode and time; their progress is the furthest and never went back."""
    tally, progress, stored = tallies["viewings"], tallies["progress"], evidence.stored
    for user, of_user in histories.items():
        logged = by_key(of_user, "progress")
        for key, calls in by_key(of_user, "watch").items():
            tally.count(calls)
            progress.count(logged[key])
            (content, episode), row = calls[0].sent, stored.viewings.get(key)
            if stored.removed_by_others(user, content) and not row:
                tally.reasons[REMOVED] += len(calls)
                progress.reasons[REMOVED] += len(logged[key])
                continue
            name, is_gone = f"viewing {key}", stored.is_gone(user, content)
            if not (check_presence(tally, name, calls, row, should_be_gone=is_gone) and row):
                continue
            if check_values(tally, name, row, {"user_id": [user], "content_id": [content], "episode": [episode]}):
                check_time(tally, name, row, "watched_at", calls[0], evidence)
            _check_progress(progress, name, logged[key], row["progress"], is_own=user in stored.own)


def _check_progress(tally: Tally, name: str, calls: list[Call], stored: Decimal, *, is_own: bool) -> None:
    furthest = Decimal(0)
    for call in calls:
        if call.outcome == OK:
            reported = Decimal(call.got["progress"])
            if reported < furthest:
                tally.wrong += 1
                tally.tell(f"{name}: its progress went back from {furthest} to {reported}")
            furthest = max(furthest, reported)
    uncertain = [Decimal(call.sent[0]) for call in calls if call.outcome == INFO]
    if stored < furthest:
        tally.lost += 1
        tally.tell(f"{name}: its progress is {stored}, though {furthest} was confirmed")
    elif stored > furthest and stored in uncertain:
        tally.recovered += 1
    elif stored > furthest and is_own:
        tally.unexpected += 1
        tally.tell(f"{name}: its progress is {stored}, though nobody got further than {furthest}")
    elif stored > furthest:
        tally.reasons[PROGRESS] += max(1, len(calls))


def check_reviews(histories: UserHistories, evidence: Evidence, tallies: Tallies) -> None:
    """A user has one review of each title: the one written last, with its time."""
    tally, stored = tallies["reviews"], evidence.stored
    for user, of_user in histories.items():
        contents = set()
        for key, calls in by_key(of_user, "review").items():
            tally.count(calls)
            content, row = calls[0].sent[0], stored.reviews.get(key)
            contents.add(content)
            if stored.removed_by_others(user, content) and not row:
                tally.reasons[REMOVED] += len(calls)
            elif not row and user not in stored.own and has_outcome(calls, OK):
                tally.reasons[REWRITTEN] += len(calls)  # a user from before the run may have removed it
            elif (
                check_presence(tally, f"review {key}", calls, row, should_be_gone=stored.is_gone(user, content)) and row
            ):
                _check_review(tally, f"review {key}", calls, row, evidence)
        for (reviewer, content), number in stored.doubles.items():
            if reviewer == user and content in contents:
                tally.wrong += 1
                tally.tell(f"user {user} has {number} reviews of title {content}")


def _check_review(tally: Tally, name: str, calls: list[Call], row: Row, evidence: Evidence) -> None:
    """Check a review that is there against the calls that have written it."""
    content = calls[0].sent[0]
    confirmed = [call for call in calls if call.outcome == OK]
    latest = [*confirmed[-1:], *(call for call in calls if call.outcome == INFO)]
    if not check_values(tally, name, row, {"user_id": [calls[0].user], "content_id": [content]}):
        return
    is_own = calls[0].user in evidence.stored.own
    alike = [call for call in latest if (row["rating"], row["review_text"]) == _sent_review(call)]
    if any(evidence.is_time_of(row["reviewed_at"], call, "reviewed_at") for call in alike):
        return
    if not is_own and _is_later(row["reviewed_at"], confirmed, evidence):
        tally.reasons[REWRITTEN] += len(calls)  # the user has written another one since
        return
    tally.wrong += 1
    wanted = " or ".join(f"{_sent_review(call)} at {call.got.get('reviewed_at', 'its time')}" for call in latest)
    tally.tell(f"{name}: is {row['rating']}, {row['review_text']} at {row['reviewed_at']}, not {wanted}")


def _sent_review(call: Call) -> tuple[Decimal, str | None]:
    """Return the rating and the text that a call has sent."""
    return Decimal(call.sent[1]), call.sent[2]


def _is_later(moment: datetime, confirmed: list[Call], evidence: Evidence) -> bool:
    """Whether a time lies after the latest confirmed call, and before the proof."""
    if not confirmed or str(moment) <= confirmed[-1].got["reviewed_at"]:
        return False
    return evidence.clock.could_be(moment, confirmed[-1].begin, evidence.now)


def check_payments(histories: UserHistories, evidence: Evidence, tallies: Tallies) -> None:
    """Payments are there with user and method, for the plan that the user had then, at a price that it had then.

    A payment stays when its user deletes their account. Its user_id is then NULL, and its payer_id stays.
    """
    tally, stored = tallies["payments"], evidence.stored
    for user, calls in histories.items():
        changes = [call for call in calls if call.operation in ("signup", "plan", "cancel")]
        for call in calls:
            if call.operation != "pay":
                continue
            tally.count([call])
            name, row = f"payment {call.key}", stored.payments.get(call.key)
            if not (check_presence(tally, name, [call], row, should_be_gone=False) and row):
                continue
            wanted: dict[str, list[Any]] = {
                "user_id": [user if user in stored.users else None],
                "payer_id": [user],
                "method": [call.sent[0]],
                "subscription_id": _plans_during(changes, call),
                "amount": _prices_during(evidence.prices.get(row["subscription_id"]), call),
            }
            if check_values(tally, name, row, wanted):
                check_time(tally, name, row, "payment_date", call, evidence)


def _plans_during(changes: list[Call], call: Call) -> list[Any]:
    """Return the plans for which a payment may be: the one that the call returned, if the user can have had it then.

    An uncertain payment may have been made at any time until the proof.
    """
    before = [change for change in changes if change.begin < call.begin]
    during = [change for change in changes if call.begin <= change.begin <= call.end and change.outcome != FAIL]
    plans = [sent[-1] for sent in possible_states(before) if sent] + [change.sent[-1] for change in during]
    return [plan for plan in plans if not call.got or plan == call.got["subscription_id"]]


def _prices_during(prices: PriceHistory | None, call: Call) -> list[Decimal]:
    """Return the amounts that a payment may have: what the call returned, if the plan can have had that price then."""
    known = prices.between(call.begin, call.end) if prices else []
    return [price for price in known if not call.got or price == Decimal(call.got["amount"])]


def check_plans(plans: list[Plan], prices: dict[int, PriceHistory], stored: list[Row], tallies: Tallies) -> None:
    """Plans of the run have their name and features, and the price that was set last."""
    tally = tallies["plans"]
    rows = {row["subscription_id"]: row for row in stored}
    for plan in plans:
        tally.attempted += 1
        tally.acknowledged += 1
        name, row = f"plan {plan.subscription_id}", rows.get(plan.subscription_id)
        if row is None:
            tally.lost += 1
            tally.tell(f"{name}: was confirmed, and is not there")
            continue
        last = [Decimal(sent[0]) for sent in prices[plan.subscription_id].last]
        check_values(tally, name, row, {"name": [plan.name], "features": [plan.features], "price": last})


USER_CHECKERS: tuple[Checker, ...] = (check_users, check_viewings, check_reviews, check_payments)
CHECKER_NAMES = ("users", "deletions", "viewings", "progress", "reviews", "payments", "plans")
