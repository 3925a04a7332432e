"""What the traffic's viewers watch of a series, and how far a heartbeat takes them."""

from random import Random
from uuid import UUID

import pytest
from sample import execute
from traffic import off, run_ops

import services
from simulation.traffic.audience import Audience
from simulation.traffic.ongoing_viewings import NextEpisodes, OngoingViewing
from toolkit.database import Database

SERIES, FILM = 1, 2
NOT_AFTER_ANOTHER = """
    SELECT w.user_id, w.episode FROM watch_history w
    WHERE w.episode > 1 AND NOT EXISTS (
        SELECT 1 FROM watch_history before
        WHERE before.user_id = w.user_id AND before.content_id = w.content_id AND before.episode = w.episode - 1
          AND before.progress >= 90 AND before.watched_at < w.watched_at)"""


@pytest.fixture
def with_episodes(db: Database) -> Database:
    """The sample rows, in which the series has four episodes."""
    execute(db, f"UPDATE content SET episodes = 4, duration_minutes = 30 WHERE content_id = {SERIES}")
    return db


def test_viewers_watch_one_episode_after_the_other(with_episodes: Database, url: str) -> None:
    finished = run_ops(with_episodes, url, 800)
    assert off(finished.verify()) == {}
    of_run = f"right(watch_id::TEXT, 12) = '{finished.run_id}'"
    watched = f"SELECT DISTINCT episode FROM watch_history WHERE {of_run} AND content_id = "
    assert execute(with_episodes, watched + str(FILM)) == [(None,)]
    episodes = {episode for (episode,) in execute(with_episodes, watched + str(SERIES))}
    assert {1, 2} <= episodes <= {1, 2, 3, 4}
    assert execute(with_episodes, NOT_AFTER_ANOTHER) == []


@pytest.mark.parametrize(
    ("which", "change"), [("episode > 0", "episode + 1"), ("episode > 0", "NULL"), ("episode IS NULL", "1")]
)
def test_the_proof_finds_another_episode(with_episodes: Database, url: str, which: str, change: str) -> None:
    """That of a series is changed by hand, or gone, and a film has one."""
    finished = run_ops(with_episodes, url, 300)
    assert off(finished.verify()) == {}
    of_run = f"SELECT watch_id FROM watch_history WHERE right(watch_id::TEXT, 12) = '{finished.run_id}'"
    ((watch_id,),) = execute(with_episodes, f"{of_run} AND {which} LIMIT 1")
    execute(with_episodes, f"UPDATE watch_history SET episode = {change} WHERE watch_id = '{watch_id}'")
    tallies = finished.verify()
    assert off(tallies) == {"viewings": {"wrong": 1}}
    [example] = tallies["viewings"].examples
    assert example.startswith(f"viewing {watch_id}: episode is ")


def test_viewers_go_on_with_what_continue_watching_lists(with_episodes: Database) -> None:
    audience, rng = Audience(with_episodes), Random(1)
    viewer, next_episodes = next(user for user in audience.users if user.user_id == 2), NextEpisodes(audience)
    number = audience.numbers[SERIES]
    unfinished = services.start_watching(with_episodes, user_id=2, content_id=SERIES, episode=2)["watch_id"]

    def listed() -> tuple[int, int | None]:
        next_episodes.note_list(2, [dict(row) for row in services.continue_watching(with_episodes, user_id=2)])
        return next_episodes.choose(viewer, rng)

    assert listed()[1] in (None, 1)  # of what is not seen to its end nobody begins the same episode once more
    services.log_progress(with_episodes, watch_id=unfinished, progress=95)
    assert listed() == (number, 3)
    assert next_episodes.choose(viewer, rng)[1] in (None, 1)  # they have gone on
    next_episodes.note_list(2, [{"content_id": SERIES, "episode": 3, "next_episode": 4}])
    next_episodes.forget(2)
    assert next_episodes.choose(viewer, rng)[1] in (None, 1)


@pytest.mark.parametrize(
    ("episode", "target", "following"), [(1, 10_000, 2), (3, 9_000, 4), (3, 8_999, None), (4, 10_000, None)]
)
def test_after_an_episode_comes_the_next(
    with_episodes: Database, episode: int, target: int, following: int | None
) -> None:
    audience = Audience(with_episodes)
    viewer, number, known = audience.users[0], audience.numbers[SERIES], NextEpisodes(audience)
    known.viewing_ended(OngoingViewing(viewer, number, episode, UUID(int=1), target))
    taken = known.choose(viewer, Random(1))
    assert taken == (number, following) if following else taken[1] in (None, 1)


def test_a_heartbeat_is_worth_what_that_much_watching_is_of_the_title(with_episodes: Database) -> None:
    audience = Audience(with_episodes)
    minutes = audience.popularity.titles[audience.numbers[SERIES]].minutes
    assert minutes == 30
    viewing = OngoingViewing(audience.users[0], 0, 1, UUID(int=1), 8_000)
    viewing.watch_on(minutes, 0.15)  # 7 minutes
    assert viewing.reached == 1 + 10_000 * 7 // 30
    viewing.watch_on(10 * minutes, 0.15)
    assert viewing.reached == 2 + 10_000 * 7 // 30 + 10_000 * 7 // 300
    viewing.watch_on(minutes, 1)
    assert viewing.reached == 8_000
