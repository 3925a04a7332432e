"""The database compared with the histories of a run: is every confirmed write there, and nothing else?"""

import time
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from simulation.traffic import checkers
from simulation.traffic.checkers import Evidence
from simulation.traffic.history import Call, History
from simulation.traffic.plans import Plan, PriceHistory
from simulation.traffic.run_ids import RunId
from simulation.traffic.server_clock import ServerClock
from simulation.traffic.stored_rows import KEYS, PLANS, keys_of_runs, read_rows, read_stored_rows
from simulation.traffic.user_histories import by_key, by_user
from simulation.traffic.verdict import Tallies, Tally, Verdict
from toolkit.database import Database


class RunWrites(NamedTuple):
    """What a run has written. first_prices: of its plans, at the beginning."""

    run_id: RunId
    plans: list[Plan]
    first_prices: list[Decimal]
    histories: list[History]


def verify(database: Database, written: RunWrites, clock: ServerClock, most_not_judged: float = 5.0) -> Verdict:
    """Compare the database with the histories of a run's workers.

    most_not_judged: see Verdict. Only reads, so it may be repeated; to find rows that no call has asked for it reads
    the large tables in full, once. Raises UserError.
    """
    begin = time.monotonic()
    clock.ask(database)
    tallies = {name: Tally() for name in checkers.CHECKER_NAMES}
    prices = _price_histories(written)
    found = dict.fromkeys(KEYS, 0)
    stored_plans = read_rows(database, PLANS, list(prices))
    checkers.check_plans(written.plans, prices, stored_plans, tallies)
    found["plans"] = len(stored_plans)
    for histories in by_user(written.histories):
        stored = read_stored_rows(database, histories)
        evidence = Evidence(stored, prices, clock, begin)
        for check in checkers.USER_CHECKERS:
            check(histories, evidence, tallies)
        for kind, rows in stored.count_rows().items():
            found[kind] += rows
    _check_unexpected(database, written, found, tallies)
    return Verdict(tallies, most_not_judged, time.monotonic() - begin, clock.text)


def _price_histories(written: RunWrites) -> dict[int, PriceHistory]:
    changes: dict[str, list[Call]] = {}
    for history in written.histories:
        for key, calls in by_key(history.read_calls(), "price").items():
            changes.setdefault(key, []).extend(calls)
    return {
        plan.subscription_id: PriceHistory(price, changes.get(str(plan.subscription_id), []))
        for plan, price in zip(written.plans, written.first_prices, strict=True)
    }


def _check_unexpected(database: Database, written: RunWrites, found: dict[str, int], tallies: Tallies) -> None:
    """Count the rows with the run's id that no call has asked for. found: how many there are of those asked for."""
    for kind, number in found.items():
        keys = list(keys_of_runs(database, [written.run_id], kind))
        if len(keys) == number:
            continue
        attempted = _attempted(written)
        for key in keys:
            if key not in attempted:
                tallies[kind].unexpected += 1
                tallies[kind].tell(f"{key}: has the id of this run, and no call has asked for it")


def _attempted(written: RunWrites) -> set[str]:
    """Return the keys of the rows that calls were to write."""
    calls: Iterable[Call] = (call for history in written.histories for call in history.read_calls())
    return {call.key for call in calls} | {str(plan.subscription_id) for plan in written.plans}
