"""The model of a platform's life: who joins, watches, reviews and pays, and where each figure comes from.

The figures that a profile can change stand in profile.toml, those of which nobody makes another platform beside the
code that uses them. Each part can be used by itself, with a Random for its decisions: what runs now, and not in a
window of the past, needs no Model.

titles.py, what there is to watch. Types, genres that fit them, and years are plausible, without a source. A genre has
up to three styles that no column tells: people who like one kind of drama do not like each, and only what others with
like tastes have watched gives that away. Quality is bell-shaped; critics see it with some error.

popularity.py, which title somebody picks.
- Popularity is a power law of the rank. Zipf-like popularity with an exponent a little below 1 is what Breslau et
  al., Web Caching and Zipf-like Distributions (INFOCOM 1999), found for pages (0.64 to 0.83), Adamic and Huberman,
  Zipf's law and the Internet (Glottometrics 3, 2002), for sites (near 1), and video on demand has it too: Yu et al.,
  Understanding User Behavior in Large-Scale Video-on-Demand Systems (EuroSys 2006). The exponent of the viewings of a
  window comes out at 0.8 to 1. Films are seldom seen twice, which flattens the head: Gummadi et al. (SOSP 2003) call
  it fetch at most once.
- Attention for a new title halves in a week, down to what lasts. Samba TV (2023): the most popular shows get 75 %
  of their viewings in the first 15 days. A quarter of the titles comes out in a year, and these are the more popular
  ones.
- Tastes: everyone has three favourites among the styles of the genres, and chooses by taste in the share of cases
  that tastes.strength says. Gomez-Uribe and Hunt, The Netflix Recommender System (ACM TMIS 2015), put what people
  find by personal recommendations, and not by searching, at 80 % of the hours; it is 0.9 here, where there is no
  recommender that knows less than the people do. At 0 tastes play no part. A favourite is chosen as often as it is
  popular, so tastes change nothing of what is watched over all.
- Series go on: three in four see the next episode before anything else. Netflix and Harris Interactive (2013): most
  people watch two to six episodes in one sitting.

subscribers.py, the people.
- A third joins in the rush of the first weeks, and the rest all year, as Disney+ grew in its first: 10 million on the
  first day, 26.5 after seven weeks, 73.7 after eleven months (reports of The Walt Disney Company, 2019 and 2020).
- Where they live follows the shares of Netflix's regions at the end of 2024: North America 30 %, Europe, Middle East
  and Africa 33 %, Latin America 18 %, Asia and Pacific 19 %. Offsets from UTC are fixed; there is no daylight saving
  time.
- 5 % of the subscribers cancel in a month, and of those who did 8 % come back in each of the next three months, fewer
  later: Antenna (2024) has a churn of 5.3 % a month for the premium services of the United States; and (2023) 23 %
  back in three months, 35 % in twelve.
- Activity has the heavy tail of a Lomax distribution (shape 4): a tenth of the users does about half of the watching.
  That users divide into few active and many inactive ones is what Huang et al., Analysis of User Behavior in a
  Large-Scale VoD System (NOSSDAV 2017), found among 10 million.
- A month is paid on the day of sign-up, or the last day of a shorter month, at the price of that day. Prices rise
  once in a year by about as much as Netflix's in January 2025 (8 to 16 %). Shares of plans and methods are plausible.

watching.py, when and how they watch.
- Three in four sessions begin in the user's own evening, about a time that is their habit, near 20 o'clock. Netflix
  (2017) had the peak as late as 22 o'clock in Singapore, South Korea and Malaysia; Yu et al. saw peaks at noon and in
  the evening.
- Weekends have 1.4 times the viewings of a Monday. SymphonyAM (2016): Saturday is the day on which Netflix leads.
- A third of the viewings is given up, half of these before 5 %. Chen et al., A Study of User Behavior in Online VoD
  Services (Computer Communications 2014): people view short parts of one video after another before a longer one, and
  see a minority to the end; that was on free sites, and fewer are given up where people pay. Weak titles are given up
  more often.

reviewing.py, reviews: a rating is the title's quality, the user's bias, and noise of about the size of quality, as
in the Netflix Prize, where much of the variation is due to users or titles alone (Koren, Bell and Volinsky, Matrix
Factorization Techniques for Recommender Systems, IEEE Computer 2009). Six in ten users write any.
"""

from collections.abc import Iterator
from datetime import date
from random import Random

from simulation.popularity import Popularity, attention
from simulation.profile import Profile
from simulation.reviewing import Reviewing
from simulation.subscribers import Population, Subscriber
from simulation.titles import hit_title, make_titles
from simulation.watching import MOST_PER_DAY, Watching
from simulation.window import DAY, Window
from toolkit.console import UserError

TITLES_AT_LEAST = 50
USERS_PER_TITLE = 20


class Model:
    """A platform: its titles, its subscribers, and what they do. Each part says how it can be used by itself.

    The same arguments make the same platform on every machine and every Python.
    """

    def __init__(self, profile: Profile, *, users: int, until: date, days: int, seed: int) -> None:
        self.profile = profile
        self.users = users
        self.window = Window(until, days)
        for number, hit in enumerate(profile.hits, 1):
            if hit.day > days:
                raise UserError(f"hits[{number}].day: {hit.day} is after the last day, {days}")
        self._seed = seed
        self.population = Population(profile, self.window, users, seed)
        self.popularity = self._popularity(Random(f"{seed}/titles"))
        self.watching = Watching(profile, self.window, self.popularity)
        self.reviewing = Reviewing(profile, self.window, self.popularity)

    def subscribers(self) -> Iterator[Subscriber]:
        """Return all subscribers, in the order in which they joined. It is the same each time."""
        return self.population.subscribers(self.popularity)

    def rng(self) -> Random:
        """Return the random numbers by which people do what they do."""
        return Random(f"{self._seed}/doings")

    def viewings_expected(self, subscriber: Subscriber, activity: float) -> float:
        """Return how many viewings are expected of a subscriber. activity: what watch_weight() is for all together."""
        expected = self.profile.viewings.per_user * self.users * watch_weight(subscriber) / activity
        return min(expected, MOST_PER_DAY * seconds(subscriber) / DAY)

    def reviews_expected(self, subscriber: Subscriber, viewings: float) -> float:
        """Return how many reviews are expected of a subscriber with so many viewings."""
        share = self.profile.reviews.per_user / (self.profile.viewings.per_user or 1)
        return viewings * share * subscriber.review_rate

    def _popularity(self, rng: Random) -> Popularity:
        count = self.profile.titles.count or max(TITLES_AT_LEAST, self.users // USERS_PER_TITLE)
        titles = make_titles(count, self.profile.titles.new, self.window, rng)
        given = attention(self.profile, titles, self.population.expected(), rng)
        hits = [hit_title(hit, self.window) for hit in self.profile.hits]
        places = range(count, count + len(hits))
        return Popularity(self.profile, self.window, titles + hits, given + [0] * len(hits), places)


def seconds(subscriber: Subscriber) -> int:
    """Return for how long somebody could watch."""
    return sum(end - begin for begin, end in subscriber.spans)


def watch_weight(subscriber: Subscriber) -> float:
    """Return how much somebody watches, next to others, in all their time."""
    return subscriber.activity * seconds(subscriber)
