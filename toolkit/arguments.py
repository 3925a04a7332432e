"""How the scripts read the values on their command lines: each raises ArgumentTypeError with what it expects."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

MOST_SECONDS = 1_000_000_000  # 31 years: more than anybody waits, and less than Python's clocks can count
MOST = 1_000_000_000  # of whatever is counted


def seconds(text: str) -> float:
    """Read a number of seconds."""
    with suppress(ValueError):
        if 0 <= float(text) <= MOST_SECONDS:
            return float(text)
    raise ArgumentTypeError(f"expected a number of seconds, at most {MOST_SECONDS:,}")


def day(text: str) -> date:
    """Read a date."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise ArgumentTypeError("expected a date such as 2026-01-31")


def positive(most: int = MOST) -> Callable[[str], int]:
    """Return the function that reads an integer from 1 to most."""

    def number(text: str) -> int:
        with suppress(ValueError):
            if 1 <= int(text) <= most:
                return int(text)
        raise ArgumentTypeError(f"expected a number from 1 to {most:,}")

    return number


def path(text: str) -> Path:
    """Read the name of a file or a folder. Path would take an empty one for the current folder."""
    if not text:
        raise ArgumentTypeError("the name of a file or a folder is empty")
    return Path(text)


def utf8(text: str) -> str:
    """Read text that goes to a server: what a terminal has sent may be anything."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError("expected text in UTF-8") from None
    return text
