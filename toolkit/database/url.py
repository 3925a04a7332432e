"""Which database is meant: the command line's, the environment's, the one in the file .env, else the local one."""

import os
from io import StringIO
from pathlib import Path

from toolkit.console import Failure, say

ENV_FILE = Path(__file__).resolve().parents[2] / ".env"


def database_url(option: str | None = None) -> str:
    """Return the libpq URL to use: the option, else DATABASE_URL from the environment, else from the file .env beside
    the scripts, else that of the local database, which is started and runs at least until this process ends.

    Raises Failure when the local database cannot be started.
    """
    url = option or os.environ.get("DATABASE_URL") or _url_from_env_file()
    if url:
        return url
    from toolkit import local  # slow to import, and not needed by those who have a URL

    url = local.url()
    say(f"DATABASE_URL is not set: using the local database ({local.describe()})")
    return url


def _url_from_env_file() -> str | None:
    if not ENV_FILE.exists():
        return None
    import dotenv  # slow to import, and not needed where the environment has the URL
    from dotenv.parser import parse_stream

    try:
        text = ENV_FILE.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{ENV_FILE} cannot be read: {error}") from error
    for line in parse_stream(StringIO(text)):
        # dotenv would go on without it, and the scripts with the local database.
        if line.error or (line.key == "DATABASE_URL" and line.value is None):
            place = f"{ENV_FILE}, line {line.original.line}"
            raise Failure(f"{place}: expected NAME=value, and a closing quote where there is an opening one")
    return dotenv.dotenv_values(stream=StringIO(text)).get("DATABASE_URL")
