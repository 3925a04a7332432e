"""The HTML page: cards with a chart, a sentence, a table and the source of the figures.

The page is a single file: page.css and page.js are embedded in it, and a content security policy forbids the browser to
load anything, and to run any other script.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reporting.charts import Chart
from reporting.formatting import cell
from reporting.markup import Markup, join, tag, void
from toolkit.console import clipped

HERE = Path(__file__).parent
# The limits of tables, so that a page stays below a megabyte.
MOST_ROWS = 400
MOST_CHARACTERS = 120
# The pattern over the column of a month that is not whole.
HATCH = tag(
    "svg",
    tag(
        "pattern",
        tag("path", d="M-1,7L7,-1M2,10L10,2", class_="stripe"),
        id="hatch",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    ),
    width=0,
    height=0,
    aria_hidden="true",
    class_="hatching",
)


@dataclass(frozen=True)
class FigureSource:
    """The source of a card's figures: the name of a query or a file, and the SQL or command that gives them."""

    name: str
    description: str
    command: str


@dataclass(frozen=True)
class Card:
    """A card of the page.

    key: its id. lead: the sentence about its chart. chart: may be other Markup; None if there is nothing to draw.
    columns, rows: its table.
    """

    key: str
    title: str
    lead: str
    chart: Chart | Markup | None
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    source: FigureSource


@dataclass(frozen=True)
class Tile:
    """A headline figure and its change. tone: up, down or even."""

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
        tag("header", tag("h1", title), tag("p", _with_commands(subtitle))),
        _contents(sections),
        tag("main", tiles, *map(_section, sections)),
        tag("footer", tag("p", footer)),
        HATCH,
        tag("div", id="tip", role="status", hidden=""),
        tag("script", script),
    )
    return join(Markup("<!doctype html>\n"), tag("html", head, body, lang="en"), "\n")


def headline(title: str, tiles: Sequence[Tile], source: FigureSource) -> Markup:
    """Return the section with the headline figures."""
    items = [
        tag(
            "div",
            tag("dt", tile.name),
            tag(
                "dd",
                tag("b", tile.value, style=f"--characters:{len(tile.value)}"),
                tag("span", tile.change, class_=tile.tone),
            ),
        )
        for tile in tiles
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
    """Return a paragraph in place of figures."""
    return tag("p", _with_commands(text), class_="message")


def _with_commands(text: str) -> Markup:
    """Return a text with the parts between backticks marked as code."""
    return join(*(tag("code", part) if i % 2 else part for i, part in enumerate(text.split("`"))))


def _contents(sections: Sequence[Section]) -> Markup:
    links = [tag("a", one.title, href=f"#{_anchor(one.title)}") for one in sections]
    return tag("nav", *links, aria_label="Contents") if len(links) > 1 else Markup()


def _anchor(title: str) -> str:
    return "part-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _section(section: Section) -> Markup:
    cards = tag("div", *map(_card, section.cards), class_="cards")
    return tag("section", tag("h2", section.title), cards, id=_anchor(section.title))


def _card(card: Card) -> Markup:
    if card.chart is None:
        picture = message("Nothing to draw in this period.")
    elif isinstance(card.chart, Markup):
        picture = card.chart
    else:
        # Focusable, so that page.js can move from value to value by keyboard.
        said = f"{card.title}: {card.lead}"
        drawn = tag("div", card.chart.picture, role="img", aria_label=said, tabindex=0, class_="chart")
        picture = join(drawn, card.chart.legend)
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
    kinds = ["number" if all(_is_number(row[i]) for row in card.rows) else None for i in range(len(card.columns))]
    head = [
        tag("th", name.replace("_", " "), class_=kind, scope="col")
        for name, kind in zip(card.columns, kinds, strict=True)
    ]
    body = [
        tag(
            "tr",
            *(
                tag("td", clipped(cell(column, value), MOST_CHARACTERS), class_=kind)
                for column, value, kind in zip(card.columns, row, kinds, strict=True)
            ),
        )
        for row in card.rows[:MOST_ROWS]
    ]
    more = len(card.rows) - MOST_ROWS
    rest = tag("p", f"{more:,} more rows, which the source has.") if more > 0 else ""
    table = tag("table", tag("caption", card.title), tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", table, rest, class_="scroll", tabindex=0)


def _is_number(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and hasattr(value, "__abs__"))


def _source(source: FigureSource) -> Markup:
    return tag(
        "details",
        tag("summary", tag("code", source.name)),
        tag("p", source.description),
        tag("pre", tag("code", *_marked(source.command)), tabindex=0),
        class_="source",
    )


def _marked(command: str) -> Iterator[Markup | str]:
    """Yield SQL with comments and keywords (words in capitals) marked, but not inside of strings."""
    for part in re.split(r"('(?:[^']|'')*'|/\*.*?\*/|--[^\n]*|\b[A-Z]{2,}\b)", command):
        if part.startswith(("/*", "--")):
            yield tag("i", part)
        else:
            yield tag("b", part) if re.fullmatch("[A-Z]{2,}", part) else part
