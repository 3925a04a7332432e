"""Named queries of a .sql file, and their parameters.

The file has the format of the package aiosql: above each query a line `-- name: some_name`, then comment lines that
describe it. Any SQL shell can run the file as it is, because a parameter is a literal, marked by a comment:
`'2024-01-01' /* :since */`, `10 /* :limit */`, `NULL /* :genre */`. The literal is the default; another value can be
bound in its place.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.console import UserError
from toolkit.sql_statements import Token, split, tokens
from toolkit.text_files import read_text

_NAME = re.compile(r"--\s*name:\s*(.*?)\s*").fullmatch
_MARK = re.compile(r"/\*\s*:(\w+)\s*\*/").fullmatch
# A minus sign behind one of these belongs to the number after it; behind any other word it is an operator.
_BEFORE_A_VALUE = re.compile(
    "ALL|AND|BETWEEN|BY|CASE|DISTINCT|ELSE|HAVING|I?LIKE|IN|LIMIT|NOT|OFFSET|ON|OR|RETURNING|SELECT|THEN|WHEN|WHERE",
    re.IGNORECASE,
).fullmatch


class Parameter(NamedTuple):
    """One use of a parameter in a query. begin, end: the position of its literal; default: the value of that."""

    name: str
    begin: int
    end: int
    default: str | Decimal | None


@dataclass(frozen=True)
class Query:
    """A named query.

    description: its comment, as one paragraph. text: the SQL as in the file, without the semicolon. parameters: each
    use of one, in the order of the text.
    """

    name: str
    description: str
    text: str
    parameters: tuple[Parameter, ...]

    @property
    def defaults(self) -> dict[str, str | Decimal | None]:
        """The parameters, in the order of their first use, with their defaults."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return re.split(r"(?<=[.]) ", self.description, maxsplit=1)[0]

    def bind(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return statement and values for cursor.execute(), with the defaults for parameters that are not in values.

        The marks stay in the statement, so that the result of cursor.mogrify() is a query with parameters again.
        Raises UserError if the query has no such parameter.
        """
        unknown = [name for name in values if name not in self.defaults]
        if unknown:
            known = ", ".join(self.defaults) or "none"
            raise UserError(f"the query {self.name} has no parameter {unknown[0]}; it has: {known}")
        statement, end = "", 0
        for parameter in self.parameters:
            statement += self.text[end : parameter.begin].replace("%", "%%") + f"%({parameter.name})s"
            end = parameter.end
        return statement + self.text[end:].replace("%", "%%"), {**self.defaults, **values}

    def value(self, name: str, text: str) -> str | Decimal:
        """Convert what a person has typed for a parameter into a value for bind(): a number if the default is one.

        Raises UserError if it should be a number and is not.
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

    Raises UserError if the file cannot be read, a name is missing, not a word or duplicate, a query is not exactly one
    statement, a mark does not follow a literal, or a parameter has two defaults in one query.
    """
    text = read_text(file)
    names = [
        (token, match[1]) for token in tokens(text) if (match := _NAME(token.text)) and _begins_a_line(text, token)
    ]
    ends = [following.begin for following, _ in names[1:]] + [len(text)]
    queries: dict[str, Query] = {}
    for (token, name), end in zip(names, ends, strict=True):
        try:
            query = parse_query(name, text[token.end : end])
            if query.name in queries:
                raise ValueError(f"there is a query {query.name} above already")
        except ValueError as error:
            line = text.count("\n", 0, token.begin) + 1
            raise UserError(f"{file}, line {line}: {error}") from None
        queries[query.name] = query
    return queries


def _begins_a_line(text: str, token: Token) -> bool:
    return token.begin == 0 or text[token.begin - 1] == "\n"


def parse_query(name: str, body: str) -> Query:
    """Parse a query from its name and the text below it. Raises ValueError with the reason."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"expected one word as the name of the query, got {name!r}")
    # Comments after the semicolon are the heading of the next part of the file.
    statements = split(body)
    if not statements:
        raise ValueError(f"the query {name} has no SQL")
    if len(statements) > 1:
        raise ValueError(f"the query {name} has more than one statement")
    comment = takewhile(lambda line: line.startswith("--"), body.strip().splitlines())
    description = " ".join(line.removeprefix("--").strip() for line in comment)
    sql = statements[0].text
    parameters = tuple(_parameters(name, sql))
    defaults: dict[str, str | Decimal | None] = {}
    for parameter in parameters:
        if defaults.setdefault(parameter.name, parameter.default) != parameter.default:
            raise ValueError(f"the parameter {parameter.name} of the query {name} has two defaults")
    return Query(name, description, sql, parameters)


def _parameters(name: str, sql: str) -> Iterator[Parameter]:
    """Yield the uses of parameters in a query. Raises ValueError if a mark does not follow a literal."""
    before: list[Token] = []  # the tokens before a mark, without comments
    latest = ""  # the kind of the token before
    for token in tokens(sql):
        mark = _MARK(token.text) if token.kind == "comment" else None
        if mark:
            try:
                if latest == "comment":
                    raise ValueError
                begin, default = _literal(before)
            except (ValueError, IndexError):
                raise ValueError(f"a mark /* :... */ of the query {name} stands behind no literal") from None
            yield Parameter(mark[1], begin, before[-1].end, default)
        elif token.kind != "comment":
            before.append(token)
        latest = token.kind


def _literal(before: list[Token]) -> tuple[int, str | Decimal | None]:
    """Return position and value of the literal at the end of these tokens. Raises ValueError if there is none."""
    token = before[-1]
    if token.kind == "number":
        if _has_sign(before[:-1]):
            return before[-2].begin, -Decimal(token.text)
        return token.begin, Decimal(token.text)
    if token.kind == "word" and token.text.upper() == "NULL":
        return token.begin, None
    if token.kind != "literal" or _is_part_of_literal(before):
        raise ValueError
    if token.text.startswith("$"):
        tag = token.text[: token.text.index("$", 1) + 1]
        return token.begin, token.text.removeprefix(tag).removesuffix(tag)
    opening, _, content = token.text.removesuffix("'").partition("'")
    content = content.replace("''", "'")
    if opening.upper() == "E" and "\\" not in content.replace("\\\\", ""):  # as psycopg2 writes backslashes
        return token.begin, content.replace("\\\\", "\\")
    if opening:
        raise ValueError
    return token.begin, content


def _has_sign(before: list[Token]) -> bool:
    """Whether these tokens end with a minus that is a sign of the number after it, and not an operator."""
    if not before or before[-1].text != "-":
        return False
    if len(before) == 1:
        return True
    operand = before[-2]
    if operand.kind == "word":
        return _BEFORE_A_VALUE(operand.text) is not None
    return operand.kind == "sign" and operand.text not in (")", "]")


def _is_part_of_literal(before: list[Token]) -> bool:
    """Whether the string at the end of these tokens is only part of a literal: x'ff', U&'...', 'a' 'b'."""
    token, previous = before[-1], before[-2] if len(before) > 1 else None
    if previous is None:
        return False
    touches = previous.end == token.begin
    is_unicode = touches and previous.text == "&" and len(before) > 2 and before[-3].text.upper() == "U"
    return previous.kind == "literal" or (touches and previous.kind == "word") or is_unicode
