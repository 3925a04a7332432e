"""Rows that are written, and what becomes of it when the server refuses them: the rows at fault, or another try."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import psycopg2

from toolkit.database import REPEATABLE, Cursor, Database, explained, run_or_explain, run_transaction
from toolkit.loading.diagnose.row_errors import is_rows_fault
from toolkit.loading.problems import MOST_PROBLEMS, BadInput, Problem
from toolkit.loading.write.row_order import Step, batches_of

T = TypeVar("T")

UNIQUE_VIOLATION = "23505"


def run_write(
    database: Database,
    steps: Sequence[Step],
    work: Callable[[Cursor], T],
    *,
    skip: bool,
    defers: bool = False,
    since: Callable[[], float] | None = None,
) -> T:
    """Run work, which writes these rows, as run_transaction() does, and return its result.

    skip: as the Writer in work has it. defers: whether work defers the constraints that can wait. since: as for
    run_transaction(). Raises BadInput if rows are at fault, or another UserError.
    """

    exchanges = False  # whether rows take unique values from each other

    def attempt(cursor: Cursor) -> T:
        if exchanges:
            from toolkit.loading.write.exchange import make_room  # seldom needed, as the search is, and slow to import

            make_room(cursor, [batch for step in steps for batch in batches_of(step)])
        return work(cursor)

    def find(cursor: Cursor, *, deferred: bool, is_unique: bool) -> list[Problem]:
        nonlocal exchanges
        from toolkit.loading.diagnose.bisection import Search  # slow to import, and only needed after a refusal

        search = Search(cursor, skip=skip)
        exchanges = is_unique and not skip and search.make_room(steps)
        problems = search.find_deferred(steps) if deferred else search.find(steps)
        cursor.connection.rollback()
        return problems

    def is_passing(error: psycopg2.Error) -> bool:
        """Whether the next try may do better: the error was another loader's doing, who wrote the same rows at the same
        moment; or only an exchange of unique values, for which room can be made.
        """
        is_unique = error.pgcode == UNIQUE_VIOLATION
        problems: list[Problem] = []
        for deferred in [True, False] if defers else [False]:
            if is_rows_fault(error) and not problems:
                problems = run_or_explain(database, partial(find, deferred=deferred, is_unique=is_unique))
        if problems:
            more = "Nothing was written. There may be more: these were looked for no further."
            raise (BadInput(problems, more) if len(problems) >= MOST_PROBLEMS else BadInput(problems)) from error
        return is_unique

    try:
        return run_transaction(database, attempt, REPEATABLE, try_again=is_passing, since=since)
    except psycopg2.Error as error:
        raise explained(error, database) from error
