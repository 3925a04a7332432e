"""Makes names.json, people's names by locale, from the lists of Faker; names.json is kept, so nobody else needs Faker.

    pip install faker anyascii indic-transliteration
    python simulation/make_names.py

names.json has for each locale the given names of women and of men and the names of families, each with its spelling in
the letters a to z, for addresses, and how often it is had, next to the others, as far as Faker knows that. Of a list
that Faker keeps in the order of frequency the first names are taken, of any other names at equal distances. Families
are less and less frequent, from those on that are listed here. Scripts that leave out vowels need more than letters:
Hindi is written as it is spoken, which leaves out the last a, and of Arabic names those are taken whose spelling is
listed here; Germans write ae for an umlaut, and Koreans have their own ways.
"""

import argparse
import importlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

Name = tuple[str, str, int]  # as it is written, in the letters of an address, and how often it is had

LOCALES = (
    "ar_SA de_DE en_GB en_US en_CA es_CO es_ES es_MX fr_CA fr_FR hi_IN id_ID it_IT ja_JP ko_KR nl_NL pl_PL pt_BR sv_SE "
    "tr_TR uk_UA yo_NG zh_TW"
)
FAMILIES = {"pl_PL": "unisex_last_names", "uk_UA": "last_names_common"}
MOST_GIVEN = 80  # A list has this many given names at most,
MOST_FAMILIES = 200  # or this many names of families.
LIKE = {"en_CA": "en_US"}  # Faker does not have the names of the first locale: those of the second are taken.
FLATTER = 10  # Each name is as frequent as the one this many places later in a power law: the first stand out less.
SHARES = 10_000  # The frequencies of a list come to about this number.

# The most frequent families, where Faker's lists do not tell.
FIRST = {
    "de_DE": "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter",
    "en_GB": "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker",
    "es_ES": "García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez Hernández Ruiz",
    "es_MX": "Hernández García Martínez López González Pérez Rodríguez Sánchez Ramírez Cruz Flores Gómez Morales",
    "hi_IN": "कुमार सिंह शर्मा दास खान यादव पटेल गुप्ता मिश्रा वर्मा राव शाह जैन मंडल घोष",
    "it_IT": "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti",
    "nl_NL": "Jansen Bakker Visser Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Brouwer Dijkstra",
    "pl_PL": "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak",
    "pt_BR": "Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Costa Ribeiro Martins Carvalho",
    "tr_TR": "Yılmaz Demir Yıldırım Aslan Çetin Arslan Yüksel Bilgin Gül Güçlü Aksu Akar",
    "uk_UA": "Мельник Шевченко Коваленко Бондаренко Бойко Ткаченко Кравченко Ковальчук Коваль Шевчук Поліщук",
}
# How Koreans write the syllables of their names that no table would write so.
KOREAN = (
    "gim=kim i=lee bag=park choe=choi jo=cho gang=kang im=lim o=oh sin=shin gwon=kwon an=ahn lyu=ryu "
    "go=ko baeg=baek sim=shim no=noh gwag=kwak gu=koo eom=um gyeong=kyung myeong=myung yeong=young "
    "jeong=jung seong=sung byeong=byung hyeon=hyun hyeog=hyuk cheol=chul gwang=kwang geon=gun seog=suk "
    "sug=sook sig=sik og=ok seon=sun hun=hoon jun=joon mun=moon yun=yoon hui=hee su=soo ju=joo yu=yoo "
    "u=woo hu=hoo lam=ram leum=reum"
)

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


def _names(locale: str) -> dict[str, list[Name]]:
    if locale == "ar_SA":
        return {kind: _with_shares(kind, dict(map(str.split, listed.split(", ")))) for kind, listed in ARABIC.items()}
    faker: Any = importlib.import_module(f"faker.providers.person.{LIKE.get(locale, locale)}").Provider
    if locale == "ja_JP":  # what characters sound like is known of whole names only
        pairs = [*faker.first_name_pairs, *faker.last_name_pairs]
        sounds = {name: latin for name, _, latin in pairs}
    elif locale == "hi_IN":
        every = [*faker.first_names_female, *faker.first_names_male, *faker.last_names]
        sounds = {name: _as_spoken(name) for name in every} | {"सिंह": "singh"}
    elif locale == "ko_KR":
        every = [*faker.first_names_female, *faker.first_names_male, *faker.last_names]
        sounds = {name: _as_koreans_write(name) for name in every}
    elif locale == "de_DE":
        every = [*faker.first_names_female, *faker.first_names_male, *faker.last_names]
        umlauts = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"})
        sounds = {name: name.translate(umlauts).replace("ß", "ss") for name in every}
    else:
        sounds = {}
    first = FIRST.get(locale, "").split()
    families = getattr(faker, FAMILIES.get(locale, "last_names"))
    return {
        "women": _chosen("women", faker.first_names_female, [], sounds),
        "men": _chosen("men", faker.first_names_male, [], sounds),
        "families": _chosen("families", families, first, sounds),
    }


def _as_koreans_write(name: str) -> str:
    """Return a Korean name in Latin letters."""
    anyascii = importlib.import_module("anyascii").anyascii
    ways = dict(way.split("=") for way in KOREAN.split())
    syllables = [anyascii(syllable).lower() for syllable in name]
    return "".join(ways.get(syllable, syllable) for syllable in syllables)


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


def _chosen(
    kind: str, listed: Sequence[str] | dict[str, float], first: Sequence[str], sounds: dict[str, str]
) -> list[Name]:
    """Return names of a list. first: the most frequent ones, where the list does not tell."""
    anyascii = importlib.import_module("anyascii").anyascii
    frequency = {} if first else listed if isinstance(listed, dict) else {}
    plain: dict[str, str] = {}
    for name in [*first, *sorted(listed, key=lambda name: -frequency.get(name, 0))]:
        letters = re.sub("[^a-z]", "", sounds.get(name, anyascii(name)).lower())
        if name.isprintable() and not re.search(r"[\s\d'’.\"\\-]", name) and 1 <= len(letters) <= 14:
            plain.setdefault(name, letters)
    names, others = list(plain)[: len(first)], list(plain)[len(first) :]
    count = min(MOST_FAMILIES if kind == "families" else MOST_GIVEN, len(plain)) - len(names)
    if not frequency and others == sorted(others):
        others = [others[index * len(others) // count] for index in range(count)]
        others.sort(key=lambda name: crc32(name.encode()))  # or those with an A would be the most frequent
    names += others[:count]
    return _with_shares(kind, {name: plain[name] for name in names}, [frequency[name] for name in names if frequency])


def _with_shares(kind: str, letters: dict[str, str], known: Sequence[float] = ()) -> list[Name]:
    """Return names with how often they are had. letters: of each name. known: the frequencies, if Faker has them."""
    frequencies = known or [1 / (place + FLATTER) if kind == "families" else 1 for place in range(len(letters))]
    whole = sum(frequencies)
    return [
        (name, plain, max(1, round(SHARES * frequency / whole)))
        for (name, plain), frequency in zip(letters.items(), frequencies, strict=True)
    ]


if __name__ == "__main__":
    main()
