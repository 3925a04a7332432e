"""One value as an element of an array literal, {1,NULL,"a b"}: the form in which values travel to the server."""

from toolkit.console import clipped

# The element that stands for NULL; the text "NULL" has quotation marks.
NULL = "NULL"


def quoted(text: str) -> str:
    """Return a text as an element of an array literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shortened_text(element: str) -> str:
    """Return the text of a checked value for an error message, at most 60 characters of it."""
    return clipped(element.replace('\\"', '"').replace("\\\\", "\\") if element.startswith('"') else element)
