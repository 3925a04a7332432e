"""What toolkit/local/lifecycle.py has to know of a kind of server to start and stop it."""

from __future__ import annotations

import signal
from pathlib import Path

from toolkit.local.data_directory import PROJECT, can_enter_project, inside_project, outside_project
from toolkit.local.os_users import owner_of

DATABASE = "streaming"

# For the query of a URL: libpq takes from PG* variables what a URL leaves out, and those may be meant for another
# server. An empty value is not left out.
NOTHING_FROM_ENVIRONMENT = {
    "hostaddr": "",
    "options": "",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "target_session_attrs": "any",
}


class Server:
    """A kind of server, and where and as whom the one of this project runs. Making this object starts nothing.

    title: its name for a person. folder: the name of its home. pid_file: where in the home it writes its process id,
    as the first word. stop_signal: what makes it stop in good order. root_allowed: whether it agrees to run as root.

    owner: as whom it runs. home: the folder of its data; outside: whether that lies outside of the project, because
    the owner cannot enter that. inside: where in the project it would lie.
    """

    title: str
    folder: str
    pid_file: str
    stop_signal: signal.Signals
    root_allowed: bool

    def __init__(self) -> None:
        self.inside = inside_project(self.folder)
        self.owner = owner_of(self.inside if self.inside.exists() else PROJECT, self.root_allowed)
        self.outside = not can_enter_project(self.owner)
        self.home: Path = outside_project(self.inside) if self.outside else self.inside

    def prepare(self, lock: int) -> None:
        """Make ready what the server needs to start. Programs run for this inherit the lock `running`, so that nobody
        starts a server beside them if this script is killed. May be called again after it was cut short.
        """
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command that runs the server, in the foreground; the current folder will be its home."""
        raise NotImplementedError

    def url(self) -> str:
        """Return the URL of the running server. OSError or ValueError as long as it has not said where it listens."""
        raise NotImplementedError

    def log_end(self) -> str:
        """Return the last lines of the server's log, for the end of an error."""
        log = self.home / "log"
        return "\n  ".join([f"The end of its log {log}:", *log.read_text(errors="replace").splitlines()[-5:]])
