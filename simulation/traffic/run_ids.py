"""The id of a run, and how each row that a run writes carries it, so that its rows can be found again.

A UUID of a run ends with the run's id. The rest is random, so that the rows are spread over the table like all others.
An e-mail address and the name of a plan contain the id. Plans are written first and removed last, so that every run
that has rows is found by them.
"""

import re
import secrets
from random import Random
from uuid import UUID

from toolkit.database import Cursor

DOMAIN = "sim.example.com"
APPLICATION = "simulate {run_id}"  # the application_name of a run's connections

# Seeded by the operating system, which is asked only once, because each call of it would yield to other threads.
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
        """Return the e-mail address of a user who signs up. number: a different one for each user of a worker."""
        return f"{name}.{number}.{self}@{DOMAIN}"

    def plan(self, name: str) -> str:
        """Return the name of a plan."""
        return f"{name}, simulation {self}"


def new_run_id() -> RunId:
    """Return a new, random id."""
    return RunId(f"{secrets.randbits(48):012x}")


def is_run_id(text: str) -> bool:
    """Whether a text has the form of a run's id."""
    return bool(re.fullmatch("[0-9a-f]{12}", text))


def known_run_ids(cursor: Cursor) -> list[RunId]:
    """Return the ids of the runs whose plans or users are in the database."""
    cursor.execute(KNOWN, {"plan": "%, simulation %", "address": f"%@{DOMAIN}", "domain": f"@{DOMAIN}"})
    return [RunId(text) for (text,) in cursor.fetchall() if is_run_id(text)]


KNOWN = """
    SELECT split_part(name, ', simulation ', 2) AS run_id FROM subscriptions WHERE name LIKE %(plan)s
    UNION SELECT right(split_part(email, %(domain)s, 1), 12) FROM users WHERE email LIKE %(address)s
    ORDER BY run_id"""
