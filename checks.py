"""Rows -> checked rows: what can be wrong with a row is found here, before anything is written.

What only the server can judge (CHECK constraints, rows that are there already) is left to batches.py.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

from catalog import Column, Constraint, Table
from console import Failure
from fixtures import Problem, Read, Rows
from values import INTEGERS, Reader, comparable, reader, shortened, shortened_text

# The keys of rows that leave out their UUID key are version 5 UUIDs of "table/position" in this namespace.
KEY_NAMESPACE = "a3f1c5d2-7b64-4e0a-9c58-2d1e6f70b843"

FIRST = itemgetter(0)


class Batch(NamedTuple):
    """Checked rows of a table that give the same columns.

    columns: in the order of the table. places: for each row whose it is, and its number there. texts: for each column
    the texts of all rows, as values.py makes them; that of a wrong value is empty, and its problem has been told.
    widest: no row's texts have more bytes than this in all. made: the key column whose values were made from the rows'
    positions, if any.
    """

    table: Table
    columns: tuple[str, ...]
    places: Sequence[tuple[Rows, int]]
    texts: Sequence[Sequence[str]]
    widest: int
    made: str = ""

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.places)

    def column(self, name: str) -> Sequence[str]:
        """Return the texts of a column."""
        return self.texts[self.columns.index(name)]

    def only(self, columns: tuple[str, ...]) -> "Batch":
        """Return the rows without their other columns."""
        return self._replace(columns=columns, texts=[self.column(name) for name in columns])

    def part(self, start: int, stop: int) -> "Batch":
        """Return the rows from one index to another."""
        return self._replace(places=self.places[start:stop], texts=[texts[start:stop] for texts in self.texts])

    def take(self, indexes: list[int]) -> "Batch":
        """Return the rows with these indexes, in this order."""
        if len(indexes) < 2:  # of which itemgetter makes no tuple
            return self.part(indexes[0], indexes[0] + 1) if indexes else self.part(0, 0)
        take = itemgetter(*indexes)
        return self._replace(places=take(self.places), texts=list(map(take, self.texts)))

    def problem(self, index: int, text: str, column: str = "") -> Problem:
        """Return a Problem with one of the rows."""
        rows, number = self.places[index]
        key = self.shown(index, [name for name in self.table.primary_key if self._is_known(index, name)])
        return rows.problem(number, text, key, column)

    def _is_known(self, index: int, name: str) -> bool:
        """Whether a row's value of a key column stands in its file, and is not wrong."""
        return name in self.columns and name != self.made and self.column(name)[index] not in ("", "NULL")

    def shown(self, index: int, columns: Iterable[str]) -> str:
        """Return a row's values of these columns, as far as they are given, for a message."""
        given = [(name, self.column(name)[index]) for name in columns if name in self.columns]
        return ", ".join(f"{name} {shortened_text(text)}" for name, text in given)


def joined(batches: Iterable[Batch]) -> list[Batch]:
    """Return the rows of a table's batches in as few as there can be."""
    alike: dict[tuple[tuple[str, ...], str], list[Batch]] = {}
    for batch in batches:
        alike.setdefault((batch.columns, batch.made), []).append(batch)
    return [
        group[0]._replace(
            places=[place for batch in group for place in batch.places],
            texts=[list(chain.from_iterable(texts)) for texts in zip(*[batch.texts for batch in group], strict=True)],
            widest=max(batch.widest for batch in group),
        )
        for group in alike.values()
    ]


def find_table(tables: dict[str, Table], name: str) -> Table:
    """Return the table of that name, if rows can be loaded into it. Raises ValueError with the reason if not."""
    table = tables.get(name)
    if table is None:
        advice = _nearest(name, tables) or "; tables are made by `python streaming_services.py`, from schema.sql"
        raise ValueError(f"the database has no table {shortened(name)}{advice}")
    if table.is_view:
        raise ValueError(f"{shortened(name)} is a view, and rows are loaded into tables only")
    if not table.primary_key:
        raise ValueError(f"the table {shortened(name)} has no primary key, so its rows could not be told apart")
    key = [table.columns[column] for column in table.primary_key]
    if any(column.given_by_server for column in key):
        raise ValueError(
            f"the primary key of {shortened(name)} is made by the server (GENERATED ALWAYS), so that loading its rows "
            "again would double them"
        )
    return table


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # slow to import, and only needed for a message

    nearest = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {shortened(nearest[0])}?" if nearest else ""


