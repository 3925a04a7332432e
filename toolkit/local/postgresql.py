"""PostgreSQL as the local server: where there is no CockroachDB. It listens on a socket that only its owner reaches."""

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
from toolkit.local.data_directory import OR_OWN_DATABASE, change_owner, check_private, shown, unique_name
from toolkit.local.os_users import process_options
from toolkit.local.server import DATABASE, NOTHING_FROM_ENVIRONMENT, Server
from toolkit.local.wheel import POSTGRESQL, programs_for

LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30  # bytes
SOCKET_PATH_LIMIT = 103  # bytes: sun_path has room for 104 with its NUL on macOS, for 108 on Linux


def memory() -> int:
    """Return the bytes of memory that processes may use here: the machine's, or what a container has been given."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max"
            found.append(int(Path(limit).read_text()))
    return min(found)


def settings_for(memory: int) -> dict[str, str]:
    """Return settings with which a load of millions of rows is not held up.

    By itself PostgreSQL takes 128 MB for pages, whatever the machine has, and writes all that has changed to disk after
    each GB of WAL: pages of indexes again and again. What is confirmed stays as safe as it was: fsync is on. More WAL
    than this would take a server that was killed too long to read when it starts.
    """
    buffers = min(max(memory // 4, LEAST_BUFFERS), MOST_BUFFERS)
    return {"shared_buffers": f"{buffers >> 20}MB", "max_wal_size": "2GB", "checkpoint_timeout": "30min"}


class PostgreSQL(Server):
    """See Server. Its data is made by initdb; the user is root without a password, as in an insecure CockroachDB."""

    title = f"PostgreSQL {POSTGRESQL}"
    folder = "postgresql"
    pid_file = "data/postmaster.pid"
    stop_signal = signal.SIGINT  # fast shutdown: open connections are cut
    root_allowed = False  # it refuses

    @functools.cached_property
    def programs(self) -> Path:
        """The folder of initdb and postgres, where the owner can run them."""
        return programs_for(self.owner, self.home)

    def prepare(self, lock: int) -> None:
        data = self.home / "data"
        if data.exists() and not ((data / "PG_VERSION").exists() and (data / "global" / "pg_control").exists()):
            say(f"{shown(data)} was half made: making it anew")
            shutil.rmtree(data)
        if not data.exists():
            self._make_data(lock).rename(data)
        version = (data / "PG_VERSION").read_text().strip()
        if version != POSTGRESQL:
            raise UserError(
                f"{data} was made by PostgreSQL {version}, this is {POSTGRESQL}: delete it, {OR_OWN_DATABASE}"
            )
        # Files of a server that was killed. The lock `running` says that none of ours is left; a new one would believe
        # these files instead, and wait for the process with that id, which may be anybody's by now.
        for stale in (self.home / self.pid_file, *self._socket_folder().glob(".s.PGSQL.*.lock")):
            stale.unlink(missing_ok=True)

    def _make_data(self, lock: int) -> Path:
        """Run initdb, and return the new data folder, which still has the name of a draft."""
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        # Order by bytes and Unicode upper and lower case, as CockroachDB has them, whatever locales this machine knows.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username=root", "--auth=trust", "--no-instructions"]
        # The port is part of the socket's name. One for each data folder, so that a server that outlives the deletion
        # of its folder does not remove the socket of the next one.
        port = f"--set=port={random.randrange(10000, 65536)}"
        command = [str(self.programs / "initdb"), f"--pgdata={draft}", *locale, *access, port]
        made = subprocess.run(
            command, check=False, capture_output=True, text=True, **process_options(self.owner, self.home, lock)
        )
        if made.returncode:
            raise UserError(f"PostgreSQL could not make its data folder {draft}: {made.stderr.strip()}")
        return draft

    def command(self) -> list[str]:
        sockets = '"' + str(self._socket_folder()).replace('"', '""') + '"'  # it is a list of quoted names
        settings = {"listen_addresses": "", "unix_socket_directories": sockets, **settings_for(memory())}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self.programs / "postgres"), "-D", str(self.home / "data"), *options]

    def url(self) -> str:
        lines = (self.home / self.pid_file).read_text().splitlines()
        if len(lines) < 6:
            raise ValueError("no socket yet")
        # https://www.postgresql.org/docs/18/storage-file-layout.html: ... start time, port, socket folder, address ...
        query = {"host": lines[4], "port": lines[3], **NOTHING_FROM_ENVIRONMENT}
        return f"postgresql://root@/{DATABASE}?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}"

    def _socket_folder(self) -> Path:
        """Return the home, unless its path is too long for a socket or has a comma, which separates hosts in a URL.

        Then it is a private folder in /tmp, which is made if it is missing.
        """
        if len(os.fsencode(self.home / ".s.PGSQL.65535")) <= SOCKET_PATH_LIMIT and "," not in str(self.home):
            return self.home
        folder = Path("/tmp", unique_name(self.home))  # noqa: S108
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            change_owner(folder, self.owner)
        check_private(folder, self.owner)
        return folder
