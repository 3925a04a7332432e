"""From a libpq URL to a connection, or to an error that says in plain words why there is none."""

import itertools
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions

from toolkit.console import UserError

# Used unless the URL sets them. Together they notice a dead network within half a minute.
DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,  # seconds, for each host
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
    "fallback_application_name": Path(sys.argv[0]).stem,  # the script's; PGAPPNAME goes before it
}
# Not to be set by the URL: text may be in any language, and CockroachDB has no other encoding.
ENCODING = {"client_encoding": "UTF8"}


URL_FORM = (
    "it looks like postgresql://user:password@host:26257/database?sslmode=verify-full, and special characters in the "
    "password are percent-encoded (@ is %40)"
)


class DatabaseUnreachable(UserError):
    """No connection could be made: no server answers, or it refuses the connection."""

    is_transient = True


class DatabaseMissing(DatabaseUnreachable):
    """The server answers, but has no database with the name in the URL."""

    is_transient = False


class Target:
    """The server, or the nodes of a cluster, and the database that a libpq URL names.

    url: any libpq URL or keyword string. setup: the command that creates database and tables, for the advice in errors.
    Raises UserError if the URL is not valid; no message quotes the URL, because it may hold a password.
    """

    def __init__(self, url: str, setup: str = "") -> None:
        self._setup = setup
        self.parameters = {**DEFAULTS, **_parse(url), **ENCODING}
        # From a different number in each process, because a process may open one connection only.
        self._turns = itertools.count(time.monotonic_ns() // 1_000)
        if self.parameters.get("sslrootcert") == "system":
            _find_system_certificates()

    @property
    def quoted_search_path(self) -> list[str]:
        """The schemas of the search_path in the URL's options, if a name there is quoted; else an empty list.

        They are for a SET search_path, because CockroachDB v21.1 takes the quotes in options for a part of the name.
        """
        found = re.findall(r"(?:-c\s*|--)search_path=((?:\\.|[^\s\\])+)", str(self.parameters.get("options", "")))
        value = re.sub(r"\\(.)", r"\1", found[-1]) if found else ""
        if '"' not in value:
            return []
        names = re.findall(r'"((?:[^"]|"")+)"|([^",\s]+)', value)
        return [quoted.replace('""', '"') or plain.lower() for quoted, plain in names]

    def with_database(self, name: str) -> "Target":
        """Return the target for another database of the same server."""
        return Target(psycopg2.extensions.make_dsn(**{**self.parameters, "dbname": name}), self._setup)

    def connect(self, factory: type[psycopg2.extensions.connection]) -> Any:
        """Return a new connection of that class. Raises DatabaseUnreachable or DatabaseMissing."""
        certificate = self.parameters.get("sslcert")
        if certificate and not Path(certificate).exists():
            # libpq would connect without a certificate, and the server's error would not name the file.
            raise self.unreachable(f'could not open certificate file "{certificate}"')
        try:
            return psycopg2.connect(connection_factory=factory, **{**self.parameters, **self._hosts_in_turn()})
        except psycopg2.Error as error:
            raise self.unreachable(str(error).strip()) from error

    def _hosts_in_turn(self) -> dict[str, str]:
        """Return the URL's lists of hosts, rotated by one place for each connection: round robin.

        libpq takes the first host that answers. So every host gets the same number of connections, and the next one
        takes over where a host does not answer. A URL with load_balance_hosts is left as it is.
        """
        if "load_balance_hosts" in self.parameters:
            return {}
        lists = {name: str(self.parameters.get(name, "")).split(",") for name in ("host", "hostaddr", "port")}
        turn = next(self._turns) % max(map(len, lists.values()))
        return {name: ",".join(each[turn:] + each[:turn]) for name, each in lists.items() if len(each) > 1}

    @property
    def user(self) -> str:
        given = self.parameters.get("user") or os.environ.get("PGUSER")
        if given:
            return str(given)
        import getpass  # 0.4 ms, and most URLs name a user

        return getpass.getuser()

    @property
    def database(self) -> str:
        return str(self.parameters.get("dbname") or os.environ.get("PGDATABASE") or self.user)

    @property
    def host(self) -> str:
        """Host and port, or several of them, as text for a person."""
        hosts = self._list("host", "PGHOST") or self._list("hostaddr", "PGHOSTADDR") or [""]
        ports = self._list("port", "PGPORT") or ["5432"]
        ports = ports * len(hosts) if len(ports) == 1 else ports
        return ", ".join(
            f"the socket in {host or 'its usual place'}" if host[:1] in "/" else f"{host}:{port}"
            for host, port in zip(hosts, ports, strict=False)
        )

    def _list(self, parameter: str, variable: str) -> list[str]:
        text = str(self.parameters.get(parameter) or os.environ.get(variable) or "")
        return text.split(",") if text else []

    def unreachable(self, reason: str) -> DatabaseUnreachable:
        """Return the error for a person. reason: what libpq or the server said about the failed connection."""
        from toolkit.database.connection_errors import REASONS  # seldom needed

        matches = ((re.search(pattern, reason), is_transient, advice) for pattern, is_transient, advice in REASONS)
        found, is_transient, advice = next((match for match in matches if match[0]), (None, True, ""))
        if not found:
            return DatabaseUnreachable(f"no connection to {self.host}: {self._without_password(reason)}")
        quoted = next((group for group in found.groups() if group), "")
        text = advice.format(
            quoted, host=self.host, user=self.user, database=self.database, create=self.how_to_create("it")
        )
        kind = DatabaseMissing if "does not exist" in reason and "has no database" in text else DatabaseUnreachable
        return kind(text, is_transient=is_transient)

    def how_to_create(self, what: str) -> str:
        """Return the advice for a missing database or missing tables. what: "it", "the tables"."""
        return f"run `{self._setup}` first, which creates {what}" if self._setup else f"create {what} first"

    def _without_password(self, text: str) -> str:
        password = self.parameters.get("password")
        return text.replace(str(password), "***") if password else text


def _parse(url: str) -> dict[str, str]:
    url = url.strip()
    if not url:
        # libpq would take everything from PG* variables and defaults, and so reach a database that nobody has named.
        raise UserError(f"the database URL is empty: {URL_FORM}")
    if url[:1] in ("'", '"'):
        raise UserError("the database URL begins with a quote: leave the quotes out")
    scheme, separator, rest = url.partition("://")
    if separator and scheme not in ("postgresql", "postgres"):
        raise UserError(f"the database URL is not one libpq understands: {URL_FORM}")
    authority, _, path = rest.partition("?")[0].partition("/")
    if separator and (authority.count("@") > 1 or "@" in path):
        # libpq would take a part of the password for the host, and print it in its messages.
        raise UserError("the database URL has an @ or / in its password or user: write %40 for @ and %2F for /")
    try:
        return {name: str(value) for name, value in psycopg2.extensions.parse_dsn(url).items()}
    except (psycopg2.Error, UnicodeError) as error:
        unknown = re.search(r"invalid (?:URI query parameter|connection option):? \"(\w+)\"", str(error))
        reason = f"it has no parameter named {unknown[1]}" if unknown else URL_FORM
        raise UserError(f"the database URL is not one libpq understands: {reason}") from None


def _find_system_certificates() -> None:
    """Tell the OpenSSL inside the wheel of psycopg2 where this system keeps its certificates.

    It was built on another system and looks in that system's folders. Python's ssl module knows those of this one.
    """
    if "SSL_CERT_FILE" in os.environ or "SSL_CERT_DIR" in os.environ:
        return
    import ssl  # slow to import, and needed for this only

    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        os.environ["SSL_CERT_FILE"] = paths.cafile
    if paths.capath:
        os.environ["SSL_CERT_DIR"] = paths.capath