def in_order(tables: Iterable[Table]) -> list[Table]:
    """Return the tables, each after those it refers to. Raises Failure if their foreign keys form a cycle."""
    left = {table.name: table for table in tables}
    ordered: list[Table] = []
    while left:
        free = [table for table in left.values() if not referenced(table) & left.keys() - {table.name}]
        if not free:
            raise Failure(f"the foreign keys of {', '.join(_cycle(left))} form a cycle: these tables cannot be loaded")
        ordered += free
        for table in free:
            del left[table.name]
    return ordered


def _cycle(left: dict[str, Table]) -> list[str]:
    """Return the tables without those that only refer to a cycle: none of the others refers to them."""
    while True:
        targets = {name for table in left.values() for name in referenced(table) - {table.name}}
        if left.keys() <= targets:
            return list(left)
        left = {name: table for name, table in left.items() if name in targets}


def referenced(table: Table) -> set[str]:
    """Return the names of the tables to which a table refers."""
    return {str(key.referenced) for key in table.foreign_keys}


def refers_to_itself(table: Table) -> bool:
    return table.name in referenced(table)


def check(table: Table, rows: Iterable[Read], problems: list[Problem]) -> list[Batch]:
    """Return the rows in batches of any size; what is wrong with them is added to the problems.

    The text of a wrong value is empty, which no value's is; a row that is no object is left out.
    """
    alike: dict[tuple[Any, ...], list[Read]] = {}
    for read in rows:
        rows_of_file, number, row = read
        if type(row) is tuple:
            alike.setdefault((rows_of_file.is_document, tuple(map(FIRST, row))), []).append(read)
        elif isinstance(row, Problem):
            problems.append(row)
        else:
            problems.append(rows_of_file.problem(number, f"expected an object, got {shortened(row)}"))
    batches = []
    for (from_document, given), reads in alike.items():
        if len(set(given)) < len(given):
            repeated = next(name for name, count in Counter(given).items() if count > 1)
            problems += [_problem(table, read, "the column is given more than once", repeated) for read in reads]
        else:
            batches.append(_check_alike(table, given, reads, from_document, problems))
    return batches


def _check_alike(
    table: Table, given: tuple[str, ...], reads: list[Read], from_document: bool, problems: list[Problem]
) -> Batch:
    """Check rows that give the same columns."""
    values = {name: [read[2][index][1] for read in reads] for index, name in enumerate(given)}
    key = _key_by_position(table, given) if from_document else None
    if key:
        values[key.name] = [_key_at(table, key, read[0].before + read[1]) for read in reads]
    for name, text in wrong_columns(table, values):
        problems += [_problem(table, read, text, name) for read in reads]
    columns = tuple(name for name in table.columns if name in values)
    texts: list[Sequence[str]] = []
    for name in columns:
        read_value = reader(table.columns[name])
        column_texts, wrong = _read_column(table.columns[name], read_value, values[name])
        texts.append(column_texts)
        problems += [_problem(table, reads[index], text, name) for index, text in wrong]
    widest = sum(map(_widest, texts))
    return Batch(table, columns, [read[:2] for read in reads], texts, widest, key.name if key else "")


def _widest(texts: Sequence[str]) -> int:
    """Return a number of bytes that none of the texts exceeds."""
    most = max(map(len, texts))
    return most if all(map(str.isascii, texts)) else 4 * most


def _key_by_position(table: Table, given: tuple[str, ...]) -> Column | None:
    """Return the key column that the rows leave out, if their position can stand for it."""
    if len(table.primary_key) != 1 or table.primary_key[0] in given:
        return None
    column = table.columns[table.primary_key[0]]
    return column if column.kind in INTEGERS or column.kind == "uuid" else None


