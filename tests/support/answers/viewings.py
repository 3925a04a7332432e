"""The answers about viewings that a dashboard shows."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

from platform_year import Row, Rows

from answers.counting import (
    Answer,
    Parameters,
    average,
    by,
    distinct,
    finished,
    midnight,
    month,
    month_before,
    months,
    one,
    percent,
    period_before,
    total,
    within,
)


def days_of_data(r: Rows, _: Parameters) -> Answer:
    columns = {"users": "created_at", "watch_history": "watched_at", "payment_history": "payment_date"}
    days = [row[column].date() for table, column in columns.items() for row in r[table]]
    return [(min(days, default=None), max(days, default=None))]


def headline_figures(r: Rows, p: Parameters) -> Answer:
    def figures(q: Parameters) -> list[Decimal | int]:
        paid = within(r["payment_history"], "payment_date", q)
        seen = within(r["watch_history"], "watched_at", q)
        people = sum(user["created_at"] < q["until"] for user in r["users"])
        return [people, distinct(paid, "payer_id"), total(paid), len(seen), finished(seen)]

    names = ["users", "subscribers", "revenue", "viewings", "titles finished"]
    both = zip(names, figures(p), figures(period_before(p)), strict=True)
    return [(name, now, before, percent(now - before, before)) for name, now, before in both]


def popular_titles(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    answer = [
        (title, titles[title]["title"], titles[title]["genre"], distinct(seen, "user_id"), len(seen),
         percent(finished(seen), len(seen)))
        for title, seen in by(within(r["watch_history"], "watched_at", p), "content_id").items()
    ]  # fmt: skip
    return sorted(answer, key=lambda x: (-x[3], -x[4], x[0]))[: p["limit"]]


def popular_titles_by_month(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    counts: dict[date, Counter[int]] = defaultdict(Counter)
    for row in within(r["watch_history"], "watched_at", p):
        counts[month(row["watched_at"])][row["content_id"]] += 1
    places = {
        first: {title: i + 1 for i, title in enumerate(sorted(count, key=lambda t: (-count[t], t)))}
        for first, count in counts.items()
    }
    answer = []
    for first in sorted(places):
        for title, place in list(places[first].items())[: p["limit"]]:
            before = places.get(month_before(first), {}).get(title)
            risen = before - place if before else None
            answer.append((first, place, title, titles[title]["title"], counts[first][title], risen))
    return answer


def popular_titles_over_time(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    seen = within(r["watch_history"], "watched_at", p)
    count = Counter(row["content_id"] for row in seen)
    monthly = Counter((row["content_id"], month(row["watched_at"])) for row in seen)
    top = sorted(count, key=lambda title: (-count[title], title))[: p["limit"]]
    return [(title, titles[title]["title"], first, monthly[title, first]) for title in top for first in months(p)]


def titles_rising_and_falling(r: Rows, p: Parameters) -> Answer:
    now = Counter(row["content_id"] for row in within(r["watch_history"], "watched_at", p))
    before = Counter(row["content_id"] for row in within(r["watch_history"], "watched_at", period_before(p)))
    titles = one(r["content"], "content_id")
    answer = [(t, titles[t]["title"], now[t], before[t], now[t] - before[t]) for t in now | before]
    return sorted(answer, key=lambda x: (-abs(x[4]), x[0]))[: p["limit"]]


def top_users(r: Rows, p: Parameters) -> Answer:
    names = one(r["users"], "user_id")
    answer = [
        (user, names[user]["name"], len(seen), distinct(seen, "content_id"), finished(seen),
         len({row["watched_at"].date() for row in seen}))
        for user, seen in by(within(r["watch_history"], "watched_at", p), "user_id").items()
    ]  # fmt: skip
    return sorted(answer, key=lambda x: (-x[2], x[0]))[: p["limit"]]


def viewings_by_day(r: Rows, p: Parameters) -> Answer:
    count = Counter(row["watched_at"].date() for row in within(r["watch_history"], "watched_at", p))
    days = [p["since"].date()]
    while midnight(days[-1] + timedelta(days=1)) < p["until"]:
        days.append(days[-1] + timedelta(days=1))
    return [
        (day, count[day], average(Decimal(count[d]) for d in days[max(0, i - 6) : i + 1])) for i, day in enumerate(days)
    ]


def busiest_hours(r: Rows, p: Parameters) -> Answer:
    seen = within(r["watch_history"], "watched_at", p)
    count = Counter((row["watched_at"].isoweekday(), row["watched_at"].hour) for row in seen)
    return [(weekday, hour, count[weekday, hour]) for weekday in range(1, 8) for hour in range(24)]


def completion_by_genre(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    genres: dict[str, list[Row]] = defaultdict(list)
    for row in within(r["watch_history"], "watched_at", p):
        genres[titles[row["content_id"]]["genre"] or "(none)"].append(row)
    answer = [
        (genre, len(seen), finished(seen), percent(finished(seen), len(seen)),
         percent(sum(row["progress"] < 5 for row in seen), len(seen)), average(row["progress"] for row in seen))
        for genre, seen in genres.items()
    ]  # fmt: skip
    return sorted(answer, key=lambda x: (-x[1], x[0]))


def progress_histogram(r: Rows, p: Parameters) -> Answer:
    seen = within(r["watch_history"], "watched_at", p)
    count = Counter(int(row["progress"]) // 10 * 10 for row in seen)
    so_far, answer = 0, []
    for step in sorted(count):
        so_far += count[step]
        answer.append((step, count[step], percent(so_far, len(seen))))
    return answer
