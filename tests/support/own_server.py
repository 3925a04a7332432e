"""A server of the tests' own, which may be killed and started again."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from local_copy import copy_local_database
from relay import Relay


class OwnServer:
    """The local database of a copy of this project in an empty folder.

    url: it stays the same over restarts, though CockroachDB's port changes: a relay is before it.
    direct_url: without the relay; PostgreSQL's is a socket in the file system.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        copy_local_database(folder)
        self.direct_url = self._started()
        self._relay = Relay(self.direct_url)
        self._relay.__enter__()
        self.url = self._relay.url

    @property
    def directory(self) -> Path:
        """The folder of the server's data."""
        return self._asked("local.local_server().directory")

    @property
    def is_cockroachdb(self) -> bool:
        return shutil.which("cockroach") is not None

    @property
    def process_ids(self) -> list[int]:
        """The server's processes, the first of which has started the others."""
        pid_file = self._asked("local.local_server().directory / local.local_server().pid_file")
        first = pid_file.read_text().split()[0]
        others = subprocess.run(["pgrep", "-P", first], capture_output=True, text=True, check=False).stdout
        return [int(number) for number in (first, *others.split())]

    def kill(self) -> None:
        """kill -9: it has no time to say good-bye or to write anything."""
        os.kill(self.process_ids[0], signal.SIGKILL)
        self._relay.close()

    def start(self) -> None:
        """Start it again on the same data."""
        self.direct_url = self._started()
        self._relay = Relay(self.direct_url, port=self._relay.port)
        self._relay.__enter__()

    def remove(self) -> None:
        self._relay.close()
        directory = self.directory
        subprocess.run(
            [sys.executable, "local_database.py", "stop"], cwd=self._folder, stderr=subprocess.PIPE, check=True
        )
        shutil.rmtree(directory)  # it may lie outside of the folder

    def _started(self) -> str:
        command = [sys.executable, "local_database.py", "url"]
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=True).stdout.strip()

    def _asked(self, expression: str) -> Path:
        command = [sys.executable, "-c", f"from toolkit import local; print({expression})"]
        return Path(
            subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=True).stdout.strip()
        )
