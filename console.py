"""What every script owes the person who runs it: errors in plain words, and an exit status a shell can use."""

import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import NoReturn


class Failure(Exception):
    """Something a person can put right. Its text says what is wrong, where, what to do; it never holds a password."""


def printable(text: str) -> str:
    """Return one line of text, what could steer a terminal (escape sequences, line feeds) made visible: \\x1b, \\n."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def say(text: str) -> None:
    """Tell the person something that is not the script's result: it goes to stderr, so that stdout can be piped."""
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)


def run(main: Callable[[], int]) -> NoReturn:
    """Run a script's main function and exit: 0 or what it returns, 1 after a Failure, 130 after Ctrl-C."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know all letters; stderr does so itself
    try:
        status = main()
        sys.stdout.flush()
    except Failure as failure:
        say(f"error: {failure}")
        status = 1
    except KeyboardInterrupt:
        say("interrupted")
        status = 130
    except BrokenPipeError:
        # The reader of our output (head, less) has left. Python would complain again when it flushes at exit.
        sys.stdout = None
        status = 1
    sys.exit(status)
