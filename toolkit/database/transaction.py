"""The retrying transaction: the one loop that tries again after conflicts and lost connections."""

import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import psycopg2
import psycopg2.extensions

from toolkit.console import UserError
from toolkit.database.connection import Connection, Cursor, is_lost
from toolkit.database.database import Backoff, Database

T = TypeVar("T")

CONFLICTS = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
}
STATEMENT_COMPLETION_UNKNOWN = "40003"
# The states of a transaction that cannot be committed any more: after an error, or without a connection.
FAILED = {psycopg2.extensions.TRANSACTION_STATUS_INERROR, psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN}


class Promise(NamedTuple):
    """What a work says of itself, so that run_transaction() may do more for it.

    repeatable: to run it again after it was committed does no harm: every row it writes has a key known before the
    write. It is run again, too, when nobody knows whether COMMIT was carried out.
    only_reads: it writes nothing, so it is repeatable, and no doubt remains of a COMMIT whose answer was lost.
    one_statement: it sends one statement and no more. The server begins and commits by itself then, in one round trip
    instead of two; a connection lost in the statement is one lost in COMMIT. The cursor is kept for the next such work:
    this one must not close it.
    """

    repeatable: bool = False
    only_reads: bool = False
    one_statement: bool = False


REPEATABLE = Promise(repeatable=True)
ONLY_READS = Promise(only_reads=True)
ONE_READ = Promise(only_reads=True, one_statement=True)
ONE_WRITE = Promise(repeatable=True, one_statement=True)


class RetriesExhausted(UserError):
    """The time for trying the transaction again is over. Nothing of it was committed; the cause is the last error."""

    is_transient = True


class AmbiguousCommit(UserError):
    """Nobody knows whether the transaction was committed: the answer to COMMIT was lost. The cause says how."""

    is_transient = True


def never(_: psycopg2.Error) -> bool:
    """Say of no further error that it passes: the default of run_transaction()."""
    return False


def run_transaction(
    database: Database,
    work: Callable[[Cursor], T],
    promise: Promise = Promise(),  # noqa: B008 - it cannot be changed
    *,
    try_again: Callable[[psycopg2.Error], bool] = never,
    since: Callable[[], float] | None = None,
) -> T:
    """Run work(cursor) in a transaction, commit, and return what work returned.

    work MAY RUN MORE THAN ONCE, each time in a new transaction: it must have no effect but on the database, and must
    let psycopg2's errors out. It is run again, after a pause and for at most database.retry_for seconds,

    - after a conflict: SQLSTATE 40001 (serialization failure) or 40P01 (deadlock);
    - when the connection was lost before COMMIT was sent: a new one takes its place, with several hosts in the URL
      perhaps to another node;
    - only if it promises to be repeatable, or only to read: when it is not known whether COMMIT was carried out
      (SQLSTATE 40003, or the connection lost in COMMIT);
    - after any other error for which try_again(error), called after ROLLBACK, says that it passes by itself.

    since() says from when retry_for counts, as time.monotonic() does: a transaction that is one of many may be tried as
    long as the others go on. By default it counts from the beginning.

    Raises AmbiguousCommit when it is not known whether work was committed, by an earlier try as well: whatever ended
    the tries is then its cause. Else RetriesExhausted when the time is over, DatabaseUnreachable when there is no
    server, and any other error of psycopg2 or of work as it is, after ROLLBACK.
    """
    return _Transaction(database, work, promise, try_again, Backoff(database, database.retry_for, since)).run()


class _Transaction(Generic[T]):
    """One call of run_transaction(), of whose parameters it is made; the pauses between its tries are the backoff's."""

    def __init__(
        self,
        database: Database,
        work: Callable[[Cursor], T],
        promise: Promise,
        try_again: Callable[[psycopg2.Error], bool],
        backoff: Backoff,
    ) -> None:
        self._database = database
        self._work = work
        self._promise = promise
        self._try_again = try_again
        self._backoff = backoff
        self._committing = False  # whether COMMIT was sent, in the latest try
        self._in_doubt = False  # whether a try may have been committed

    def run(self) -> T:
        """Try until there is a result, or an error that ends the tries."""
        try:
            while True:
                # As Database.connection() does, which takes longer: this is in every call of everybody.
                connection = self._database.getconn(self._backoff)
                try:
                    return self._try(connection)
                except psycopg2.Error as error:
                    failure = error
                    self._database.end_transaction(connection, error)
                except BaseException as error:
                    self._database.end_transaction(connection, error)
                    raise
                finally:
                    self._database.putconn(connection)
                self._await_next_try(failure, is_lost(connection, failure))
        except AmbiguousCommit:
            raise
        except Exception as error:
            # What ends the tries after a doubtful COMMIT, be it an error of work's own, says nothing of that COMMIT.
            if self._in_doubt:
                raise self._ambiguous(error) from error
            raise

    def _try(self, connection: Connection) -> T:
        """Run work once, and commit."""
        self._committing = self._promise.one_statement
        if self._promise.one_statement:
            connection.waiting_since = time.monotonic()  # until it is given back
            result = self._work(connection.plain_cursor)
        else:
            connection.begins = True
            with connection.cursor() as cursor:
                result = self._work(cursor)
        if connection.get_transaction_status() in FAILED:
            raise RuntimeError("work kept an error of psycopg2 to itself: COMMIT would roll back silently")
        if not self._promise.one_statement:
            self._committing = True
            connection.commit()
        return result

    def _await_next_try(self, error: psycopg2.Error, lost: bool) -> None:
        """Return when it is time for the next try. Raises what ends the tries."""
        self._database.stop_if_interrupted()
        ambiguous = error.pgcode == STATEMENT_COMPLETION_UNKNOWN or (lost and self._committing)
        self._in_doubt = self._in_doubt or (ambiguous and not self._promise.only_reads)
        if ambiguous and not (self._promise.repeatable or self._promise.only_reads):
            raise self._ambiguous() from error
        if not (ambiguous or lost or error.pgcode in CONFLICTS or self._try_again(error)):
            raise error
        if not self._backoff.pause():
            raise (self._ambiguous() if self._in_doubt else self._exhausted(lost, error)) from error
        self._database.count_retry()

    def _ambiguous(self, ended_by: Exception | None = None) -> AmbiguousCommit:
        text = (
            f"the connection to {self._database.target.host} was lost during COMMIT: "
            "the transaction may have been committed or not"
        )
        if ended_by:
            text += f" (trying again ended with: {str(ended_by).strip()})"
        return AmbiguousCommit(text)

    def _exhausted(self, lost: bool, error: psycopg2.Error) -> RetriesExhausted:
        reason = "the connection was lost again and again" if lost else "other transactions were in the way each time"
        if not lost and error.pgcode not in CONFLICTS:
            reason += f", or so it seemed: {error.diag.message_primary}"
        tries = self._backoff.count + 1
        seconds = time.monotonic() - self._backoff.begin
        return RetriesExhausted(
            f"given up after {tries} {'try' if tries == 1 else 'tries'} in {seconds:.0f} s at "
            f"{self._database.target.host}: {reason}. Nothing of this transaction was committed"
        )
