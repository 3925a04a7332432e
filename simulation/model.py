"""The model of a platform's life: who joins, watches, reviews, pays and leaves, why, and where each figure comes from.

The figures that a profile can change stand in profile.toml, those of which nobody makes another platform beside the
code that uses them. A reason whose figure is 0 plays no part. Each part can be used by itself, with a Random for its
decisions: what runs now, and not in a window of the past, needs no Model. What has no source here is plausible, no
more.

titles.py, what there is to watch. With enough titles a genre has up to three styles that no column tells: people who
like one kind of drama do not like each, and only what others with like tastes have watched gives that away. Quality is
bell-shaped; critics see it with some error. Some films have sequels, which are of the same kind and later; series have
seasons, and old ones new seasons. A third of the titles is made for one market, most of the others are in English.
Small markets have fewer titles, and more for each of their people.

attention.py and popularity.py, which title somebody picks.
- Popularity is a power law of the rank. Zipf-like popularity with an exponent a little below 1 is what Breslau et al.,
  Web Caching and Zipf-like Distributions (INFOCOM 1999), found for pages (0.64 to 0.83), Adamic and Huberman, Zipf's
  law and the Internet (Glottometrics 3, 2002), for sites (near 1), and video on demand has it too: Yu et al.,
  Understanding User Behavior in Large-Scale Video-on-Demand Systems (EuroSys 2006). Nobody sees a film again and
  again: Gummadi et al. (SOSP 2003) call it fetch at most once, and find that it flattens the head. So no title has a
  rank for which more people would have to see it, or of a series more of its episodes, than can be: the first places
  are those of series. docs/simulation.md has the exponents of what is watched.
- The rank is by quality, age, and luck. Quality: Basuroy, Chatterjee and Ravid, How Critical Are Critical Reviews?
  (Journal of Marketing 2003) find that reviews go with box office week after week; and luck: Salganik, Dodds and Watts
  (Science 2006), that the best songs seldom do badly, and any other result is possible. Word of mouth: Moul (Journal
  of Economics and Management Strategy 2007).
- Attention for a new title halves in a week, down to what lasts. Samba TV (2023): the most popular shows get 75 % of
  their viewings in the first 15 days. A quarter of the titles comes out in a year.
- Languages: of what Netflix's members watch nearly a third is not in English, 9 % Korean, 7 % Spanish, 5 % Japanese
  (Netflix, What We Watched, second half of 2023), and 13 % in the United States.
- Tastes: everyone has three favourites among the styles of the genres, and chooses by taste in the share of cases that
  tastes.strength says. Gomez-Uribe and Hunt, The Netflix Recommender System (ACM TMIS 2015), put what people find by
  personal recommendations, and not by searching, at 80 % of the hours; it is 0.95 here, where there is no recommender
  that knows less than the people do. At 0 tastes play no part. A favourite is chosen as often as it is popular in the
  user's market, so tastes change nothing of what is watched over all.
- Series go on: most see the next episode before anything else, until they are through, come back to it after something
  else, and for a new season. Netflix and Harris Interactive (2013): most people watch two to six episodes in one
  sitting. Who gives up an episode gives up the series, but for a few who try it once more. Of films only favourites
  are seen again, and seldom.

joining.py, subscribers.py and locales.py, the people.
- Days differ by chance, and a fifth more; campaigns pull most on their first and last day and on Fridays, and some of
  those who would have come later. These have no source.
- A third joins in the rush of the first weeks, and the rest all year, as Disney+ grew in its first: 10 million on the
  first day, 26.5 after seven weeks, 73.7 after eleven months (reports of The Walt Disney Company, 2019 and 2020). More
  do in winter, at weekends, in campaigns, and for new titles.
- Where they live follows the shares of Netflix's regions at the end of 2024: North America 30 %, Europe, Middle East
  and Africa 33 %, Latin America 18 %, Asia and Pacific 19 %. Evenings are an hour earlier in UTC while clocks are ahead
  in Europe and North America.
- Family names are as frequent as in Faker's lists, one Korean in four is a Kim (21.5 % are: Statistics Korea, 2015), or
  fall off slowly from the most frequent ones of the country.
- Activity has the heavy tail of a Lomax distribution (shape 4): a tenth of the users does about half of the watching.
  That users divide into few active and many inactive ones is what Huang et al., Analysis of User Behavior in a
  Large-Scale VoD System (NOSSDAV 2017), found among 10 million.

churn.py and membership.py, why they leave.
- 5 % of the subscribers cancel in a month, and of those who did 8 % come back in each of the next three months, fewer
  later: Antenna (2024) has a churn of 5.3 % a month for the premium services of the United States; and (2023) 23 %
  back in three months, 35 % in twelve.
- Tenure: 8.6 % a month in the first year, most in its first three months, 4 % in the second (Antenna 2024). In part
  that is because those leave first who are likeliest to (Fader and Hardie, How to Project Customer Retention, Journal
  of Interactive Marketing 2007), as here, where churn differs between people, too.
- Activity: what people watch goes up and down from month to month, and those leave who watch little, which is the
  model of Ascarza and Hardie, A Joint Model of Usage and Churn in Contractual Settings (Marketing Science 2013).
- One payment in twenty fails at first, three in five of these with one person in seven, and a fifth of them ends the
  subscription. Recurly (State of Subscriptions) has 13 % of the recurring payments declined at first; Pelcro, which
  sells a remedy, puts involuntary churn at 25 to 40 % of all. It is a fifth here.
- Prices rise once in a year by about as much as Netflix's in January 2025 (8 to 16 %). After the rise of 2019 Netflix
  lost members in the United States for the first time in years (letter to shareholders of July 2019). That some take a
  cheaper plan then has no source.
- Of those who sign up for a certain title half as many are there after six months as of others (Antenna, The Rise of
  the Show Chaser: 29 and 56 %). That of campaigns fewer stay has no source; nor have trials, of which six in ten are
  paid for.

billing.py. Most months are paid on the day of sign-up or the day before, at the price of that day, in billing runs in
the morning of the user's day. Bank transfers take a day or two on which banks are open, where no system moves money in
seconds, as Pix, UPI, iDEAL and BLIK do. Gift cards last up to six months, a guess. How people pay differs between
countries. Transfers from account to account are strong in India and Brazil (Worldpay, Global Payments Report, 2024), in
the Netherlands, where iDEAL had 56 % of the online purchases of 2015 (GfK and Thuiswinkel), and in Poland, where BLIK
had three times the online payments of cards (Narodowy Bank Polski, 2022). PayPal was first in Germany, with 28 % (EHI,
Online Payment 2024). Those say in which countries it is otherwise; the shares are rounded guesses.

sessions.py and watching.py, when and how they watch.
- Two in three sessions begin in the user's own evening, about a time that is their habit, near 20 o'clock. Netflix
  (2017) had the peak as late as 22 o'clock in Singapore, South Korea and Malaysia; Yu et al. saw peaks at noon and in
  the evening.
- Weekends have 1.4 times the viewings of a Monday. SymphonyAM (2016): Saturday is the day on which Netflix leads.
- More is watched in winter and most in the holidays. Nielsen, The Gauge: Christmas Day of 2025 was the day on which
  most was streamed ever, as that of 2024 had been, and the week of Christmas 2021 the week.
- People watch more in the first two weeks than later, which has no source.
- A quarter of the viewings is given up, half of these before 5 %. Chen et al., A Study of User Behavior in Online VoD
  Services (Computer Communications 2014): people view short parts of one video after another before a longer one, and
  see a minority to the end; that was on free sites, and fewer are given up where people pay. Weak titles,
  documentaries and the first episodes of series are given up more often.

reviewing.py, reviews: a rating is the title's quality, the user's bias, and noise of about the size of quality, as in
the Netflix Prize, where much of the variation is due to users or titles alone (Koren, Bell and Volinsky, Matrix
Factorization Techniques for Recommender Systems, IEEE Computer 2009). Six in ten users write any. More ratings are
whole points than half ones. Who loved or hated a title says why about twice as often as others: Hu, Zhang and Pavlou,
Overcoming the J-shaped Distribution of Product Reviews (Communications of the ACM 2009). Half of them are written soon,
while nothing else is watched, and the others on one of the next evenings, seldom weeks later; that has no source.
"""

