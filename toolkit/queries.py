"""Named queries of a .sql file, and their parameters.

The file has the form of the package aiosql: above each query a line `-- name: some_name`, then comment lines that say
what it answers. Any SQL shell runs the file as it is, for a parameter is a literal with a mark behind it, as in
`'2024-01-01' /* :since */`, `10 /* :limit */` or `NULL /* :genre */`. Here the literal is the default, and another
value can be bound.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from toolkit.console import UserError

_NAME = re.compile(r"^-- name:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_MARK = re.compile(r"/\*\s*:(\w+)\s*\*/")
_PARAMETER = re.compile(r"('(?:[^']|'')*'|-?\b\d+(?:\.\d+)?|\bNULL\b)(\s*/\*\s*:(\w+)\s*\*/)")


@dataclass(frozen=True)
class Query:
    """A named query.

    description: its comment, as one paragraph. text: the SQL as it stands in the file, without the semicolon.
    defaults: the parameters in the order of their first mark, each with the literal that is in the text.
    """

    name: str
    description: str
    text: str
    defaults: Mapping[str, str | Decimal | None]

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return re.split(r"(?<=[.]) ", self.description, maxsplit=1)[0]

    def bind(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return statement and values for cursor.execute(); what is not in values has its default.

        The marks stay in the statement, so what cursor.mogrify() makes of both can be pasted and marked again.
        Raises UserError if the query has no such parameter.
        """
        unknown = [name for name in values if name not in self.defaults]
        if unknown:
            known = ", ".join(self.defaults) or "none"
            raise UserError(f"the query {self.name} has no parameter {unknown[0]}; it has: {known}")
        statement = _PARAMETER.sub(r"%(\3)s\2", self.text.replace("%", "%%"))
        return statement, {**self.defaults, **values}

    def value(self, name: str, text: str) -> str | Decimal:
        """Return what a person typed for a parameter, as bind() takes it: a number where the default is one.

        Raises UserError if it is no number then, or if the query has no such parameter.
        """
        if not isinstance(self.defaults.get(name), Decimal):
            return text
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise UserError(f"the parameter {name} of the query {self.name} is a number, not {text!r}")
        return number


def read_queries(file: Path) -> dict[str, Query]:
    """Return the queries of a file by name, in its order.

    Raises UserError if the file cannot be read, a name is missing, no word or there twice, a query has no SQL, a mark
    stands behind no literal, or a parameter has two defaults in one query.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    names = list(_NAME.finditer(text))
    ends = [following.start() for following in names[1:]] + [len(text)]
    queries: dict[str, Query] = {}
    for match, end in zip(names, ends, strict=True):
        line = text.count("\n", 0, match.start()) + 1
        try:
            query = _query(match[1], text[match.end() : end])
            if query.name in queries:
                raise ValueError(f"there is a query {query.name} above already")
        except ValueError as error:
            raise UserError(f"{file}, line {line}: {error}") from None
        queries[query.name] = query
    return queries


def _query(name: str, body: str) -> Query:
    """Make a query of its name and the lines below that. ValueError says what is wrong with them."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"expected one word as the name of the query, got {name!r}")
    lines = body.strip().splitlines()
    comment = 0
    while comment < len(lines) and lines[comment].startswith("--"):
        comment += 1
    # What stands behind the semicolon is the heading of the next part of the file.
    sql, semicolon, _ = "\n".join(lines[comment:]).partition(";\n")
    sql = sql.strip() if semicolon else sql.strip().removesuffix(";")
    if not sql:
        raise ValueError(f"the query {name} has no SQL")
    description = " ".join(line.removeprefix("--").strip() for line in lines[:comment])
    return Query(name, description, sql, _defaults(name, sql))


def _defaults(name: str, sql: str) -> dict[str, str | Decimal | None]:
    found = list(_PARAMETER.finditer(sql))
    defaults: dict[str, str | Decimal | None] = {}
    for literal, _, parameter in (match.groups() for match in found):
        default = _value(literal)
        if defaults.setdefault(parameter, default) != default:
            raise ValueError(f"the parameter {parameter} of the query {name} has two defaults")
    if len(found) != len(_MARK.findall(sql)):
        raise ValueError(f"a mark /* :... */ of the query {name} stands behind no literal")
    return defaults


def _value(literal: str) -> str | Decimal | None:
    if literal == "NULL":
        return None
    return literal[1:-1].replace("''", "'") if literal.startswith("'") else Decimal(literal)
