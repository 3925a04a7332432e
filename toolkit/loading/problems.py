"""What is wrong with fixtures, row by row, and the failure that tells all of it at once."""

from typing import NamedTuple

from toolkit.console import UserError, printable
from toolkit.exact_json import shortened

MOST_TOLD = 20  # how many problems a message lists
MOST_ALIKE = 3  # how many unreadable rows of a file with the same error are listed; more become one problem,
MOST_NUMBERS = 10  # which lists the numbers of this many
MOST_PROBLEMS = 1_000  # how many refused rows are looked for: each takes some statements to find

RUN_AGAIN = "Running it again finishes."


def how_to_finish(failure: UserError) -> str:
    """Say how a load that ended with a failure is finished: running it again mends only what passes by itself."""
    return RUN_AGAIN if failure.is_transient else "When that is mended, running it again finishes."


class Problem(NamedTuple):
    """What is wrong with a fixture, and where. number: the row's position in its table, or its line in the file."""

    file: str
    text: str
    table: str = ""
    number: int = 0
    unit: str = "row"
    key: str = ""
    column: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.table:
            place += f", table {shortened(self.table)[1:-1]}"
        if self.number:
            place += f", {self.unit} {self.number}" + (f" ({self.key})" if self.key else "")
        if self.column:
            place += f", column {shortened(self.column)[1:-1]}"
        return printable(f"{place}: {self.text}")


class BadInput(UserError):
    """The fixtures cannot be loaded as they are. problems: all that was found."""

    def __init__(self, problems: list[Problem], more: str = "Nothing was written.") -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [str(problem) for problem in problems[:MOST_TOLD]]
        if len(problems) > MOST_TOLD:
            lines.append(f"... and {len(problems) - MOST_TOLD} more")
        super().__init__("\n  ".join([f"{count} in the fixtures. {more}", *lines]))
        self.problems = problems


def group_alike(problems: list[Problem], *, are_all: bool) -> list[Problem]:
    """Return these problems with rows that cannot be read. Those of one kind in one file become one if they are many.

    What is wrong with a file as a whole, such as its encoding, would otherwise be told with each of its lines. are_all:
    whether no row could be read; then a few are one mistake, too.
    """
    kinds: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault((problem.file, problem.table, *problem.text.split()[:2]), []).append(problem)
    most = 1 if are_all else MOST_ALIKE
    return [found for alike in kinds.values() for found in (alike if len(alike) <= most else [_as_one(alike)])]


def _as_one(problems: list[Problem]) -> Problem:
    first, *others = problems
    numbers = ", ".join(str(problem.number) for problem in others[:MOST_NUMBERS])
    more = f" and {len(others) - MOST_NUMBERS:,} more" if len(others) > MOST_NUMBERS else ""
    unit = f"{first.unit}s" if len(others) > 1 else first.unit
    return first._replace(text=f"{first.text}; likewise {unit} {numbers}{more}")
