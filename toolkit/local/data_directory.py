"""The directory of a server, with its data, its log and its locks. Only its owner can enter it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from toolkit.console import UserError
from toolkit.local import locks
from toolkit.local.os_users import Account, account, can_run

PROJECT = Path(__file__).resolve().parents[2]
OR_OWN_DATABASE = "or set DATABASE_URL to a database of your own"  # how most errors about the local one end


def directory_in_project(name: str) -> Path:
    """Return the directory of a server whose owner can enter the project."""
    return PROJECT / ".local_database" / name


def directory_outside_project(inside: Path) -> Path:
    """Return the directory of a server whose owner cannot enter the project, in place of one inside of it.

    For example, if the project lies in /root: root's server runs as nobody. Not in /tmp, which is emptied at a restart
    of the machine.
    """
    return Path("/var/tmp", unique_name(inside))  # noqa: S108


def can_enter_project(owner: Account) -> bool:
    """Return whether the owner can make the project the current folder."""
    return can_run(owner, "/bin/sh", "-c", 'cd "$0"', str(PROJECT))


def make_directory(directory: Path, owner: Account) -> None:
    """Create the directory with its locks, unless it is there. May be done by several scripts at once: it is renamed.

    Raises UserError if the path is there and not a private folder of the owner's.
    """
    above = directory.parent
    if not directory.exists():
        if not above.exists():
            above.mkdir(exist_ok=True)
            above.chmod(0o755)  # the directories in it are private, but their owners have to reach them
            if os.geteuid() == 0:
                os.chown(above, PROJECT.stat().st_uid, -1)
        draft = Path(tempfile.mkdtemp(prefix=f"{directory.name}-", dir=above))
        for name in locks.NAMES:
            (draft / name).touch()
        change_owner(draft, owner)
        try:
            draft.rename(directory)
        except OSError:  # another script was first
            shutil.rmtree(draft)
    check_private(directory, owner)
    for missing in [directory / name for name in locks.NAMES if not (directory / name).exists()]:
        missing.touch()  # the directory is of an earlier version of this project, with another name for this lock
        change_owner(missing, owner)


def change_owner(new: Path, owner: Account) -> None:
    """Give a new file, or a new folder with all in it, to the owner."""
    if owner.uid != os.geteuid():
        for path in (new, *new.rglob("*")):
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def check_private(folder: Path, owner: Account) -> None:
    """Raise UserError unless this is a real folder of the owner's, which nobody else can enter.

    Anybody can create folders in /tmp and /var/tmp, so a folder with the right name may be somebody else's.
    """
    found = folder.lstat()
    if found.st_uid != owner.uid:
        try:
            other = account(found.st_uid).name
        except KeyError:
            other = f"user {found.st_uid}"
        raise UserError(
            f"{folder} belongs to {other}, but the database would run as {owner.name}: have it deleted, copy the"
            f" project to a folder of your own, {OR_OWN_DATABASE}"
        )
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise UserError(f"{folder} is not a private folder (drwx------): delete it, {OR_OWN_DATABASE}")


def unique_name(path: Path) -> str:
    """Return a name, always the same for a path, for a folder in a place that all projects of this machine share."""
    return f"streaming-local-database-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def display_path(path: Path) -> str:
    """Return a path for messages: relative, if it is below the current folder."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
