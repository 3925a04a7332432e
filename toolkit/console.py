"""What every script owes the person who runs it: errors in plain words, and an exit status a shell can use."""

import gc
import os
import re
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from types import TracebackType
from typing import NoReturn


class UserError(Exception):
    """Something a person can put right. Its text says what is wrong, where, what to do; it never holds a password.

    is_transient: whether doing the same again later can succeed, with nothing put right.
    """

    is_transient = False

    def __init__(self, text: object = "", *, is_transient: bool | None = None) -> None:
        super().__init__(text)
        if is_transient is not None:
            self.is_transient = is_transient


# Controls, and what turns the direction of the text behind it (embeddings, overrides, isolates), with which a line is
# made to read as another: Unicode Technical Report 36, "Bidirectional Text Spoofing". Half a surrogate pair is no
# character. All else is shown: that a character is not known, or not to be seen, is no harm.
STEERING = "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(text: str) -> str:
    """Return one line of text, what could steer a terminal (escape sequences, line feeds) made visible: \\x1b, \\n."""
    if text.isprintable():
        return text
    return re.sub(STEERING, lambda found: found[0].encode("unicode_escape").decode(), text)


def clipped(text: str, most: int = 60) -> str:
    """Return a text, or the beginning of it and three dots: at most so many characters."""
    return text if len(text) <= most else text[: most - 3] + "..."


def say(text: str) -> None:
    """Tell the person something that is not the script's result: it goes to stderr, so that stdout can be piped."""
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)


def agrees(question: str) -> bool:
    """Ask the person, on a terminal, and return whether the answer is yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def begin() -> None:
    """End a script without a traceback while it is still importing; run() takes over from there.

    Until then nothing is looked at for garbage: what is imported stays, and looking takes a twentieth of the time.
    """
    gc.disable()
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    sys.excepthook = _tell_what_is_missing


def _tell_what_is_missing(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if isinstance(error, ModuleNotFoundError):
        say(
            f"error: the package {error.name} is missing: activate the virtual environment "
            "(source .venv/bin/activate), or run pip install -r requirements.txt"
        )
    else:
        sys.__excepthook__(kind, error, traceback)


def run(main: Callable[[], int]) -> NoReturn:
    """Run a script's main function and exit: 0 or what it returns, 1 after a UserError, 130 after Ctrl-C."""
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know all letters; stderr does so itself
    try:
        status = main()
        print(end="", flush=True)
    except UserError as failure:
        say(f"error: {failure}")
        status = 1
    except KeyboardInterrupt:
        say("interrupted")
        status = 130
    except OSError as error:
        # Other files have words of their own. This is stdout: its reader (head, less) has left, or the disk is full.
        if not isinstance(error, BrokenPipeError):
            say(f"error: what was to be printed cannot be written: {error.strerror}")
        sys.stdout = None  # Python would complain again when it flushes at exit
        status = 1
    sys.exit(status)
