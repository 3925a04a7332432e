"""From the answer of a query to a card of the page."""

from reporting.figures import Answer
from reporting.markup import Markup
from reporting.page import Card, Source


def source(answer: Answer) -> Source:
    """Return where an answer comes from, and the SQL to run oneself."""
    return Source(answer.query.name, answer.query.description, answer.sql + ";")


def card(answer: Answer, title: str, lead: str, chart: Markup | None, *, key: str | None = None) -> Card:
    """Return the card of a picture that was drawn from an answer.

    key: the name by which links and tests find it, where one query has several pictures; by default the query's.
    """
    rows = [list(row.values()) for row in answer.rows]
    return Card(key or answer.query.name, title, lead, chart, answer.columns, rows, source(answer))
