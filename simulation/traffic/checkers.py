"""What is compared, a checker for each kind of row. The words are Jepsen's.

attempted       calls, whatever came of them
acknowledged    calls that were confirmed
uncertain       calls of which nobody knows what came
recovered       uncertain ones that came true after all
lost            confirmed, and not there
unexpected      there, though it was refused or never asked for, or belongs to what is gone
wrong           there with other values than those that were confirmed last, or may have replaced these
not judged      changed or removed by somebody else, of which a run knows nothing
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, cast

from simulation.traffic.history import INFO, OK, Event
from simulation.traffic.prices import Prices
from simulation.traffic.user_histories import UserHistories, any_with_outcome, by_key, possible

MOST_EXAMPLES = 5


class Tally:
    """What a checker has counted, and examples of what is off."""

    def __init__(self) -> None:
        self.attempted = self.acknowledged = self.uncertain = self.recovered = 0
        self.lost = self.unexpected = self.wrong = self.not_judged = 0
        self.examples: list[str] = []

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.unexpected or self.wrong)

    def tell(self, example: str) -> None:
        """Keep an example of what is off."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)

    def count(self, events: list[Event]) -> None:
        """Count calls and their outcomes."""
        outcomes = Counter(event.outcome for event in events)
        self.attempted += len(events)
        self.acknowledged += outcomes[OK]
        self.uncertain += outcomes[INFO]


class Stored(NamedTuple):
    """Rows of the database by their keys. doubles: user and title -> the number of reviews, where there are several.

    own: the users that the run has signed up.
    """

    users: dict[int, Any]
    contents: set[int]
    viewings: dict[str, Any]
    reviews: dict[str, Any]
    doubles: dict[tuple[int, int], int]
    payments: dict[str, Any]
    own: set[int]

    def by_table(self) -> dict[str, int]:
        """Return how many rows of the run are there of each kind."""
        return {
            "users": len(self.own & self.users.keys()),
            "viewings": len(self.viewings),
            "reviews": len(self.reviews),
            "payments": len(self.payments),
        }

    def removed_by_others(self, user: int, content: int | None = None) -> bool:
        """Whether somebody else has removed a user, or a title, and with it what belongs to it."""
        return (user not in self.own and user not in self.users) or (
            content is not None and content not in self.contents
        )


Tallies = dict[str, Tally]
Checker = Callable[[UserHistories, Stored, dict[int, Prices], Tallies], None]


def check_presence(tally: Tally, name: str, events: list[Event], row: Any, *, should_go: bool) -> bool:
    """Judge whether a row (or None) that these calls were to make is rightly there or not.

    should_go: whether it was removed again, for sure, or what it belongs to is gone. Return whether its values count.
    """
    is_there = row is not None
    if is_there and should_go:
        tally.unexpected += 1
        tally.tell(f"{name}: is there, though it was removed, or what it belongs to is gone")
        return False
    if is_there and not (any_with_outcome(events, OK) or any_with_outcome(events, INFO)):
        tally.unexpected += 1
        tally.tell(f"{name}: is there, though it was refused")
        return False
    if is_there and not any_with_outcome(events, OK):
        tally.recovered += 1
    if not is_there and not should_go and any_with_outcome(events, OK):
        tally.lost += 1
        tally.tell(f"{name}: was confirmed, and is not there")
    return is_there


def check_users(histories: UserHistories, stored: Stored, _: dict[int, Prices], tallies: Tallies) -> None:
    """Who signed up is there with their name, address and plan, unless they deleted their account."""
    tally, deletions = tallies["users"], tallies["deletions"]
    for user in stored.own:
        calls = by_key(histories[user], "signup")[str(user)]
        changes = [event for event in histories[user] if event.call in ("plan", "cancel")]
        deleted = [event for event in histories[user] if event.call == "delete"]
        tally.count(calls + changes)
        deletions.count(deleted)
        row = cast(Any, stored.users.get(user))
        if row and any_with_outcome(deleted, OK):
            deletions.lost += 1
            deletions.tell(f"user {user}: was deleted, and is there")
        elif not row and any_with_outcome(deleted, INFO):
            deletions.recovered += 1
        elif check_presence(tally, f"user {user}", calls, row, should_go=any_with_outcome(deleted, OK)):
            name, email, plan = calls[0].sent
            plans = [sent[0] for sent in possible(changes, [plan])]
            if tuple(row[1:3]) != (name, email) or row[3] not in plans:
                tally.wrong += 1
                tally.tell(f"user {user}: is {row[1]}, {row[2]}, on plan {row[3]}, not {name}, {email}, on {plans}")


def check_viewings(histories: UserHistories, stored: Stored, _: dict[int, Prices], tallies: Tallies) -> None:
    """A viewing is there with its user, title and time; its progress is the furthest, and never went back."""
    tally, progress = tallies["viewings"], tallies["progress"]
    for user, events in histories.items():
        logged = by_key(events, "progress")
        for key, calls in by_key(events, "watch").items():
            tally.count(calls)
            progress.count(logged[key])
            content, row = calls[0].sent[0], cast(Any, stored.viewings.get(key))
            if stored.removed_by_others(user, content) and not row:
                tally.not_judged += 1
                continue
            is_gone = user not in stored.users or content not in stored.contents
            if not check_presence(tally, f"viewing {key}", calls, row, should_go=is_gone):
                continue
            watched_at = calls[0].got[0] if calls[0].got else str(row[3])
            if (row[1], row[2], str(row[3])) != (user, content, watched_at):
                tally.wrong += 1
                tally.tell(f"viewing {key}: is {row[1:4]}, not user {user}, title {content}, {watched_at}")
            _check_progress(progress, key, logged[key], row[4], is_own=user in stored.own)


