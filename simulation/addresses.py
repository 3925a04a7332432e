"""E-mail addresses as people choose them: of their names, with a number where they like it or the name is taken."""

from random import Random
from zlib import crc32

from simulation.names import Person

# How often each form and domain is taken, next to others. {0} is the given name, {1} that of the family, {2} and {3}
# are their initials.
SHAPES = {"{0}.{1}": 40, "{0}{1}": 20, "{2}{1}": 10, "{0}_{1}": 8, "{1}.{0}": 6, "{0}": 6, "{0}.{3}": 5, "{2}.{1}": 5}
DOMAINS = {"mail.example.com": 46, "inbox.example.com": 19, "post.example.net": 16, "home.example.net": 8}
DOMAINS |= {"example.org": 7, "campus.example.org": 4}  # nobody can have these: RFC 2606
NUMBERED = 0.3  # This share of the people has a number in the address without need.
TRIES = 8  # After this many tries with a year or a number of two digits the numbers grow.
BITS_PER_USER = 64  # The map of what is taken has this many bits for each user.


class Addresses:
    """Makes up addresses, each once.

    What is taken is known by hashes alone, so that a million users take little memory. Two addresses of the same hash
    are as good as the same: the second one gets a number.
    """

    def __init__(self, users: int) -> None:
        self._taken = bytearray(users * BITS_PER_USER // 8 + 64)
        # Each form and domain is in its list as often as its share says.
        self._shapes = [shape for shape, share in SHAPES.items() for _ in range(share)]
        self._domains = [domain for domain, share in DOMAINS.items() for _ in range(share)]

    def address(self, person: Person, rng: Random) -> str:
        """Return an address that nobody else has."""
        given, family = person.given, person.family
        shape = self._shapes[int(rng.random() * len(self._shapes))]
        name = shape.format(given, family, given[0], family[0])
        domain = self._domains[int(rng.random() * len(self._domains))]
        end = _number(rng) if rng.random() < NUMBERED or len(name) < 6 else ""
        tries = 0
        while not self._take(f"{name}{end}@{domain}"):
            tries += 1  # who has found the usual ones taken tries longer ones
            end = _number(rng) if tries < TRIES else str(int(rng.random() * 10 ** (tries - TRIES + 3)))
        return f"{name}{end}@{domain}"

    def _take(self, address: str) -> bool:
        """Take an address. Returns whether it was free."""
        place, bit = divmod(crc32(address.encode()) % (8 * len(self._taken)), 8)
        free = not self._taken[place] >> bit & 1
        self._taken[place] |= 1 << bit
        return free


def _number(rng: Random) -> str:
    """Return what people put behind their names: a year of birth, in four digits or two, or any number."""
    draw, year = rng.random(), 1950 + int(56 * (rng.random() + rng.random()) / 2)
    if draw < 0.35:
        return str(year)
    return f"{year % 100:02}" if draw < 0.75 else str(1 + int(rng.random() * 99))
