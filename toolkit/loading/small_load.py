"""Small loads: checked whole before the first write, and one transaction, so all or nothing."""

from collections import Counter

import psycopg2
from psycopg2 import errors

from toolkit.console import UserError
from toolkit.database import REPEATABLE, AmbiguousCommit, Cursor, Database, explained, run_transaction
from toolkit.database.tables import Table
from toolkit.loading.batch import Batch, split
from toolkit.loading.check.duplicates import find_duplicates
from toolkit.loading.check.references import references_outside
from toolkit.loading.check.rows import check
from toolkit.loading.check.spellings import Spellings, find_spellings
from toolkit.loading.check.table_order import find_tables
from toolkit.loading.diagnose.row_errors import is_rows_fault
from toolkit.loading.diagnose.write_or_diagnose import run_write
from toolkit.loading.problems import BadInput, Problem, how_to_finish, sort_problems
from toolkit.loading.read.row_source import Source
from toolkit.loading.write import existing_rows, sequences
from toolkit.loading.write.row_order import Circle, Plan, make_plan
from toolkit.loading.write.writer import Counts, Writer

ONE_TRANSACTION = "The load is one transaction:"


def load_small(database: Database, sources: list[Source], *, skip: bool, dry_run: bool) -> dict[str, Counts]:
    """Load all rows of these sources or none, after everything has been checked; return what became of each table's.

    skip: rows that are there already are left alone, else updated if they differ. dry_run: everything is checked, by
    the server as well, and nothing is written. May be repeated: a second run changes nothing. Raises BadInput with
    all that is wrong, or another UserError, which says whether anything was written.
    """
    tables, problems = find_tables(database, sources)
    batches: dict[str, list[Batch]] = {}
    for table in tables:
        reads = [read for rows in sources if rows.table == table.name for chunk in rows.chunks() for read in chunk]
        batches[table.name] = check(table, reads, problems)
    spellings = find_spellings(database, [batch for of_table in batches.values() for batch in of_table])
    for table in tables:
        find_duplicates(table, batches[table.name], problems, spellings)
    wrong = {(problem.table, problem.column) for problem in problems}
    try:
        problems += run_transaction(
            database,
            lambda cursor: _not_new(cursor, tables, batches) + _dangling(cursor, tables, batches, wrong, spellings),
            REPEATABLE,
        )
    except psycopg2.Error as error:
        # A key that the server cannot read is met again when it is written, and its row found. PostgreSQL judges
        # references also to tables that the user may not read.
        if not (is_rows_fault(error) or isinstance(error, errors.InsufficientPrivilege)):
            raise explained(error, database) from error
    if problems:
        raise BadInput(sort_problems(problems, sources))
    plan = make_plan(tables, [batch for table in tables for batch in batches[table.name]], spellings)
    try:
        counts = run_write(
            database, plan.steps, lambda cursor: _write(cursor, plan, skip, dry_run), skip=skip, defers=plan.defers
        )
    except BadInput:
        raise
    except UserError as error:
        written = "all of it or nothing" if isinstance(error, AmbiguousCommit) else "nothing of it"
        raise UserError(f"{error}. {ONE_TRANSACTION} {written} is in the database. {how_to_finish(error)}") from error
    if not dry_run:
        for table in tables:
            sequences.cover(database, table)
    return counts


def _dangling(
    cursor: Cursor,
    tables: list[Table],
    batches: dict[str, list[Batch]],
    wrong: set[tuple[str, str]],
    spellings: Spellings,
) -> list[Problem]:
    """Return a Problem for each reference to a row that is neither in the load nor in the database.

    wrong: tables and columns with problems. References to these, or to a table of which a row ("") cannot be read, are
    not looked at: it is not known which keys those rows would have.
    """
    problems = []
    for table in tables:
        for key in table.foreign_keys:
            parent = str(key.referenced)
            if wrong & {(parent, column) for column in ("", *key.referenced_columns)}:
                continue
            parents = batches.get(parent, [])
            for batch in references_outside(key, batches[table.name], parents, spellings):
                for part in split(batch):
                    problems += existing_rows.dangling(cursor, part, key)
    return problems


def _not_new(cursor: Cursor, tables: list[Table], batches: dict[str, list[Batch]]) -> list[Problem]:
    """Return a Problem for each row that is not what its key says: a new one that leaves out what only a row that is
    there already may leave out, or one whose key was made from its position and is somebody else's.

    Writer.look() asks again, in the transaction that writes; asked here, they are told with all the others.
    """
    problems = []
    for part in [part for table in tables for batch in batches[table.name] for part in split(batch)]:
        if existing_rows.has_to_be_there(part):
            keys = part.only(part.table.primary_key).readable()
            problems += existing_rows.missing(keys, existing_rows.look(cursor, keys).new)
        if part.made:
            problems += existing_rows.taken(cursor, part.readable())
    return problems


def _write(cursor: Cursor, plan: Plan, skip: bool, dry_run: bool) -> dict[str, Counts]:
    counts: dict[str, Counts] = {table.name: Counter() for table in plan.tables}
    writer = Writer(cursor, skip=skip)
    if plan.defers:
        writer.defer_constraints()
    for step in plan.steps:
        if isinstance(step, Circle):
            from toolkit.loading.write.cycles import write_circle  # seldom needed, and slow to import

            for name, of_table in write_circle(writer, step, skip=skip).items():
                counts[name].update(of_table)
        else:
            counts[step.table.name].update(writer.write_counted(step))
    if dry_run:
        writer.check_deferred_constraints()
        cursor.connection.rollback()
        return counts
    for table in plan.tables:
        for sequence in sequences.find_sequences(cursor, table):
            values = [sequences.given(sequence, batch) for batch in plan.batches(table)]
            value = sequence.furthest(value for value in values if value is not None)
            if value is not None:
                sequences.advance(cursor, sequence, value)
    return counts
