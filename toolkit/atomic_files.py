"""Replace a file, or a set of files in a folder, atomically: readers see the old ones or the new ones.

Unfinished files have a hidden, random name, so that runs do not interfere with each other. For a set, hidden folders
tell how far a run has come. So a run that is killed at any moment leaves one of both sets complete, and the next run in
the folder restores that (recover()):

    .unfinished-*  the new files are being written here
    .replaced-*    together with .unfinished-*: the old files are being moved here
    .finished-*    the new files are complete, the old ones are in .replaced-*, and the new ones are being moved out
    .replaced-*    otherwise: old files that are no longer needed
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.console import UserError, printable, say

if sys.platform != "win32":  # which has no such module; importing this one has to work there all the same
    import fcntl

UNFINISHED, REPLACED, FINISHED = ".unfinished-", ".replaced-", ".finished-"
UNLOCKED = 60.0  # seconds after its creation in which an unfinished file may not be locked yet


def write_file(file: Path, text: str) -> None:
    """Write a file completely or not at all, in place of the one that is there. Raises UserError if it cannot.

    A symbolic link stays, and its target is replaced. A pipe or a device such as /dev/null is written to.
    """
    temporary = None
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(file.stat().st_mode):
                file.write_text(text, "utf-8")  # raises OSError for a folder
                return
        place = file.resolve()
        ending = f"-{place.name[:100]}"  # a name can have 255 bytes
        for left in place.parent.iterdir():
            if left.name.startswith(UNFINISHED) and left.name.endswith(ending):
                _remove_if_left(left)
        temporary = place.with_name(f"{UNFINISHED}{os.urandom(8).hex()}{ending}")
        with temporary.open("x", encoding="utf-8") as output:
            _lock(output.fileno())
            output.write(text)
            output.flush()
            if place.exists():
                temporary.chmod(stat.S_IMODE(place.stat().st_mode))
            temporary.replace(place)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link to itself
        if temporary:
            temporary.unlink(missing_ok=True)
        raise UserError(f"{file} cannot be written: {getattr(error, 'strerror', None) or error}") from error
    except BaseException:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise


def _remove_if_left(unfinished: Path) -> None:
    """Remove an unfinished file, unless its run is still writing it, or has just begun."""
    with suppress(FileNotFoundError), unfinished.open("rb") as left:
        if time.time() - unfinished.stat().st_mtime > UNLOCKED and _lock(left.fileno()):
            unfinished.unlink()
            say(f"{printable(str(unfinished))} was left by a run that was killed: it is removed")


@contextmanager
def replaced_files(folder: Path, find: Callable[[Path], list[Path]]) -> Iterator[Path]:
    """Yield a temporary folder for new files. They then replace the files in `folder` that find(folder) returns.

    After an error the old files are unchanged. Raises UserError if another run is doing this in the same folder, and
    OSError if the files cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        recover(folder)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        try:
            yield unfinished
            _replace(folder, find(folder), unfinished)
        finally:
            recover(folder, is_own=True)


def _replace(folder: Path, old: list[Path], unfinished: Path) -> None:
    own = unfinished.name.removeprefix(UNFINISHED)
    replaced, finished = folder / f"{REPLACED}{own}", folder / f"{FINISHED}{own}"
    replaced.mkdir()
    for file in old:
        file.rename(replaced / file.name)
    unfinished.rename(finished)
    _move_all(finished, folder)


def _move_all(source: Path, folder: Path) -> None:
    for file in sorted(source.iterdir()):
        file.replace(folder / file.name)


def recover(folder: Path, *, is_own: bool = False) -> None:
    """After an interrupted run, restore the complete set of files, remove the rest, and say so.

    is_own: whether it was this run that was interrupted, so that nothing need be said. May be interrupted and repeated.
    """
    for finished in folder.glob(f"{FINISHED}*"):
        _move_all(finished, folder)
        finished.rmdir()
        if not is_own:
            say(f"{folder}: a run was killed while it moved its files here: all of them are in place now")
    for replaced in folder.glob(f"{REPLACED}*"):
        own = replaced.name.removeprefix(REPLACED)
        if (folder / f"{UNFINISHED}{own}").exists():
            _move_all(replaced, folder)
            if not is_own:
                say(f"{folder}: a run was killed before it had replaced the files here: they are back in place")
        elif not is_own:
            say(f"{folder}: what a run that was killed had replaced is removed")
        shutil.rmtree(replaced)
    for unfinished in folder.glob(f"{UNFINISHED}*"):
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
            if not is_own:
                say(f"{folder}: what a run that was killed had not finished is removed")


def is_complete(folder: Path) -> bool:
    """Return False while the files of the folder are being replaced, or if the run that did so was killed."""
    names = {path.name for path in folder.iterdir()}
    replaced = {name.removeprefix(REPLACED) for name in names if name.startswith(REPLACED)}
    return not any(name.startswith(FINISHED) or name.removeprefix(UNFINISHED) in replaced for name in names)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(descriptor):
            raise UserError(f"another run is writing into {folder}: wait for its end, or name another folder")
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; return False if another process holds the lock. A kill releases it."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: the random names have to be enough
        return True
    return True
