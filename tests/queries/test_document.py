"""docs/queries.md lists every query with its sentence and its parameters, and nothing else."""

import re

import pytest
from documents import PROJECT, text_of

from toolkit.queries import Query, read_queries

QUERIES = read_queries(PROJECT / "queries.sql")
# In the order of the document: the oldest versions first.
FILES_OF_COCKROACHDB = ("queries.sql", "queries_of_v21.2.sql", "queries_of_regions.sql")
OF_COCKROACHDB = [
    query for name in FILES_OF_COCKROACHDB for query in read_queries(PROJECT / "cockroachdb" / name).values()
]


def listed(heading: str) -> list[str]:
    """Return the rows of the table under a heading, without its head."""
    section = text_of("docs/queries.md").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def row(query: Query, *others: str) -> str:
    return " | ".join([f"| `{query.name}`", query.summary, *others]) + " |"


def test_all_queries_are_listed() -> None:
    rows = [row(query, ", ".join(f"`{name}`" for name in query.defaults) or "none") for query in QUERIES.values()]
    assert listed("All queries") == rows


def test_all_queries_of_cockroachdb_are_listed() -> None:
    assert listed("What only CockroachDB has") == [row(query) for query in OF_COCKROACHDB]


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_a_query_says_what_it_answers_and_what_it_shows(query: Query) -> None:
    sentences = re.split(r"(?<=[.]) ", query.description)
    assert len(sentences) >= 2
    assert any(sentence.startswith("Shows ") for sentence in sentences[1:])


@pytest.mark.parametrize("query", OF_COCKROACHDB, ids=lambda query: query.name)
def test_a_query_of_cockroachdb_names_its_page(query: Query) -> None:
    assert re.search(r" See [a-z-]+\.$", query.description)
