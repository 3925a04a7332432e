"""How and when months are paid for: methods, billing runs, and what fails at first."""

from random import Random
from typing import NamedTuple

from simulation.membership import Bill
from simulation.profile import Profile
from simulation.window import DAY, Window

# In percent of the users; and in countries where it is otherwise. Rounded guesses: model.py says what is known.
METHODS = {"card": 68, "paypal": 21, "bank_transfer": 4, "gift_card": 7}
METHODS_IN = {
    "BR": {"card": 56, "paypal": 6, "bank_transfer": 34, "gift_card": 4},
    "DE": {"card": 24, "paypal": 48, "bank_transfer": 22, "gift_card": 6},
    "IN": {"card": 42, "paypal": 3, "bank_transfer": 50, "gift_card": 5},
    "JP": {"card": 76, "paypal": 4, "bank_transfer": 6, "gift_card": 14},
    "KR": {"card": 84, "paypal": 3, "bank_transfer": 8, "gift_card": 5},
    "NL": {"card": 22, "paypal": 14, "bank_transfer": 60, "gift_card": 4},
    "PL": {"card": 36, "paypal": 10, "bank_transfer": 50, "gift_card": 4},
}

AFTER_FAILURE = 20  # times as many then change the method
RUN = 7 * 3600  # seconds from midnight of their day within which the billing run reaches somebody's account


class GeneratedPayment(NamedTuple):
    """bill: what is paid for."""

    moment: int
    bill: Bill
    method: str


class Billing:
    """How the bills of a window are paid."""

    def __init__(self, profile: Profile, window: Window) -> None:
        self._figures = profile.payments
        self._end = window.end
        # Each as often as its share says.
        self._methods = {
            country: [method for method, share in methods.items() for _ in range(share)]
            for country, methods in {"": METHODS, **METHODS_IN}.items()
        }

    def payments(self, bills: list[Bill], country: str, offset: int, rng: Random) -> list[GeneratedPayment]:
        """Return how somebody pays who lives in a country. offset: of their time from UTC, in seconds."""
        random, methods = rng.random, self._methods.get(country, self._methods[""])
        failures, changes = self._figures.failures, self._figures.method_changes
        method = methods[int(random() * len(methods))]
        payments = []
        last = 0
        for bill in bills:
            begin = bill[0]
            at_once = not last or begin - last > 40 * DAY  # they sign up, or come back: they are at the counter
            place = random()
            failed = random() < failures
            if at_once:
                moment = begin + 20 + int(place * place * place * 1800)
            else:  # the run is busy at its beginning
                moment = begin - (begin + offset) % DAY + int(place * place * RUN)
                if random() < changes * (AFTER_FAILURE if failed else 1):
                    method = methods[int(random() * len(methods))]
            if failed:
                moment += DAY + int(random() * 4 * DAY)
            if method == "bank_transfer":
                moment += 6 * 3600 + int(place * 2.5 * DAY)
            last = begin
            if moment < self._end:
                payments.append(GeneratedPayment(moment, bill, method))
        return payments
