"""A worker: one viewer after the other uses the services, one call after the other."""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeVar
from uuid import UUID

import services
from simulation.traffic.audience import Audience, Viewer
from simulation.traffic.history import History
from simulation.traffic.ongoing_viewings import NextEpisodes, OngoingViewing
from simulation.traffic.plans import Plan
from simulation.traffic.run_ids import RNG, RunId
from simulation.traffic.service_calls import ServiceCalls
from simulation.watching import FINISHED
from toolkit.database import Database

Choice = TypeVar("Choice")

SESSION = 6  # operations of a viewer on average, before the worker goes on with another viewer
MOST_DRAWS = 30  # of viewers, until one is found who watches at this hour

# The most entries that a worker keeps of each kind, so that its memory does not grow.
MOST_MEMBERS = 500
MOST_ONGOING = 50
MOST_FINISHED = 200
MOST_REVIEWED = 1_000


class RunContext(NamedTuple):
    """What all workers of a run have in common.

    plans: those that the run has added. clock: returns the time of the viewers, in seconds since 1970. stop: is set
    when the run ends.
    """

    audience: Audience
    run_id: RunId
    plans: list[Plan]
    mix: dict[str, float]
    clock: Callable[[], float]
    stop: threading.Event


class Assignment(NamedTuple):
    """What is assigned to one worker and no other.

    viewers, activities: users who were there before the run, and how much each watches. They only browse, watch and
    review. plans: those whose prices this worker changes.
    """

    viewers: list[Viewer]
    activities: list[float]
    plans: list[Plan]