def _key_at(table: Table, column: Column, position: int) -> Any:
    if column.kind in INTEGERS:
        return position
    import uuid  # slow to import, and not needed where the keys are given

    return str(uuid.uuid5(uuid.UUID(KEY_NAMESPACE), f"{table.name}/{position}"))


def wrong_columns(table: Table, columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return what is wrong with giving just these columns, as (column, text)."""
    columns = list(columns)
    wrong = []
    for name in columns:
        column = table.columns.get(name)
        if column is None:
            wrong.append((name, f"the table has no such column{_nearest(name, table.columns)}"))
        elif column.given_by_server:
            wrong.append((name, "the server makes this column's values (GENERATED): leave it out"))
    for name, column in table.columns.items():
        if name not in columns and (column.required or name in table.primary_key):
            wrong.append(
                (
                    name,
                    "missing: the column has no default and may not be NULL"
                    if column.required
                    else "missing: a row is known by its primary key",
                )
            )
    return wrong


def _read_column(column: Column, read: Reader, values: list[Any]) -> tuple[list[str], list[tuple[int, str]]]:
    """Return the texts of a column's values, and what is wrong with some, as (index, text)."""
    try:
        if None not in values:
            return list(map(read, values)), []
        if column.nullable:
            return ["NULL" if value is None else read(value) for value in values], []
    except ValueError:
        pass  # look again, to tell which
    texts, wrong = [], []
    for index, value in enumerate(values):
        try:
            if value is None and not column.nullable:
                raise ValueError("expected a value: the column may not be NULL")
            texts.append("NULL" if value is None else read(value))
        except ValueError as error:
            texts.append("")
            wrong.append((index, f"{error}" if value is None else f"{error}, got {shortened(value)}"))
    return texts, wrong


def _problem(table: Table, read: Read, text: str, column: str) -> Problem:
    rows, number, pairs = read
    row = dict(pairs)
    key = ", ".join(f"{name} {_shown(table.columns[name], row[name])}" for name in table.primary_key if name in row)
    return rows.problem(number, text, key, column)


def _shown(column: Column, value: Any) -> str:
    """Return a value for a message as Batch.shown() would, even if it is wrong."""
    try:
        return shortened_text(reader(column)(value))
    except ValueError:
        return shortened(value)


def find_duplicates(table: Table, batches: list[Batch], problems: list[Problem]) -> None:
    """Add a Problem for each row that has the primary or a unique key of an earlier one."""
    for key in (table.primary_key, *table.unique_keys):
        whole = [batch for batch in batches if set(key) <= set(batch.columns)]
        if not _all_different(key, whole):
            problems += _duplicates(key, whole)


def _all_different(key: tuple[str, ...], batches: list[Batch]) -> bool:
    """Whether the texts of a key are all different: the fast answer for almost every load."""
    if any(comparable(batch.table.columns[name]) is not str for batch in batches for name in key):
        return False
    texts = [text for batch in batches for text in _key_texts(batch, key)]
    return len(set(texts)) == len(texts)


def _key_texts(batch: Batch, key: tuple[str, ...]) -> Iterable[Any]:
    """Return for each row the text of a key of one column, or the texts of several."""
    columns = [batch.column(name) for name in key]
    return zip(*columns, strict=True) if len(columns) > 1 else columns[0]


def _duplicates(key: tuple[str, ...], batches: list[Batch]) -> list[Problem]:
    first: dict[tuple[Any, ...], tuple[Rows, int]] = {}
    problems = []
    for batch, index, value in _in_order_of_rows(key, batches):
        rows, number = first.setdefault(value, batch.places[index])
        if (rows, number) != batch.places[index]:
            same_file = rows.file == batch.places[index][0].file
            where = f"{rows.unit} {number}" + ("" if same_file else f" of {rows.file}")
            problems.append(batch.problem(index, f"{batch.shown(index, key)} is in {where} already", ", ".join(key)))
    return problems


def _in_order_of_rows(key: tuple[str, ...], batches: list[Batch]) -> list[tuple[Batch, int, tuple[Any, ...]]]:
    """Return the rows that have a key, as batch, index and the key's values, in the order of the files."""
    files: dict[int, int] = {}
    found = []
    for batch in batches:
        for index, value in enumerate(key_values(batch, key)):
            rows, number = batch.places[index]
            if value is not None:
                found.append((files.setdefault(id(rows), len(files)), number, batch, index, value))
    return [entry[2:] for entry in sorted(found, key=itemgetter(0, 1))]


def key_values(batch: Batch, columns: tuple[str, ...]) -> list[tuple[Any, ...] | None]:
    """Return for each row the values of a key, in a form in which equal ones are equal.

    None stands for a key of which a part is NULL or wrong: it is equal to no other, and refers to nothing.
    """
    forms = _forms(batch.table, columns)
    return [
        None if "NULL" in texts or "" in texts else tuple(form(text) for form, text in zip(forms, texts, strict=True))
        for texts in zip(*[batch.column(name) for name in columns], strict=True)
    ]


def _forms(table: Table, columns: Iterable[str]) -> list[Callable[[str], Any]]:
    return [comparable(table.columns[name]) for name in columns]


def references_outside(key: Constraint, batches: list[Batch], parents: list[Batch]) -> list[Batch]:
    """Return the rows whose foreign key refers to none of the parents in the load, so to a row of the database.

    Of their columns only the foreign key's and the primary key's. Where the types differ (an integer that refers to a
    decimal), whether values are equal is left to the server, when the rows are written.
    """
    known: set[Any] = set()
    if (
        parents
        and batches
        and _forms(batches[0].table, key.columns) != _forms(parents[0].table, key.referenced_columns)
    ):
        return []
    for batch in parents:
        if set(key.referenced_columns) <= set(batch.columns):
            known.update(key_values(batch, key.referenced_columns))
    outside = []
    for batch in batches:
        if set(key.columns) <= set(batch.columns):
            columns = tuple(name for name in batch.columns if name in key.columns + batch.table.primary_key)
            values = key_values(batch, key.columns)
            indexes = [index for index, value in enumerate(values) if value is not None and value not in known]
            found = batch.only(columns).take(indexes)
            outside.append(found._replace(texts=[[text or "NULL" for text in texts] for texts in found.texts]))
    return outside


def parents_first(table: Table, batches: list[Batch]) -> list[Batch]:
    """Return the rows of a table that refers to itself in batches in which no row comes before those it refers to."""
    batches = joined(batches)
    rows = [(number, index) for number, batch in enumerate(batches) for index in range(batch.size)]
    parents = [_parents(key, batches) for key in table.foreign_keys if key.referenced == table.name]
    depths: dict[int, int] = {}
    for row in range(len(rows)):
        _find_depth(row, parents, depths)
    order = sorted(range(len(rows)), key=lambda row: (depths[row], rows[row]))
    return [
        batches[number].take([index for _, index in group])
        for number, group in groupby([rows[row] for row in order], itemgetter(0))
    ]


def _parents(key: Constraint, batches: list[Batch]) -> dict[int, int]:
    """Return for each row's index that of the row it refers to by this foreign key."""
    index_of: dict[Any, int] = {}
    refers: list[Any] = []
    for batch in batches:
        start = len(refers)
        if set(key.referenced_columns) <= set(batch.columns):
            values = key_values(batch, key.referenced_columns)
            index_of.update({value: start + index for index, value in enumerate(values)})
        given = set(key.columns) <= set(batch.columns)
        refers += key_values(batch, key.columns) if given else [None] * batch.size
    return {index: index_of[value] for index, value in enumerate(refers) if value is not None and value in index_of}


def _find_depth(index: int, parents: list[dict[int, int]], depths: dict[int, int]) -> None:
    """Find how many generations of the load are above a row. Rows that are above each other count as one."""
    path = {index: None}  # the order of a dict, and its speed
    while path:
        row = next(reversed(path))
        above = [of[row] for of in parents if row in of]
        unknown = [parent for parent in above if parent not in depths and parent not in path]
        if unknown:
            path[unknown[0]] = None
        else:
            depths[row] = max((depths.get(parent, -1) for parent in above), default=-1) + 1
            del path[row]
