"""A server that checks passwords, certificates and TLS, for the tests of what reaches it and what does not.

The fixtures plain and server are imported by the conftest.py of the rooms that use them.
"""

import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg2
import pytest

from toolkit.local.data_directory import change_owner
from toolkit.local.os_users import process_options
from toolkit.local.postgresql import PostgreSQL

PASSWORD = "p@ss:w/rd"  # noqa: S105
QUOTED = urllib.parse.quote(PASSWORD, safe="")
# Who may come in, and how. The PostgreSQL of the wheel is built without TLS, so a proxy in front of it speaks that.
HBA = """
host all nobody 127.0.0.1/32 reject
host all all    127.0.0.1/32 scram-sha-256
"""
CERTIFICATES = """
req -x509 -new -nodes -newkey rsa:2048 -keyout ca.key -out ca.crt -subj /CN=authority -days 2
req -x509 -new -nodes -newkey rsa:2048 -keyout other.key -out other.crt -subj /CN=somebody -days 2
req -new -nodes -newkey rsa:2048 -keyout server.key -out server.csr -subj /CN=localhost
x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2
req -new -nodes -newkey rsa:2048 -keyout client.key -out client.csr -subj /CN=root
x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out client.crt -days 2
"""


class Server(NamedTuple):
    """A PostgreSQL that wants passwords. It is to be had without TLS, with it, and with client certificates only.

    files: the folder of the certificates.
    """

    plain: int
    tls: int
    certified: int
    files: Path

    def url(
        self,
        port: int | None = None,
        *,
        user: str = "root",
        password: str = QUOTED,
        host: str = "localhost",
        **rest: str,
    ) -> str:
        query = urllib.parse.urlencode(rest)
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@{host}:{port or self.plain}/postgres?{query}"

    def file(self, name: str) -> str:
        return str(self.files / name)


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    """The port of a PostgreSQL that wants passwords."""
    postgresql = PostgreSQL()
    with tempfile.TemporaryDirectory(prefix="test-server-") as folder:
        directory = postgresql.directory = Path(folder)
        (directory / "password").write_text(PASSWORD)
        (directory / "hba").write_text(HBA)
        change_owner(directory, postgresql.owner)
        options = process_options(postgresql.owner, directory)
        programs = postgresql.programs
        how = ["--username=root", "--auth=scram-sha-256", "--pwfile=password", "--no-sync"]
        subprocess.run([programs / "initdb", "--pgdata=data", *how], check=True, capture_output=True, **options)
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "hba_file": directory / "hba",
            "fsync": "off",
            "max_connections": 10,
            "superuser_reserved_connections": 1,
        }
        process = subprocess.Popen(
            [programs / "postgres", "-D", "data", *(f"--{name}={value}" for name, value in settings.items())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **options,
        )
        try:
            make_users(f"host=127.0.0.1 port={port} user=root password={PASSWORD} dbname=postgres")
            yield port
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown
            process.wait(30)


def make_users(dsn: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            connection = psycopg2.connect(dsn)
            break
        except psycopg2.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    with connection, connection.cursor() as cursor:
        for user in ("ordinary", "nobody", "locked NOLOGIN"):
            cursor.execute(f"CREATE USER {user} PASSWORD %s", (PASSWORD,))
    connection.close()


@pytest.fixture(scope="module")
def server(plain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates")
    files = tmp_path_factory.mktemp("certificates")
    for arguments in CERTIFICATES.strip().splitlines():
        subprocess.run(["openssl", *arguments.split()], cwd=files, check=True, capture_output=True)
    with tls_proxy(plain, files, ssl.CERT_NONE) as tls, tls_proxy(plain, files, ssl.CERT_REQUIRED) as certified:
        yield Server(plain, tls, certified, files)


@contextmanager
def tls_proxy(plain: int, files: Path, client_certificates: ssl.VerifyMode) -> Iterator[int]:
    """Yield the port of a proxy that speaks TLS with its clients, and none with the server at the other port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "server.crt", files / "server.key")
    context.load_verify_locations(files / "ca.crt")
    context.verify_mode = client_certificates
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener, plain, context), daemon=True).start()
        yield listener.getsockname()[1]


def accept(listener: socket.socket, plain: int, context: ssl.SSLContext) -> None:
    with suppress(OSError):  # until the listener is closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, plain, context), daemon=True).start()


def serve(client: socket.socket, plain: int, context: ssl.SSLContext) -> None:
    with suppress(OSError), client, socket.create_connection(("127.0.0.1", plain)) as server:
        client.recv(8)  # SSLRequest: https://www.postgresql.org/docs/current/protocol-message-formats.html
        client.sendall(b"S")
        with context.wrap_socket(client, server_side=True) as secure:
            while True:
                ready = [secure] if secure.pending() else select.select([secure, server], [], [])[0]
                source, sink = (secure, server) if secure in ready else (server, secure)
                data = source.recv(65536)
                if not data:
                    return
                sink.sendall(data)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
