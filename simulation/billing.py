"""How and when months are paid for: methods, billing runs, and what fails at first."""

from random import Random
from typing import NamedTuple

from simulation.membership import Bill
from simulation.profile import Profile
from simulation.subscribers import Subscriber
from simulation.window import DAY, HOUR, SATURDAY, Window

# The percentage of the users who pay with each method, and in countries where it is otherwise. The shares are rounded
# guesses: model.py says what is known.
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

CHANGES_AFTER_FAILURE = 20  # After a failed payment people change the method this many times as often.
CAN_FAIL = ("card", "paypal")  # Payments with these methods are late if they fail at first.
INSTANT = {"BR", "IN", "KR", "NL", "PL"}  # In these countries banks transfer money in seconds.
GIFT_CARD_MONTHS = 6  # A gift card pays for this many months at most, and for one at least.
BILLING_RUN = 7 * HOUR  # The billing run reaches each account within this many seconds from midnight of the user's day.


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
        gifts = random() * GIFT_CARD_MONTHS  # months for which their gift card lasts, if they have one
        payments = []
        last = subscriber.joined
        for bill in subscriber.membership.bills:
            begin, _, failed = bill
            draw = random()
            if begin == subscriber.joined or begin - last > 40 * DAY:  # they sign up, or come back: at the counter
                moment = begin + 20 + int(draw * draw * draw * 1800)
            else:  # the run is busy at its beginning
                moment = begin - (begin + offset) % DAY + int(draw * draw * BILLING_RUN)
                if random() < changes * (CHANGES_AFTER_FAILURE if failed else 1) or (
                    method == "gift_card" and gifts < 0
                ):
                    method = methods[int(random() * len(methods))]
                    gifts = random() * GIFT_CARD_MONTHS
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
        return day * DAY + 7 * HOUR + int(rng.random() * 9 * HOUR) - offset
