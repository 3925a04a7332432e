"""The home of a server: the folder with its data, its log and its locks. Nobody but its owner can enter it."""

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


def inside_project(name: str) -> Path:
    """Return where the home of a kind of server lies in the project, unless the server cannot enter that."""
    return PROJECT / ".local_database" / name


def outside_project(inside: Path) -> Path:
    """Return where the same home lies if the server's owner cannot enter the project: for example one of root's, whose
    server runs as nobody, in /root. Not in /tmp, which is emptied at a restart of the machine.
    """
    return Path("/var/tmp", unique_name(inside))  # noqa: S108


def can_enter_project(owner: Account) -> bool:
    """Return whether the owner can make the project the current folder."""
    return can_run(owner, "/bin/sh", "-c", 'cd "$0"', str(PROJECT))


def make_home(home: Path, owner: Account) -> None:
    """Make the home with its locks unless it is there. It appears whole, by a rename, however many scripts do this.

    Raises UserError if what is there is not a private folder of the owner's.
    """
    above = home.parent
    if not home.exists():
        if not above.exists():
            above.mkdir(exist_ok=True)
            above.chmod(0o755)  # the homes in it are private; their owners have to get there
            if os.geteuid() == 0:
                os.chown(above, PROJECT.stat().st_uid, -1)
        draft = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=above))
        for name in locks.NAMES:
            (draft / name).touch()
        change_owner(draft, owner)
        try:
            draft.rename(home)
        except OSError:  # another script was first
            shutil.rmtree(draft)
    check_private(home, owner)
    for missing in [home / name for name in locks.NAMES if not (home / name).exists()]:
        missing.touch()  # an earlier version of this project made the home, and had another name for this lock
        change_owner(missing, owner)


def change_owner(new: Path, owner: Account) -> None:
    """Make the owner the owner of a new file, or of a new folder and of all in it."""
    if owner.uid != os.geteuid():
        for path in (new, *new.rglob("*")):
            os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def check_private(folder: Path, owner: Account) -> None:
    """Raise UserError unless this is a real folder of the owner's, which nobody else can enter.

    Anybody can make folders in /tmp and /var/tmp, so one with the right name may be a trap.
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
    """Return a name for a folder in a place that all projects of this machine share. It is the same at every call."""
    return f"streaming-local-database-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"


def shown(path: Path) -> str:
    """Return the path as the person in this folder would write it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
