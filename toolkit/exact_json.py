"""Exact JSON: numbers keep their text, and duplicate names in an object are seen.

For a text that is not JSON there are messages that say what is wrong with it and what to do about it.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from toolkit.console import clipped


class Number(str):
    """The text of a JSON number that is not an integer, so that it stays exact."""

    __slots__ = ()


class NonFiniteNumber(str):
    """NaN, Infinity or -Infinity, which Python's decoder accepts although JSON does not have them."""

    __slots__ = ()


def _long_integer(text: str) -> Any:
    return Number(text) if len(text) > LONGEST_INTEGER else int(text)


# The most digits that Python converts to an int: sys.set_int_max_str_digits().
LONGEST_INTEGER = 4_300
# PostgreSQL's limits for a decimal without a size: see "Numeric Types" in its documentation.
DECIMAL_DIGITS = (131_072, 16_383)
LONGEST_EXPONENT = 12  # digits
NUMBER = r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?"  # compiled when it is needed
# Objects become tuples of name and value pairs, which show duplicate names and take less time than dicts.
DECODER = json.JSONDecoder(parse_float=Number, parse_constant=NonFiniteNumber, object_pairs_hook=tuple)
DECODER_OF_LONG_INTEGERS = json.JSONDecoder(
    parse_float=Number, parse_int=_long_integer, parse_constant=NonFiniteNumber, object_pairs_hook=tuple
)
# What may stand between values: JSON's whitespace, and byte order marks, because each of several joined files may begin
# with one.
SPACE = re.compile(r"[ \t\r\n\ufeff]*").match
# decode() without its handling of whitespace: returns the value and the position where its text ends.
SCAN: Callable[[str, int], tuple[Any, int]] = DECODER.scan_once  # type: ignore[attr-defined]

# Messages of Python's decoder (3.10 to 3.14) that are incomplete or do not help -> what is said instead.
COMPLETED = {
    "Invalid control character at": "Invalid control character at this place: in a text, {found} is written {escaped}",
    "Unterminated string starting at": "Unterminated string starting at this place: the quotation mark at its end is "
    "missing (cut off?)",
    "Invalid \\escape": "Invalid \\escape: a backslash in a text is written \\\\",
    "Invalid \\uXXXX escape": "Invalid \\uXXXX escape: four hex digits follow \\u",
}
CONTROL_NAMES = {"\n": "a line feed", "\r": "a carriage return", "\t": "a tab"}
NUMBER_HINT = "JSON writes numbers without + and leading zeros, and with a digit on both sides of the point"
# A pattern of the text at the place of the error -> a hint.
HINTS = (
    (r"'", "texts and names stand in double quotes (Python's json.dumps() writes them so)"),
    (r"True\b|False\b|None\b", "JSON writes true, false and null (Python's json.dumps() does)"),
    (r"undefined\b", "JSON writes null"),
    (r"//|/\*|#", "JSON has no comments"),
    (r"[+.]\d", NUMBER_HINT),
)  # fmt: skip
BROKEN_NUMBER = r"0\d|\d\.(?!\d)"
TRAILING_COMMA = r",\s*$"
CLOSING = r"[\s,]*[}\]]"


def decode(text: str) -> Any:
    """Return the JSON value of a text. Raises json.JSONDecodeError or RecursionError."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return DECODER_OF_LONG_INTEGERS.decode(text)


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value that begins at a position of a text, and the position where it ends. Raises as decode()."""
    try:
        return DECODER.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return DECODER_OF_LONG_INTEGERS.raw_decode(text, start)


def after_space(text: str, start: int) -> int:
    """Return the position of the next character that is not whitespace, or the length of the text."""
    match = SPACE(text, start)
    assert match  # noqa: S101 - it always matches, if only an empty text
    return match.end()


