"""What the viewers of a worker are in the middle of: viewings, and series."""

from random import Random
from typing import Any
from uuid import UUID

from simulation.traffic.audience import Audience, Viewer
from simulation.watching import FINISHED

HEARTBEAT = 1, 41  # minutes that somebody watches until progress is logged again
MOST_FOLLOWERS = 500  # are kept in mind


class UnderWay:
    """A viewing that goes on.

    title: its number. episode: None: it has none. reached, target: in hundredths of a percent.
    """

    __slots__ = ("episode", "reached", "target", "title", "viewer", "watch_id")

    def __init__(self, viewer: Viewer, title: int, episode: int | None, watch_id: UUID, target: int) -> None:
        self.viewer, self.title, self.episode, self.watch_id, self.target = viewer, title, episode, watch_id, target
        self.reached = 0

    def go_on(self, minutes: int, place: float) -> None:
        """Watch until the next heartbeat. minutes: how long the title takes, or the episode. place: a random()."""
        least, most = HEARTBEAT
        watched = least + (most - least) * place
        self.reached = min(self.target, self.reached + 1 + int(10_000 * watched / minutes))


class Following:
    """Which episode of which series viewers go on with, by what a worker has seen of them."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._next: dict[int, tuple[int, int]] = {}  # user_id -> title, episode

    def take(self, viewer: Viewer, rng: Random) -> tuple[int, int | None]:
        """Return what somebody watches now: a title, and its episode, if it has any.

        It is what they go on with, or what they pick; of a series that is the first episode.
        """
        if going_on := self._next.pop(viewer.user_id, None):
            return going_on
        title = self._audience.pick(viewer, rng)
        return title, 1 if self._audience.popularity.titles[title].episodes else None

    def after(self, viewing: UnderWay) -> None:
        """Note what follows a viewing that has ended: the next episode, if this one was finished."""
        episodes = self._audience.popularity.titles[viewing.title].episodes
        if viewing.target >= FINISHED and viewing.episode and viewing.episode < episodes:
            self._note(viewing.viewer.user_id, viewing.title, viewing.episode + 1)

    def listed(self, user_id: int, rows: list[dict[str, Any]]) -> None:
        """Note what continue_watching() has listed: the further episode of the first series that has one."""
        for row in rows:
            number = self._audience.numbers.get(row["content_id"])
            if number is not None and row["next_episode"] != row["episode"]:
                self._note(user_id, number, row["next_episode"])
                break

    def forget(self, user_id: int) -> None:
        self._next.pop(user_id, None)

    def _note(self, user_id: int, title: int, episode: int) -> None:
        self._next[user_id] = title, episode
        if len(self._next) > MOST_FOLLOWERS:
            del self._next[next(iter(self._next))]
