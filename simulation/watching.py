"""What people do when they watch: what they choose, episodes, how far they get."""

from random import Random

import services
from simulation.attention import COMES_BACK, FIRST_EPISODE_QUITS, LATER_EPISODE_QUITS, NEXT_EPISODE, patience
from simulation.popularity import NO_TASTES, Picker, Popularity
from simulation.portable_math import approximately_normal, power
from simulation.profile import Profile, ViewingFigures
from simulation.sessions import Session, Sessions
from simulation.subscribers import Subscriber
from simulation.window import DAY, Window

REACHED = 512  # How far people get is drawn from this many samples: few, because all of them fit into a fast cache.
FINISHED = 100 * services.FINISHED  # Who got this far, in hundredths of a percent, has seen a title or an episode.
# A title is given up this many times as often as the average viewing, by its type. For series see attention.py.
QUITS = {"movie": 1.2, "documentary": 1.35, "other": 1.0}
LEAVE_AT_CREDITS = 0.6  # This share of those who see a title to its end leaves in the last minutes.
# The break between two viewings of a session is drawn from this many samples: the next episode begins by itself, or
# somebody makes tea.
BREAKS = 256
BREAK_MEDIAN = 20  # seconds
BREAK_SD = 1.7  # The breaks have this standard deviation, in doublings.
PAIRS = REACHED * BREAKS  # One number below this one is drawn for both: how far somebody gets, and the break after it.
# These bits of that number are added to how far somebody gets, in hundredths of a percent, so that samples differ.
PROGRESS_JITTER = 3

TRIES = 20  # Who looks for something that they do not know yet leaves it for the day after this many tries.
BY_TASTE = 3  # This many of the tries, the first ones, are for something that they like.
MOST_TIMES = 5  # Nobody sees a title without episodes more often than this.
TRIED_AGAIN = 0.25  # When somebody picks what they have given up, this share tries it again, an episode only once.
GIVEN_UP_FOR_GOOD = 1_000_000  # This stands for the next episode of a series to which somebody does not return.
# A title is seen again with this share of the probability viewings.rewatch of the profile, by its type.
REWATCHED = {"movie": 1.0, "series": 0.25, "documentary": 0.2, "other": 0.5}
FAVOURITE_QUALITY = 7.5  # A title has to be better than this to be a favourite.
NO_FAVOURITE = 0.25  # A title that is none is seen again with this share of that probability.
# Viewings that were expected and not made are made up for by the next users: while this many are missing, they would
# make twice as many as expected. Half as many more is the most.
CATCH_UP = 2_000

# A title, the moment at which somebody began to watch it, how far they got, in hundredths of a percent, and the
# episode; 0: the title has none.
Viewing = tuple[int, int, int, int]


