"""A schema file against a live database: apply it, compare the two, start afresh.

Nothing here reads SQL: what a file says is found out by building it, in a schema of its own that is rolled back.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psycopg2
import psycopg2.extensions
from psycopg2 import errors, sql

import catalog
from connecting import DatabaseMissing, DatabaseUnreachable
from console import Failure
from database import Cursor, Database, explained, run_or_explain, run_transaction

T = TypeVar("T")

# CockroachDB's unique_rowid() for a PostgreSQL that has none: the time since 2015 in units of 10 microseconds, shifted
# by 15 bits (GenerateUniqueInt in CockroachDB's pkg/sql/sem/builtins). There the low bits are the node's; here the next
# value of a sequence is added. It need not fit 15 bits: time and sequence both grow, so their sum does. Two ids could
# be equal only if 32,768 values were drawn for each 10 microseconds by which their times differ the other way round;
# so a value that took longer than a millisecond to draw is drawn again.
UNIQUE_ROWID = """
    CREATE SEQUENCE {schema}.unique_rowid_sequence;
    GRANT USAGE ON SEQUENCE {schema}.unique_rowid_sequence TO PUBLIC;
    CREATE FUNCTION {schema}.unique_rowid() RETURNS INT8 LANGUAGE plpgsql AS $$
    DECLARE
        began TIMESTAMPTZ;
        number INT8;
    BEGIN
        LOOP
            began := clock_timestamp();
            number := nextval('{schema}.unique_rowid_sequence');
            EXIT WHEN clock_timestamp() < began + INTERVAL '1 millisecond';
        END LOOP;
        RETURN (((date_part('epoch', began) - 1420070400) * 100000)::INT8 << 15) + number;
    END $$;
    COMMENT ON FUNCTION {schema}.unique_rowid() IS 'As in CockroachDB: distinct, and increasing with time.'"""

# Held by a transaction that changes a PostgreSQL schema: of several runs at once each waits for the one before.
# Without it they fail, with any of 23505, 42P07, 42710, XX000. (CockroachDB: 40001, which is tried again anyway.)
LOCK = int.from_bytes(b"schema", "big")

RELATIONS = """
    SELECT n.nspname, c.relname, c.relkind::TEXT
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'crdb_internal')
    ORDER BY c.oid"""  # the order in which they were made

# Words that end the transaction in which a file is applied, or begin another.
TRANSACTION_CONTROL = {"ABORT", "BEGIN", "COMMIT", "END", "PREPARE", "ROLLBACK", "START"}

# A name of two parts where a statement names a table.
QUALIFIED = r'(?i)\b(?:TABLE|EXISTS|VIEW|ON|REFERENCES)\s+("[^"]+"|\w+)\s*\.'


class Relation(NamedTuple):
    """A table or a view. kind: as in pg_class ("r" table, "p" partitioned table, "v" view)."""

    schema: str
    name: str
    kind: str

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


class Comparison(NamedTuple):
    """What a schema file says and what is there.

    tables: the tables and views of the file, in its order. differences: each in plain words.
    not_compared: why the file could not be compared; None if it was. The other two are then empty.
    """

    tables: list[str]
    differences: list[str]
    not_compared: str | None = None


def apply(database: Database, file: Path) -> list[str]:
    """Apply a schema file in one transaction, and return the names of the tables and views this has created.

    A database that is missing is created first, and in a PostgreSQL database the function unique_rowid(). May be run
    again, and by several at once. Raises Failure, with the line in the file if a statement is at fault; nothing of
    the file is applied then.
    """
    script = _Script(file)

    def build(cursor: Cursor) -> list[str]:
        _prepare(cursor)
        _wait_for_other_runs(cursor)
        return _build(cursor, script)

    def transaction() -> list[str]:
        return run_transaction(database, build, repeatable=True)

    try:
        return script.explaining(database, transaction)
    except DatabaseMissing as missing:
        _create_database(database, missing)
    return script.explaining(database, transaction)


def _build(cursor: Cursor, script: "_Script") -> list[str]:
    _create_unique_rowid(cursor)
    before = _relations(cursor)
    script.run(cursor)
    home = _search_path(cursor)[0]
    created = [relation for relation in _relations(cursor) if relation not in before]
    return [name if schema == home else f"{schema}.{name}" for schema, name, _ in created]


def compare(database: Database, file: Path) -> Comparison:
    """Return how the database's tables differ from what a schema file says.

    The file is built in a schema of its own and rolled back: nothing is written. Tables that the file does not name are
    no difference. Raises DatabaseUnreachable, and Failure when the file cannot be read.
    """
    script = _Script(file)
    if script.qualifies_names():
        return Comparison([], [], f"{file.name} says itself in which schema its tables are")

    def build(cursor: Cursor) -> Comparison:
        _prepare(cursor)
        path = _search_path(cursor)
        present = catalog.read(cursor, path[0])
        aside = _build_aside(cursor, script, path)
        wanted = catalog.read(cursor, aside)
        names = [name for schema, name, _ in _relations(cursor) if schema == aside and name in wanted]
        plain = _without_schemas([aside, *path])
        return Comparison(
            names,
            [line for name in names for line in _differences(present.get(name), wanted[name], file.name, plain)],
        )

    try:
        comparison = script.explaining(database, lambda: _rehearse(database, build))
    except DatabaseUnreachable:
        raise
    except Failure as failure:
        return Comparison([], [], str(failure))
    return comparison if comparison.tables else Comparison([], [], f"{file.name} creates no table in the search_path")


def rows(database: Database, file: Path) -> dict[str, int]:
    """Return how many rows each table of a schema file has that is in the database: what reset() deletes.

    Raises Failure when it cannot be found out which tables the file names.
    """
    names = _names(database, file)

    def count(cursor: Cursor) -> dict[str, int]:
        counts = {}
        for relation in _present(cursor, names):
            if relation.kind != "v":
                cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(relation.identifier))
                counts[relation.name] = cursor.fetchall()[0][0]
        return counts

    return run_or_explain(database, count)


def reset(database: Database, file: Path) -> list[str]:
    """Drop the tables and views of a schema file with all their rows, and apply the file; return their names.

    On PostgreSQL that is one transaction. On CockroachDB it is two, because there a table cannot be dropped and created
    in one: if it is interrupted between them, running it again, or applying the file, finishes. Raises Failure, with
    everything still there, when something that the file does not name depends on one of the tables.
    """
    names = _names(database, file)
    script = _Script(file)

    def drop(cursor: Cursor) -> list[str] | None:
        _prepare(cursor)
        _wait_for_other_runs(cursor)
        present = _present(cursor, names)
        for word, kinds in (("VIEW", "v"), ("TABLE", "rp")):
            found = [relation.identifier for relation in present if relation.kind in kinds]
            if found:
                cursor.execute(sql.SQL("DROP {} {}").format(sql.SQL(word), sql.SQL(", ").join(found)))
        return None if catalog.is_cockroachdb(cursor) else _build(cursor, script)

    try:
        created = script.explaining(database, lambda: run_transaction(database, drop, repeatable=True))
    except Failure as failure:
        if not isinstance(failure.__cause__, errors.DependentObjectsStillExist):
            raise
        diagnosis = failure.__cause__.diag
        detail = "; ".join((diagnosis.message_detail or diagnosis.message_primary or "").splitlines())
        raise Failure(
            f"nothing was dropped: something that {file.name} does not name depends on its tables. Drop that first: "
            f"{detail}"
        ) from failure
    if created is not None:
        return created
    try:
        return apply(database, file)
    except Failure as failure:
        raise Failure(f"the tables were dropped, and then: {failure}. Mend that and run it again") from failure


def _prepare(cursor: Cursor) -> None:
    """Make sure, on CockroachDB, that the database is there and that DDL does not commit."""
    if not catalog.is_cockroachdb(cursor):
        return
    # Before v23 one can be connected to a database that does not exist.
    if not _fetch(cursor, "SELECT 1 FROM [SHOW DATABASES] WHERE database_name = current_database()"):
        name = cursor.connection.info.dbname
        raise DatabaseMissing(f"the server has no database {name}: run `python streaming_services.py` first")
    # On by default from v25.1: DDL would commit what came before it.
    if _fetch(cursor, "SELECT 1 FROM pg_catalog.pg_settings WHERE name = 'autocommit_before_ddl'"):
        cursor.execute("SET autocommit_before_ddl = off")


def _wait_for_other_runs(cursor: Cursor) -> None:
    if not catalog.is_cockroachdb(cursor):
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))


def _create_unique_rowid(cursor: Cursor) -> None:
    """Create unique_rowid() where new tables go, unless the search_path leads to one."""
    if not catalog.is_cockroachdb(cursor) and not _fetch(cursor, "SELECT to_regprocedure('unique_rowid()')")[0][0]:
        schema = sql.Identifier(_search_path(cursor)[0])
        cursor.execute(sql.SQL(UNIQUE_ROWID).format(schema=schema))


def _relations(cursor: Cursor) -> list[Relation]:
    return [Relation(*row) for row in _fetch(cursor, RELATIONS)]


def _fetch(cursor: Cursor, query: str) -> list[Any]:
    cursor.execute(query)
    return cursor.fetchall()


def _names(database: Database, file: Path) -> list[str]:
    comparison = compare(database, file)
    if comparison.not_compared:
        raise Failure(f"it cannot be told which tables {file.name} names: {comparison.not_compared}")
    return comparison.tables


def _present(cursor: Cursor, names: list[str]) -> list[Relation]:
    schema = _search_path(cursor)[0]
    return [relation for relation in _relations(cursor) if relation.schema == schema and relation.name in names]


def _search_path(cursor: Cursor) -> list[str]:
    """The schemas in which unqualified names are looked for; new tables go into the first."""
    path: list[str] = _fetch(cursor, "SELECT current_schemas(false)::TEXT[]")[0][0]
    if not path:
        raise Failure("no schema of the search_path is there: create one, or correct the URL's options")
    return path


class _Rehearsed(BaseException):
    """Carries a result out of a transaction that is to be rolled back.

    Not an Exception: run_transaction closes the connection then, which on CockroachDB would keep its search_path.
    """


def _rehearse(database: Database, work: Callable[[Cursor], T]) -> T:
    """Run work(cursor) as run_transaction does, but roll back at the end."""
    results: list[T] = []

    def rehearsal(cursor: Cursor) -> None:
        results.append(work(cursor))
        raise _Rehearsed

    with suppress(_Rehearsed):
        run_transaction(database, rehearsal)
    return results[-1]


def _build_aside(cursor: Cursor, script: "_Script", path: list[str]) -> str:
    """Run a schema file in a new schema, and return that schema's name; for a transaction that is rolled back."""
    aside = f"rehearsal_{os.urandom(8).hex()}"
    cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
    # Of this connection, not of this transaction: older CockroachDB has no SET LOCAL search_path.
    cursor.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, [aside, *path]))))
    _create_unique_rowid(cursor)
    script.run(cursor)
    return aside


