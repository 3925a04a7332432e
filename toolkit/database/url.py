"""Find the database URL: the command line's, the environment's, that of the file .env, else the local database's."""

import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from toolkit.console import UserError, say

ENV_FILE = Path(__file__).resolve().parents[2] / ".env"


def database_url(option: str | None = None) -> str:
    """Return the libpq URL to use: the option, else DATABASE_URL from the environment, else from the file .env beside
    the scripts, else that of the local database, which is started and runs at least until this process ends.

    Raises UserError if the first of these that is set is empty (the next one might be a database that nobody meant),
    and if the local database cannot be started.
    """
    for source, url in _sources(option):
        if url is not None:
            if not url.strip():
                raise UserError(f"{source} is empty: give the URL of a database, or leave it out")
            return url
    from toolkit import local  # slow to import, and not needed by those who have a URL

    url = local.url()
    say(f"DATABASE_URL is not set: using the local database ({local.describe()})")
    return url


def _sources(option: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield where a URL can be set, in order of precedence, each with the URL there (None: it is not set)."""
    yield "--url", option
    yield "DATABASE_URL, in the environment,", os.environ.get("DATABASE_URL")
    yield f"DATABASE_URL, in {ENV_FILE},", _url_from_env_file()


def _url_from_env_file() -> str | None:
    if not ENV_FILE.exists():
        return None
    import dotenv  # slow to import, and not needed where the environment has the URL
    from dotenv.parser import parse_stream

    from toolkit.text_files import read_text

    text = read_text(ENV_FILE)
    for line in parse_stream(StringIO(text)):
        # dotenv would skip the line, and the scripts would use the local database.
        if line.error or (line.key == "DATABASE_URL" and line.value is None):
            place = f"{ENV_FILE}, line {line.original.line}"
            raise UserError(f"{place}: expected NAME=value, and a closing quote where there is an opening one")
    return dotenv.dotenv_values(stream=StringIO(text)).get("DATABASE_URL")
