"""PostgreSQL as the local server, if there is no CockroachDB. Only its owner can reach the socket it listens on."""

import contextlib
import functools
import os
import random
import shutil
import signal
import subprocess
import urllib.parse
from pathlib import Path

from toolkit.console import UserError, say
from toolkit.local.data_directory import OR_OWN_DATABASE, change_owner, check_private, display_path, unique_name
from toolkit.local.os_users import process_options
from toolkit.local.server import DATABASE, NOTHING_FROM_ENVIRONMENT, Server
from toolkit.local.wheel import POSTGRESQL, programs_for

LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30  # bytes
SOCKET_PATH_LIMIT = 103  # bytes: sun_path has room for 104 with its NUL on macOS, for 108 on Linux


def memory() -> int:
    """Return how many bytes of memory processes may use here: the machine's memory, or a container's limit."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max"
            found.append(int(Path(limit).read_text()))
    return min(found)


def settings_for(memory: int) -> dict[str, str]:
    """Return settings that make a load of millions of rows faster.

    The defaults are 128 MB for pages, whatever the machine has, and a checkpoint after each GB of WAL, which writes the
    same index pages again and again. Durability is unchanged: fsync is on. With more WAL than this, a server that was
    killed would take too long to start.
    """
    buffers = min(max(memory // 4, LEAST_BUFFERS), MOST_BUFFERS)
    return {"shared_buffers": f"{buffers >> 20}MB", "max_wal_size": "2GB", "checkpoint_timeout": "30min"}


class PostgreSQL(Server):
    """See Server. initdb creates its data; the user is root without a password, as in an insecure CockroachDB."""

    title = f"PostgreSQL {POSTGRESQL}"
    directory_name = "postgresql"
    pid_file = "data/postmaster.pid"
    stop_signal = signal.SIGINT  # fast shutdown: open connections are cut
    root_allowed = False  # PostgreSQL refuses to run as root

    @functools.cached_property
    def programs(self) -> Path:
        """The folder of an initdb and a postgres that the owner can run."""
        return programs_for(self.owner, self.directory)

    def prepare(self, lock: int) -> None:
        data = self.directory / "data"
        if data.exists() and not ((data / "PG_VERSION").exists() and (data / "global" / "pg_control").exists()):
            say(f"{display_path(data)} was half made: making it anew")
            shutil.rmtree(data)
        if not data.exists():
            self._make_data(lock).rename(data)
        version = (data / "PG_VERSION").read_text().strip()
        if version != POSTGRESQL:
            raise UserError(
                f"{data} was made by PostgreSQL {version}, this is {POSTGRESQL}: delete it, {OR_OWN_DATABASE}"
            )
        # Files of a server that was killed. The lock `running` says that no server of ours is left, but a new server
        # would trust these files, and refuse to start while any process has the id that they hold.
        for stale in (self.directory / self.pid_file, *self._socket_folder().glob(".s.PGSQL.*.lock")):
            stale.unlink(missing_ok=True)

    def _make_data(self, lock: int) -> Path:
        """Run initdb, and return the new data folder, which still has a temporary name."""
        draft = self.directory / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        # Sort by bytes, with upper and lower case of Unicode, as CockroachDB does, whatever locales this machine has.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username=root", "--auth=trust", "--no-instructions"]
        # The port is part of the socket's name. It is random, so that a server whose folder was deleted does not remove
        # the socket of the next server when it ends.
        port = f"--set=port={random.randrange(10000, 65536)}"
        command = [str(self.programs / "initdb"), f"--pgdata={draft}", *locale, *access, port]
        made = subprocess.run(
            command, check=False, capture_output=True, text=True, **process_options(self.owner, self.directory, lock)
        )
        if made.returncode:
            raise UserError(f"PostgreSQL could not make its data folder {draft}: {made.stderr.strip()}")
        return draft

    def command(self) -> list[str]:
        sockets = '"' + str(self._socket_folder()).replace('"', '""') + '"'  # it is a list of quoted names
        settings = {"listen_addresses": "", "unix_socket_directories": sockets, **settings_for(memory())}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self.programs / "postgres"), "-D", str(self.directory / "data"), *options]

    def url(self) -> str:
        lines = (self.directory / self.pid_file).read_text().splitlines()
        if len(lines) < 6:
            raise ValueError("no socket yet")
        # https://www.postgresql.org/docs/18/storage-file-layout.html: ... start time, port, socket folder, address ...
        query = {"host": lines[4], "port": lines[3], **NOTHING_FROM_ENVIRONMENT}
        return f"postgresql://root@/{DATABASE}?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}"

    def _socket_folder(self) -> Path:
        """Return the server's directory; or a private folder in /tmp, created if missing, if that cannot be used.

        It cannot if its path is too long for a socket, or has a comma, which separates hosts in a URL.
        """
        if len(os.fsencode(self.directory / ".s.PGSQL.65535")) <= SOCKET_PATH_LIMIT and "," not in str(self.directory):
            return self.directory
        folder = Path("/tmp", unique_name(self.directory))  # noqa: S108
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            change_owner(folder, self.owner)
        check_private(folder, self.owner)
        return folder
