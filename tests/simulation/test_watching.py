"""What people do when they watch, found in the files of a generated year alone."""

import statistics
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from generated import Row, Year, of_each

END = datetime(2026, 1, 1, tzinfo=timezone.utc)


def end_of(row: Row, minutes: dict[int, int]) -> datetime:
    """Return when a viewing has ended."""
    moment: datetime = row["watched_at"]
    return moment + timedelta(minutes=minutes[row["content_id"]]) * float(row["progress"] / 100)


def minutes_of(year: Year) -> dict[int, int]:
    return {row["content_id"]: row["duration_minutes"] for row in year.content}


def test_who_gives_an_episode_up_sees_something_else(year: Year) -> None:
    """Few try it again, and nobody more than once."""
    again, given_up = 0, 0
    times: Counter[tuple[int, int, int]] = Counter()
    for user, rows in of_each(year.watch_history, "user_id").items():
        for row, following in pairwise(rows):
            if row["episode"] and row["progress"] < 90:
                given_up += 1
                again += (row["content_id"], row["episode"]) == (following["content_id"], following["episode"])
        times.update((user, row["content_id"], row["episode"]) for row in rows if row["episode"])
    assert again / given_up < 0.1
    assert max(times.values()) <= 7  # given up, tried, and seen again and again by few


def test_pauses_have_nothing_to_do_with_progress(year: Year) -> None:
    """Most are short, some last up to half an hour."""
    minutes = minutes_of(year)
    pauses: list[tuple[float, float]] = []
    for rows in of_each(year.watch_history, "user_id").values():
        for row, following in pairwise(rows):
            pause = (following["watched_at"] - end_of(row, minutes)).total_seconds()
            if pause < 1800:
                pauses.append((float(row["progress"]), pause))
    quits = [pair for pair in pauses if pair[0] < 5]
    assert abs(statistics.correlation(*zip(*quits, strict=True))) < 0.1
    lengths = [pause for _, pause in pauses]
    assert min(lengths) > 3
    assert statistics.median(lengths) < 60
    assert sum(240 < pause < 900 for pause in lengths) / len(lengths) > 0.02


def test_progress_has_many_values(year: Year) -> None:
    """Of a title that many have given up on their way no two in three got exactly as far as another."""
    for rows in of_each(year.watch_history, "content_id").values():
        reached = [row["progress"] for row in rows if row["progress"] < 5]
        if len(reached) > 100:
            assert len(set(reached)) > len(reached) / 3


def test_nothing_goes_on_after_the_end(year: Year) -> None:
    minutes = minutes_of(year)
    late = [end_of(row, minutes) for row in year.watch_history if row["watched_at"] > END - timedelta(hours=3)]
    assert len(late) > 20
    assert max(late) <= END + timedelta(minutes=1)


def test_who_was_through_comes_back_for_the_new_season(year: Year) -> None:
    """Of those who have seen all until then, many more begin it in its first month than of those who have not begun."""
    back, others = Counter[bool](), Counter[bool]()
    for viewings in of_each(year.watch_history, "content_id").values():
        steps = sorted((row["watched_at"], row["episode"]) for row in viewings if row["episode"])
        half = [episode for moment, episode in steps if moment < END - timedelta(180)]
        if len(half) < 300:
            continue
        last = max(half)
        # When somebody sees more episodes than there have been.
        began = next((moment for moment, episode in steps if episode > last), None)
        if began is None or max(episode for _, episode in steps) < last + 6:
            continue
        for rows in of_each(viewings, "user_id").values():
            through = any(
                row["episode"] == last and row["progress"] >= 90 and row["watched_at"] < began for row in rows
            )
            new = any(row["episode"] > last for row in rows)
            (back if through else others)[new] += 1
    assert back.total() > 10
    assert back[True] / back.total() > 3 * others[True] / others.total()


def test_people_watch_more_at_first(year: Year, without: Year) -> None:
    """In the second to fourteenth day, next to the four weeks after that, of those who have had the time."""

    def compared(of: Year) -> float:
        joined = {row["user_id"]: row["created_at"] for row in of.users if row["created_at"] < END - timedelta(60)}
        stayed = {
            row["user_id"]
            for row in of.payment_history
            if row["payment_date"] - joined.get(row["user_id"], END) > timedelta(40)
        }
        days: Counter[bool] = Counter()
        for row in of.watch_history:
            if row["user_id"] in stayed:
                after = row["watched_at"] - joined[row["user_id"]]
                if timedelta(1) < after < timedelta(14):
                    days[True] += 1
                elif timedelta(16) < after < timedelta(42):
                    days[False] += 1
        return days[True] / 13 / (days[False] / 26)

    assert 1.3 < compared(year) < 2.2
    assert 0.8 < compared(without) < 1.25
