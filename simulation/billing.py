"""How and when months are paid for: methods, billing runs, and what fails at first."""

from random import Random
from typing import NamedTuple

from simulation.membership import Bill
from simulation.profile import Profile
from simulation.window import DAY, Window

# In percent of the users.
METHODS = {"card": 62, "paypal": 22, "bank_transfer": 10, "gift_card": 6}

AFTER_FAILURE = 20  # times as many then change the method
RUN = 7 * 3600  # seconds from midnight of their day within which the billing run reaches somebody's account


class Payment(NamedTuple):
    """bill: what is paid for."""

    moment: int
    bill: Bill
    method: str


class Billing:
    """How the bills of a window are paid."""

    def __init__(self, profile: Profile, window: Window) -> None:
        self._figures = profile.payments
        self._end = window.end
        self._methods = [method for method, share in METHODS.items() for _ in range(share)]

    def payments(self, bills: list[Bill], offset: int, rng: Random) -> list[Payment]:
        """Return how somebody pays. offset: of their time from UTC, in seconds."""
        random, methods = rng.random, self._methods
        method = methods[int(random() * len(methods))]
        payments = []
        last = 0
        for bill in bills:
            begin = bill[0]
            at_once = not last or begin - last > 40 * DAY  # they sign up, or come back: they are at the counter
            place = random()
            failed = random() < self._figures.failures
            if at_once:
                moment = begin + 20 + int(place * place * place * 1800)
            else:  # the run is busy at its beginning
                moment = begin - (begin + offset) % DAY + int(place * place * RUN)
                if random() < self._figures.method_changes * (AFTER_FAILURE if failed else 1):
                    method = methods[int(random() * len(methods))]
            if failed:
                moment += DAY + int(random() * 4 * DAY)
            if method == "bank_transfer":
                moment += 6 * 3600 + int(place * 2.5 * DAY)
            last = begin
            if moment < self._end:
                payments.append(Payment(moment, bill, method))
        return payments
