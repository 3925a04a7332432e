"""What the viewers of a worker have begun and not finished: viewings, and series."""

from random import Random
from typing import Any
from uuid import UUID

from simulation.traffic.audience import Audience, Viewer
from simulation.watching import FINISHED

HEARTBEAT = 1, 41  # minutes between two logs of progress, at least and at most
MOST_FOLLOWERS = 500  # of series: the viewers whose next episode is kept


class OngoingViewing:
    """A viewing that is not over.

    title: its number in the Audience. episode: None unless the title is a series. reached, target: progress so far and
    at the end, in hundredths of a percent.
    """

    __slots__ = ("episode", "reached", "target", "title", "viewer", "watch_id")

    def __init__(self, viewer: Viewer, title: int, episode: int | None, watch_id: UUID, target: int) -> None:
        self.viewer, self.title, self.episode, self.watch_id, self.target = viewer, title, episode, watch_id, target
        self.reached = 0

    def watch_on(self, minutes: int, draw: float) -> None:
        """Watch until the next log of progress. minutes: the length of the title or episode. draw: from random()."""
        least, most = HEARTBEAT
        watched = least + (most - least) * draw
        self.reached = min(self.target, self.reached + 1 + int(10_000 * watched / minutes))


class NextEpisodes:
    """The next episode of each viewer who is watching a series, as far as the worker knows it."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._next: dict[int, tuple[int, int]] = {}  # user_id -> title, episode

    def choose(self, viewer: Viewer, rng: Random) -> tuple[int, int | None]:
        """Return what a viewer watches now: a title, and the episode if it is a series.

        It is the next episode of the series that they are watching, if any; else a title that they pick, and of a
        series the first episode.
        """
        if next_episode := self._next.pop(viewer.user_id, None):
            return next_episode
        title = self._audience.pick(viewer, rng)
        return title, 1 if self._audience.popularity.titles[title].episodes else None

    def viewing_ended(self, viewing: OngoingViewing) -> None:
        """Keep the next episode after a viewing that has ended, if this one was finished and there is another."""
        episodes = self._audience.popularity.titles[viewing.title].episodes
        if viewing.target >= FINISHED and viewing.episode and viewing.episode < episodes:
            self._keep(viewing.viewer.user_id, viewing.title, viewing.episode + 1)

    def note_list(self, user_id: int, rows: list[dict[str, Any]]) -> None:
        """Keep a next episode from what continue_watching() has returned: of the first series that has one."""
        for row in rows:
            number = self._audience.numbers.get(row["content_id"])
            if number is not None and row["next_episode"] != row["episode"]:
                self._keep(user_id, number, row["next_episode"])
                break

    def forget(self, user_id: int) -> None:
        self._next.pop(user_id, None)

    def _keep(self, user_id: int, title: int, episode: int) -> None:
        self._next[user_id] = title, episode
        if len(self._next) > MOST_FOLLOWERS:
            del self._next[next(iter(self._next))]
