"""What each query of queries.sql has to answer, computed from the rows in Python, without SQL."""

from collections.abc import Callable

from platform_year import Rows

from answers import features, money, subscriptions, viewings
from answers.counting import Answer, Parameters, with_period

__all__ = ["EXPECTED", "Answer", "Parameters", "expected"]

# By the name of the query, which is the name of the function.
EXPECTED: dict[str, Callable[[Rows, Parameters], Answer]] = {
    name: function
    for part in (features, viewings, money, subscriptions)
    for name, function in vars(part).items()
    if getattr(function, "__module__", None) == part.__name__ and not name.startswith("_")
}


def expected(name: str, rows: Rows, parameters: Parameters) -> Answer:
    """Return what a query has to answer; where it is given no period, of the one that it takes then."""
    return EXPECTED[name](rows, with_period(name, rows, parameters))
