"""A short run of the traffic, and its proof, for the tests."""

from typing import NamedTuple

from simulation.traffic.audience import Audience
from simulation.traffic.history import History
from simulation.traffic.operations import MIX
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan, add_plans
from simulation.traffic.recorder import Totals
from simulation.traffic.run_ids import RunId, new_run_id
from simulation.traffic.runner import Runner
from simulation.traffic.server_clock import ServerClock
from simulation.traffic.verdict import Tallies, Verdict
from simulation.traffic.verification import RunWrites, verify
from toolkit.database import Database

# With this every operation comes several times in a few hundred.
MUCH_OF_ALL = {**dict.fromkeys(MIX, 5.0), "watch": 25.0, "progress": 50.0, "review": 20.0, "signup": 15.0, "pay": 15.0}


class Finished(NamedTuple):
    """A run that is over. clock: as it was at the beginning."""

    database: Database
    written: RunWrites
    clock: ServerClock
    totals: Totals

    @property
    def run_id(self) -> RunId:
        return self.written.run_id

    @property
    def plans(self) -> list[Plan]:
        return self.written.plans

    @property
    def histories(self) -> list[History]:
        return self.written.histories

    def verdict(self) -> Verdict:
        return verify(self.database, self.written, self.clock)

    def verify(self) -> Tallies:
        return self.verdict().tallies


def run_ops(database: Database, url: str, ops: int, *, concurrency: int = 3) -> Finished:
    """Let the traffic run for so many operations."""
    audience, run_id, clock = Audience(database), new_run_id(), ServerClock(database)
    plans = add_plans(database, audience, run_id)
    prices = [plan.price for plan in plans]
    options = Options(concurrency=concurrency, mix=MUCH_OF_ALL, max_ops=ops, duration=60.0)
    runner = Runner(url, run_id, audience, plans, options)
    runner.run(lambda: None)
    runner.totals.take()
    return Finished(database, RunWrites(run_id, plans, prices, runner.histories), clock, runner.totals)


def off(tallies: Tallies) -> dict[str, dict[str, int]]:
    """Return what is off: checker -> what it has counted of it."""
    return {
        name: {kind: getattr(tally, kind) for kind in ("lost", "unexpected", "wrong") if getattr(tally, kind)}
        for name, tally in tallies.items()
        if not tally.is_clean
    }
