"""Reviews of a generated year fit what their authors have seen, and when. By statistics of the files alone."""

import statistics
from collections import defaultdict

from generated import Year, of_each


def test_series_are_reviewed_by_those_who_are_through(year: Year) -> None:
    """They have seen the last episode that anybody has seen by then."""
    watched = of_each(year.watch_history, "content_id")
    through = []
    for row in year.reviews:
        seen: dict[bool, int] = defaultdict(int)
        for viewing in watched[row["content_id"]]:
            if viewing["episode"] and viewing["watched_at"] < row["reviewed_at"]:
                own = viewing["user_id"] == row["user_id"] and viewing["progress"] >= 90
                seen[own] = max(seen[own], viewing["episode"])
        if seen:
            through.append(seen[True] >= seen[False])
    assert len(through) > 100
    assert statistics.mean(through) > 0.9
