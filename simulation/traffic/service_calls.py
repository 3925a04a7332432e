"""How a worker calls the services: each call is measured, and those that write are logged in its history."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import services
from simulation.traffic.history import FAIL, INFO, OK, History
from simulation.traffic.recorder import Recorder
from toolkit.console import UserError
from toolkit.database import AmbiguousCommit, Database

# Operations that write -> the service that each calls, and the columns of the returned row that the history keeps.
WRITES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "watch": (services.start_watching, ("watched_at",)),
    "progress": (services.log_progress, ("progress",)),
    "review": (services.review_content, ("reviewed_at",)),
    "signup": (services.create_user, ("created_at",)),
    "plan": (services.change_plan, ()),
    "cancel": (services.change_plan, ()),
    "pay": (services.process_payment, ("subscription_id", "amount", "payment_date")),
    "delete": (services.delete_user, ()),
    "price": (services.update_subscription, ()),
}

# The errors with which a service refuses a call, and how a call of a worker can come to that.
WHY_REFUSED: dict[type[UserError], str] = {
    services.NotFound: "the user or the title, which somebody has removed",
    services.AlreadyExists: "a title that the user had reviewed already",
    services.InvalidValue: "a value that cannot be stored",
    services.StillInUse: "what others still use",
}
REFUSALS = (services.NotFound, services.AlreadyExists, services.InvalidValue, services.StillInUse)

PAUSE = 0.2  # seconds after an error
LATE = 0.1  # seconds after which an operation that was due counts as started too late


class ServiceCalls:
    """Makes the calls of one worker, one after the other.

    due: when the next call should have begun (time.monotonic()), from which its latency then counts; None: the latency
    counts from the call. was_refused: whether a service has refused the latest call. problems: the texts of the
    database's errors, and how often each occurred. refusals: what was refused, and how often.
    """

    def __init__(self, database: Database, history: History | None, stop: threading.Event) -> None:
        self.recorder = Recorder()
        self.problems: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.due: float | None = None
        self.was_refused = False
        self.database = database
        self._history, self._stop = history, stop

    def write(self, operation: str, user_id: int, key: object, sent: list[Any], arguments: dict[str, Any]) -> Any:
        """Make a call that writes (see WRITES), and log its begin and its end in the history. Return the row, or None.

        key: of the row that is written. sent: the values that the proof will look for there.
        """
        service, columns = WRITES[operation]
        if not self._history:
            return self.call(operation, service, arguments)[1]
        self._history.begin(time.monotonic(), user_id, operation, key, sent)
        try:
            outcome, row = self.call(operation, service, arguments)
        except KeyboardInterrupt:
            self._history.end(time.monotonic(), INFO, {})
            raise
        self._history.end(time.monotonic(), outcome, {name: row[name] for name in columns} if row else {})
        return row

    def call(self, operation: str, service: Callable[..., Any], arguments: dict[str, Any]) -> tuple[str, Any]:
        """Call a service and measure it. Return the outcome (see history.py), and what the service has returned.

        Raises KeyboardInterrupt if the Database was interrupted.
        """
        retries = self.database.retries
        begin = time.monotonic()
        since = self.due or begin
        if begin - since > LATE:
            self.recorder.late(operation)
        self.was_refused = False
        try:
            result = service(self.database, **arguments)
        except REFUSALS as refusal:
            self.was_refused = True
            self.refusals[f"{operation}: {WHY_REFUSED[type(refusal)]}"] += 1
            self.recorder.failed(operation, since, self.database.retries - retries, is_error=False)
            return FAIL, None
        except UserError as failure:
            self.recorder.failed(operation, since, self.database.retries - retries, is_error=True)
            self.problems[str(failure)] += 1
            self._stop.wait(PAUSE)
            return (INFO if isinstance(failure, AmbiguousCommit) else FAIL), None
        except KeyboardInterrupt:
            self.recorder.unanswered(operation, since)
            raise
        self.recorder.ok((time.monotonic(), since, True, operation, self.database.retries - retries))
        return OK, result
