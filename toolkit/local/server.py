"""The interface of a kind of server, by which toolkit/local/lifecycle.py starts and stops it."""

from __future__ import annotations

import signal
from pathlib import Path

from toolkit.local.data_directory import PROJECT, can_enter_project, directory_in_project, directory_outside_project
from toolkit.local.os_users import owner_of

DATABASE = "streaming"

# For the query of a URL: libpq takes parameters that a URL leaves out from PG* variables, which may be meant for
# another server. An empty value counts as given.
NOTHING_FROM_ENVIRONMENT = {
    "hostaddr": "",
    "options": "",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "target_session_attrs": "any",
}


class Server:
    """A kind of server, with the directory and the user of this project's. Creating this object starts nothing.

    title: its name for a person. directory_name: of its directory. pid_file: the file in its directory whose first word
    is its process id. stop_signal: makes it shut down cleanly. root_allowed: whether it can run as root.

    owner: the user as whom it runs. directory: with its data; outside: whether that lies outside of the project,
    because the owner cannot enter the project. inside: where it would lie in the project.
    """

    title: str
    directory_name: str
    pid_file: str
    stop_signal: signal.Signals
    root_allowed: bool

    def __init__(self) -> None:
        self.inside = directory_in_project(self.directory_name)
        self.owner = owner_of(self.inside if self.inside.exists() else PROJECT, self.root_allowed)
        self.outside = not can_enter_project(self.owner)
        self.directory: Path = directory_outside_project(self.inside) if self.outside else self.inside

    def prepare(self, lock: int) -> None:
        """Prepare what the server needs to start. May be called again after it was interrupted.

        lock: the descriptor of the lock `running`. Programs that are run here inherit it, so that nobody starts a
        server at the same time if this script is killed.
        """
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground, with its directory as the current folder."""
        raise NotImplementedError

    def url(self) -> str:
        """Return the URL of the running server. Raises OSError or ValueError while its port or socket is not known."""
        raise NotImplementedError

    def log_end(self) -> str:
        """Return the last lines of the server's log, for an error message."""
        log = self.directory / "log"
        return "\n  ".join([f"The end of its log {log}:", *log.read_text(errors="replace").splitlines()[-5:]])
