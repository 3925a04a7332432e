"""How the scripts read the values on their command lines: each raises ArgumentTypeError with what it expects."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from datetime import date


def seconds(text: str) -> float:
    """Read a number of seconds."""
    with suppress(ValueError):
        if 0 <= float(text) < float("inf"):
            return float(text)
    raise ArgumentTypeError("expected a number of seconds")


def day(text: str) -> date:
    """Read a date."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise ArgumentTypeError("expected a date such as 2026-01-31")


def positive(most: int | None = None) -> Callable[[str], int]:
    """Return the function that reads an integer from 1 to most; None: of any size."""

    def number(text: str) -> int:
        with suppress(ValueError):
            if int(text) >= 1 and (most is None or int(text) <= most):
                return int(text)
        raise ArgumentTypeError("expected a number from 1" + ("" if most is None else f" to {most}"))

    return number
