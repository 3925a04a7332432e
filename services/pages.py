"""Keyset pagination: a page of a list begins after the last row of the page before."""

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

# Times as a server writes them that Python's datetime cannot hold. Rows with such a time are listed as well.
BEYOND_PYTHON = re.compile(r"-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}( BC)?")


def read_time(text: str) -> datetime | str:
    """Parse a time of a page token, in the type that the row has. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if BEYOND_PYTHON.fullmatch(text):
            return text
        raise


@dataclass(frozen=True, eq=False)
class Order:
    """The order in which a list returns its rows.

    keys: the columns to sort by, as `t.column` -> the function that parses a value of it from text. Together they must
    be unique, so that a page can begin after any row.
    """

    keys: dict[str, Callable[[str], Any]]
    descending: bool = False

    def order_by(self) -> str:
        """Return the ORDER BY clause."""
        columns = (f"{column} DESC" if self.descending else column for column in self.keys)
        return f" ORDER BY {', '.join(columns)}"

    def after_condition(self) -> str:
        """Return the SQL condition for the rows after a token. Its values come from token_values()."""
        placeholders = ", ".join(f"%(after_{number})s" for number in range(len(self.keys)))
        return f"({', '.join(self.keys)}) {'<' if self.descending else '>'} ({placeholders})"

    def token(self, row: Row) -> str:
        """Return the sort keys of a row as text: callers get it as `next`, and give it back as `after`."""
        # The same as json.dumps(), which takes four times as long for two texts.
        texts = (encode_basestring_ascii(str(row[column.partition(".")[2]])) for column in self.keys)
        return f"[{', '.join(texts)}]"

    def token_values(self, token: str) -> Row:
        """Return the values for after_condition() from a token(). Raises InvalidValue for any other text."""
        try:
            texts = json.loads(token)
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
    """Return a page of the rows of a table that meet all conditions, for a service that lists them.

    conditions: SQL in which the table is named t, and %(name)s stands for one of the values. after: `next` of the page
    before; None for the first page. limit: the number of rows. The rows are selected before they are joined with other
    tables, so only these rows are read there. Raises InvalidValue for after and limit.
    """
    check_limit(limit)
    if after is not None:
        conditions = (*conditions, order.after_condition())
        values.update(order.token_values(after))
    values["rows"] = limit + 1  # one more than asked for, to see whether a page follows
    rows = read(database, _page_statement(entity, conditions, order), values, as_of)
    following = order.token(rows[limit - 1]) if len(rows) > limit else None
    return {"items": cast(list[Item], rows[:limit]), "next": following}


@cache
def _page_statement(entity: Entity[Any], conditions: tuple[str, ...], order: Order) -> str:
    """Return the statement of a page. It is cached: there is one for each list and set of conditions."""
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return entity.select_from(_ROWS.format(table=entity.table, where=where, order=order.order_by())) + order.order_by()


_ROWS = "(SELECT * FROM {table} t {where} {order} LIMIT %(rows)s)"


def check_limit(limit: int) -> None:
    """Raise InvalidValue unless a limit is from 1 to LONGEST_PAGE."""
    if not 1 <= limit <= LONGEST_PAGE:
        raise InvalidValue("limit", f"must be 1 to {LONGEST_PAGE}")
