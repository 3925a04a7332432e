"""Numbers of fixtures: taken if a column holds just that number, however it is written.

12, 12.0, 1.2e1 and "12" are one integer. Text counts as the JSON number that it says, because JavaScript's drivers,
Django and others write numbers of more than 53 bits and decimals so; a float is written as a number.
"""

import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from toolkit.exact_json import DECIMAL_DIGITS, Number, number_parts

# As row_to_json() and others write what is no number.
NAN = "NaN"
INFINITE_NUMBERS = ("Infinity", "-Infinity")

NOT_ZERO = r"-?[0.]*[1-9]"


def integer(limit: int) -> Callable[[Any], str]:
    """Return the reader for integers from -limit to limit - 1."""
    expected = f"expected an integer from {-limit} to {limit - 1}"

    def read(value: Any) -> str:
        if type(value) is not int:
            value = _whole(value) if type(value) is Number or type(value) is str else None
        if value is not None and -limit <= value < limit:
            return str(value)
        raise ValueError(expected)

    return read


def _whole(text: str) -> int | None:
    """Return the integer that a text says as a JSON number; None if it says none, or one far beyond 64 bits."""
    parts = number_parts(text)
    if parts is None:
        return None
    sign, digits, exponent = parts
    if not digits:
        return 0
    if exponent < 0:
        digits, fraction = digits[:exponent], digits[exponent:]
        if fraction.strip("0") or not digits:
            return None
        exponent = 0
    if len(digits) + exponent > 30:
        return None
    return int(sign + digits + exponent * "0")


def decimal_digits(precision: int | None, scale: int | None) -> tuple[int, int]:
    """Return how many digits a decimal has room for, before and after the point."""
    return DECIMAL_DIGITS if precision is None else (precision - (scale or 0), scale or 0)


def decimal(precision: int | None, scale: int | None) -> Callable[[Any], str]:
    """Return the reader for a decimal column of that size; None: of any size."""
    whole, decimals = decimal_digits(precision, scale)
    expected = f"expected a number of at most {whole} digits before the point and {decimals} after it"
    plain = re.compile(
        rf"-?(?:0|[1-9]\d{{0,{max(whole, 1) - 1}}})(?:\.\d{{1,{max(decimals, 1)}}})?", re.ASCII
    ).fullmatch
    needs_look = whole < 1 or decimals < 1
    # A decimal of a given size has no room for an infinite one, says PostgreSQL.
    others = (NAN,) if precision is not None else (NAN, *INFINITE_NUMBERS)

    def read(value: Any) -> str:
        if type(value) is Number or type(value) is str:
            if not needs_look and plain(value):
                return str(value)
            if type(value) is str and value in others:
                return value
        elif type(value) is int:
            value = str(value)
        return _fitting(value, whole, decimals, expected)

    return read


def _fitting(value: Any, whole: int, decimals: int, expected: str) -> str:
    """Return a number if it has no more digits before and after the point. Raises ValueError with what was expected."""
    parts = number_parts(value) if isinstance(value, str) else None
    if parts is None:
        raise ValueError(expected)
    sign, digits, exponent = parts
    significant = digits.rstrip("0")
    least = exponent + len(digits) - len(significant)  # the exponent without the zeros at the end
    if not significant:
        return "0"
    if len(significant) + least > whole or -least > decimals:
        raise ValueError(expected)
    # Zeros at the end are digits of a decimal, as far as it has room for them.
    return str(Decimal(value if -exponent <= decimals else f"{sign}{significant}E{least}"))


def floating(pack: str, name: str) -> Callable[[Any], str]:
    """Return the reader for a column of floats. pack: how struct writes one. name: the type's name, for messages."""
    expected = f"expected a number in the range of {name}"

    def read(value: Any) -> str:
        if type(value) is str and (value == NAN or value in INFINITE_NUMBERS):
            return value
        if type(value) is not Number and type(value) is not int:
            raise ValueError(expected)
        try:
            nearest = struct.unpack(pack, struct.pack(pack, float(value)))[0]
        except OverflowError:
            raise ValueError(expected) from None
        if math.isinf(nearest) or (not nearest and re.match(NOT_ZERO, str(value))):
            raise ValueError(expected)
        if type(value) is int and int(nearest) != value:
            raise ValueError(f"expected an integer that {name} holds exactly")
        return str(value)

    return read


def equal_numbers(number: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return the function that makes equal numbers equal, NaN among them. number: makes one of its text."""
    return lambda element: element if element == NAN else number(element)


def float4(text: str) -> Any:
    """Return the float of 32 bits that is nearest to a number."""
    return struct.unpack("f", struct.pack("f", float(text)))[0]
