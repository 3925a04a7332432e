"""Batches -> SQL. Names from files reach SQL as identifiers, values as parameters, and nothing as text.

The rows of a batch travel as one array a column, as text: for the server that is one constant to parse instead of one
for each value.
"""

from collections.abc import Iterable, Sequence

from psycopg2 import sql

from toolkit.database import Cursor
from toolkit.database.catalog import is_cockroachdb
from toolkit.database.tables import Column, Constraint, TableName
from toolkit.loading.batch import Batch
from toolkit.loading.check.values import NATIVE_ARRAYS, TEXTS


def execute(cursor: Cursor, statement: sql.Composable, batch: Batch) -> None:
    """Run one of these statements with the rows of its batch."""
    cursor.execute(statement.as_string(cursor), ["{" + ",".join(texts) + "}" for texts in batch.texts])


def _name(name: str) -> sql.Identifier:
    # psycopg2 looks for placeholders in the names, too.
    return sql.Identifier(name.replace("%", "%%"))


def _table(name: TableName) -> sql.Composable:
    return sql.SQL("{}.{}").format(_name(name.schema), _name(name.relation))


def _there(column: str) -> sql.Composed:
    """Return there.COLUMN: statements call the table there, because its own name may be excluded or fixture."""
    return sql.SQL("there.{}").format(_name(column))


def _type(column: Column, kind: str) -> sql.Composable:
    if column.type_schema == "pg_catalog":
        return sql.SQL("varbit" if kind == "bit" else kind)  # bit alone is bit(1)
    return sql.SQL("{}.{}").format(_name(column.type_schema), _name(kind))


def _is_plain(column: Column) -> bool:
    """Whether the values of a column travel in an array of their type. Arrays of jsonb are refused by CockroachDB, and
    arrays of arrays are flattened: these travel as text.
    """
    return column.kind in NATIVE_ARRAYS or bool(column.labels and not column.is_array)


def _value(column: Column, number: int) -> sql.Composable:
    """Return the value of a column in the rows of _rows()."""
    value = sql.SQL(f"fixture.c{number}")
    if column.kind in TEXTS and column.collation:
        return sql.SQL("{} COLLATE {}").format(value, sql.SQL(column.collation.replace("%", "%%")))
    if column.kind in TEXTS or _is_plain(column):
        return value
    if column.is_array:
        return sql.SQL("{}::{}[]").format(value, _type(column, column.kind[1:]))
    return sql.SQL("{}::{}").format(value, _type(column, column.kind))


def _rows(batch: Batch, *, numbered: bool = False) -> sql.Composable:
    """Return the rows as a table called fixture, of the columns c0, c1, ...; numbered: and number, from 1."""
    columns = [
        sql.SQL("%s::{}[]").format(_type(column, column.kind) if _is_plain(column) else sql.SQL("text"))
        for column in map(batch.table.columns.__getitem__, batch.columns)
    ]
    names = [f"c{number}" for number in range(len(columns))] + (["number"] if numbered else [])
    return sql.SQL("unnest({}) {} AS fixture ({})").format(
        sql.SQL(", ").join(columns), sql.SQL("WITH ORDINALITY" if numbered else ""), sql.SQL(", ".join(names))
    )


def _values(batch: Batch, columns: Iterable[str]) -> list[sql.Composable]:
    return [_value(batch.table.columns[name], batch.columns.index(name)) for name in columns]


def _pairs(form: str, columns: Iterable[str], values: Iterable[sql.Composable]) -> list[sql.Composable]:
    """Return columns with their values in a form like "there.{} = {}"."""
    return [sql.SQL(form).format(_name(name), value) for name, value in zip(columns, values, strict=True)]


