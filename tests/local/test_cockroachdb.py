"""CockroachDB as the local database: the real one, or where there is none, a stand-in.

The stand-in shows that toolkit/local/ follows the documented interface of `cockroach`.
"""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from local_project import AS_ROOT, Project, copy_wheel, new_project

STAND_IN = r"""#!/bin/sh
# Not CockroachDB: PostgreSQL behind the command line that CockroachDB documents, to test the life cycle alone.
set -eu
programs='{programs}'
command=$1; shift
if [ "$command" = sql ]; then
    execute=
    for argument; do
        shift
        case $argument in -c|--command) exit 64 ;; -e) argument=-c ;; esac
        set -- "$@" "$argument"
    done
    exec "$programs/psql" -At -v ON_ERROR_STOP=1 "$COCKROACH_URL" "$@"
fi
[ "$command" = start-single-node ] && [ "$COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING" = true ]
for argument; do
    case $argument in
        --insecure|--http-addr=127.0.0.1:0|--listen-addr=127.0.0.1:0) ;;
        --store=*) store=${argument#*=} ;;
        --listening-url-file=*) url_file=${argument#*=} ;;
        --pid-file=*) pid_file=${argument#*=} ;;
        *) exit 64 ;;
    esac
done
[ -d "$store" ] || "$programs/initdb" -D "$store" -U root -A trust --locale=C >/dev/null
rm -f "$store/postmaster.pid" # of one that was killed
port=$((20000 + $$ % 40000))
echo $$ > "$pid_file"
(
    sleep 0.2
    until "$programs/pg_isready" -q -h 127.0.0.1 -p $port; do sleep 0.1; [ -e "$store/postmaster.pid" ]; done
    echo "postgresql://root@127.0.0.1:$port?sslmode=disable" > "$url_file"
) &
exec "$programs/postgres" -D "$store" -p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=
"""


@pytest.fixture
def with_cockroach(open_folder: Path) -> Iterator[Project]:
    """A project on a machine with `cockroach`: the real one, else the stand-in."""
    with new_project(open_folder / "project, with=comma") as project:
        programs = open_folder / "bin"
        project.variables["PATH"] = f"{programs}:{os.environ['PATH']}"
        if not shutil.which("cockroach"):
            programs.mkdir()
            (programs / "cockroach").write_text(STAND_IN.replace("{programs}", str(copy_wheel(open_folder / "wheel"))))
            (programs / "cockroach").chmod(0o755)
            if AS_ROOT:  # CockroachDB runs as root, but the stand-in does not
                shutil.chown(project.folder, "nobody")
        yield project


def test_cockroach_from_the_path_is_preferred(with_cockroach: Project) -> None:
    done = with_cockroach.run("sql", "-c", "CREATE TABLE kept AS SELECT current_database() AS name")
    assert done.returncode == 0, done.stderr
    assert "streaming" in with_cockroach.run("sql", "-c", "SELECT name FROM kept").stdout
    assert with_cockroach.run("sql", "-c", "SELECT nothing").returncode != 0
    assert not with_cockroach.is_running()
    assert with_cockroach.ask("local.describe()") == "CockroachDB, data in .local_database/cockroach"


def test_cockroach_is_left_running_stopped_and_started_again_when_killed(with_cockroach: Project) -> None:
    address = with_cockroach.run("url").stdout.strip()
    assert address.startswith("postgresql://root@127.0.0.1:")
    assert address.endswith("/streaming?sslmode=disable")
    psycopg2.connect(address).close()
    os.kill(int((with_cockroach.directory / "pid").read_text()), signal.SIGKILL)
    with socket.create_server(("127.0.0.1", 0)) as other:  # somebody else's server, at the port that ours had
        other_port = other.getsockname()[1]
        (with_cockroach.directory / "url").write_text(f"postgresql://root@127.0.0.1:{other_port}?sslmode=disable\n")
        address = with_cockroach.run("url").stdout.strip()
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    psycopg2.connect(address).close()
    assert with_cockroach.run("stop").stderr == "CockroachDB stopped\n"
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(address)
