"""Files that take the place of others: one, or a set of them in a folder. Whoever looks sees the old or the new.

What is not finished has a name of its own run, with which nobody else interferes, and begins with a dot. Of a set, four
names tell what has become of it, so that a run that is killed at any moment leaves one of both sets whole, and the next
run in the folder puts that into its place (recover()):

    .unfinished-*  the new files are being written; the old ones are where they were
    .replaced-*    the old files are being moved here, as long as there is an .unfinished-*
    .finished-*    the new files are all there, the old ones have been moved, and the new ones are moved from here
    .replaced-*    alone, or with a .finished-*: what is no longer needed
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
UNLOCKED = 60.0  # seconds within which a file that was just made is sure to be locked


def write_file(file: Path, text: str) -> None:
    """Write a file, whole or not at all, in place of the one that is there. Raises UserError if that is not possible.

    A link stays, and what it leads to is replaced. What is no file (a pipe, a device such as /dev/null) is written to.
    """
    temporary = None
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(file.stat().st_mode):
                file.write_text(text, "utf-8")  # a folder refuses
                return
        place = file.resolve()
        ending = f"-{place.name[:100]}"  # a name has room for 255 bytes
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
    """Remove an unfinished file, unless the run that writes it is still at it, or has just begun."""
    with suppress(FileNotFoundError), unfinished.open("rb") as left:
        if time.time() - unfinished.stat().st_mtime > UNLOCKED and _lock(left.fileno()):
            unfinished.unlink()
            say(f"{printable(str(unfinished))} was left by a run that was killed: it is removed")


@contextmanager
def files_in_place_of(folder: Path, find: Callable[[Path], list[Path]]) -> Iterator[Path]:
    """Give a folder for new files; at the end they are moved into `folder`, in place of those that find(folder) finds.

    After an error nothing has changed. Only one run at a time may do this. Raises UserError if another is at it, and
    OSError if the files cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
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
    """Put the set that is whole into its place, after a run that was cut short, and remove the rest; say so.

    is_own: whether it was this run, of which a person knows already. May itself be cut short, and run again.
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


def is_whole(folder: Path) -> bool:
    """Return False while files of the folder are being replaced, and when a run that did so was killed."""
    names = {path.name for path in folder.iterdir()}
    replaced = {name.removeprefix(REPLACED) for name in names if name.startswith(REPLACED)}
    return not any(name.startswith(FINISHED) or name.removeprefix(UNFINISHED) in replaced for name in names)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(descriptor):
            raise UserError(f"another run is writing into {folder}: wait for its end, or name another folder")
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed, and return False if somebody else has. The kernel lets go of it after a kill."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: names of one's own have to do
        return True
    return True
