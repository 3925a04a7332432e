"""How scripts talk to the person who runs them: messages, errors in plain words, and the exit status."""

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
    """An error for a person. Its text says what is wrong, where, and what to do; it never holds a password.

    is_transient: whether the same call may succeed later, with nothing done about it.
    """

    is_transient = False

    def __init__(self, text: object = "", *, is_transient: bool | None = None) -> None:
        super().__init__(text)
        if is_transient is not None:
            self.is_transient = is_transient


# Control characters; characters that change the direction of text (embeddings, overrides, isolates), with which a line
# can pretend to be another one (Unicode Technical Report 36, "Bidirectional Text Spoofing"); and halves of surrogate
# pairs. Other characters that cannot be seen do no harm.
CONTROL_CHARACTERS = "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(text: str) -> str:
    """Return a text with its control characters (escape sequences, line feeds) made visible: \\x1b, \\n."""
    if text.isprintable():
        return text
    return re.sub(CONTROL_CHARACTERS, lambda found: found[0].encode("unicode_escape").decode(), text)


def clipped(text: str, most: int = 60) -> str:
    """Return a text, cut to at most so many characters, the last of which are then three dots."""
    return text if len(text) <= most else text[: most - 3] + "..."


def say(text: str) -> None:
    """Print a message that is not part of the script's result. It goes to stderr, so that stdout can be piped."""
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)


def confirmed(question: str) -> bool:
    """Ask the person on the terminal, and return whether the answer is yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def begin() -> None:
    """Make errors and Ctrl-C end a script without a traceback while it is still importing. run() takes over later.

    Garbage collection is off until then: it would take a twentieth of the time, and nothing imported becomes garbage.
    """
    gc.disable()
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    sys.excepthook = _report_missing_package


def _report_missing_package(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
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
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # for characters that the terminal's encoding lacks; stderr does this by default
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
        # Errors of other files are UserErrors. This is stdout: its reader (head, less) has exited, or the disk is full.
        if not isinstance(error, BrokenPipeError):
            say(f"error: what was to be printed cannot be written: {error.strerror}")
        sys.stdout = None  # or Python would report the error again when it flushes at exit
        status = 1
    sys.exit(status)
