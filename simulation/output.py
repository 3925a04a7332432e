"""The folder of fixtures that is written: all or nothing, each table in one file or in shards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from toolkit.atomic_files import replaced_files
from toolkit.console import UserError, printable
from toolkit.loading.read.files import ENDINGS

LINES_AT_ONCE = 4_096  # Lines are written when there are this many.


class ShardedFile:
    """The lines of a table, in shards of about the same size."""

    def __init__(self, folder: Path, name: str, shards: int) -> None:
        numbers = [f".{number:04}" for number in range(1, shards + 1)] if shards > 1 else [""]
        self._files = [folder / f"{name}{number}.jsonl" for number in numbers]
        self._number = 0
        self._file = self._open()
        self._lines: list[str] = []

    def write(self, lines: list[str], place: float) -> None:
        """Write lines. place: how much of the table is before them, from 0 to 1; it never falls."""
        if place * len(self._files) >= self._number + 1:
            self._turn_to(min(int(place * len(self._files)), len(self._files) - 1))
        self._lines += lines
        if len(self._lines) >= LINES_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the shards for which there were no lines."""
        try:
            self._turn_to(len(self._files) - 1)
            self._flush()
        finally:
            self._file.close()

    def _turn_to(self, number: int) -> None:
        while self._number < number:
            self._flush()
            self._file.close()
            self._number += 1
            self._file = self._open()

    def _flush(self) -> None:
        self._file.write("".join(self._lines).encode())
        self._lines.clear()

    def _open(self) -> BinaryIO:
        return self._files[self._number].open("wb")


@contextmanager
def fixtures(folder: Path, shards: dict[str, int], *, force: bool) -> Iterator[dict[str, ShardedFile]]:
    """Open the tables of a folder for writing. At the end all get their names; after an error none is left.

    Raises UserError if the folder holds fixtures, unless force is given: then they are replaced, all of them.
    """
    try:
        with replaced_files(folder, _there) as unfinished:
            there = _there(folder)
            if there and not force:
                raise UserError(
                    f"{folder} holds fixtures ({_some(there)}): name another folder, or replace them with --force"
                )
            tables = {name: ShardedFile(unfinished, name, count) for name, count in shards.items()}
            try:
                yield tables
            finally:
                for table in tables.values():
                    table.close()
    except OSError as error:
        raise UserError(f"{error.filename or folder} cannot be written: {error.strerror}") from error


def _there(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.name.lower().endswith(ENDINGS) and file.is_file())


def _some(files: list[Path]) -> str:
    names = [printable(file.name) for file in files]
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
