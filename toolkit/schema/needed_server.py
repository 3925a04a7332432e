"""The version of CockroachDB that a SQL file needs: in its line `-- needs: CockroachDB v23.1`."""

import re
from pathlib import Path
from typing import NamedTuple

from toolkit.console import UserError
from toolkit.database import Cursor

_NEEDS = r"(?m)^-- needs: CockroachDB v(\d+)\.(\d+)$"
_VERSION = r"v(\d+)\.(\d+)\S*"


class CockroachVersion(NamedTuple):
    """A version of CockroachDB, without its patch release."""

    year: int
    release: int

    def __str__(self) -> str:
        return f"CockroachDB v{self.year}.{self.release}"


def needed_version(text: str) -> CockroachVersion | None:
    """Return the version that a SQL file names in its `needs` line; None if it has none."""
    found = re.search(_NEEDS, text)
    return CockroachVersion(*map(int, found.groups())) if found else None


def check_server(cursor: Cursor, file: Path, needed: CockroachVersion | None) -> None:
    """Raise UserError if the server is not CockroachDB of the needed version or newer. Sends nothing."""
    if not needed:
        return
    said = cursor.connection.get_parameter_status("crdb_version")
    found = re.search(_VERSION, said or "")
    if found and CockroachVersion(*map(int, found.groups())) >= needed:
        return
    server = f"CockroachDB {found[0]}" if found else said or "PostgreSQL"
    raise UserError(f"{file} needs {needed} or newer, and this server is {server}: nothing was changed")