def json_text(value: Any, check: Callable[[Any], object] = bool) -> str:
    """Return a value as JSON, with the original text of its numbers. check(part) is called for every part of it.

    Accepts what decode() returns (objects are tuples of pairs), and dict and Decimal. Raises ValueError or TypeError if
    it cannot be JSON, RecursionError if it is nested too deeply, and whatever check raises.
    """
    check(value)
    if isinstance(value, (Number, NonFiniteNumber)):
        return value
    if isinstance(value, (tuple, dict)):
        pairs = value.items() if isinstance(value, dict) else value
        return "{" + ", ".join([f"{_name(name, check)}: {json_text(item, check)}" for name, item in pairs]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([json_text(item, check) for item in value]) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _name(name: Any, check: Callable[[Any], object]) -> str:
    if not isinstance(name, str):
        raise ValueError(f"{name!r} is no text, and names in JSON are")
    return json_text(name, check)


def shortened(value: Any) -> str:
    """Return a value as JSON for an error message, at most 60 characters of it."""
    try:
        text = json_text(value)
    except RecursionError:
        text = "a deeply nested value"
    # A lone surrogate cannot be printed.
    return clipped(text.encode("utf-8", "backslashreplace").decode())


def number_parts(text: str) -> tuple[str, str, int] | None:
    """Return sign ("-" or ""), digits without leading zeros, and exponent of a JSON number; None if it is not one.

    -12.50 is ("-", "1250", -2); zero has the digits "". Nothing is expanded, so 1e999999999 costs no more than 1e9.
    """
    match = re.fullmatch(NUMBER, text)
    if not match:
        return None
    sign, whole, fraction, exponent = match.groups("")
    digits = exponent.lstrip("+-").lstrip("0")
    # An exponent with more digits is out of range for every column.
    shift = int(digits or 0) if len(digits) < LONGEST_EXPONENT else 10**LONGEST_EXPONENT
    return sign, (whole + fraction).lstrip("0"), (-shift if exponent.startswith("-") else shift) - len(fraction)


def storable_number(text: str) -> None:
    """Raise ValueError with the reason if a number is out of range for jsonb, which stores numbers as decimals.

    This is PostgreSQL's limit. CockroachDB's is lower (an exponent of 100,000), and left to the server.
    """
    parts = number_parts(text)
    if parts:
        _, digits, exponent = parts
        whole, decimals = DECIMAL_DIGITS
        if (digits and len(digits) + exponent > whole) or -exponent > decimals:
            raise ValueError(
                f"expected JSON whose numbers have at most {whole} digits before the point and {decimals} after it"
            )


def storable(text: str) -> str:
    """Return the text unchanged; raise ValueError with the reason if no server can store it."""
    if "\0" in text:
        raise ValueError("expected text without the character NUL, which no column can hold")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("expected text without half a surrogate pair, which is no character") from None
    return text


def what_is_wrong(error: Exception, *, lines_before: int | None = None, columns_before: int = 0) -> str:
    """Return what is wrong with a text that could not be read as JSON.

    lines_before: the number of lines before the text; None: it is one line, and the caller adds its number.
    columns_before: the number of characters of its first line that came before it.
    """
    if isinstance(error, json.JSONDecodeError):
        column = error.colno + (columns_before if error.lineno == 1 else 0)
        place = (
            f"line {lines_before + error.lineno} column {column}" if lines_before is not None else f"column {column}"
        )
        return f"not JSON at {place}: {_sentence(error)}"
    if isinstance(error, UnicodeDecodeError):
        lines = bytes(error.object).count(b"\n", 0, error.start)
        where = "" if lines_before is None else f" in line {lines_before + 1 + lines}"
        return (
            f"not UTF-8: the byte {error.object[error.start]:#04x}{where}; save it as UTF-8 "
            "(iconv -f WINDOWS-1252 -t UTF-8, if it comes from Windows)"
        )
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def is_cut_off(error: json.JSONDecodeError) -> bool:
    """Whether the text may be the beginning of valid JSON."""
    # It may end in the middle of a word, a number or an escape: "tru", "-", "\u00".
    return error.pos >= len(error.doc.rstrip()) - 8 or error.msg.startswith("Unterminated string")


def _sentence(error: json.JSONDecodeError) -> str:
    text, place = error.doc, error.pos
    if place >= len(text.rstrip()):
        return "it ends too early (cut off?)"
    found = text[place]
    if error.msg in COMPLETED:
        name = CONTROL_NAMES.get(found, f"the character {ord(found)}")
        return COMPLETED[error.msg].format(found=name, escaped=json.dumps(found)[1:-1])
    hint = next((hint for pattern, hint in HINTS if re.match(pattern, text[place : place + 20])), "")
    if not hint and place and re.match(BROKEN_NUMBER, text[place - 1 : place + 2]):
        hint = NUMBER_HINT
    if (
        not hint
        and re.match(CLOSING, text[place : place + 200])
        and (found == "," or re.search(TRAILING_COMMA, text[max(0, place - 200) : place]))
    ):
        hint = "no comma comes after the last one"
    return error.msg + (f"; {hint}" if hint else "")
