"""Parsers for argparse (type=...): each raises ArgumentTypeError with what it expects."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

MOST_SECONDS = 1_000_000_000  # 31 years, which Python's clocks can still add
MOST = 1_000_000_000  # for counts


def seconds(text: str) -> float:
    """Parse a number of seconds."""
    with suppress(ValueError):
        if 0 <= float(text) <= MOST_SECONDS:
            return float(text)
    raise ArgumentTypeError(f"expected a number of seconds, at most {MOST_SECONDS:,}")


def day(text: str) -> date:
    """Parse a date."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise ArgumentTypeError("expected a date such as 2026-01-31")


def positive(most: int = MOST) -> Callable[[str], int]:
    """Return a parser for an integer from 1 to most."""

    def number(text: str) -> int:
        with suppress(ValueError):
            if 1 <= int(text) <= most:
                return int(text)
        raise ArgumentTypeError(f"expected a number from 1 to {most:,}")

    return number


def path(text: str) -> Path:
    """Parse the name of a file or a folder. An empty one is an error: Path would take it for the current folder."""
    if not text:
        raise ArgumentTypeError("the name of a file or a folder is empty")
    return Path(text)


def utf8(text: str) -> str:
    """Parse text for a server: an argument may hold bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError("expected text in UTF-8") from None
    return text
