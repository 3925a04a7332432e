"""Small loads: checked whole before the first write, and one transaction, so all or nothing."""

from collections import Counter

from toolkit.console import UserError
from toolkit.database import AmbiguousCommit, Cursor, Database
from toolkit.database.tables import Table
from toolkit.loading.batch import Batch, split
from toolkit.loading.check.keys import ask_for_duplicates, find_duplicates, references_outside
from toolkit.loading.check.rows import check
from toolkit.loading.check.tables import TableSources, find_tables
from toolkit.loading.diagnose.write_or_diagnose import ask_of_rows, write_or_diagnose
from toolkit.loading.problems import BadInput, Problem, how_to_finish
from toolkit.loading.read.row_source import RowSource, sort_problems
from toolkit.loading.write import existing_rows, sequences
from toolkit.loading.write.order import Cycle, WritePlan, make_write_plan
from toolkit.loading.write.writer import Counts, Writer

ONE_TRANSACTION = "The load is one transaction:"

# The rows of a load, by table.
Batches = dict[str, list[Batch]]


def load_small(database: Database, sources: list[RowSource], *, skip: bool, dry_run: bool) -> dict[str, Counts]:
    """Load all rows of these sources or none, after everything has been checked; return what became of each table's.

    skip: rows that are there already are left alone, else updated if they differ. dry_run: everything is checked, by
    the server as well, and nothing is written. May be repeated: a second run changes nothing. Raises BadInput with
    all that is wrong, or another UserError, which says whether anything was written.
    """
    found, problems = find_tables(database, sources)
    tables = [table for table, _ in found]
    batches: Batches = {rows.table.name: _check_rows(rows, problems) for rows in found}
    problems += _check_with_server(database, tables, batches, problems)
    if problems:
        raise BadInput(sort_problems(problems, sources))
    plan = make_write_plan(tables, [batch for table in tables for batch in batches[table.name]])
    try:
        counts = write_or_diagnose(
            database, plan.steps, lambda cursor: _write(cursor, plan, skip, dry_run), skip=skip, defers=plan.defers
        )
    except BadInput:
        raise
    except UserError as error:
        written = "all of it or nothing" if isinstance(error, AmbiguousCommit) else "nothing of it"
        raise UserError(f"{error}. {ONE_TRANSACTION} {written} is in the database. {how_to_finish(error)}") from error
    if not dry_run:
        for table in tables:
            sequences.advance_past_committed(database, table)
    return counts


def _check_rows(rows: TableSources, problems: list[Problem]) -> list[Batch]:
    """Return the rows of a table, after everything has been checked that can be without the server."""
    batches: list[Batch] = []
    before = 0
    for source in rows.sources:
        raw = source.read_whole()
        batches += check(rows.table, raw, problems, before)
        before += raw.positions
    problems += find_duplicates(rows.table, batches)
    return batches


def _check_with_server(
    database: Database, tables: list[Table], batches: Batches, known: list[Problem]
) -> list[Problem]:
    """Return a Problem for each row that does not fit the others of the load, or what is in the database.

    known: the problems found so far. Rows that have one, and references to these, are not looked at.
    """
    wrong = {(problem.file, problem.table, problem.number) for problem in known}
    wrong_columns = {(problem.table, problem.column) for problem in known}

    def ask(cursor: Cursor) -> list[Problem]:
        problems = []
        for table in tables:
            problems += ask_for_duplicates(cursor, table, batches[table.name])
            for batch in batches[table.name]:
                problems += _check_keys(cursor, _without(batch, wrong))
        return problems + _dangling(cursor, tables, batches, wrong_columns)

    return ask_of_rows(database, ask)


def _without(batch: Batch, wrong: set[tuple[str, str, int]]) -> Batch:
    """Return the rows of which nothing is known to be wrong."""
    sound = [
        index
        for index, (source, number) in enumerate(batch.origins)
        if (source.file, source.table, number) not in wrong
    ]
    return batch if len(sound) == batch.size else batch.select_rows(sound)


def _check_keys(cursor: Cursor, batch: Batch) -> list[Problem]:
    """Return a Problem for each new row without a required column, which only a row that is there may leave out, and
    for each row whose key was made from its position and is that of another row of the database.

    Writer.match_existing() looks again, in the transaction that writes; here these are reported with all the others.
    """
    problems = []
    for part in split(batch):
        problems += existing_rows.incomplete_rows(cursor, part)
        problems += existing_rows.claimed_keys(cursor, part)
    return problems


def _dangling(
    cursor: Cursor, tables: list[Table], batches: Batches, wrong_columns: set[tuple[str, str]]
) -> list[Problem]:
    """Return a Problem for each reference to a row that is neither in the load nor in the database.

    wrong_columns: tables and columns with problems. References to these, or to a table of which a row ("") cannot be
    read, are not looked at: it is not known which keys those rows would have.
    """
    problems = []
    for table in tables:
        for key in table.foreign_keys:
            parent = str(key.referenced)
            if wrong_columns & {(parent, column) for column in ("", *key.referenced_columns)}:
                continue
            for batch in references_outside(key, batches[table.name], batches.get(parent, [])):
                for part in split(batch):
                    problems += existing_rows.dangling(cursor, part, key)
    return problems


def _write(cursor: Cursor, plan: WritePlan, skip: bool, dry_run: bool) -> dict[str, Counts]:
    counts: dict[str, Counts] = {table.name: Counter() for table in plan.tables}
    writer = Writer(cursor, skip=skip)
    if plan.defers:
        writer.defer_constraints()
    for step in plan.steps:
        if isinstance(step, Cycle):
            from toolkit.loading.write.cycles import write_cycle  # seldom needed

            for name, of_table in write_cycle(writer, step).items():
                counts[name].update(of_table)
        else:
            counts[step.table.name].update(writer.write_counted(step))
    if dry_run:
        writer.check_deferred_constraints()
        cursor.connection.rollback()
        return counts
    for table in plan.tables:
        for sequence in sequences.find_sequences(cursor, table):
            value = sequences.furthest_given(sequence, plan.batches(table))
            if value is not None:
                sequences.advance(cursor, sequence, value)
    return counts