def _without_schemas(schemas: list[str]) -> Callable[[str], str]:
    """Return what takes these schemas' names out of a definition: some servers and some definitions name them."""
    names = "|".join(map(re.escape, schemas))
    return partial(re.compile(rf'(?:\b\w+\.)?(?:"(?:{names})"|\b(?:{names}))\.').sub, "")


def _differences(
    present: catalog.Table | None, wanted: catalog.Table, file: str, plain: Callable[[str], str]
) -> Iterator[str]:
    if present is None or present.is_view != wanted.is_view:
        yield f"{wanted.name}: there is no such {'view' if wanted.is_view else 'table'}"
        return
    there, said = _parts(present), _parts(wanted)
    for part in [*said, *(part for part in there if part not in said)]:
        if part not in there:
            yield f"{wanted.name}: {part} is missing, {file} says {plain(said[part])}"
        elif part not in said:
            yield f"{wanted.name}: {part} is {plain(there[part])}, {file} has none of that name"
        elif plain(there[part]) != plain(said[part]):
            yield f"{wanted.name}: {part} is {plain(there[part])}, {file} says {plain(said[part])}"


def _parts(table: catalog.Table) -> dict[str, str]:
    """What a table is made of: a name for each part, and its definition."""
    columns = {f"column {column.name}": _definition(column) for column in table.columns.values()}
    constraints = {f"constraint {name}": constraint.definition for name, constraint in table.constraints.items()}
    # The index of a primary key or unique constraint has the constraint's name, and is told by it.
    indexes = {f"index {name}": text for name, text in table.indexes.items() if name not in table.constraints}
    return columns | constraints | indexes


