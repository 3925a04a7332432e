"""Reviews of a generated year fit what their authors have seen, and when. By statistics of the files alone."""

import re
import statistics
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import tomli
from documents import PROJECT
from generated import Row, Year, of_each

HOUR = timedelta(hours=1)
AN_HOUR_AHEAD = {"DE", "ES", "FR", "IT", "NL", "PL", "SE"}  # of UTC


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


def ends(year: Year) -> dict[int, list[tuple[datetime, datetime, Row]]]:
    """Return from when until when each user watches what, by their number."""
    minutes = {row["content_id"]: row["duration_minutes"] for row in year.content}
    return {
        user: [
            (
                row["watched_at"],
                row["watched_at"] + HOUR * minutes[row["content_id"]] * float(row["progress"]) / 6000,
                row,
            )
            for row in rows
        ]
        for user, rows in of_each(year.watch_history, "user_id").items()
    }


def test_nobody_writes_while_they_watch(year: Year) -> None:
    watched = ends(year)
    busy = [any(begin < row["reviewed_at"] < end for begin, end, _ in watched[row["user_id"]]) for row in year.reviews]
    assert statistics.mean(busy) < 0.01


def test_reviews_know_the_night_and_some_are_late(year: Year) -> None:
    countries = {row["user_id"]: row["country"] for row in year.users}
    hours = Counter(
        (row["reviewed_at"] + HOUR).hour for row in year.reviews if countries[row["user_id"]] in AN_HOUR_AHEAD
    )
    assert sum(hours[hour] for hour in range(1, 6)) < 0.1 * hours.total()
    assert hours[12] + hours[13] + hours[14] > 2 * (hours[3] + hours[4] + hours[5])
    seen = {}
    for user, viewings in ends(year).items():
        for _, end, row in viewings:
            if row["progress"] >= 90:
                seen[user, row["content_id"]] = end
    after = [row["reviewed_at"] - seen[row["user_id"], row["content_id"]] for row in year.reviews]
    assert 0.3 < statistics.mean(gap < 6 * HOUR for gap in after) < 0.7
    assert statistics.mean(gap > timedelta(10) for gap in after) > 0.01


FRIDAY = "am Freitagabend|vendredi soir|venerdì sera|viernes por la noche|Friday night"
EVENING = "nach dem Abendessen|après le dîner|dopo cena|después de cenar|after dinner"


def test_what_is_said_of_a_time_is_so(year: Year) -> None:
    """By when they have seen the title, in countries that are an hour ahead."""
    countries = {row["user_id"]: row["country"] for row in year.users}
    watched = ends(year)
    said = 0
    for row in year.reviews:
        words, written = row["review_text"] or "", row["reviewed_at"]
        assert "during the holidays" not in words or (written.month, written.day) >= (12, 24) or written.month == 1
        if countries[row["user_id"]] in AN_HOUR_AHEAD and re.search(f"{FRIDAY}|{EVENING}", words):
            said += 1
            moments = [end + HOUR for _, end, of in watched[row["user_id"]] if of["content_id"] == row["content_id"]]
            assert any(end.hour >= 18 for end in moments)
            assert not re.search(FRIDAY, words) or any(end.weekday() == 4 for end in moments)
    assert said > 10


def test_people_write_in_their_language(year: Year) -> None:
    countries = {row["user_id"]: row["country"] for row in year.users}
    letters = {"PL": "[ąćęłńóśźż]", "TR": "[çğışöü]", "TW": "[\u4e00-\u9fff]", "SA": "[\u0600-\u06ff]", "UA": "[а-яі]"}
    for country, alphabet in letters.items():
        texts = [
            row["review_text"] for row in year.reviews if row["review_text"] and countries[row["user_id"]] == country
        ]
        assert len(texts) > 10
        assert statistics.mean(bool(re.search(alphabet, text)) for text in texts) > 0.7


def test_what_is_said_of_a_title_is_so(year: Year) -> None:
    content = {row["content_id"]: row for row in year.content}
    with_words = [(row["review_text"], content[row["content_id"]]) for row in year.reviews if row["review_text"]]
    for words, row in with_words:
        if row["content_type"] in ("documentary", "other"):
            assert not re.search("The cast|The lead|The chemistry|The jokes|The plot|effects", words)
        assert "Two hours" not in words or row["duration_minutes"] >= 100
        assert "with the kids" not in words or row["genre"] in {"Animation", "Family", "Nature"}
        assert not re.search("[Gg]ood (family|history|nature|crime) is rare|Vedla", words)
        about = re.findall(r"(?:^|\. )(The (?:ending|music|cast|direction|pacing|editing|lead|writing)) ", words)
        assert len(about) == len(set(about))
    assert sum(row["content_type"] == "documentary" for _, row in with_words) > 20


def test_who_loved_or_hated_it_says_why_more_often(year: Year, without: Year) -> None:
    def with_words(of: Year) -> tuple[float, float, float]:
        words: dict[int, list[bool]] = defaultdict(list)
        for row in of.reviews:
            words[0 if row["rating"] <= 3 else 2 if row["rating"] > 8.5 else 1].append(row["review_text"] is not None)
        return statistics.mean(words[0]), statistics.mean(words[1]), statistics.mean(words[2])

    low, middle, high = with_words(year)
    assert low > 1.5 * middle
    assert high > 1.5 * middle
    low, middle, high = with_words(without)
    assert 0.7 < low / middle < 1.4
    assert 0.8 < high / middle < 1.25


def test_no_praise_is_written_with_a_low_rating_and_no_blame_with_a_high_one(year: Year) -> None:
    """Whole sentences, as reviews.toml has them."""
    words = tomli.loads((PROJECT / "simulation" / "reviews.toml").read_text("utf-8"))
    praise, blame = (
        {text for of_language in words.values() for list_ in lists for text in of_language[list_] if len(text) > 3}
        for lists in (("good", "great", "fine", "praise"), ("bad", "dull", "blame"))
    )
    low = [row["review_text"] for row in year.reviews if row["rating"] <= 4.5 and row["review_text"]]
    high = [row["review_text"] for row in year.reviews if row["rating"] > 6.5 and row["review_text"]]
    assert len(low) > 100
    assert len(high) > 1000
    assert not [(text, said) for text in low for said in praise if said in text]
    assert not [(text, said) for text in high for said in blame if said in text]
