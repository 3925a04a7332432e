"""How and when months are paid for: methods, billing runs, and what fails at first."""

from random import Random
from typing import NamedTuple

from simulation.membership import Bill
from simulation.profile import Profile
from simulation.subscribers import Subscriber
from simulation.window import DAY, SATURDAY, Window

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
CAN_FAIL = ("card", "paypal")
INSTANT = {"BR", "IN", "KR", "NL", "PL"}  # where banks transfer money in seconds
MOST_GIFTS = 6  # months for which a gift card lasts, and one at least
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
        self._window = window
        # Each as often as its share says.
        self._methods = {
            country: [method for method, share in methods.items() for _ in range(share)]
            for country, methods in {"": METHODS, **METHODS_IN}.items()
        }

    def payments(self, subscriber: Subscriber, rng: Random) -> list[GeneratedPayment]:
        """Return how somebody pays."""
        random, country, offset = rng.random, subscriber.locale.country, subscriber.offset
        methods = self._methods.get(country, self._methods[""])
        changes = self._figures.method_changes
        method = methods[int(random() * len(methods))]
        gifts = random() * MOST_GIFTS  # months for which their gift card lasts, if they have one
        payments = []
        last = subscriber.joined
        for bill in subscriber.membership.bills:
            begin, _, failed = bill
            place = random()
            if begin == subscriber.joined or begin - last > 40 * DAY:  # they sign up, or come back: at the counter
                moment = begin + 20 + int(place * place * place * 1800)
            else:  # the run is busy at its beginning
                moment = begin - (begin + offset) % DAY + int(place * place * RUN)
                if random() < changes * (AFTER_FAILURE if failed else 1) or (method == "gift_card" and gifts < 0):
                    method = methods[int(random() * len(methods))]
                    gifts = random() * MOST_GIFTS
            gifts -= 1
            last = begin
            if failed and method in CAN_FAIL:
                moment += DAY + int(random() * 4 * DAY)
            if method == "bank_transfer" and country not in INSTANT:
                moment = self._booked(moment, offset, rng)
            if moment < self._window.end:
                payments.append(GeneratedPayment(moment, bill, method))
        return payments

    def _booked(self, moment: int, offset: int, rng: Random) -> int:
        """Return when a transfer arrives: a day or two later, while banks are open."""
        day = moment // DAY + 1 + int(rng.random() * 2)
        while self._window.weekday(day) >= SATURDAY:
            day += 1
        return day * DAY + 7 * 3600 + int(rng.random() * 9 * 3600) - offset
