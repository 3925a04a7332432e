"""What a figure of a profile may be: a function for each kind, which returns its value or raises WrongFigure."""

import dataclasses
import json
import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from toolkit.console import printable

Parser = Callable[[Any], Any]


class WrongFigure(ValueError):
    """A figure cannot be what was given. The message says what it can be."""


def figure(parse: Parser, default: Any = dataclasses.MISSING) -> Any:
    """Return the field of a dataclass that holds a figure. default: for a figure that may be left out."""
    return dataclasses.field(default=default, metadata={"parse": parse})


def number(least: float, greatest: float) -> Parser:
    """Return the parser of a number in this range."""

    def parse(value: Any) -> float:
        # The decimal 0.1 is a little less than the float, so the bounds themselves would be refused.
        if _is_number(value) and least <= float(value) <= greatest:
            return float(value)
        raise WrongFigure(f"a number from {least:,} to {greatest:,}")

    return parse


def whole(least: int, greatest: int) -> Parser:
    """Return the parser of a whole number in this range."""

    def parse(value: Any) -> int:
        if _is_number(value) and least <= value <= greatest and value == int(value):
            return int(value)
        raise WrongFigure(f"a whole number from {least:,} to {greatest:,}")

    return parse


def text(value: Any) -> str:
    """Return a text that can be shown."""
    if isinstance(value, str) and value.strip() and printable(value) == value:
        return value
    raise WrongFigure("a text")


def text_among(*allowed: str) -> Parser:
    """Return the parser of a word that is one of these."""

    def parse(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise WrongFigure(f"one of {', '.join(allowed)}")

    return parse


def day_of_year(value: Any) -> tuple[int, int]:
    """Return the month and day of a text such as 11-24."""
    if isinstance(value, str) and re.fullmatch(r"\d\d-\d\d", value):
        month, day = int(value[:2]), int(value[3:])
        if 1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]:
            return month, day
    raise WrongFigure('a month and day such as "11-24"')


def prices(value: Any) -> tuple[Decimal, ...]:
    """Return prices, exact to the cent."""
    if isinstance(value, list) and value and all(map(_is_price, value)):
        return tuple(Decimal(price).quantize(Decimal("0.01")) for price in value)
    raise WrongFigure("a list of prices such as [4.99, 5.99]")


def json_object(value: Any) -> str:
    """Return a table as the text of a JSON object."""
    if isinstance(value, dict):
        try:
            return json.dumps(value, default=_as_float, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            pass
    raise WrongFigure("a table of texts, numbers and booleans")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()


def _is_price(value: Any) -> bool:
    return _is_number(value) and 0 < value < 100_000_000 and value * 100 == int(value * 100)


def _as_float(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


share = number(0, 1)
