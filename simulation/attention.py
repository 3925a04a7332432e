"""How much attention each title gets: by its quality, its age and its luck, and how soon it is forgotten."""

from functools import cache
from heapq import heappop, heappush
from itertools import accumulate
from math import fsum, sqrt
from random import Random

from simulation.locales import LOCALES
from simulation.portable_math import approximately_normal, power
from simulation.profile import Profile
from simulation.titles import BEFORE, MEAN_QUALITY, Title
from simulation.window import Window

NEW_FOR_HALF_LIVES = 8  # The attention for a title does not fall any further after this many half-lives.
NEW_SEASON = 0.5  # A new season of an older series gets this share of the attention that a new series would get.
ATTENTION_SCALE = 1 << 30  # Attention 1 is counted as this whole number, because sums of whole numbers are exact.

# What makes a title appeal to people is measured in standard deviations of luck.
YEARS_PER_DEVIATION = 15  # With titles.age = 1 a title loses one when it is this many years old.
SERIES_BONUS = 0.5  # A series has this much more appeal than another title.
NEW_BONUS = 1.0  # A title that comes out in the window has this much more than an older one.

RANKING_ROUNDS = 20  # The ranks of the titles of different markets are found in this many rounds.
CROWDED = 0.5  # When nearly everybody has seen a title, this share of its picks comes from people who have.
SERIES_REACH = 0.3  # At most this share of the people for whom a series is made begins it.
OTHER_REACH = 0.15  # At most this share of the people for whom another title is made sees it.

NEXT_EPISODE = 0.88  # This share of those who have seen an episode sees the next one before anything else.
# This share of those who have seen something else in between, or wait for a new season, goes on with a series later.
COMES_BACK = 0.7
FIRST_EPISODE_QUITS = 1.8  # The first episode of a series is given up this many times as often as the average viewing.
LATER_EPISODE_QUITS = 0.2  # A later episode is given up this many times as often as the average viewing.
# A title is given up this many times as often as the average: from the weakest to the best, in steps of half a point.
PATIENCE = (1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6)


class Attention:
    """The attention for each title on the days of its life.

    on_release: for each title, as it is on the day on which it comes out. After that it falls by half in each half-
    life, down to what lasts, which word of mouth makes more for a good title. What came out before has only what lasts.
    """

    def __init__(self, profile: Profile, titles: list[Title], on_release: list[int]) -> None:
        half_life, lasting = profile.titles.half_life, profile.titles.lasting
        self._lasting = [lasting * _word_of_mouth(profile, title) for title in titles]
        self._decay = [(1 - lasting) * power(2, -day / half_life) for day in range(int(NEW_FOR_HALF_LIVES * half_life))]
        self._titles = titles
        self._on_release = on_release
        self.new_for = len(self._decay)  # days

    def lasting(self, title: int) -> int:
        """Return what lasts of the attention for a title."""
        return 1 + int(self._lasting[title] * self._on_release[title])

    def of_new(self, title: int, age: int) -> int:
        """Return what a title gets beside what lasts. age: the days since it, or a new season of it, came out."""
        part = self._decay[age] * (1.0 if self._titles[title].renewed is None else NEW_SEASON)
        return int(part * self._on_release[title])

    def freshness(self, age: int) -> float:
        """Return the attention for an average title as a share of its first day's. age: the days since it came out."""
        return 1 - self._decay[0] + (self._decay[age] if age < len(self._decay) else 0.0)

    def exposures(self, subscribers: list[float], quits: float) -> list[float]:
        """Return the viewings that follow from each unit of attention, next to each other.

        subscribers: about how many there are on each day. quits: the share of the viewings that is given up.
        """
        so_far = [0.0, *accumulate(subscribers)]
        exposures = []
        for title, lasting in zip(self._titles, self._lasting, strict=True):
            exposure = lasting * (so_far[-1] - so_far[max(title.released, 0)])
            for day in title.premieres:
                part = 1.0 if title.renewed is None else NEW_SEASON
                exposure += part * fsum(map(float.__mul__, subscribers[day : day + self.new_for], self._decay))
            exposures.append(max(1e-9, exposure * _seen(title, quits, NEXT_EPISODE) / so_far[-1]))
        return exposures


def power_law(count: int, exponent: float) -> list[float]:
    """Return the popularity of this many titles, the most popular first: 1 / rank ** exponent."""
    return [power(rank, -exponent) for rank in range(1, count + 1)]


