"""What each query of queries.sql has to answer, computed from the rows in Python, without SQL."""

from collections.abc import Callable

from platform_year import Rows

from answers import features, money, viewings
from answers.counting import Answer, Parameters

__all__ = ["EXPECTED", "Answer", "Parameters"]

# By the name of the query, which is the name of the function.
EXPECTED: dict[str, Callable[[Rows, Parameters], Answer]] = {
    name: function
    for part in (features, viewings, money)
    for name, function in vars(part).items()
    if getattr(function, "__module__", None) == part.__name__ and not name.startswith("_")
}
