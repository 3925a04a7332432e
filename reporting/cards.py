"""From the result of a query to a card of the page."""

from reporting.figures import QueryResult
from reporting.markup import Markup
from reporting.page import Card, FigureSource


def query_source(result: QueryResult) -> FigureSource:
    """Return where a result comes from, and the SQL to run oneself."""
    return FigureSource(result.query.name, result.query.description, result.sql + ";")


def query_card(result: QueryResult, title: str, lead: str, chart: Markup | None, *, key: str | None = None) -> Card:
    """Return the card of a picture that was drawn from a result.

    key: the name by which links and tests find it, where one query has several pictures; by default the query's.
    """
    rows = [list(row.values()) for row in result.rows]
    return Card(key or result.query.name, title, lead, chart, result.columns, rows, query_source(result))
