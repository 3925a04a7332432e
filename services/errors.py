"""The errors that the services raise, and how an error of the server becomes one of them."""

from typing import Any

import psycopg2

from services.transactions import Queryable, transact
from toolkit.console import UserError
from toolkit.database import READ_ONLY, Database, catalog, explained


class NotFound(UserError):
    """There is no such row. table, key: what was looked for; key is column -> value."""

    def __init__(self, table: str, key: dict[str, Any]) -> None:
        super().__init__(f"{table} has no row with {_in_words(key)}")
        self.table, self.key = table, key


class AlreadyExists(UserError):
    """Another row has the same key or unique value. table, key: of that row; key is column -> value."""

    def __init__(self, table: str, key: dict[str, Any]) -> None:
        super().__init__(f"{table} already has another row with {_in_words(key)}")
        self.table, self.key = table, key


class InvalidValue(UserError):
    """A value cannot be stored. column: the name of the column, mostly also of the argument. rule: what it breaks.

    Not every column is an argument: a payment for a plan that costs nothing breaks a rule of the column amount.
    """

    def __init__(self, column: str, rule: str) -> None:
        super().__init__(f"{column} {rule}")
        self.column, self.rule = column, rule


class StillInUse(UserError):
    """A row cannot be removed because other rows refer to it. uses: table -> number of its rows that do."""

    def __init__(self, table: str, key: dict[str, Any], uses: dict[str, int]) -> None:
        super().__init__(f"{table} with {_in_words(key)} is still in use: {_in_words(uses)}")
        self.uses = uses


def _in_words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


# syntax_error: CockroachDB's error for a number in JSON whose exponent is out of its range. The statements of the
# services never cause it, because they are the same in every call.
JSON_OUT_OF_RANGE = "42601"


def service_error(database: Queryable, error: psycopg2.Error, arguments: dict[str, Any]) -> UserError | None:
    """Return the error that a service raises in place of one of the server's.

    arguments: of the service; they are named like columns. If the server names a constraint, the catalog has its
    columns, and the arguments their values. Any other error (a missing privilege, a full disk) becomes a UserError with
    advice; but in a transaction of the caller's None is returned, because run_transaction() has to see the error
    itself.
    """
    code = error.pgcode or ""
    # Types and digits are checked before anything is sent, but not the size of numbers in JSON. So a data exception
    # (class 22) is about a JSON argument; and if a limit is exceeded (class 54), it is by the longest of the arguments.
    if code[:2] in ("22", "54") or code == JSON_OUT_OF_RANGE:
        documents = [name for name, value in arguments.items() if isinstance(value, dict) and code[:2] != "54"]
        longest = max(documents or arguments, key=lambda name: len(str(arguments[name])))
        return InvalidValue(longest, f"is too large: {error.diag.message_primary}")
    # Class 23: integrity constraint violation.
    tables = transact(database, catalog.read, READ_ONLY) if code[:2] == "23" else {}
    for table in tables.values():
        constraint = table.constraints.get(error.diag.constraint_name or "")
        if constraint:
            values = [arguments.get(column) for column in constraint.columns]
            if constraint.kind == "f" and constraint.referenced:
                return NotFound(constraint.referenced, dict(zip(constraint.referenced_columns, values, strict=True)))
            if constraint.kind == "c":
                return InvalidValue(", ".join(constraint.columns), f"breaks {constraint.name}: {constraint.definition}")
            return AlreadyExists(table.name, dict(zip(constraint.columns, values, strict=True)))
    return explained(error, database) if isinstance(database, Database) else None
