"""What people get wrong about a database's URL, on a real server that checks passwords, certificates and TLS."""

import os
import shutil
import socket
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest
from guarded_server import PASSWORD, QUOTED, Server

from toolkit.console import UserError
from toolkit.database import Database, DatabaseMissing, DatabaseUnreachable, database_url, run_transaction
from toolkit.database.target import Target

WRONG = "wrong-secret"


def connects(url: str) -> bool:
    database = Database(url)
    run_transaction(database, lambda cursor: cursor.execute("SELECT 1"))
    database.close()
    return True


def why_not(url: str) -> str:
    """The reason in plain words why there is no connection."""
    with pytest.raises(DatabaseUnreachable) as caught:
        Target(url).connect(psycopg2.extensions.connection)
    assert not caught.value.is_transient
    return safe(str(caught.value))


def safe(message: str) -> str:
    for secret in (PASSWORD, QUOTED, WRONG):
        assert secret not in message
    return message


def test_ways_in(server: Server) -> None:
    ca = server.file("ca.crt")
    key = {"sslcert": server.file("client.crt"), "sslkey": server.file("client.key")}
    assert connects(server.url())
    assert connects(f"host=localhost port={server.plain} user=ordinary password='{PASSWORD}' dbname=postgres")
    assert connects(server.url(server.tls, sslmode="require"))
    assert connects(server.url(server.tls, sslmode="verify-full", sslrootcert=ca))
    assert connects(server.url(server.tls, host="127.0.0.1", sslmode="verify-ca", sslrootcert=ca))
    assert connects(server.url(server.certified, sslmode="verify-full", sslrootcert=ca, **key))


def test_the_certificates_of_the_system(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.url(server.tls, sslmode="verify-full", sslrootcert="system")
    assert "not signed by the authority in sslrootcert" in why_not(url)
    monkeypatch.setenv("SSL_CERT_FILE", server.file("ca.crt"))
    assert connects(url)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"password": WRONG}, "does not let user root in: check user and password"),
        ({"password": ""}, "wants a password for user root"),
        ({"user": "stranger"}, "does not let user stranger in"),
        ({"user": "locked"}, "does not let user locked in"),
        ({"user": "nobody"}, "wants TLS|does not let user nobody in from here"),
        ({"sslmode": "require"}, "has no TLS, and the URL asks for it"),
        ({"sslmode": "on"}, "the URL's sslmode is not one"),
        ({"sslmode": "verify-ca", "sslrootcert": "system"}, "with sslrootcert=system only verify-full"),
        ({"sslmode": "verify-full", "sslrootcert": "/none/ca.crt", "at": "tls"}, "file /none/ca.crt cannot be read"),
        ({"sslmode": "verify-full", "sslrootcert": "other.crt", "at": "tls"}, "not signed by the authority"),
        (
            {"sslmode": "verify-full", "sslrootcert": "ca.crt", "host": "127.0.0.1", "at": "tls"},
            "shows a certificate for localhost: use that name",
        ),
        ({"sslmode": "require", "at": "certified"}, "does not accept the client certificate"),
        (
            {"sslmode": "require", "sslcert": "other.crt", "sslkey": "other.key", "at": "certified"},
            "does not accept the client certificate",
        ),
        (
            {"sslmode": "require", "sslcert": "client.crt", "sslkey": "other.key", "at": "certified"},
            "other.key cannot be used",
        ),
        (
            {"sslmode": "require", "sslcert": "client.crt", "sslkey": "/none/client.key", "at": "certified"},
            "key file /none/client.key cannot be used",
        ),
        (
            {"sslmode": "require", "sslcert": "/none/client.crt", "sslkey": "client.key", "at": "certified"},
            "the client certificate file /none/client.crt cannot be read",
        ),
        ({"sslmode": "require", "sslcert": "ca.key", "sslkey": "ca.key", "at": "certified"}, "ca.key cannot be read"),
    ],
)
def test_ways_not_in(server: Server, arguments: dict[str, str], reason: str) -> None:
    port = getattr(server, arguments.pop("at", "plain"))
    for name in ("sslrootcert", "sslcert", "sslkey"):
        if name in arguments and arguments[name] != "system":
            arguments[name] = str(server.files / arguments[name])
    message = why_not(server.url(port, **arguments))
    assert any(part in message for part in reason.split("|")), message


def test_a_key_that_others_can_read(server: Server) -> None:
    key = Path(server.file("open.key"))
    shutil.copy(server.file("client.key"), key)
    key.chmod(0o644)
    url = server.url(server.certified, sslmode="require", sslcert=server.file("client.crt"), sslkey=str(key))
    assert "chmod 600" in why_not(url)


