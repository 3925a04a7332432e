"""Names of people, and titles. Both are put together from lists: names.json (see make_names.py) and titles.toml."""

import json
from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import tomli

from simulation.choices import one_of

FOLDER = Path(__file__).parent
DRAWS = 6  # This many titles are drawn at most, until one is found that nothing else has.
# In these locales the family name comes first; the value is what stands between the two names.
FAMILY_FIRST = {"ja_JP": " ", "ko_KR": "", "zh_TW": ""}


class Person(NamedTuple):
    """name: as it is written. given, family: the same in the letters of an e-mail address."""

    name: str
    given: str
    family: str


class People:
    """Makes up people's names."""

    def __init__(self) -> None:
        listed = json.loads((FOLDER / "names.json").read_text("utf-8"))
        self._names = {
            locale: {
                kind: (of_kind, list(accumulate(share for *_, share in of_kind))) for kind, of_kind in lists.items()
            }
            for locale, lists in listed.items()
        }

    @property
    def locales(self) -> list[str]:
        """The locales of which there are names."""
        return list(self._names)

    def person(self, locale: str, rng: Random) -> Person:
        """Return the name of somebody from there. Frequent names are as frequent as names.json says."""
        names = self._names[locale]
        given = _by_frequency(names["women" if rng.random() < 0.5 else "men"], rng)
        family = _by_frequency(names["families"], rng)
        if locale in FAMILY_FIRST:
            return Person(family[0] + FAMILY_FIRST[locale] + given[0], given[1], family[1])
        return Person(f"{given[0]} {family[0]}", given[1], family[1])


class TitleNames:
    """Makes up titles, each once."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._people = People()
        self._taken: set[str] = set()
        self._copies: Counter[str] = Counter()  # of a title and year
        self._shapes = tomli.loads((FOLDER / "titles.toml").read_text("utf-8"))["shape"]
        self._fitting: dict[tuple[str, str, str], list[dict[str, Any]]] = {}

    @property
    def languages(self) -> set[str]:
        """The languages in which there are titles."""
        return {shape["language"] for shape in self._shapes}

    def fits(self, content_type: str, genre: str, language: str) -> bool:
        """Whether there are titles of this type and genre in a language."""
        return bool(self._shapes_for(content_type, genre, language))

    def title(self, content_type: str, genre: str, language: str, year: int) -> str:
        """Return a title that fits. Where none is left that nothing else has, it has its year, as in film databases."""
        for _ in range(DRAWS):
            name = self._draw(content_type, genre, language)
            if name not in self._taken:
                break
        else:
            name = f"{name} ({year})"
            self._copies[name] += 1
            if self._copies[name] > 1:
                name = f"{name[:-1]}/{self._copies[name]})"
        self._taken.add(name)
        return name

    def _draw(self, content_type: str, genre: str, language: str) -> str:
        shapes = self._shapes_for(content_type, genre, language)
        ends = list(accumulate(shape["share"] for shape in shapes))
        draw = self._rng.random() * ends[-1]
        shape = next(shape for shape, end in zip(shapes, ends, strict=True) if draw < end)
        name: str = shape.get("join", " ").join(one_of(part, self._rng) for part in shape["parts"])
        if "{name}" in name:
            locale = next(code for code in self._people.locales if code.startswith(shape["language"]))
            name = name.replace("{name}", self._people.person(locale, self._rng).name)
        return name

    def _shapes_for(self, content_type: str, genre: str, language: str) -> list[dict[str, Any]]:
        key = content_type, genre, language
        if key not in self._fitting:
            self._fitting[key] = [
                shape
                for shape in self._shapes
                if content_type in shape["types"]
                and language == shape["language"]
                and genre in shape.get("genres", [genre])
            ]
        return self._fitting[key]


def _by_frequency(names: tuple[list[Any], list[int]], rng: Random) -> Any:
    listed, ends = names
    return listed[bisect_right(ends, int(rng.random() * ends[-1]))]