from collections.abc import Iterator
from datetime import date
from random import Random

from simulation.attention import attention_for
from simulation.billing import Billing
from simulation.joining import Joining
from simulation.popularity import Popularity
from simulation.profile import Profile
from simulation.reviewing import Reviewing
from simulation.subscribers import Population, Subscriber
from simulation.titles import hit_title, make_titles
from simulation.watching import Watching
from simulation.window import DAY, Window
from toolkit.console import UserError

USERS_PER_TITLE = 20  # Without titles.count in the profile there is a title for this many users,
TITLES_AT_LEAST = 150  # and there are this many titles at least.
MOST_PER_DAY = 12  # No user watches more often than this on an average day of their time as a subscriber.


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
        self.popularity = self._popularity(Random(f"{seed}/titles"))
        self.population = Population(profile, self.window, users, seed, self.popularity)
        self.watching = Watching(profile, self.window, self.popularity)
        self.reviewing = Reviewing(profile, self.window, self.popularity)
        self.billing = Billing(profile, self.window)

    def subscribers(self) -> Iterator[Subscriber]:
        """Return all subscribers, in the order in which they joined. It is the same each time."""
        return self.population.subscribers()

    def rng(self) -> Random:
        """Return the random numbers by which people do what they do."""
        return Random(f"{self._seed}/doings")

    def viewings_expected(self, subscriber: Subscriber, weight: float, total: float) -> float:
        """Return how many viewings are expected of a subscriber. weight: sessions.weight() of it; total: of all."""
        expected = self.profile.viewings.per_user * self.users * weight / total if total else 0.0
        if expected <= MOST_PER_DAY:
            return expected
        seconds = 0
        for begin, end, _ in subscriber.membership.periods:
            seconds += end - begin
        return min(expected, MOST_PER_DAY * seconds / DAY)

    def reviews_expected(self, subscriber: Subscriber, viewings: float) -> float:
        """Return how many reviews are expected of a subscriber with this many viewings."""
        share = self.profile.reviews.per_user / (self.profile.viewings.per_user or 1)
        return viewings * share * subscriber.review_rate

    def _popularity(self, rng: Random) -> Popularity:
        count = self.profile.titles.count or max(TITLES_AT_LEAST, self.users // USERS_PER_TITLE)
        titles = make_titles(count, self.profile.titles.new, self.window, rng)
        hits = [hit_title(hit, self.window) for hit in self.profile.hits]
        # What is new draws people; who is there decides how much it does. So first without that.
        subscribers = Joining(self.profile, self.window, self.users).subscribers(self.profile.subscribers.churn)
        attention = attention_for(self.profile, self.window, titles, hits, subscribers, rng)
        return Popularity(self.profile, self.window, titles + hits, attention, range(count, count + len(hits)))
