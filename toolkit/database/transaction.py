"""The retrying transaction: the one loop that tries again after conflicts and lost connections."""

import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import psycopg2
import psycopg2.extensions

from toolkit.console import UserError
from toolkit.database.backoff import Backoff
from toolkit.database.connection import Connection, Cursor, is_lost
from toolkit.database.connection_pool import Database

T = TypeVar("T")

CONFLICTS = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
}
STATEMENT_COMPLETION_UNKNOWN = "40003"
# The states of a transaction that cannot be committed any more: after an error, or without a connection.
FAILED = {psycopg2.extensions.TRANSACTION_STATUS_INERROR, psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN}


class TransactionOptions(NamedTuple):
    """What the caller of run_transaction() knows of the function that it runs in the transaction.

    idempotent: running it again after it was committed changes nothing, because every row that it writes has a key that
    is known before the write. So it is also run again after an ambiguous commit.
    read_only: it writes nothing. So it can always be run again, and no commit of it is ambiguous.
    single_statement: it sends exactly one statement. The server then begins and commits by itself, which saves a round
    trip; a connection lost in the statement counts as one lost in COMMIT. The function must not close its cursor, which
    the next transaction of one statement uses again.
    """

    idempotent: bool = False
    read_only: bool = False
    single_statement: bool = False


IDEMPOTENT = TransactionOptions(idempotent=True)
READ_ONLY = TransactionOptions(read_only=True)
SINGLE_READ = TransactionOptions(read_only=True, single_statement=True)
SINGLE_WRITE = TransactionOptions(idempotent=True, single_statement=True)


class RetriesExhausted(UserError):
    """The time for retries is over, and nothing of the transaction was committed. __cause__ is the last error."""

    is_transient = True


class AmbiguousCommit(UserError):
    """It is not known whether the transaction was committed: the answer to COMMIT was lost. __cause__ says how."""

    is_transient = True


def never(_: psycopg2.Error) -> bool:
    """Return False: the default of run_transaction(), which tries again after no other errors than its own list."""
    return False


def run_transaction(
    database: Database,
    work: Callable[[Cursor], T],
    options: TransactionOptions = TransactionOptions(),  # noqa: B008 - it is immutable
    *,
    try_again: Callable[[psycopg2.Error], bool] = never,
    since: Callable[[], float] | None = None,
) -> T:
    """Run work(cursor) in a transaction, commit, and return what work returned.

    work MAY RUN MORE THAN ONCE, each time in a new transaction: it must change nothing but the database, and must not
    catch psycopg2's errors. It is run again, after a pause and for at most database.retry_for seconds,

    - after a conflict: SQLSTATE 40001 (serialization failure) or 40P01 (deadlock);
    - when the connection was lost before COMMIT was sent: a new one takes its place, which with several hosts in the
      URL may lead to another node;
    - after an ambiguous commit (SQLSTATE 40003, or the connection lost in COMMIT), if the options say that work is
      idempotent or only reads;
    - after any other error for which try_again(error) returns True. It is called after ROLLBACK.

    since: returns the moment (time.monotonic()) from which retry_for counts, so that one transaction of many can be
    tried as long as the others make progress. By default it counts from the beginning of this one.

    Raises AmbiguousCommit when it is not known whether work was committed, also when that was an earlier try: __cause__
    is then what ended the tries. Else RetriesExhausted when the time is over, DatabaseUnreachable when there is no
    server, and any other error of psycopg2 or of work unchanged, after ROLLBACK.
    """
    return _Transaction(database, work, options, try_again, Backoff(database.sleep, database.retry_for, since)).run()


class _Transaction(Generic[T]):
    """One call of run_transaction(), with its parameters."""

    def __init__(
        self,
        database: Database,
        work: Callable[[Cursor], T],
        options: TransactionOptions,
        try_again: Callable[[psycopg2.Error], bool],
        backoff: Backoff,
    ) -> None:
        self._database = database
        self._work = work
        self._options = options
        self._try_again = try_again
        self._backoff = backoff
        self._committing = False  # whether COMMIT was sent, in the latest try
        self._in_doubt = False  # whether a try may have been committed

    def run(self) -> T:
        """Try until there is a result, or an error that ends the tries."""
        try:
            while True:
                # What Database.connection() does, written out because that takes longer, and every call comes here.
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
            # After an ambiguous commit the next try may end with any error, which says nothing about that commit.
            if self._in_doubt:
                raise self._ambiguous(error) from error
            raise

    def _try(self, connection: Connection) -> T:
        """Run work once, and commit."""
        self._committing = self._options.single_statement
        if self._options.single_statement:
            connection.waiting_since = time.monotonic()  # until it is given back
            result = self._work(connection.plain_cursor)
        else:
            connection.begins = True
            with connection.cursor() as cursor:
                result = self._work(cursor)
        if connection.get_transaction_status() in FAILED:
            raise RuntimeError("work kept an error of psycopg2 to itself: COMMIT would roll back silently")
        if not self._options.single_statement:
            self._committing = True
            connection.commit()
        return result

    def _await_next_try(self, error: psycopg2.Error, lost: bool) -> None:
        """Wait until the next try is due. Raises the error that ends the tries, if there is to be none."""
        self._database.stop_if_interrupted()
        ambiguous = error.pgcode == STATEMENT_COMPLETION_UNKNOWN or (lost and self._committing)
        self._in_doubt = self._in_doubt or (ambiguous and not self._options.read_only)
        if ambiguous and not (self._options.idempotent or self._options.read_only):
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
