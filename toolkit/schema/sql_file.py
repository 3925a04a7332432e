"""A schema file: read, split into its statements, and run in a transaction."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import psycopg2

from toolkit.console import Failure
from toolkit.database import Cursor, Database, explained

T = TypeVar("T")

# Words that end the transaction in which a file is applied, or begin another.
TRANSACTION_CONTROL = {"ABORT", "BEGIN", "COMMIT", "END", "PREPARE", "ROLLBACK", "START"}

# A name of two parts where a statement names a table.
QUALIFIED = r'(?i)\b(?:TABLE|EXISTS|VIEW|ON|REFERENCES)\s+("[^"]+"|\w+)\s*\.'


class _Statement(NamedTuple):
    line: int
    text: str

    def failure(self, file: Path, error: psycopg2.Error, database: Database) -> Failure:
        code = error.pgcode or ""
        own_fault = code.startswith("42") and code != "42501"  # insufficient_privilege
        reason = error.diag.message_primary if own_fault else explained(error, database)
        position = int(error.diag.statement_position or 1) - 1
        line = self.line + self.text.count("\n", 0, position)
        if code in ("42P07", "42710"):  # duplicate_table, duplicate_object
            reason = f"{reason} (a schema file is applied again and again: write IF NOT EXISTS where there is such)"
        beginning = re.sub(r"'[^']*'?", "'...'", self.text.partition("\n")[0])[:70]  # a literal may be a password
        return Failure(f"{file}, line {line}: {reason}\n  the statement begins: {beginning}")


class SchemaFile:
    """A schema file that can be run in a transaction: in one piece, and if that fails, one statement at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._text = _read(file)
        self._statements = [_Statement(1, self._text)]
        self._at: _Statement | None = None  # what is being run
        # Most files name none of these words, and need not be split.
        if not TRANSACTION_CONTROL.isdisjoint(re.findall(r"\w+", self._text.upper())):
            self._split()

    def run(self, cursor: Cursor) -> None:
        for statement in self._statements:
            self._at = statement
            cursor.execute(statement.text)
        self._at = None

    def explaining(self, database: Database, transaction: Callable[[], T]) -> T:
        """Run a transaction in which the script runs, and return its result. Raises Failure: where it failed, why."""
        try:
            return transaction()
        except psycopg2.Error as error:
            if not self._at:
                raise explained(error, database) from error
        self._statements = self._split()
        self._at = None
        try:
            return transaction()
        except psycopg2.Error as error:
            if self._at:
                raise self._at.failure(self._file, error, database) from error
            raise explained(error, database) from error

    def qualifies_names(self) -> bool:
        """Whether the file says in which schema its tables are."""
        if not re.search(QUALIFIED, self._text):
            return False
        import sqlparse  # slow to import, and seldom needed

        return bool(re.search(QUALIFIED, sqlparse.format(self._text, strip_comments=True)))

    def _split(self) -> list[_Statement]:
        from sqlparse.engine import FilterStack  # slow to import, and seldom needed

        statements = []
        line = 1
        for parsed in FilterStack().run(self._text):  # type: ignore[no-untyped-call]
            first = parsed.token_first(skip_ws=True, skip_cm=True)
            if first and first.value != ";":
                before = "".join(str(token) for token in parsed.tokens[: parsed.token_index(first)])
                statement = _Statement(line + before.count("\n"), str(parsed)[len(before) :].strip())
                if first.value.upper() in TRANSACTION_CONTROL:
                    raise Failure(
                        f"{self._file}, line {statement.line}: the file is applied in one transaction, which it must "
                        f"not begin or end itself: remove {first.value}"
                    )
                statements.append(statement)
            line += str(parsed).count("\n")
        if not statements:
            raise Failure(f"{self._file} holds no SQL statement")
        return statements


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"the schema file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failure(f"the schema file {file} is not text in UTF-8: byte {error.start + 1}") from error
    if "\0" in text:
        raise Failure(f"the schema file {file} is not text in UTF-8: it holds a NUL")
    return text
