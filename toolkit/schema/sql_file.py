"""A schema file: read, divided into its statements, and run in a transaction of which it has no control."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import psycopg2
import psycopg2.extensions

from toolkit.console import UserError
from toolkit.database import Cursor, Database, explained
from toolkit.schema.ddl import LOCK_NOT_AVAILABLE, describe_lock_holders
from toolkit.schema.needed_server import needed_version
from toolkit.sql_statements import Statement, split
from toolkit.text_files import read_text

T = TypeVar("T")

UNFINISHED = psycopg2.extensions.TRANSACTION_STATUS_INTRANS
# What CockroachDB says of a transaction whose rows and new tables are there, but not all of its changes to old tables.
COMMITTED_IN_PART = "XXA00"
UNDEFINED_COLUMN = "42703"


@lru_cache(maxsize=1)
def _statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of a text, which is the same when a file is looked at, applied and compared."""
    return tuple(split(text))


class ColumnMissing(UserError):
    """A statement of a schema file names a column that its table lacks: of an earlier version of the file, mostly."""


class SchemaFile:
    """A schema file that is run statement by statement, and knows at which it is when the server refuses one.

    Raises UserError when the file cannot be read, holds no statement, or would end the transaction in which it is run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = read_text(path, "the schema file ")
        self.statements = _statements(text)
        self.needs = needed_version(text)
        self._at: Statement | None = None  # what is being run
        if not self.statements:
            raise UserError(f"{path} holds no SQL statement")
        for statement in self.statements:
            if statement.transaction_control:
                raise UserError(
                    f"{self._place(statement)}: the file is applied in one transaction, which it must not begin or end "
                    f"itself: remove {statement.transaction_control}"
                )

    @property
    def creates_relations(self) -> bool:
        """Whether the file creates tables or views. One that does not only changes what is there."""
        return any(statement.creates_relation for statement in self.statements)

    def run(self, cursor: Cursor) -> None:
        """Run all statements in the transaction of a cursor."""
        for statement in self.statements:
            self.run_statement(statement, cursor)

    def run_statement(self, statement: Statement, cursor: Cursor) -> None:
        """Run one of the statements by a cursor, and see that the transaction, if there is one, is still the same."""
        self._at = statement
        before = cursor.connection.get_transaction_status()
        cursor.execute(statement.text)
        if before == UNFINISHED and cursor.connection.get_transaction_status() != UNFINISHED:
            raise UserError(
                f"{self._place(statement)}: this statement has ended the transaction, so that what stands before it is "
                f"applied: remove it\n  it begins: {statement.beginning}"
            )
        self._at = None

    def explaining(self, database: Database, transaction: Callable[[], T]) -> T:
        """Run a transaction in which statements of the file run, and return its result.

        Raises UserError when the server refuses something: which statement of the file, why, and what is in the way.
        """
        try:
            return transaction()
        except psycopg2.Error as error:
            statement, self._at = self._at, None
            if statement:
                raise self._refusal(statement, error, database) from error
            raise self._end(error, database) from error

    def _refusal(self, statement: Statement, error: psycopg2.Error, database: Database) -> UserError:
        code = error.pgcode or ""
        own_fault = code.startswith("42") and code != "42501"  # insufficient_privilege
        reason = error.diag.message_primary if own_fault else explained(error, database)
        if code in ("42P07", "42710"):  # duplicate_table, duplicate_object
            reason = f"{reason} (a schema file is applied again and again: write IF NOT EXISTS where there is such)"
        if code == LOCK_NOT_AVAILABLE:
            reason = f"{reason}. {describe_lock_holders(database, statement.text)}"
        position = int(error.diag.statement_position or 1) - 1
        place = self._place(statement, statement.text.count("\n", 0, position))
        kind = ColumnMissing if code == UNDEFINED_COLUMN else UserError
        return kind(f"{place}: {reason}\n  the statement begins: {statement.beginning}")

    def _end(self, error: psycopg2.Error, database: Database) -> UserError:
        """Return what to say of an error before or after the statements of the file."""
        if error.pgcode != COMMITTED_IN_PART:
            return explained(error, database)
        parts = [part.rstrip(".") for part in (error.diag.message_primary, error.diag.message_detail) if part]
        return UserError(
            f"{self.path} is applied in part: what is new in it is there, but a table that was there could not be "
            f"changed: {'. '.join(parts)}. Mend that and run it again"
        )

    def _place(self, statement: Statement, lines: int = 0) -> str:
        return f"{self.path}, line {statement.line + lines}"
