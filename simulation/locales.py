"""Where the users live: their language and country, their hours, and how many of them there are."""

from typing import NamedTuple


class Locale(NamedTuple):
    """code: as in names.json. share: in percent of the users. offsets: from UTC, in hours, with shares in percent.

    summer: by whose rule clocks are an hour ahead in summer. Empty: they are not.
    """

    code: str
    share: float
    offsets: dict[float, int]
    summer: str = ""

    @property
    def language(self) -> str:
        """The language that people speak (ISO 639-1)."""
        return self.code[:2]

    @property
    def country(self) -> str:
        """The country that they live in (ISO 3166-1 alpha-2)."""
        return self.code[3:]


# In all: North America 30 %, Europe, Middle East and Africa 33 %, Latin America 18 %, Asia and Pacific 19 %.
LOCALES = (
    Locale("en_US", 27, {-5: 47, -6: 29, -7: 7, -8: 17}, "US"),
    Locale("en_CA", 2.3, {-5: 56, -7: 22, -8: 22}, "US"),
    Locale("fr_CA", 0.7, {-5: 100}, "US"),  # a fifth or more of Canada speaks French
    Locale("en_GB", 7, {0: 100}, "EU"),
    Locale("de_DE", 6, {1: 100}, "EU"),
    Locale("fr_FR", 5, {1: 100}, "EU"),
    Locale("it_IT", 3, {1: 100}, "EU"),
    Locale("es_ES", 3, {1: 100}, "EU"),
    Locale("pl_PL", 2, {1: 100}, "EU"),
    Locale("nl_NL", 1.5, {1: 100}, "EU"),
    Locale("sv_SE", 1.5, {1: 100}, "EU"),
    Locale("tr_TR", 1.5, {3: 100}),
    Locale("ar_SA", 1, {3: 100}),
    Locale("uk_UA", 1, {2: 100}, "EU"),
    Locale("yo_NG", 0.5, {1: 100}),
    Locale("pt_BR", 8, {-3: 92, -4: 8}),
    Locale("es_MX", 6, {-6: 90, -7: 10}),
    Locale("es_CO", 4, {-5: 100}),
    Locale("ja_JP", 5, {9: 100}),
    Locale("ko_KR", 4, {9: 100}),
    Locale("hi_IN", 6, {5.5: 100}),
    Locale("id_ID", 2, {7: 82, 8: 18}),
    Locale("zh_TW", 2, {8: 100}),
)
