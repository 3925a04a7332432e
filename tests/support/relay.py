"""A TCP relay between client and server that loses connections at a chosen moment."""

import os
import re
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Literal

import psycopg2.extensions
import pytest

Moment = Literal["before", "during", "after", "held"]

# A message of the protocol with a statement that ends a transaction: COMMIT, or a statement that is one by itself. Not
# what sets the session, nor what asks for a new key.
END_OF_TRANSACTION = re.compile(rb"\AQ....(?!BEGIN|\s*SELECT set_config|SELECT unique_rowid)", re.DOTALL)


class Relay:
    """Listens on a loopback port and passes everything on, until told to cut.

    url: the database's URL, through the relay. port: where it listens; 0 for any.
    """

    def __init__(self, url: str, port: int = 0) -> None:
        parameters = {key: str(value) for key, value in psycopg2.extensions.parse_dsn(url).items()}
        if parameters.get("sslmode") not in (None, "disable", "allow", "prefer"):
            pytest.skip("a relay sees no COMMIT in a TLS connection")
        self._host = parameters.get("host", "localhost").split(",")[0]
        self._port = int(parameters.get("port", "5432").split(",")[0])
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        parameters.update(host="127.0.0.1", port=str(self.port), sslmode="disable")
        parameters.pop("hostaddr", None)
        self.url = psycopg2.extensions.make_dsn(**parameters)
        self.cuts = 0  # how many connections were cut
        self._rules: list[tuple[re.Pattern[bytes], Moment]] = []
        self._held: list[tuple[socket.socket, bytes, threading.Event]] = []
        self._flows = threading.Event()
        self._flows.set()
        self.delay = 0.0  # seconds by which each answer is late
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Cut every connection, and take no more."""
        self.refuse()
        self.cut_all()
        self._flows.set()  # lest threads wait for ever

    def refuse(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close() alone lets a waiting accept() take one more
        self._listener.close()

    def cut_at(self, statement: str | re.Pattern[bytes], moment: Moment, times: int = 1) -> None:
        """Cut the connection at the next statements that contain this text, or a match of this pattern.

        That is before it reaches the server, during it (it is on its way, the answer never comes), or after the server
        has answered it and before the client hears so; held: before it reaches the server, to which it is brought when
        deliver() says so, as if the network had kept it.
        """
        pattern = re.compile(re.escape(statement.encode())) if isinstance(statement, str) else statement
        self._rules += [(pattern, moment)] * times

    def deliver(self) -> None:
        """Bring to the server what was held, and wait for its answers."""
        while self._held:
            server, data, answered = self._held.pop(0)
            server.sendall(data)
            assert answered.wait(10)

    def cut_all(self) -> None:
        """Cut every connection there is."""
        with self._lock:
            for line in self._lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def fall_silent(self) -> None:
        """From now on pass nothing on, and cut nothing: a network that has gone, or a server that is frozen."""
        self._flows.clear()

    def go_on(self) -> None:
        """Pass on what has come since it fell silent, and what comes."""
        self._flows.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._connect()
            except OSError:  # as if it had refused the client itself
                client.close()
                continue
            answered = threading.Event()
            cut_after_answer = threading.Event()
            with self._lock:
                self._lines |= {client, server}
            for target, arguments in (
                (self._pass_statements, (client, server, answered, cut_after_answer)),
                (self._pass_answers, (client, server, answered, cut_after_answer)),
            ):
                threading.Thread(target=target, args=arguments, daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(os.path.join(self._host, f".s.PGSQL.{self._port}"))  # noqa: PTH118
            return server
        return socket.create_connection((self._host, self._port))

    def _pass_statements(
        self, client: socket.socket, server: socket.socket, answered: threading.Event, cut_after: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self._flows.wait()
                moment = self._moment(data)
                if moment == "before":
                    break
                if moment in ("during", "after", "held"):
                    cut_after.set()  # or the answer of a quick server would still reach the client
                if moment == "held":
                    self._held.append((server, data, answered))
                    client.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(data)
                if moment == "during":
                    break
                if moment == "after":
                    answered.wait(10)
                    break
        self._cut(client, server)

    def _pass_answers(
        self, client: socket.socket, server: socket.socket, answered: threading.Event, cut_after: threading.Event
    ) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if cut_after.is_set():
                    answered.set()
                else:
                    time.sleep(self.delay)
                    self._flows.wait()
                    client.sendall(data)
        self._cut(client, server)

    def _moment(self, data: bytes) -> Moment | None:
        with self._lock:
            for rule in self._rules:
                if rule[0].search(data):
                    self._rules.remove(rule)
                    self.cuts += 1
                    return rule[1]
        return None

    def _cut(self, client: socket.socket, server: socket.socket) -> None:
        for line in (client, server):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        with self._lock:
            self._lines -= {client, server}
