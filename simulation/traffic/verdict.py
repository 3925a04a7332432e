"""The result of a run's proof: the tallies of its checkers, and the verdict. The words are Jepsen's.

attempted       calls, whatever their outcome
acknowledged    calls that were confirmed
uncertain       calls whose outcome is not known
recovered       uncertain calls whose write turned out to be there
lost            confirmed, and not there
unexpected      there, though it was refused or never asked for, or though what it belongs to is gone
wrong           there, with values that neither the last confirmed call nor an uncertain one has sent
not judged      changed or removed by others, of whom the run knows nothing
"""

from collections import Counter
from dataclasses import dataclass

from simulation.traffic.history import INFO, OK, Call

MOST_EXAMPLES = 5
JUDGED = ("attempted", "acknowledged", "uncertain", "recovered", "lost", "unexpected", "wrong", "not_judged")
OFF = ("lost", "unexpected", "wrong")

# Why calls are not judged.
REMOVED = "whose user or title somebody else has removed"
PROGRESS = "of a viewing that another device took further"
REWRITTEN = "of a review that its user has changed or removed"


class Tally:
    """The counts of a checker, with examples of what is wrong. reasons: why calls are not judged, and how many."""

    def __init__(self) -> None:
        self.attempted = self.acknowledged = self.uncertain = self.recovered = 0
        self.lost = self.unexpected = self.wrong = 0
        self.reasons: Counter[str] = Counter()
        self.examples: list[str] = []

    @property
    def not_judged(self) -> int:
        return self.reasons.total()

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.unexpected or self.wrong)

    def tell(self, example: str) -> None:
        """Keep an example of what is wrong, up to MOST_EXAMPLES."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)

    def count(self, calls: list[Call]) -> None:
        """Count calls and their outcomes."""
        outcomes = Counter(call.outcome for call in calls)
        self.attempted += len(calls)
        self.acknowledged += outcomes[OK]
        self.uncertain += outcomes[INFO]


Tallies = dict[str, Tally]


@dataclass(frozen=True)
class Verdict:
    """What a proof has found. most_not_judged: if more percent of the calls are not judged, nothing is proved.

    elapsed: the seconds that the proof took. clock: a sentence about the server's clock.
    """

    tallies: Tallies
    most_not_judged: float
    elapsed: float
    clock: str

    @property
    def calls(self) -> int:
        return sum(tally.attempted for tally in self.tallies.values())

    @property
    def not_judged(self) -> int:
        return sum(tally.not_judged for tally in self.tallies.values())

    @property
    def kind(self) -> str:
        """One of: off, not proved, proved in part, proved."""
        if not all(tally.is_clean for tally in self.tallies.values()):
            return "off"
        if not self.not_judged:
            return "proved"
        return "proved in part" if 100 * self.not_judged <= self.most_not_judged * self.calls else "not proved"

    @property
    def is_good(self) -> bool:
        return self.kind in ("proved", "proved in part")

    @property
    def text(self) -> str:
        """The verdict for a person."""
        reasons = sum((tally.reasons for tally in self.tallies.values()), Counter[str]())
        which = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
        if self.kind == "proved":
            return "proved: all is as it was confirmed"
        if self.kind == "proved in part":
            return f"proved: all is as it was confirmed, but for {self.not_judged:,} calls not judged: {which}"
        if self.kind == "not proved":
            share = f"{100 * self.not_judged / self.calls:.3g} %"
            return f"NOT PROVED: {self.not_judged:,} calls ({share}) cannot be judged: {which}"
        found = {name: sum(getattr(tally, name) for tally in self.tallies.values()) for name in OFF}
        off = ", ".join(f"{number:,} {name}" for name, number in found.items() if number)
        return f"something is OFF: {off}" + (f"; not judged: {which}" if which else "")