class Watching:
    """When and how people watch titles."""

    def __init__(self, profile: Profile, window: Window, popularity: Popularity) -> None:
        figures = profile.viewings
        self._popularity = popularity
        self._end = window.end
        self.sessions = Sessions(profile, window, popularity)
        titles = popularity.titles
        self._seconds = [title.minutes * 60 for title in titles]
        self._released = [title.released for title in titles]
        self._episodes = [title.episodes for title in titles]
        self._renewed = {
            number: (title.renewed, title.episodes_before)
            for number, title in enumerate(titles)
            if title.renewed is not None
        }
        # Samples of how far somebody gets, for each title: with its first episode, and with later ones.
        quits = [patience(title) * QUITS.get(title.content_type, FIRST_EPISODE_QUITS) for title in titles]
        later = [patience(title) * QUITS.get(title.content_type, LATER_EPISODE_QUITS) for title in titles]
        samples = {factor: _progress(figures, factor) for factor in {*quits, *later}}
        self._first_progress = [samples[factor] for factor in quits]
        self._progress = [samples[factor] for factor in later]
        self._again = [
            figures.rewatch
            * REWATCHED[title.content_type]
            * (1.0 if title.quality > FAVOURITE_QUALITY else NO_FAVOURITE)
            for title in titles
        ]
        rng = Random("breaks")
        self._breaks = [
            5 + int(BREAK_MEDIAN * power(2, BREAK_SD * approximately_normal(rng.random()))) for _ in range(BREAKS)
        ]
        self._owed = 0.0  # viewings that were expected and not made

    def progress(self, title: int, episode: int | None, draw: float) -> int:
        """Return how far somebody gets with a title, or an episode, in hundredths of a percent. draw: a random()."""
        return (self._progress if (episode or 0) > 1 else self._first_progress)[title][int(draw * REACHED)]

    def viewings(self, subscriber: Subscriber, expected: float, rng: Random) -> tuple[list[Viewing], dict[int, int]]:
        """Return about as many viewings as expected, in the order of time, and when somebody had seen each title.

        A series they had seen when they had seen all its episodes. Who finds too little that they do not know
        leaves more for the next ones to watch.
        """
        count = int(expected * max(0.5, min(1.5, 1 + self._owed / CATCH_UP)) + rng.random())
        viewings: list[Viewing] = []
        finished: dict[int, int] = {}
        if count and subscriber.membership.periods:
            self._watch(self.sessions.sessions(subscriber, count, rng), subscriber, viewings, finished, rng)
            self._cut_off(viewings)
        self._owed = min(float(CATCH_UP), self._owed + expected - len(viewings))
        return viewings, finished

    def _watch(
        self,
        sessions: list[Session],
        subscriber: Subscriber,
        viewings: list[Viewing],
        finished: dict[int, int],
        rng: Random,
    ) -> None:
        """Add the viewings of some sessions."""
        random, pick = rng.random, self._popularity.picker(subscriber.tastes, rng)
        goes_on, pairs, breaks, all_there_is = NEXT_EPISODE, PAIRS, self._breaks, 10_000
        progress, first_progress = self._progress, self._first_progress
        all_seconds, all_episodes, renewed = self._seconds, self._episodes, self._renewed
        # title -> the next episode, negative if they have given it up once; without episodes: how often they saw it
        following: dict[int, int] = {}
        beyond: dict[int, int] = {}
        awaited: list[tuple[int, int]] = []  # series to which they come back, and from which day on
        found = subscriber.came_for
        title = episode = available = free = 0  # the next episode of the series that they are in the middle of
        for moment, length, end in sessions:
            if moment < free:
                moment = free
            day = moment // DAY
            for _ in range(length):
                if moment >= end:
                    break
                if not episode or random() >= goes_on:
                    left = (day, title) if episode else None
                    if awaited and (back := self._back(awaited, day, following, rng)) is not None:
                        title = back
                    elif found is not None and not viewings:
                        title = found
                    else:
                        title = pick(day)
                        if title in following and not self._goes_on(title, day, following, finished, rng):
                            found = self._something(title, day, pick, following, beyond, rng)
                            if found is None:
                                episode = 0
                                break
                            title = found
                    if left:
                        awaited.append(left)
                    episode = available = all_episodes[title]
                    if episode:
                        if title in renewed:
                            available = self._available(title, day)
                        episode = abs(following.get(title, 1))
                pair = int(random() * pairs)
                reached = (progress if episode > 1 else first_progress)[title][pair >> 8]
                if reached < all_there_is:
                    reached += pair & PROGRESS_JITTER
                viewings.append((title, moment, reached, episode))
                moment += all_seconds[title] * reached // 10_000 + breaks[pair & 255]
                if not episode:
                    following[title] = following.get(title, 0) + 1
                    if reached >= FINISHED:
                        finished.setdefault(title, moment)
                elif reached < FINISHED:
                    following[title] = GIVEN_UP_FOR_GOOD if following.get(title, 0) < 0 else -episode
                    episode = 0
                else:
                    following[title] = episode + 1
                    if episode < available:
                        episode += 1
                    else:
                        finished.setdefault(title, moment)
                        if available < all_episodes[title]:
                            awaited.append((renewed[title][0], title))
                        episode = 0
            free = moment

    def _cut_off(self, viewings: list[Viewing]) -> None:
        """Cut the last viewing off where the window ends: nobody knows how it will go on."""
        if not viewings:
            return
        title, moment, reached, episode = viewings[-1]
        left = (self._end - moment) * 10_000 // self._seconds[title]
        if left < reached:
            viewings[-1] = title, moment, left, episode

    def _back(self, awaited: list[tuple[int, int]], day: int, following: dict[int, int], rng: Random) -> int | None:
        """Return a series that somebody takes up again, now that they can; None: there is none."""
        for number, (begin, title) in enumerate(awaited):
            if begin <= day:
                del awaited[number]
                goes_on = 0 < following[title] <= self._available(title, day) and rng.random() < COMES_BACK
                return title if goes_on else None
        return None

    def _available(self, title: int, day: int) -> int:
        """Return how many episodes of a title are out on a day."""
        if title in self._renewed and day < self._renewed[title][0]:
            return self._renewed[title][1]
        return self._episodes[title]

    def _something(
        self, known: int, day: int, pick: Picker, following: dict[int, int], beyond: dict[int, int], rng: Random
    ) -> int | None:
        """Return what somebody picks who knows a title: one of its kind, one they like, or any; None: nothing.

        pick: returns what they like on a day. beyond: for titles that they knew before what they found then, so that
        the way there is gone once only.
        """
        less_popular, released = self._popularity.less_popular, self._released
        title: int | None = beyond.get(known, less_popular[known])
        for number in range(TRIES):
            if title is None:
                title = pick(day) if number < BY_TASTE else self._popularity.pick(day, NO_TASTES, rng)
            if title not in following and released[title] <= day:
                beyond[known] = title
                return title
            title = less_popular[title]
        return None

    def _goes_on(self, title: int, day: int, following: dict[int, int], finished: dict[int, int], rng: Random) -> bool:
        """Whether somebody who picks what they have begun goes on with it, or likes to see it again."""
        if not self._episodes[title]:
            again = self._again[title] if title in finished else TRIED_AGAIN
            return following[title] < MOST_TIMES and rng.random() < again
        following_episode = following[title]
        if following_episode < 0:
            return rng.random() < TRIED_AGAIN
        if following_episode <= self._available(title, day):
            return True
        if following_episode < GIVEN_UP_FOR_GOOD and rng.random() < self._again[title]:
            following[title] = 1
            return True
        return False


def _progress(figures: ViewingFigures, factor: float) -> list[int]:
    """Return samples of how far people get, in hundredths of a percent."""
    early = int(REACHED * figures.early_quits * factor)
    later = int(REACHED * figures.later_quits * factor)
    leaving = int((REACHED - early - later) * LEAVE_AT_CREDITS)
    at_once = [10 + number * 486 // early for number in range(early)]
    on_the_way = [500 + number * number * 8_496 // (later * later) for number in range(later)]
    # The credits begin at 95 %, more or less.
    squares = (distance * abs(distance) for distance in range(1 - leaving, leaving, 2))
    at_the_end = [9_500 + square * 496 // (leaving * leaving) for square in squares]
    return (at_once + on_the_way + at_the_end + [10_000] * REACHED)[:REACHED]
