"""A short run of the traffic, and its proof, for the tests."""

from decimal import Decimal
from typing import NamedTuple

from simulation.traffic.audience import Audience
from simulation.traffic.checkers import Tallies
from simulation.traffic.journal import Journal
from simulation.traffic.marks import Run, new_run
from simulation.traffic.operations import MIX
from simulation.traffic.plans import Plan, add_plans
from simulation.traffic.proof import prove
from simulation.traffic.runner import Traffic
from toolkit.database import Database

# With this every operation comes several times in a few hundred.
MUCH_OF_ALL = {**dict.fromkeys(MIX, 5.0), "watch": 25.0, "progress": 50.0, "review": 20.0, "signup": 15.0, "pay": 15.0}


class Finished(NamedTuple):
    """A run that is over."""

    database: Database
    run: Run
    plans: list[Plan]
    first_prices: list[Decimal]
    journals: list[Journal]
    traffic: Traffic

    def prove(self) -> Tallies:
        return prove(self.database, self.run, self.plans, self.first_prices, self.journals)


def run_ops(database: Database, url: str, ops: int, *, concurrency: int = 3) -> Finished:
    """Let the traffic run for so many operations."""
    audience, run = Audience(database), new_run()
    plans = add_plans(database, audience, run)
    prices = [plan.price for plan in plans]
    traffic = Traffic(url, run, audience, plans, concurrency=concurrency, mix=MUCH_OF_ALL, seed=1, max_ops=ops)
    traffic.go(60.0, lambda: None)
    traffic.totals.take()
    journals = [worker.journal for worker in traffic.workers if worker.journal]
    return Finished(database, run, plans, prices, journals, traffic)


def off(tallies: Tallies) -> dict[str, dict[str, int]]:
    """Return what is off: checker -> what it has counted of it."""
    return {
        name: {kind: getattr(tally, kind) for kind in ("lost", "unexpected", "wrong") if getattr(tally, kind)}
        for name, tally in tallies.items()
        if not tally.is_clean
    }
