"""The calls of a worker: each is measured, and those that write are in its history."""

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

# What services refuse, and why they do so to a call of a worker.
WHY_REFUSED: dict[type[UserError], str] = {
    services.NotFound: "the user or the title, which somebody has removed",
    services.AlreadyExists: "a title that the user had reviewed already",
    services.InvalidValue: "a value that cannot be stored",
    services.StillInUse: "what others still use",
}
REFUSALS = (services.NotFound, services.AlreadyExists, services.InvalidValue, services.StillInUse)

PAUSE = 0.2  # seconds after an error
LATE = 0.1  # seconds after which an operation that was due counts as not started in time


class Calls:
    """Calls of services by one worker, one after the other.

    database: on which they are made. due: since when the next call should have been made, as time.monotonic() tells,
    for latencies to count from then; None: they count from the call. was_refused: whether a service has refused the
    latest call. problems: what the errors of the database said, and how often. refusals: what was refused, and how
    often.
    """

    def __init__(self, database: Database, history: History | None, stop: threading.Event) -> None:
        self.recorder = Recorder()
        self.problems: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.due: float | None = None
        self.was_refused = False
        self.database = database
        self._history, self._stop = history, stop

    def write(
        self,
        operation: str,
        service: Callable[..., Any],
        user_id: int,
        key: object,
        sent: list[Any],
        got: list[str],
        arguments: dict[str, Any],
    ) -> Any:
        """Call a service that writes, with an entry in the history before and after it. Return the row, or None.

        sent: the values to be written. got: the columns of the returned row that the history keeps beside these.
        """
        if not self._history:
            return self.make(operation, service, arguments)[1]
        self._history.begin(time.monotonic(), user_id, operation, key, sent)
        try:
            outcome, row = self.make(operation, service, arguments)
        except KeyboardInterrupt:
            self._history.end(time.monotonic(), INFO, {})
            raise
        self._history.end(time.monotonic(), outcome, {name: row[name] for name in got} if row else {})
        return row

    def make(self, operation: str, service: Callable[..., Any], arguments: dict[str, Any]) -> tuple[str, Any]:
        """Call a service, and record what is measured. Return the outcome, and what the service has returned.

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
