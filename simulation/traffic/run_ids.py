"""The id of a run, and how each row that it writes carries it, so that it can be proved and removed.

A UUID of a run ends with the run's id; what is before it is random, so that the rows of a run are spread over the table
like all others. A user's address names the run, and so does the name of a plan. The plans are the register of the runs:
they are written first and removed last.
"""

import re
import secrets
from random import Random
from uuid import UUID

from toolkit.database import Cursor

DOMAIN = "sim.example.com"
APPLICATION = "simulate {run_id}"  # the application_name of a run's connections

# Of the operating system's chance, but asked once: asking it each time lets the other threads go first.
RNG = Random(secrets.randbits(256))

# The first 64 bits of a v4 UUID: 60 random ones around the version, then the variant and two more.
_VERSION = 0x4 << 76
_VARIANT = 0x2 << 62
_RANDOM = (1 << 128) - 1 - (0xF << 76) - (0x3 << 62) - ((1 << 48) - 1)


class RunId(str):
    """The id of a run: twelve hexadecimal digits."""

    __slots__ = ()

    def key(self) -> UUID:
        """Return a new key for a viewing, a review or a payment, in the form of a v4 UUID."""
        return UUID(int=RNG.getrandbits(128) & _RANDOM | _VERSION | _VARIANT | int(self, 16))

    def address(self, name: str, number: int) -> str:
        """Return the e-mail address of a user who signs up. number: no two have the same."""
        return f"{name}.{number}.{self}@{DOMAIN}"

    def plan(self, name: str) -> str:
        """Return the name of a plan."""
        return f"{name}, simulation {self}"


def new_run_id() -> RunId:
    """Return the id of a run that has written nothing so far."""
    return RunId(f"{secrets.randbits(48):012x}")


def is_run_id(text: str) -> bool:
    """Whether a text is the id of a run, by its form."""
    return bool(re.fullmatch("[0-9a-f]{12}", text))


def known_run_ids(cursor: Cursor) -> list[RunId]:
    """Return the ids of the runs whose plans or users are in the database."""
    cursor.execute(KNOWN, {"plan": "%, simulation %", "address": f"%@{DOMAIN}", "domain": f"@{DOMAIN}"})
    return [RunId(text) for (text,) in cursor.fetchall() if is_run_id(text)]


KNOWN = """
    SELECT split_part(name, ', simulation ', 2) AS run_id FROM subscriptions WHERE name LIKE %(plan)s
    UNION SELECT right(split_part(email, %(domain)s, 1), 12) FROM users WHERE email LIKE %(address)s
    ORDER BY run_id"""
