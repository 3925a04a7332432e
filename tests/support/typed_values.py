"""Runs a script with many command lines, each in a process of its own: python typed_values.py SCRIPT < CASES.

CASES is a JSON array of command lines; printed is a JSON array of [status, stderr], with null for what did not end. The
script is imported once, and forked for each: else most of the time would go by while Python starts. As `options SCRIPT`
it prints for each command of the script the options and arguments that take a value.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]

LONGEST = 30.0  # seconds that a command line may take


class Found(Exception):
    """Carries a parser out of the script that has made it."""


def parser_of(script: str, arguments: list[str]) -> argparse.ArgumentParser:
    def carry(self: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        raise Found(self)

    parse_args = argparse.ArgumentParser.parse_args
    argparse.ArgumentParser.parse_args = carry  # type: ignore[assignment, method-assign]
    sys.argv = [script, *arguments]
    try:
        importlib.import_module(script).main()
    except Found as found:
        parser = found.args[0]
        assert isinstance(parser, argparse.ArgumentParser)
        return parser
    finally:
        argparse.ArgumentParser.parse_args = parse_args  # type: ignore[method-assign]
    raise AssertionError(f"{script} reads no command line")


def options(parser: argparse.ArgumentParser, command: str = "") -> dict[str, list[str]]:
    """Return for each command the options that take a value; "" for an argument without a name."""
    found: dict[str, list[str]] = {command: []}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, subparser in action.choices.items():
                found |= options(subparser, name)
        elif action.nargs != 0:
            found[command].append(action.option_strings[0] if action.option_strings else "")
    return found


def outcome(script: Any, arguments: list[str]) -> tuple[int | None, str]:
    """Return the exit status with which a command line ends, and what it says."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), output.fileno(), errors.fileno())):
                os.dup2(stream, number)
            sys.argv = [f"{script.__name__}.py", *arguments]
            with contextlib.suppress(SystemExit):
                try:
                    from toolkit import console

                    console.run(script.main)
                except SystemExit as end:
                    sys.stderr.flush()
                    os._exit(end.code if isinstance(end.code, int) else 1)
                except BaseException:
                    import traceback

                    traceback.print_exc()
                    sys.stderr.flush()
                    os._exit(99)
        latest = time.monotonic() + LONGEST
        done, status = 0, 0
        while not done and time.monotonic() < latest:
            done, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.005)
        if not done:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status) if done else None, errors.read().decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    if sys.argv[1] == "options":
        print(json.dumps(options(parser_of(sys.argv[2], sys.argv[3:]))))
    else:
        module = importlib.import_module(sys.argv[1])
        for room in ("reporting", "simulation", "services", "toolkit"):  # what the script would import each time
            for found in pkgutil.walk_packages([str(PROJECT / room)], f"{room}."):
                importlib.import_module(found.name)
        print(json.dumps([outcome(module, arguments) for arguments in json.load(sys.stdin)]))
