"""A schema file: read it, split it into statements, and run these in a transaction that they cannot end."""

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import psycopg2
import psycopg2.extensions

from toolkit.console import UserError
from toolkit.database import Cursor, Database, explained
from toolkit.schema.ddl import LOCK_NOT_AVAILABLE, describe_lock_holders
from toolkit.sql_statements import Statement, split
from toolkit.text_files import read_text

T = TypeVar("T")

IN_TRANSACTION = psycopg2.extensions.TRANSACTION_STATUS_INTRANS
# CockroachDB's error after a COMMIT that has kept rows and new tables, but not all changes to tables that were there.
COMMITTED_IN_PART = "XXA00"
UNDEFINED_COLUMN = "42703"

# The line of a SQL file that says which version of CockroachDB it needs; and the version in what the server reports.
NEEDS = r"(?m)^-- needs: CockroachDB v(\d+)\.(\d+)$"
VERSION = r"v(\d+)\.(\d+)\S*"

Version = tuple[int, ...]  # (23, 1) for v23.1


@lru_cache(maxsize=1)
def _statements(text: str) -> tuple[Statement, ...]:
    """Split a text into statements. Cached, because a script reads the same file several times."""
    return tuple(split(text))


def needed_version(text: str) -> Version | None:
    """Return the version of CockroachDB that a SQL file names in its `needs` line; None if it has none."""
    found = re.search(NEEDS, text)
    return tuple(map(int, found.groups())) if found else None


class ColumnMissing(UserError):
    """A statement names a column that its table lacks, mostly because an earlier schema file has created the table."""


class SchemaFile:
    """The statements of a schema file. Runs them, and names the statement when the server refuses one.

    Raises UserError if the file cannot be read, has no statement, or has one that begins or ends a transaction.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = read_text(path, "the schema file ")
        self.statements = _statements(text)
        self._needed = needed_version(text)
        self._current: Statement | None = None  # the one that is being run
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
        """Whether the file creates tables or views. If not, it only changes what is there."""
        return any(statement.creates_relation for statement in self.statements)

    def check_server(self, cursor: Cursor) -> None:
        """Raise UserError unless the server is CockroachDB of the version that the file needs, or newer."""
        if not self._needed:
            return
        reported = cursor.connection.get_parameter_status("crdb_version")
        found = re.search(VERSION, reported or "")
        if found and tuple(map(int, found.groups())) >= self._needed:
            return
        needed = "CockroachDB v" + ".".join(map(str, self._needed))
        server = f"CockroachDB {found[0]}" if found else reported or "PostgreSQL"
        raise UserError(f"{self.path} needs {needed} or newer, and this server is {server}: nothing was changed")

    def run(self, cursor: Cursor) -> None:
        """Run all statements in the transaction of a cursor."""
        for statement in self.statements:
            self.run_statement(statement, cursor)

    def run_statement(self, statement: Statement, cursor: Cursor) -> None:
        """Run one statement. Raises UserError if it has ended the transaction."""
        self._current = statement
        before = cursor.connection.get_transaction_status()
        cursor.execute(statement.text)
        if before == IN_TRANSACTION and cursor.connection.get_transaction_status() != IN_TRANSACTION:
            raise UserError(
                f"{self._place(statement)}: this statement has ended the transaction, so that what stands before it is "
                f"applied: remove it\n  it begins: {statement.beginning}"
            )
        self._current = None

    def explain_errors(self, database: Database, transaction: Callable[[], T]) -> T:
        """Call a function that runs statements of the file in a transaction, and return its result.

        Raises UserError for an error of the server: which statement it was, why, and who holds a lock on its tables.
        """
        try:
            return transaction()
        except psycopg2.Error as error:
            statement, self._current = self._current, None
            if statement:
                raise self._statement_error(statement, error, database) from error
            raise self._transaction_error(error, database) from error

    def _statement_error(self, statement: Statement, error: psycopg2.Error, database: Database) -> UserError:
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

    def _transaction_error(self, error: psycopg2.Error, database: Database) -> UserError:
        """Return the UserError for an error in COMMIT, or before the first statement."""
        if error.pgcode != COMMITTED_IN_PART:
            return explained(error, database)
        parts = [part.rstrip(".") for part in (error.diag.message_primary, error.diag.message_detail) if part]
        return UserError(
            f"{self.path} is applied in part: what is new in it is there, but a table that was there could not be "
            f"changed: {'. '.join(parts)}. Mend that and run it again"
        )

    def _place(self, statement: Statement, lines: int = 0) -> str:
        return f"{self.path}, line {statement.line + lines}"