def _match(batch: Batch, columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(" AND ").join(_pairs("there.{} = {}", columns, _values(batch, columns)))


def _others(batch: Batch) -> list[str]:
    """Return the columns that are not in the primary key."""
    return [name for name in batch.columns if name not in batch.table.primary_key]


def _overriding(batch: Batch) -> sql.SQL:
    """Return what an identity GENERATED ALWAYS wants to hear before it takes a given value."""
    given = any(batch.table.columns[name].identity == "a" for name in batch.columns)
    return sql.SQL("OVERRIDING SYSTEM VALUE " if given else "")


def insert(batch: Batch) -> sql.Composed:
    """Return the statement that writes the rows, none of which may be there already.

    A column left out that a CHECK (a = b) ties to a given one gets the value of that one.
    """
    same = {
        name: other
        for name, other in batch.table.same_columns.items()
        if name not in batch.columns and other in batch.columns
    }
    return sql.SQL("INSERT INTO {} AS there ({}) {}SELECT {} FROM {}").format(
        _table(batch.table.name),
        _names([*batch.columns, *same]),
        _overriding(batch),
        sql.SQL(", ").join(_values(batch, [*batch.columns, *same.values()])),
        _rows(batch),
    )


def insert_or_skip(batch: Batch) -> sql.Composed:
    """Return the statement that writes the rows but for those that meet one with the same key or unique value."""
    return insert(batch) + sql.SQL(" ON CONFLICT DO NOTHING")


def upsert(batch: Batch) -> sql.Composed:
    """Return the statement that writes the rows: existing ones are updated if they differ."""
    others = _others(batch)
    if not others:
        return insert(batch) + sql.SQL(" ON CONFLICT ({}) DO NOTHING").format(_names(batch.table.conflict_columns))
    given = [sql.SQL("excluded.{}").format(_name(name)) for name in others]
    return insert(batch) + sql.SQL(" ON CONFLICT ({}) DO UPDATE SET {} WHERE {}").format(
        _names(batch.table.conflict_columns),
        sql.SQL(", ").join(_pairs("{} = {}", others, given)),
        _differ(batch, others, given),
    )


def update(batch: Batch) -> sql.Composable:
    """Return the statement that changes the rows that are there already and differ.

    An identity GENERATED ALWAYS cannot be changed, so it is left alone.
    """
    columns = [name for name in _others(batch) if batch.table.columns[name].identity != "a"]
    given = _values(batch, columns)
    return sql.SQL("UPDATE {} AS there SET {} FROM {} WHERE {} AND ({})").format(
        _table(batch.table.name),
        sql.SQL(", ").join(_pairs("{} = {}", columns, given)),
        _rows(batch),
        _match(batch, batch.table.primary_key),
        _differ(batch, columns, given),
    )


def numbers_of_existing(batch: Batch) -> sql.Composable:
    """Return the query for the numbers (from 1) of the rows that are there already, and whether each differs."""
    others = _others(batch)
    differs = _differ(batch, others, _values(batch, others)) if others else sql.SQL("false")
    return _numbered(batch, [differs], batch.table.primary_key)


def differing(batch: Batch, columns: list[str]) -> sql.Composable:
    """Return the query for the values that are there, where they differ from the rows': the row's number (from 1), and
    for each of these columns the beginning of its text, or NULL if it is the same.
    """
    values = _values(batch, columns)
    texts = [
        sql.SQL("CASE WHEN {} THEN COALESCE(substr({}::text, 1, 61), 'NULL') END").format(
            _differ(batch, [name], [value]), _there(name)
        )
        for name, value in zip(columns, values, strict=True)
    ]
    return _numbered(batch, texts, batch.table.primary_key, _differ(batch, columns, values))


def conflicting(batch: Batch, key: tuple[str, ...]) -> sql.Composable:
    """Return the query for other rows of the table with a unique value of these: the number (from 1) of the row here,
    and the primary key of the row there, as texts.
    """
    primary = batch.table.primary_key
    other = sql.SQL(" OR ").join(_pairs("there.{} <> {}", primary, _values(batch, primary)))
    return _numbered(batch, _as_texts(primary), key, other)


def existing_keys(batch: Batch) -> sql.Composable:
    """Return the query for the numbers (from 1) of the rows that are there already, and their primary keys as texts."""
    return _numbered(batch, _as_texts(batch.table.primary_key), batch.table.primary_key)


def _numbered(
    batch: Batch, results: Sequence[sql.Composable], key: tuple[str, ...], where: sql.Composable | None = None
) -> sql.Composable:
    """Return the query for rows of the table that have a key of these: the number of the row here, and the results."""
    query = sql.SQL("SELECT fixture.number, {} FROM {} AS there JOIN {} ON {}").format(
        sql.SQL(", ").join(results), _table(batch.table.name), _rows(batch, numbered=True), _match(batch, key)
    )
    return sql.SQL("{} WHERE {}").format(query, where) if where else query


def read_values(batch: Batch) -> sql.Composable:
    """Return the query that does no more than read the values."""
    return sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(_values(batch, batch.columns)), _rows(batch))


def ranks(cursor: Cursor, batch: Batch, key: tuple[str, ...]) -> sql.Composable:
    """Return the query for the ranks of the rows by a key: those with the same one have the same rank."""
    # CockroachDB says that a month is 30 days, but keeps them apart as keys: they are encoded differently.
    as_text = {"interval", "_interval"} if is_cockroachdb(cursor) else set()
    values = [
        sql.SQL("{}::text").format(value) if batch.table.columns[name].kind in as_text else value
        for name, value in zip(key, _values(batch, key), strict=True)
    ]
    return sql.SQL("SELECT dense_rank() OVER (ORDER BY {}) FROM {} ORDER BY fixture.number").format(
        sql.SQL(", ").join(values), _rows(batch, numbered=True)
    )


def without_parent(batch: Batch, key: Constraint, parent: TableName) -> sql.Composable:
    """Return the query for the numbers (from 1) of the rows whose foreign key refers to no row of the parent table."""
    match = _pairs("parent.{} = {}", key.referenced_columns, _values(batch, key.columns))
    return sql.SQL("SELECT fixture.number FROM {} WHERE NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {})").format(
        _rows(batch, numbered=True),
        _table(parent),
        sql.SQL(" AND ").join(match),
    )


def _as_texts(columns: Iterable[str]) -> list[sql.Composable]:
    """Return the texts of what the table itself has in these columns."""
    return [sql.SQL("{}::text").format(_there(name)) for name in columns]


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(_name, columns))


def _differ(batch: Batch, columns: list[str], values: Iterable[sql.Composable]) -> sql.Composable:
    """Return the condition that a row of the table differs from these values in a column."""
    conditions = []
    for name, value in zip(columns, values, strict=True):
        # Types that the server cannot compare (json, point, a domain over an enum) are compared as text, and so are
        # those of which it takes different values for equal (intervals: a month for 30 days).
        cast = "" if _has_equality(batch.table.columns[name]) else "::text"
        form = sql.SQL(f"{{}}{cast} IS DISTINCT FROM {{}}{cast}")
        conditions.append(form.format(_there(name), value))
    return sql.SQL(" OR ").join(conditions)


def _has_equality(column: Column) -> bool:
    kind = column.kind[1:] if column.is_array else column.kind
    return (kind in NATIVE_ARRAYS and kind != "interval") or kind in TEXTS or kind == "jsonb"
