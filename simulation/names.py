"""Names of people, and titles. Both are put together from lists: names.json (see make_names.py) and titles.toml."""

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import tomli

Choice = TypeVar("Choice")

FOLDER = Path(__file__).parent
FAMILY_FIRST = {"ja_JP": " ", "ko_KR": "", "zh_TW": ""}  # and what stands between the names


class Person(NamedTuple):
    """name: as it is written. address: the same in the letters of an e-mail address."""

    name: str
    address: str


class People:
    """Makes up people's names."""

    def __init__(self) -> None:
        self._names = json.loads((FOLDER / "names.json").read_text("utf-8"))

    def person(self, locale: str, rng: Random) -> Person:
        """Return the name of somebody from there."""
        names = self._names[locale]
        given = _one_of(names["women" if rng.random() < 0.5 else "men"], rng)
        family = _one_of(names["families"], rng)
        address = f"{given[1]}.{family[1]}"
        if locale in FAMILY_FIRST:
            return Person(family[0] + FAMILY_FIRST[locale] + given[0], address)
        return Person(f"{given[0]} {family[0]}", address)


class TitleNames:
    """Makes up titles, each once: a title that is taken gets a number, as a sequel does."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._people = People()
        self._taken: dict[str, int] = {}
        shapes = tomli.loads((FOLDER / "titles.toml").read_text("utf-8"))["shape"]
        self._shapes = {
            kind: [shape for shape in shapes if kind in shape["types"]]
            for kind in ("movie", "series", "documentary", "other")
        }

    def title(self, content_type: str) -> str:
        """Return a title."""
        shapes = self._shapes[content_type]
        ends = list(accumulate(shape["share"] for shape in shapes))
        place = self._rng.random() * ends[-1]
        shape: dict[str, Any] = next(shape for shape, end in zip(shapes, ends, strict=True) if place < end)
        name = shape.get("join", " ").join(_one_of(part, self._rng) for part in shape["parts"])
        if "{name}" in name:
            name = name.replace("{name}", self._people.person("en_US", self._rng).name)
        self._taken[name] = times = self._taken.get(name, 0) + 1
        return f"{name} {times}" if times > 1 else name


def _one_of(choices: Sequence[Choice], rng: Random) -> Choice:
    return choices[int(rng.random() * len(choices))]
