"""Lists that come in pages: keyset pagination, in which a page begins after the last row of the page before."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import Any, TypeVar, cast

from services.errors import InvalidValue
from services.row_types import Page
from services.rows import Entity, Row, read
from services.transactions import Queryable
from toolkit.exact_json import storable

Item = TypeVar("Item")
LONGEST_PAGE = 1000

# How a server writes the times that Python has none for: rows with such a time have a place in the order, too.
BEYOND_PYTHON = re.compile(r"-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}( BC)?")


def read_time(text: str) -> datetime | str:
    """Return the time of a row's place in an order, as the row has it. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if BEYOND_PYTHON.fullmatch(text):
            return text
        raise


@dataclass(frozen=True, eq=False)
class Order:
    """The order in which a list returns its rows.

    keys: the columns to sort by, as `t.column` -> the function that reads such a value from text. No two rows have the
    same values in all of them, so that a place in the order is always between two rows.
    """

    keys: dict[str, Callable[[str], Any]]
    descending: bool = False

    def clause(self) -> str:
        """Return the ORDER BY of a statement."""
        columns = (f"{column} DESC" if self.descending else column for column in self.keys)
        return f" ORDER BY {', '.join(columns)}"

    def beyond(self) -> str:
        """Return the condition that rows after a place meet; read() gives the values for it."""
        placeholders = ", ".join(f"%(after_{number})s" for number in range(len(self.keys)))
        return f"({', '.join(self.keys)}) {'<' if self.descending else '>'} ({placeholders})"

    def place(self, row: Row) -> str:
        """Return the place of a row in the order, as the text that callers get as `next` and give as `after`."""
        # As json.dumps() writes it, which takes four times as long for two texts.
        texts = (encode_basestring_ascii(str(row[column.partition(".")[2]])) for column in self.keys)
        return f"[{', '.join(texts)}]"

    def read(self, place: str) -> Row:
        """Return the values for the condition beyond(), from what place() has returned. Raises InvalidValue."""
        try:
            texts = json.loads(place)
            if not all(isinstance(text, str) for text in texts):
                raise ValueError
            values = [parse(storable(text)) for parse, text in zip(self.keys.values(), texts, strict=True)]
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidValue("after", "must be the `next` of the page before") from error
        return {f"after_{number}": value for number, value in enumerate(values)}


def read_page(
    database: Queryable,
    entity: Entity[Item],
    conditions: tuple[str, ...],
    order: Order,
    after: str | None,
    limit: int,
    as_of: str | None,
    **values: Any,
) -> Page[Item]:
    """Return a page of the rows of a table that meet all conditions, in their order, for a service that lists them.

    conditions: SQL in which the table is t, and %(name)s stands for one of the values. after: `next` of the page
    before, None for the first page. limit: how many rows. The rows of the page are picked before they are joined with
    what belongs to them, so no others are read. Raises InvalidValue for after and limit.
    """
    check_limit(limit)
    if after is not None:
        conditions = (*conditions, order.beyond())
        values.update(order.read(after))
    values["rows"] = limit + 1  # one more than asked for says whether there are more
    rows = read(database, _page(entity, conditions, order), values, as_of)
    following = order.place(rows[limit - 1]) if len(rows) > limit else None
    return {"items": cast(list[Item], rows[:limit]), "next": following}


@cache
def _page(entity: Entity[Any], conditions: tuple[str, ...], order: Order) -> str:
    """Return the statement of a page. It is made once for each list and choice of conditions."""
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return entity.of(_ROWS.format(table=entity.table, where=where, order=order.clause())) + order.clause()


_ROWS = "(SELECT * FROM {table} t {where} {order} LIMIT %(rows)s)"


def check_limit(limit: int) -> None:
    """Raise InvalidValue for a number of rows that a service does not return at once."""
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidValue("limit", f"must be 1 to {LONGEST_PAGE}")
