"""As which user of this machine a server runs, and how a program is run as that user."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.local import environment

if sys.platform != "win32":  # which has no such module; importing this one has to work there all the same
    import pwd


class Account(NamedTuple):
    """A user of this machine. name: for messages, "you" for the caller."""

    uid: int
    gid: int
    name: str


def account(user: int | str) -> Account:
    """Return the account of a uid or a name. KeyError if this machine has none."""
    entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def owner_of(place: Path, root_allowed: bool) -> Account:
    """Return the user as whom a server runs whose data lies in this place.

    That is the caller. If the caller is root, it is the owner of the place, so that root and that user share one
    database. If root owns it, too, it is root if the server allows that (root_allowed), else nobody.
    """
    caller = Account(os.geteuid(), os.getegid(), "you")
    uid = place.stat().st_uid if caller.uid == 0 else caller.uid
    if uid == caller.uid and (uid or root_allowed):
        return caller
    with contextlib.suppress(KeyError):
        return account(uid or "nobody")
    return account("nobody")  # the owner has no account here, and initdb insists on one


def process_options(owner: Account, folder: Path, *locks: int) -> dict[str, Any]:
    """Return the arguments for subprocess to run a program as the owner, in this folder, detached from the terminal.

    locks: file descriptors of toolkit/local/locks.py, which the program inherits, so that it holds these locks.
    """
    options = {
        "cwd": folder,
        "env": environment.of_server(home=str(folder)),
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "pass_fds": locks,
    }
    if owner.uid == os.geteuid():
        return options
    return options | {"user": owner.uid, "group": owner.gid, "extra_groups": []}


def can_run(owner: Account, *command: str) -> bool:
    """Return whether the owner can run this command with success.

    For the caller this is assumed: if it is wrong, the error that comes when the program is needed says more.
    """
    if owner.uid == os.geteuid():
        return True
    with contextlib.suppress(PermissionError):
        options = process_options(owner, Path("/"))
        return subprocess.run(command, check=False, capture_output=True, **options).returncode == 0
    return False
