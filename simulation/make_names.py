"""Makes names.json, people's names by locale, from the lists of Faker; names.json is kept, so nobody else needs Faker.

    pip install faker anyascii
    python simulation/make_names.py

names.json has for each locale the given names of women and of men and the names of families, each with its spelling in
the letters a to z, for addresses. Of a list that Faker keeps in the order of frequency the first names are taken, of
any other names at equal distances.
"""

import argparse
import importlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCALES = (
    "ar_SA de_DE en_GB en_US es_CO es_ES es_MX fr_CA fr_FR hi_IN id_ID it_IT ja_JP ko_KR nl_NL pl_PL pt_BR sv_SE tr_TR "
    "uk_UA yo_NG zh_TW"
)
FAMILIES = {"pl_PL": "unisex_last_names", "uk_UA": "last_names_common"}
MOST = 80  # names of a list


def main() -> None:
    argparse.ArgumentParser(description="Make names.json from the lists of Faker.").parse_args()
    names = {locale: _names(locale) for locale in LOCALES.split()}
    file = Path(__file__).with_name("names.json")
    lines = [f'"{locale}": {json.dumps(of_locale, ensure_ascii=False)}' for locale, of_locale in names.items()]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _names(locale: str) -> dict[str, list[list[str]]]:
    faker: Any = importlib.import_module(f"faker.providers.person.{locale}").Provider
    if locale == "ja_JP":  # what characters sound like is known of whole names only
        pairs = [*faker.first_name_pairs, *faker.last_name_pairs]
        sounds = {name: latin for name, _, latin in pairs}
    else:
        sounds = {}
    return {
        "women": _chosen(faker.first_names_female, sounds),
        "men": _chosen(faker.first_names_male, sounds),
        "families": _chosen(getattr(faker, FAMILIES.get(locale, "last_names")), sounds),
    }


def _chosen(listed: Sequence[str] | dict[str, float], sounds: dict[str, str]) -> list[list[str]]:
    anyascii = importlib.import_module("anyascii").anyascii
    frequency = listed if isinstance(listed, dict) else {}
    plain = {}
    for name in sorted(listed, key=lambda name: -frequency.get(name, 0)):
        letters = re.sub("[^a-z]", "", sounds.get(name, anyascii(name)).lower())
        if name.isprintable() and not re.search(r"[\s\d'’.\"\\-]", name) and 1 <= len(letters) <= 14:
            plain[name] = letters
    names = [[name, letters] for name, letters in plain.items()]
    count = min(MOST, len(names))
    if frequency or names != sorted(names):
        return names[:count]
    return [names[index * len(names) // count] for index in range(count)]


if __name__ == "__main__":
    main()