def attention_for(
    profile: Profile, window: Window, titles: list[Title], hits: list[Title], subscribers: list[float], rng: Random
) -> Attention:
    """Return the attention for each title, such that the viewings of the window follow the power law.

    subscribers: about how many there are on each day of the window. So what comes out late, when little of it is left,
    has a lower rank for the same attention. Hits, which come after the titles, get theirs in another way.
    """
    quits = profile.viewings.early_quits + profile.viewings.later_quits
    exposures = Attention(profile, titles, []).exposures(subscribers, quits)
    popularity = power_law(len(titles), profile.titles.exponent)
    appeals = [_appeal(profile, title, window.begin.year, rng) for title in titles]
    ranking = sorted(range(len(titles)), key=lambda title: (-appeals[title], title))
    appeal = dict(zip(ranking, popularity, strict=True))
    watched = [appeal[title] * exposures[title] for title in range(len(titles))]
    reached = _ranked_in_markets(watched, [title.market for title in titles], popularity, profile.titles.home)
    viewings = profile.viewings.per_user / fsum(popularity)  # of a user, for each unit of popularity
    most = [
        _most_watched(profile, title, quits) * (1 - max(0, title.released) / window.days) / max(1e-9, viewings)
        for title in titles
    ]
    on_release = [0] * len(titles)
    for title, share in zip(_as_far_as_possible(reached, most, popularity), popularity, strict=True):
        # Who has seen it picks something else, so it takes more to reach nearly everybody.
        wasted = CROWDED * min(1.0, share / most[title])
        on_release[title] = 1 + int(share / exposures[title] / (1 - wasted) * ATTENTION_SCALE)
    return Attention(profile, titles + hits, on_release + [0] * len(hits))


def _ranked_in_markets(watched: list[float], markets: list[str], popularity: list[float], home: float) -> list[int]:
    """Return titles, the most watched first, such that each market's come to what is watched of them at home.

    watched: how much of each would be, if its market were all the world. Only few can watch what is made for few.
    """
    ranked = sorted(range(len(watched)), key=lambda title: (-watched[title], title))
    if not home:
        return ranked
    wanted = {market: home * _audience(market) for market in sorted({*markets} - {""})}
    wanted[""] = 1 - fsum(wanted.values())
    whole = fsum(popularity)
    factors = dict.fromkeys(wanted, 1.0)
    for _ in range(RANKING_ROUNDS):
        there = dict.fromkeys(wanted, 0.0)
        for title, share in zip(ranked, popularity, strict=True):
            there[markets[title]] += share / whole
        for market, share in there.items():
            if share:
                factors[market] *= sqrt(wanted[market] / share)
        ranked.sort(key=lambda title: (-watched[title] * factors[markets[title]], title))
    return ranked


def _as_far_as_possible(ranked: list[int], most: list[float], popularity: list[float]) -> list[int]:
    """Return titles, the most watched first, none of which has a rank for which it would have to be seen too often.

    most: how popular each can be. What cannot be as popular as its rank says waits for the next rank that it can have.
    """
    possible = sorted(most, reverse=True)
    waiting: list[tuple[float, int, int]] = []
    titles = iter(enumerate(ranked))
    found = []
    for share, can_be in zip(popularity, possible, strict=True):
        while not waiting or -waiting[0][0] < min(share, can_be):
            rank, title = next(titles)
            heappush(waiting, (-most[title], rank, title))
        found.append(heappop(waiting)[2])
    return found


def _most_watched(profile: Profile, title: Title, quits: float) -> float:
    """Return how many viewings of a title there can be at most, for each user."""
    audience = _audience(title.market) if profile.titles.home else 1.0
    reach = SERIES_REACH if title.content_type == "series" else OTHER_REACH
    return audience * reach * _seen(title, quits, NEXT_EPISODE + (1 - NEXT_EPISODE) * COMES_BACK)


def patience(title: Title) -> float:
    """Return how often a title is given up because it is weak, or not because it is good, next to others."""
    return PATIENCE[max(0, min(len(PATIENCE) - 1, int(len(PATIENCE) / 2 + (title.quality - MEAN_QUALITY) * 2)))]


def _seen(title: Title, quits: float, goes_on: float) -> float:
    """Return how many viewings there are of a title by somebody who has begun it. goes_on: after an episode."""
    quits *= patience(title)
    seen, goes_so_far = 1.0, goes_on * max(0.0, 1 - FIRST_EPISODE_QUITS * quits)
    for _ in range(1, title.episodes):
        seen += goes_so_far
        goes_so_far *= goes_on * max(0.0, 1 - LATER_EPISODE_QUITS * quits)
    return seen


@cache  # it is asked for each title
def _audience(market: str) -> float:
    """Return the share of the users for whom the titles of a market are made."""
    percent = 0.0
    for locale in LOCALES:
        percent += locale.share if market in ("", locale.language) else 0.0
    return percent / 100


def _appeal(profile: Profile, title: Title, year: int, rng: Random) -> float:
    """Return how much a title appeals to people: by its quality, its age, and luck, in standard deviations of luck."""
    figures = profile.titles
    appeal = approximately_normal(rng.random())
    appeal += figures.quality * (title.quality - MEAN_QUALITY)
    appeal -= figures.age * max(0, year - title.release_year) / YEARS_PER_DEVIATION
    if title.released != BEFORE:
        appeal += NEW_BONUS
    if title.content_type == "series":
        appeal += SERIES_BONUS
    return appeal


def _word_of_mouth(profile: Profile, title: Title) -> float:
    """Return how much lasts of the attention for a title, as a multiple of the average."""
    return max(0.2, min(3.0, 1 + profile.titles.word_of_mouth * (title.quality - MEAN_QUALITY)))
