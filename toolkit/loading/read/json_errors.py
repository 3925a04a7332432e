"""What is wrong with a text that is not JSON, in sentences that say what to do about it."""

import json
import re

# What Python's decoder says (3.10 to 3.14), where its sentence breaks off or does not help -> what is said instead.
COMPLETED = {
    "Invalid control character at": "Invalid control character at this place: in a text, {found} is written {escaped}",
    "Unterminated string starting at": "Unterminated string starting at this place: the quotation mark at its end is "
    "missing (cut off?)",
    "Invalid \\escape": "Invalid \\escape: a backslash in a text is written \\\\",
    "Invalid \\uXXXX escape": "Invalid \\uXXXX escape: four hex digits follow \\u",
}
NAMES = {"\n": "a line feed", "\r": "a carriage return", "\t": "a tab"}
NUMBERS = "JSON writes numbers without + and leading zeros, and with a digit on both sides of the point"
# What stands at the place of the error -> what it is probably about.
HINTS = (
    (r"'", "texts and names stand in double quotes (Python's json.dumps() writes them so)"),
    (r"True\b|False\b|None\b", "JSON writes true, false and null (Python's json.dumps() does)"),
    (r"undefined\b", "JSON writes null"),
    (r"//|/\*|#", "JSON has no comments"),
    (r"[+.]\d", NUMBERS),
)  # fmt: skip
BROKEN_NUMBER = r"0\d|\d\.(?!\d)"
TRAILING_COMMA = r",\s*$"
CLOSING = r"[\s,]*[}\]]"


def what_is_wrong(error: Exception, *, lines_before: int = -1, columns_before: int = 0) -> str:
    """Return what is wrong with a text that could not be read as JSON.

    lines_before: how many lines came before the text; -1: it is one line, whose number the reader is told otherwise.
    columns_before: how many characters of its first line came before it.
    """
    if isinstance(error, json.JSONDecodeError):
        column = error.colno + (columns_before if error.lineno == 1 else 0)
        place = f"line {lines_before + error.lineno} column {column}" if lines_before >= 0 else f"column {column}"
        return f"not JSON at {place}: {_sentence(error)}"
    if isinstance(error, UnicodeDecodeError):
        line = lines_before + 1 + bytes(error.object).count(b"\n", 0, error.start)
        where = f" in line {line}" if lines_before >= 0 else ""
        return (
            f"not UTF-8: the byte {error.object[error.start]:#04x}{where}; save it as UTF-8 "
            "(iconv -f WINDOWS-1252 -t UTF-8, if it comes from Windows)"
        )
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def is_cut_off(error: json.JSONDecodeError) -> bool:
    """Whether the text may be the beginning of one that is right."""
    # A word or a number may be cut in its middle: "tru", "-", "\u00".
    return error.pos >= len(error.doc.rstrip()) - 8 or error.msg.startswith("Unterminated string")


def _sentence(error: json.JSONDecodeError) -> str:
    text, place = error.doc, error.pos
    if place >= len(text.rstrip()):
        return "it ends too early (cut off?)"
    found = text[place]
    if error.msg in COMPLETED:
        name = NAMES.get(found, f"the character {ord(found)}")
        return COMPLETED[error.msg].format(found=name, escaped=json.dumps(found)[1:-1])
    hint = next((hint for pattern, hint in HINTS if re.match(pattern, text[place : place + 20])), "")
    if not hint and place and re.match(BROKEN_NUMBER, text[place - 1 : place + 2]):
        hint = NUMBERS
    if (
        not hint
        and re.match(CLOSING, text[place : place + 200])
        and (found == "," or re.search(TRAILING_COMMA, text[max(0, place - 200) : place]))
    ):
        hint = "no comma comes after the last one"
    return error.msg + (f"; {hint}" if hint else "")