class Worker:
    """What one thread does. Only one worker calls services for a user, and only one changes the price of a plan.

    Besides the viewers assigned to it, a worker has its members, the users whom it signs up. They also pay, change
    their plan, cancel it, and delete their account.
    """

    def __init__(
        self, database: Database, context: RunContext, assignment: Assignment, rng: Random, history: History | None
    ) -> None:
        self.audience, self.run_id, self.history = context.audience, context.run_id, history
        self.calls = ServiceCalls(database, history, context.stop)
        self.steps = 0  # that have begun
        self._plans, self._own_plans = context.plans, assignment.plans
        self._viewers, self._activities = assignment.viewers, list(accumulate(assignment.activities))
        self._operations = [getattr(self, f"_{name}") for name in context.mix]
        self._weights = list(accumulate(context.mix.values()))
        self._rng, self._clock = rng, context.clock
        self._viewer: Viewer | None = None
        self._visitor = context.audience.viewer(0, rng)
        self._members: dict[int, tuple[Viewer, Plan | None]] = {}
        self._ongoing: list[OngoingViewing] = []
        self._next_episodes = NextEpisodes(context.audience)
        self._finished: deque[tuple[Viewer, int]] = deque(maxlen=MOST_FINISHED)
        self._reviewed: dict[tuple[int, int], UUID | None] = {}  # None: there was a review from before the run
        self._signed_up = 0

    def step(self, due: float | None = None) -> None:
        """Do one operation, chosen at random by the weights of the mix.

        due: when it should have begun (time.monotonic()), from which its latency then counts. Raises KeyboardInterrupt
        if the Database was interrupted.
        """
        self.steps += 1
        self.calls.due = due
        weights = self._weights  # without the last one, which so gets what rounding leaves over
        self._operations[bisect_right(weights, self._rng.random() * weights[-1], 0, len(weights) - 1)]()

    # What the viewers do

    def _browse(self) -> None:
        genre = self.audience.genres[self.audience.pick(self._viewer_or_visitor(), self._rng)]
        self.calls.call("browse", services.find_content, {"genre": genre})

    def _search(self) -> None:
        title = self.audience.titles[self.audience.pick(self._viewer_or_visitor(), self._rng)]
        self.calls.call(
            "search", services.find_content, {"title": title[: 3 + int(self._rng.random() * 5)].strip() or title}
        )

    def _continue(self) -> None:
        viewer = self._next_viewer()
        if not viewer:
            return self._signup()
        _, rows = self.calls.call("continue", services.continue_watching, {"user_id": viewer.user_id})
        self._next_episodes.note_list(viewer.user_id, rows or [])
        return None

    def _reviews(self) -> None:
        content_id = self.audience.content_ids[self.audience.pick(self._viewer_or_visitor(), self._rng)]
        service = services.list_reviews if self._rng.random() < 0.6 else services.content_rating
        self.calls.call("reviews", service, {"content_id": content_id})

    def _watch(self) -> None:
        viewer = self._next_viewer()
        if not viewer:
            return self._signup()
        title, episode = self._next_episodes.choose(viewer, self._rng)
        watch_id, content_id, user_id = self.run_id.key(), self.audience.content_ids[title], viewer.user_id
        row = self.calls.write(
            "watch",
            user_id,
            watch_id,
            [content_id, episode],
            {"user_id": user_id, "content_id": content_id, "episode": episode, "watch_id": watch_id},
        )
        if row:
            target = self.audience.watching.progress(title, episode, self._rng.random())
            self._ongoing.append(OngoingViewing(viewer, title, episode, watch_id, target))
            if len(self._ongoing) > MOST_ONGOING:
                self._ongoing.pop(0)
        return None

    def _progress(self) -> None:
        if not self._ongoing:
            return self._watch()
        viewing = self._choose(self._ongoing)
        viewing.watch_on(self.audience.popularity.titles[viewing.title].minutes, self._rng.random())
        progress = Decimal(viewing.reached) / 100
        self.calls.write(
            "progress",
            viewing.viewer.user_id,
            viewing.watch_id,
            [progress],
            {"watch_id": viewing.watch_id, "progress": progress},
        )
        if viewing.reached == viewing.target:
            self._ongoing.remove(viewing)
            self._next_episodes.viewing_ended(viewing)
            if viewing.target >= FINISHED:
                self._finished.append((viewing.viewer, viewing.title))
        return None

    def _review(self) -> None:
        if not self._finished:
            return self._reviews()
        viewer, title = self._finished.pop()
        content_id, pair = self.audience.content_ids[title], (viewer.user_id, title)
        rating, words = self.audience.review(viewer, title, self._rng)
        review_id = self._reviewed.setdefault(pair, self.run_id.key())
        if not review_id:
            return self._reviews()
        self.calls.write(
            "review",
            viewer.user_id,
            review_id,
            [content_id, rating, words],
            {
                "user_id": viewer.user_id,
                "content_id": content_id,
                "rating": rating,
                "review_text": words,
                "review_id": review_id,
            },
        )
        if self.calls.was_refused:
            self._reviewed[pair] = None
        if len(self._reviewed) > MOST_REVIEWED:
            del self._reviewed[next(iter(self._reviewed))]
        return None

    # What only members do

    def _signup(self) -> None:
        user_id = RNG.getrandbits(61) | 1 << 61
        viewer = self.audience.viewer(user_id, self._rng)
        person = self.audience.people.person(viewer.locale, self._rng)
        self._signed_up += 1
        email = self.run_id.address(f"{person.given}.{person.family}.{user_id:x}", self._signed_up)
        plan = self._choose(self._plans)
        row = self.calls.write(
            "signup",
            user_id,
            user_id,
            [person.name, email, plan.subscription_id],
            {"user_id": user_id, "name": person.name, "email": email, "subscription_id": plan.subscription_id},
        )
        if row:
            self._members[user_id] = (viewer, plan)
            if len(self._members) > MOST_MEMBERS:
                self._forget(next(iter(self._members)))

    def _plan(self) -> None:
        if not self._members:
            return self._signup()
        return self._change_plan("plan", self._random_member(), self._choose(self._plans))

    def _cancel(self) -> None:
        if not self._members:
            return self._signup()
        return self._change_plan("cancel", self._random_member(), None)

    def _change_plan(self, operation: str, user_id: int, plan: Plan | None) -> None:
        key = plan.subscription_id if plan else None
        self._members[user_id] = (self._members[user_id][0], plan)
        self.calls.write(operation, user_id, user_id, [key], {"user_id": user_id, "subscription_id": key})

    def _pay(self) -> None:
        for _ in range(5 if self._members else 0):
            user_id = self._random_member()
            viewer, plan = self._members[user_id]
            if plan:
                payment_id = self.run_id.key()
                self.calls.write(
                    "pay",
                    user_id,
                    payment_id,
                    [viewer.method],
                    {"user_id": user_id, "method": viewer.method, "payment_id": payment_id},
                )
                return None
        return self._signup()

    def _delete(self) -> None:
        if not self._members:
            return self._signup()
        user_id = self._random_member()
        self._forget(user_id)
        self.calls.write("delete", user_id, user_id, [], {"user_id": user_id})
        return None

    def _price(self) -> None:
        if not self._own_plans:
            return self._progress()
        plan = self._choose(self._own_plans)
        change = Decimal(90 + int(self._rng.random() * 25)) / 100
        plan.price = max(Decimal("1.99"), min(Decimal("99.99"), (plan.price * change).quantize(Decimal("0.01"))))
        self.calls.write(
            "price",
            0,
            plan.subscription_id,
            [plan.price],
            {"subscription_id": plan.subscription_id, "price": plan.price},
        )
        return None

    # Who does it

    def _viewer_or_visitor(self) -> Viewer:
        """Return the viewer who browses: a visitor without an account, if there are no users."""
        return self._next_viewer() or self._visitor

    def _next_viewer(self) -> Viewer | None:
        """Return the viewer of the session, or of a new one: active users more often, and most of them in their
        evening.

        None if there are no users.
        """
        random = self._rng.random
        if self._viewer and random() * SESSION > 1:
            return self._viewer
        moment = self._clock()
        total = len(self._viewers) + len(self._members)
        for _ in range(MOST_DRAWS if total else 0):
            if random() * total < len(self._members):
                self._viewer = self._members[self._random_member()][0]
            else:
                self._viewer = self._viewers[bisect_right(self._activities, random() * self._activities[-1])]
            if self.audience.watches(self._viewer, moment, self._rng):
                break
        return self._viewer

    def _random_member(self) -> int:
        return self._choose(list(self._members))

    def _choose(self, choices: list[Choice]) -> Choice:
        return choices[int(self._rng.random() * len(choices))]

    def _forget(self, user_id: int) -> None:
        """Forget a user, who does nothing from now on."""
        del self._members[user_id]
        self._next_episodes.forget(user_id)
        self._ongoing = [viewing for viewing in self._ongoing if viewing.viewer.user_id != user_id]
        self._finished = deque((pair for pair in self._finished if pair[0].user_id != user_id), MOST_FINISHED)
        if self._viewer and self._viewer.user_id == user_id:
            self._viewer = None