def _check_progress(tally: Tally, key: str, events: list[Event], stored: Decimal, *, is_own: bool) -> None:
    furthest = Decimal(0)
    for event in events:
        if event.outcome == OK:
            told = Decimal(event.got[0])
            if told < furthest:
                tally.wrong += 1
                tally.tell(f"viewing {key}: its progress went back from {furthest} to {told}")
            furthest = max(furthest, told)
    uncertain = [Decimal(event.sent[0]) for event in events if event.outcome == INFO]
    if stored < furthest:
        tally.lost += 1
        tally.tell(f"viewing {key}: its progress is {stored}, though {furthest} was confirmed")
    elif stored > furthest and stored in uncertain:
        tally.recovered += 1
    elif stored > furthest and is_own:
        tally.unexpected += 1
        tally.tell(f"viewing {key}: its progress is {stored}, though nobody got further than {furthest}")
    elif stored > furthest:
        tally.not_judged += 1  # the user has other devices


def check_reviews(histories: UserHistories, stored: Stored, _: dict[int, Prices], tallies: Tallies) -> None:
    """A user has one review of a title, and it says what they wrote last."""
    tally = tallies["reviews"]
    for user, events in histories.items():
        contents = set()
        for key, calls in by_key(events, "review").items():
            tally.count(calls)
            content, row = calls[0].sent[0], cast(Any, stored.reviews.get(key))
            contents.add(content)
            if stored.removed_by_others(user, content) and not row:
                tally.not_judged += 1
                continue
            is_gone = user not in stored.users or content not in stored.contents
            if not check_presence(tally, f"review {key}", calls, row, should_go=is_gone):
                continue
            allowed = [(Decimal(sent[1]), sent[2]) for sent in possible(calls) if sent]
            if (row[1], row[2]) == (user, content) and (row[3], row[4]) in allowed:
                continue
            written = [event.got[0] for event in calls if event.got]
            if user not in stored.own and written and str(row[5]) > written[-1]:
                tally.not_judged += 1  # the user has written another in its place
            else:
                tally.wrong += 1
                tally.tell(f"review {key}: is {row[1:5]}, not of user {user}, title {content}, {allowed}")
        for (reviewer, content), number in stored.doubles.items():
            if reviewer == user and content in contents:
                tally.wrong += 1
                tally.tell(f"user {user} has {number} reviews of title {content}")


def check_payments(histories: UserHistories, stored: Stored, prices: dict[int, Prices], tallies: Tallies) -> None:
    """A payment is there with its user and method, for the plan that the user had, at a price that this had then.

    It is kept when its user deletes their account, and has none then.
    """
    tally = tallies["payments"]
    for user, events in histories.items():
        changes = [event for event in events if event.call in ("signup", "plan", "cancel")]
        for event in events:
            if event.call != "pay":
                continue
            tally.count([event])
            row = stored.payments.get(event.key)
            if not check_presence(tally, f"payment {event.key}", [event], row, should_go=False):
                continue
            before = [change for change in changes if change.begin < event.begin]
            problem = _payment_problem(event, row, user if user in stored.users else None, before, prices)
            if problem:
                tally.wrong += 1
                tally.tell(f"payment {event.key}: {problem}")


def _payment_problem(
    event: Event, row: Any, user: int | None, changes: list[Event], prices: dict[int, Prices]
) -> str | None:
    """Return what is wrong with a payment that is there. user: None if they are not there any more."""
    _, payer, plan, amount, method, paid_at = row
    plans = [sent[-1] for sent in possible(changes) if sent]
    if payer != user or method != event.sent[0]:
        return f"is by user {payer}, {method}, not by {user}, {event.sent[0]}"
    if event.got and [plan, str(amount), str(paid_at)] != event.got:
        return f"is {amount} for plan {plan} at {paid_at}, though {event.got} was confirmed"
    if plan not in plans or plan not in prices:
        return f"is for plan {plan}, not {plans}"
    if amount not in prices[plan].between(event.begin, event.end):
        return f"is {amount}, which was not the price of plan {plan} then"
    return None


def check_plans(prices: dict[int, Prices], stored: dict[int, Any], tallies: Tallies) -> None:
    """A plan of the run has the price that it was given last."""
    tally = tallies["plans"]
    for plan, known in prices.items():
        tally.attempted += 1
        tally.acknowledged += 1
        row = stored.get(plan)
        if row is None:
            tally.lost += 1
            tally.tell(f"plan {plan}: was confirmed, and is not there")
        elif row[1] not in [Decimal(sent[0]) for sent in known.last]:
            tally.wrong += 1
            tally.tell(f"plan {plan}: its price is {row[1]}, not {known.last}")


BY_USER: tuple[Checker, ...] = (check_users, check_viewings, check_reviews, check_payments)
NAMES = ("users", "deletions", "viewings", "progress", "reviews", "payments", "plans")