def _definition(column: catalog.Column) -> str:
    """A column as a CREATE TABLE statement would say it."""
    words = [column.type]
    if column.labels:
        words.append(f"({', '.join(column.labels)})")
    if not column.nullable:
        words.append("NOT NULL")
    if column.generated is not None:
        words.append(f"GENERATED ALWAYS AS {column.generated}")
    elif column.given_by_server:
        words.append("GENERATED ALWAYS AS IDENTITY")
    elif column.default is not None:
        words.append(f"DEFAULT {column.default}")
    elif column.sequence:
        words.append("GENERATED BY DEFAULT AS IDENTITY")
    return " ".join(words)


def _create_database(database: Database, missing: DatabaseMissing) -> None:
    """Create the database the URL names, from another one of the same server."""
    connection = _connect_elsewhere(database, missing)
    name = database.target.database
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass  # another run was first
    except errors.InsufficientPrivilege as error:
        raise Failure(
            f"the server at {database.target.host} has no database {name}, and user {database.target.user} may not "
            "create it: have it created, or name another one in the URL"
        ) from error
    except psycopg2.Error as error:
        raise explained(error, database) from error
    finally:
        connection.close()


def _connect_elsewhere(database: Database, missing: DatabaseMissing) -> Any:
    for name in ("defaultdb", "postgres"):  # what CockroachDB and PostgreSQL bring
        try:
            return database.target.with_database(name).connect(psycopg2.extensions.connection)
        except DatabaseMissing:
            continue
    raise missing


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


class _Script:
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
