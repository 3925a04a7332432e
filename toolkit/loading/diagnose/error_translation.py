"""What the server says of a row that it refuses -> a Problem, in words that a person can do something about."""

import re

import psycopg2

from toolkit.console import clipped
from toolkit.database import Cursor
from toolkit.database.tables import Constraint, Table
from toolkit.loading.batch import Batch
from toolkit.loading.check.rows import MISSING
from toolkit.loading.diagnose.error_classes import is_by_policy, is_rows_fault, is_too_large, savepoint
from toolkit.loading.problems import Problem
from toolkit.loading.write import statements
from toolkit.loading.write.existing_rows import shown_key
from toolkit.loading.write.statements import execute

# Of what the server says, so many characters are passed on.
LONGEST_PART = 300
PARENTS_FIRST = "; in a large load a row comes after those it refers to"
MOVED_VALUE = (
    "to which {} gives another: rows of one load cannot pass unique values on to each other. Make the constraint "
    "DEFERRABLE (PostgreSQL), or load twice, the first time with a third value in one of the rows"
)
NOT_NULL_VIOLATION = "23502"
NULL_COLUMN = r'null value in column "(.*?)"'  # CockroachDB tells the column in no other way


def translate(cursor: Cursor, batch: Batch, error: psycopg2.Error, constraint: Constraint | None) -> Problem:
    """Return the Problem with the only row of a batch, which the server refuses, by this constraint if it names one.

    Asks the server more, with what is in the database at the moment: the refused statement has to be undone.
    """
    if constraint is None:
        return _without_constraint(cursor, batch, error)
    columns = ", ".join(constraint.columns)
    if constraint.kind == "c":
        got = batch.shown(0, constraint.columns) or "the default"
        return batch.problem(0, f"breaks {constraint.name}: {constraint.definition}, got {got}", columns)
    advice = PARENTS_FIRST if constraint.referenced == batch.table.name else ""
    return batch.problem(0, f"breaks {constraint.name}: {_detail(error, constraint)}{advice}", columns)


def _without_constraint(cursor: Cursor, batch: Batch, error: psycopg2.Error) -> Problem:
    if is_too_large(error):
        megabytes = sum(len(text.encode()) for (text,) in batch.texts) / 1e6
        advice = "give it smaller values, or raise the cluster setting sql.conn.max_read_buffer_message_size"
        return batch.problem(0, f"larger than the server takes in one message: {megabytes:.1f} MB: {advice}")
    said = f"the server says: {_message(error)}"
    if is_by_policy(error):
        cursor.execute("SELECT current_user")
        ((user,),) = cursor.fetchall()
        advice = f"user {user} may not write this row: change it or the policy, or load as a user whom no policy binds"
        return batch.problem(0, f"{said}: {advice}")
    if error.pgcode == NOT_NULL_VIOLATION:
        named = re.search(NULL_COLUMN, error.diag.message_primary or "")
        column = error.diag.column_name or (named[1] if named else "")
        return batch.problem(0, said if column in batch.columns else MISSING, column)
    return batch.problem(0, said, error.diag.column_name or _unreadable_column(cursor, batch))


def _unreadable_column(cursor: Cursor, batch: Batch) -> str:
    """Return the column whose value the server cannot read, if that is what is wrong with the only row."""
    columns = batch.columns
    if _is_readable(cursor, batch.select_columns(columns)):
        return ""
    while len(columns) > 1:
        middle = len(columns) // 2
        first_are_readable = _is_readable(cursor, batch.select_columns(columns[:middle]))
        columns = columns[middle:] if first_are_readable else columns[:middle]
    return columns[0]


def _is_readable(cursor: Cursor, batch: Batch) -> bool:
    try:
        with savepoint(cursor):
            execute(cursor, statements.read_values(batch), batch)
    except psycopg2.Error as error:
        if not is_rows_fault(error):
            raise
        return False
    return True


def describe_holder(table: Table, key: tuple[str, ...], previous_owner: str) -> str:
    """Say which row of the database has a unique value, and which of the load gives it another, if one does."""
    return f", in the row with {shown_key(table, key)}" + (
        f", {MOVED_VALUE.format(previous_owner)}" if previous_owner else ""
    )


def _detail(error: psycopg2.Error, constraint: Constraint) -> str:
    return clipped((error.diag.message_detail or constraint.definition).rstrip("."), LONGEST_PART)


def _message(error: psycopg2.Error) -> str:
    """Return what the server said, in one line; the values in it may be long."""
    parts = [part.rstrip(".") for part in (error.diag.message_primary, error.diag.message_detail) if part]
    return ". ".join(clipped(part, LONGEST_PART) for part in parts)