def test_a_database_that_is_not_there(server: Server) -> None:
    url = server.url().replace("/postgres?", "/nothing?")
    assert f"localhost:{server.plain} has no database nothing: create it first, or" in why_not(url)
    with pytest.raises(
        DatabaseMissing, match=r"nothing: run `python make\.py` first, which creates it, or correct the"
    ):
        Target(url, "python make.py").connect(psycopg2.extensions.connection)
    with pytest.raises(DatabaseMissing):
        Target(url).connect(psycopg2.extensions.connection)


def test_a_server_that_is_full(server: Server) -> None:
    held = [psycopg2.connect(server.url(user="ordinary")) for _ in range(9)]
    with pytest.raises(DatabaseUnreachable, match="has no free connection") as caught:
        Target(server.url(user="ordinary")).connect(psycopg2.extensions.connection)
    assert caught.value.is_transient
    for connection in held:
        connection.close()


def test_something_else_that_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        pid = os.fork()
        if pid == 0:  # a web server, say
            while True:
                client, _ = listener.accept()
                client.recv(1000)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                client.close()
        try:
            assert "is not a CockroachDB or PostgreSQL server" in why_not(f"postgresql://127.0.0.1:{port}/x")
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"mysql://me:{QUOTED}@host/x", "not one libpq understands: it looks like postgresql://"),
        (f"me:{QUOTED}@host", "not one libpq understands: it looks like postgresql://"),
        (f"postgresql://me:{PASSWORD}@host/x", "write %40 for @ and %2F for /"),
        (f"postgresql://me:{QUOTED}@host/x?sslrotcert=system", "it has no parameter named sslrotcert"),
        (f"postgresql://me:{QUOTED}%zz@host/x", "not one libpq understands"),
    ],
)
def test_no_url(url: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        Target(url)
    assert reason in safe(str(caught.value))


def test_no_server_and_no_such_host() -> None:
    for url, reason in (
        ("postgresql://127.0.0.1:1/x", "no server answers at 127.0.0.1:1"),
        ("postgresql://127.0.0.1:1,127.0.0.1:2/x", "no server answers at 127.0.0.1:1, 127.0.0.1:2"),
        ("postgresql:///x?host=/nowhere&port=7", "no server answers at the socket in /nowhere"),
        ("postgresql://no-such-host.invalid/x", "the host name no-such-host.invalid:5432 is not known"),
    ):
        with pytest.raises(DatabaseUnreachable) as caught:
            Target(url).connect(psycopg2.extensions.connection)
        assert reason in str(caught.value)
        assert caught.value.is_transient


def test_a_server_that_keeps_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql://127.0.0.1:{listener.getsockname()[1]}/x?connect_timeout=2"
        with pytest.raises(DatabaseUnreachable, match="within the connect_timeout"):
            Target(url).connect(psycopg2.extensions.connection)


def test_what_the_url_sets_is_kept() -> None:
    target = Target("postgresql://host/x?connect_timeout=3&application_name=mine")
    assert target.parameters["connect_timeout"] == "3"
    assert target.parameters["application_name"] == "mine"
    assert target.parameters["keepalives_idle"] == 10


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://environment/x")
    assert database_url() == "postgresql://environment/x"
    assert database_url("postgresql://option/x") == "postgresql://option/x"


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_url_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty: str) -> None:
    """The next place may name a database that was not meant: --reset --url "$TYPO" emptied it."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://environment/x")
    with pytest.raises(UserError, match="--url is empty"):
        database_url(empty)
    monkeypatch.setenv("DATABASE_URL", empty)
    with pytest.raises(UserError, match="DATABASE_URL, in the environment, is empty"):
        database_url()
    monkeypatch.delenv("DATABASE_URL")
    file = tmp_path / ".env"
    file.write_text(f'DATABASE_URL="{empty}"\n')
    monkeypatch.setattr("toolkit.database.url.ENV_FILE", file)
    with pytest.raises(UserError, match=r"DATABASE_URL, in .*\.env, is empty"):
        database_url()
    with pytest.raises(UserError, match="the database URL is empty"):
        Target(empty)


def test_another_database_of_the_same_server() -> None:
    target = Target(f"postgresql://me:{QUOTED}@host:7/x?sslmode=require").with_database("it's")
    assert (target.database, target.host, target.user) == ("it's", "host:7", "me")
    assert target.parameters["password"] == PASSWORD
    assert target.parameters["sslmode"] == "require"
