"""The retrying transaction: the only retry loop there is."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psycopg2
import psycopg2.extensions

from toolkit.console import UserError
from toolkit.database.pool import Connection, Cursor, Database, Tries

T = TypeVar("T")

CONFLICTS = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
}
STATEMENT_COMPLETION_UNKNOWN = "40003"
# CockroachDB's code for a message above sql.conn.max_read_buffer_message_size, and its words (pgwirebase/encoding.go).
PROTOCOL_VIOLATION = "08P01"
TOO_LARGE = "bigger than maximum allowed message size"
# The states of a transaction that cannot be committed any more: after an error, or without a connection.
FAILED = {psycopg2.extensions.TRANSACTION_STATUS_INERROR, psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN}
# What a server says when it ends a connection: admin_shutdown, crash_shutdown, cannot_connect_now.
SERVER_LEAVES = {"57P01", "57P02", "57P03"}


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
    *,
    repeatable: bool = False,
    reads: bool = False,
    one_statement: bool = False,
    try_again: Callable[[psycopg2.Error], bool] = never,
    since: Callable[[], float] | None = None,
) -> T:
    """Run work(cursor) in a transaction, commit, and return what work returned.

    work MAY RUN MORE THAN ONCE, each time in a new transaction: it must have no effect but on the database, and must
    let psycopg2's errors out. It is run again, after a pause and for at most database.retry_for seconds,

    - after a conflict: SQLSTATE 40001 (serialization failure) or 40P01 (deadlock);
    - when the connection was lost before COMMIT was sent: a new one takes its place, with several hosts in the URL
      perhaps to another node;
    - only if repeatable: when it is not known whether COMMIT was carried out (SQLSTATE 40003, or the connection lost
      in COMMIT). Say repeatable=True if running work again after it was committed does no harm: every row it writes
      has a key known before the write;
    - if it only reads (say reads=True), also in these cases: there is nothing that could be committed;
    - after any other error for which try_again(error), called after ROLLBACK, says that it passes by itself.

    Say one_statement=True of a work that sends one statement and no more: the server begins and commits by itself then,
    in one round trip instead of two. A connection lost in the statement is one lost in COMMIT. The cursor is kept for
    the next such work: this one must not close it.

    since() says from when retry_for counts, as time.monotonic() does: a transaction that is one of many may be tried as
    long as the others go on. By default it counts from the beginning.

    Raises AmbiguousCommit when it is not known whether work was committed, by an earlier try as well: whatever ended
    the tries is then its cause. Else RetriesExhausted when the time is over, DatabaseUnreachable when there is no
    server, and any other error of psycopg2 or of work as it is, after ROLLBACK.
    """
    tries = Tries(database, database.retry_for, since)
    try:
        while True:
            connection = database.take(tries)
            committing = one_statement
            try:
                if one_statement:
                    connection.waiting_since = time.monotonic()  # until it is given back
                    result = work(connection.plain_cursor)
                else:
                    connection.begins = True
                    with connection.cursor() as cursor:
                        result = work(cursor)
                if connection.get_transaction_status() in FAILED:
                    raise RuntimeError("work kept an error of psycopg2 to itself: COMMIT would roll back silently")
                if not one_statement:
                    committing = True
                    connection.commit()
            except psycopg2.Error as error:
                _await_next_try(database, connection, tries, error, committing, repeatable, reads, try_again)
            except BaseException as error:
                _end(database, connection, lost=not isinstance(error, Exception))
                raise
            else:
                database.give_back(connection)
                return result
    except AmbiguousCommit:
        raise
    except Exception as error:
        # What ends the tries after a doubtful COMMIT, be it an error of work's own, says nothing of that COMMIT.
        if tries.in_doubt:
            raise _ambiguous(database, error) from error
        raise


def _await_next_try(
    database: Database,
    connection: Connection,
    tries: Tries,
    error: psycopg2.Error,
    committing: bool,
    repeatable: bool,
    reads: bool,
    try_again: Callable[[psycopg2.Error], bool],
) -> None:
    """End a try that has failed, and return when it is time for the next. Raises what ends the tries."""
    lost = _is_lost(connection, error)
    _end(database, connection, lost)
    database.stop_if_interrupted()
    ambiguous = error.pgcode == STATEMENT_COMPLETION_UNKNOWN or (lost and committing)
    tries.in_doubt = tries.in_doubt or (ambiguous and not reads)
    if ambiguous and not (repeatable or reads):
        raise _ambiguous(database) from error
    if not (ambiguous or lost or error.pgcode in CONFLICTS or try_again(error)):
        raise error
    if not tries.pause():
        raise _ambiguous(database) if tries.in_doubt else _exhausted(database, tries, lost, error) from error
    database.count_retry()


def _is_lost(connection: Connection, error: psycopg2.Error) -> bool:
    """Whether an error means that the connection has gone, and not that the server refuses what was sent."""
    code = error.pgcode or ""
    if code == PROTOCOL_VIOLATION and TOO_LARGE in str(error):
        return False  # some versions close the connection after this, and it would be sent in vain again
    return bool(connection.closed) or code in SERVER_LEAVES or (code.startswith("08") and code != PROTOCOL_VIOLATION)


def _end(database: Database, connection: Connection, lost: bool) -> None:
    """Roll back and keep the connection, or close it: the server then rolls back."""
    if not lost:
        with suppress(psycopg2.Error):
            connection.rollback()
            database.give_back(connection)
            return
    database.discard(connection)


def _ambiguous(database: Database, ended_by: Exception | None = None) -> AmbiguousCommit:
    text = (
        f"the connection to {database.target.host} was lost during COMMIT: "
        "the transaction may have been committed or not"
    )
    if ended_by:
        text += f" (trying again ended with: {str(ended_by).strip()})"
    return AmbiguousCommit(text)


def _exhausted(database: Database, tries: Tries, lost: bool, error: psycopg2.Error) -> RetriesExhausted:
    reason = "the connection was lost again and again" if lost else "other transactions were in the way each time"
    if not lost and error.pgcode not in CONFLICTS:
        reason += f", or so it seemed: {error.diag.message_primary}"
    number = "1 try" if tries.count == 0 else f"{tries.count + 1} tries"
    seconds = time.monotonic() - tries.begin
    return RetriesExhausted(
        f"given up after {number} in {seconds:.0f} s at {database.target.host}: {reason}. "
        "Nothing of this transaction was committed"
    )
