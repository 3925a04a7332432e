"""Makes names.json, people's names by locale, from the lists of Faker; names.json is kept, so nobody else needs Faker.

    pip install faker anyascii indic-transliteration
    python simulation/make_names.py

names.json has for each locale the given names of women and of men and the names of families, each with its spelling in
the letters a to z, for addresses. Of a list that Faker keeps in the order of frequency the first names are taken, of
any other names at equal distances. Scripts that leave out vowels need more than letters: Hindi is written as it is
spoken, which leaves out the last a, and of Arabic names those are taken whose spelling is listed here.
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

ARABIC = {
    "women": "إيمان iman, أحلام ahlam, أريج areej, ابتسام ibtisam, بثينة buthaina, بيسان bisan, "
    "جميلة jamila, حنان hanan, خديجة khadija, دلال dalal, رانيا rania, رحاب rehab, ريم reem, "
    "زينب zainab, سارة sara, سلمى salma, سمية sumaya, شيماء shaima, عائشة aisha, عبير abeer, "
    "غادة ghada, فاطمة fatima, لمى lama, لينا lina, مريم maryam, منى mona, نادية nadia, "
    "نورة noura, هدى huda, هند hind, وفاء wafa, ياسمين yasmin",
    "men": "أحمد ahmed, أنس anas, إبراهيم ibrahim, بدر badr, بلال bilal, تركي turki, حسن hassan, "
    "حسين hussein, خالد khalid, راشد rashid, زياد ziad, سامي sami, سعد saad, سعود saud, "
    "سلطان sultan, صالح saleh, طارق tariq, عادل adel, عبدالله abdullah, عبدالرحمن abdulrahman, "
    "علي ali, عمر omar, فهد fahad, فيصل faisal, ماجد majed, محمد mohammed, مشعل mishaal, "
    "ناصر nasser, نايف naif, هاني hani, وليد walid, يوسف yousef",
    "families": "الأحمد alahmad, الحربي alharbi, الدوسري aldosari, الزهراني alzahrani, السبيعي alsubaie, "
    "السعيد alsaeed, الشمري alshammari, الشهري alshehri, العتيبي alotaibi, العمري alomari, "
    "العنزي alanazi, الغامدي alghamdi, القحطاني alqahtani, القرني alqarni, المالكي almalki, "
    "المطيري almutairi, البلوي albalawi, الجهني aljohani, الرشيدي alrashidi, الخالدي alkhaldi, "
    "الفيفي alfaifi, الثبيتي althubaiti, العسيري alasiri, حداد haddad",
}


def main() -> None:
    argparse.ArgumentParser(description="Make names.json from the lists of Faker.").parse_args()
    names = {locale: _names(locale) for locale in LOCALES.split()}
    file = Path(__file__).with_name("names.json")
    lines = [f'"{locale}": {json.dumps(of_locale, ensure_ascii=False)}' for locale, of_locale in names.items()]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _names(locale: str) -> dict[str, list[list[str]]]:
    if locale == "ar_SA":
        return {kind: [pair.split() for pair in listed.split(", ")] for kind, listed in ARABIC.items()}
    faker: Any = importlib.import_module(f"faker.providers.person.{locale}").Provider
    if locale == "ja_JP":  # what characters sound like is known of whole names only
        pairs = [*faker.first_name_pairs, *faker.last_name_pairs]
        sounds = {name: latin for name, _, latin in pairs}
    elif locale == "hi_IN":
        every = [*faker.first_names_female, *faker.first_names_male, *faker.last_names]
        sounds = {name: _as_spoken(name) for name in every}
    else:
        sounds = {}
    return {
        "women": _chosen(faker.first_names_female, sounds),
        "men": _chosen(faker.first_names_male, sounds),
        "families": _chosen(getattr(faker, FAMILIES.get(locale, "last_names")), sounds),
    }


def _as_spoken(name: str) -> str:
    """Return a Hindi name in Latin letters, as people write theirs."""
    sanscript = importlib.import_module("indic_transliteration.sanscript")
    latin = sanscript.transliterate(name, sanscript.DEVANAGARI, sanscript.IAST)
    for letters, plain in (
        ("ā", "a:"),
        ("ī", "i"),
        ("ū", "u"),
        ("ṃ", "n"),
        ("m̐", "n"),
        ("ṅ", "n"),
        ("ñ", "n"),
        ("ṇ", "n"),
        ("ś", "sh"),
        ("ṣ", "sh"),
        ("ch", "chh"),
        ("c", "ch"),
        ("chhh", "chh"),
        ("ṛ", "ri"),
        ("r̥", "ri"),
        ("ḍ", "d"),
        ("ṭ", "t"),
        ("v", "v"),
    ):
        latin = latin.replace(letters, plain)
    # An a between consonants that a vowel follows is often silent, at the end it always is.
    if not re.search(r"[bcdghjkmnpst][ryv]a$", latin):
        latin = re.sub(r"(?<=[^aeiou:])a$", "", latin)
    latin = re.sub(r"(?<=[aeiou:][bcdghjklmnprstvy])a(?=[bcdghjklmnprstvy]h?[aeiou:])", "", latin)
    return latin.replace("a:", "a")


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
