"""The page: cards with a picture, a sentence, the table behind it and where the figures come from.

All is in one file that loads nothing: page.css and page.js are written into it, and a content security policy forbids
the browser to ask anybody for anything, and to run any other script.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting.formatting import cell
from reporting.markup import Markup, join, tag, void
from toolkit.console import clipped

HERE = Path(__file__).parent
# A table shows no more rows and no longer texts than this, so that a page stays below a megabyte.
MOST_ROWS = 400
MOST_CHARACTERS = 120


@dataclass(frozen=True)
class FigureSource:
    """Where the figures of a card come from: the name of a query or a file, and what to run for them."""

    name: str
    description: str
    command: str


@dataclass(frozen=True)
class Card:
    """A picture with what belongs to it.

    lead: the sentence that says what is to be seen. chart: None where there is nothing to draw.
    """

    key: str
    title: str
    lead: str
    chart: Markup | None
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    source: FigureSource


@dataclass(frozen=True)
class Tile:
    """A headline figure, and what it changed by; tone: up, down or even."""

    name: str
    value: str
    change: str
    tone: str


@dataclass(frozen=True)
class Section:
    title: str
    cards: Sequence[Card]


def page(title: str, subtitle: str, tiles: Markup, sections: Sequence[Section], footer: str) -> Markup:
    """Return the whole document."""
    style, script = (Markup((HERE / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=policy),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        void("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), tag("p", subtitle)),
        tag("main", tiles, *map(_section, sections)),
        tag("footer", tag("p", footer)),
        tag("div", id="tip", role="status", hidden=""),
        tag("script", script),
    )
    return join(Markup("<!doctype html>\n"), tag("html", head, body, lang="en"), "\n")


def headline(title: str, tiles: Sequence[Tile], source: FigureSource) -> Markup:
    """Return the row of headline figures."""
    items = [
        tag("div", tag("dt", one.name), tag("dd", tag("b", one.value), tag("span", one.change, class_=one.tone)))
        for one in tiles
    ]
    return tag(
        "section",
        tag("h2", title),
        tag("dl", *items, class_="tiles"),
        _source(source),
        id=source.name,
        class_="headline",
    )


def message(text: str) -> Markup:
    """Return a paragraph where else figures would be."""
    return tag("p", text, class_="message")


def _section(section: Section) -> Markup:
    return tag("section", tag("h2", section.title), tag("div", *map(_card, section.cards), class_="cards"))


def _card(card: Card) -> Markup:
    picture = card.chart if card.chart is not None else message("Nothing to draw in this period.")
    table = tag("details", tag("summary", "Table"), _table(card)) if card.rows else ""
    return tag(
        "article",
        tag("h3", card.title),
        tag("p", card.lead, class_="lead"),
        tag("figure", picture),
        tag("div", table, _source(card.source), class_="behind"),
        id=card.key,
    )


def _table(card: Card) -> Markup:
    numeric = [all(_is_number(row[i]) for row in card.rows) for i in range(len(card.columns))]
    kinds = ["number" if one else None for one in numeric]
    head = tag(
        "tr",
        *(
            tag("th", name.replace("_", " "), class_=kind, scope="col")
            for name, kind in zip(card.columns, kinds, strict=True)
        ),
    )
    body = [
        tag(
            "tr",
            *(
                tag("td", clipped(cell(value), MOST_CHARACTERS), class_=kind)
                for value, kind in zip(row, kinds, strict=True)
            ),
        )
        for row in card.rows[:MOST_ROWS]
    ]
    more = len(card.rows) - MOST_ROWS
    rest = tag("p", f"{more:,} more rows, which the source has.") if more > 0 else ""
    table = tag("table", tag("thead", head), tag("tbody", *body), aria_label=card.title)
    return tag("div", table, rest, class_="scroll", tabindex=0)


def _is_number(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and hasattr(value, "__abs__"))


def _source(source: FigureSource) -> Markup:
    return tag(
        "details",
        tag("summary", tag("code", source.name)),
        tag("p", source.description),
        tag("pre", tag("code", source.command), tabindex=0),
        class_="source",
    )
