"""The answers about viewings that a dashboard shows."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

from platform_year import Row, Rows

from answers.counting import (
    TIMES,
    Answer,
    Parameters,
    average,
    by,
    distinct,
    finished,
    is_whole,
    midnight,
    month,
    month_before,
    months,
    next_month,
    one,
    percent,
    period_before,
    rounded,
    total,
    within,
)


def days_of_data(r: Rows, _: Parameters) -> Answer:
    times = {table: [row[column] for row in r[table]] for table, column in TIMES.items()}
    every = [at for found in times.values() for at in found]
    if not every:
        return [(None, None, None, None, 0, 0, 0)]
    # A mistake lies a month beyond 99 of 100 of what is at that end: of the first and last thousand of each table.
    first, last = (_ninety_nine(times, is_last=is_last) for is_last in (False, True))
    days = [at.date() for at in every if first <= at <= last]
    viewing, payment = (
        max((at.date() for at in times[table] if at <= last), default=None)
        for table in ("watch_history", "payment_history")
    )
    before, after = sum(at < first for at in every), sum(at > last for at in every)
    return [(min(days), max(days), viewing, payment, before, after, 0)]


def _ninety_nine(times: dict[str, list[datetime]], *, is_last: bool) -> datetime:
    ends = sorted((at for found in times.values() for at in sorted(found, reverse=is_last)[:1000]), reverse=is_last)
    a_month = timedelta(hours=744)
    return ends[len(ends) // 100] + (a_month if is_last else -a_month)


def headline_figures(r: Rows, p: Parameters) -> Answer:
    def figures(q: Parameters) -> list[Decimal | int | None]:
        paid = within(r["payment_history"], "payment_date", q)
        seen = within(r["watch_history"], "watched_at", q)
        people = sum(q["until"] is not None and user["created_at"] < q["until"] for user in r["users"])
        payers = distinct(paid, "payer_id")
        each = rounded(total(paid) / payers, 2) if payers else None
        new = len(within(r["users"], "created_at", q))
        return [people, new, payers, total(paid), each, distinct(seen, "user_id"), len(seen), finished(seen)]

    names = ["users", "sign-ups", "subscribers", "revenue", "revenue per subscriber", "viewers"]
    names += ["viewings", "viewings finished"]
    both = zip(names, figures(p), figures(period_before(p)), strict=True)
    return [
        (name, now, before, None if now is None or before is None else percent(now - before, before))
        for name, now, before in both
    ]


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
    if p["since"] is None:
        return []
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


def completion_by_title(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    found = []
    for title, seen in by(within(r["watch_history"], "watched_at", p), "content_id").items():
        if len(seen) >= p["min_viewings"]:
            share, given_up = (
                percent(finished(seen), len(seen)),
                percent(sum(x["progress"] < 5 for x in seen), len(seen)),
            )
            row = (title, titles[title]["title"], len(seen), share, given_up, average(x["progress"] for x in seen))
            found.append((Decimal(finished(seen)) / len(seen), row))
    found.sort(key=lambda x: (-x[0], x[1][0]))
    return [row for _, row in found[: p["limit"]]]


def active_viewers_by_month(r: Rows, p: Parameters) -> Answer:
    seen: dict[date, list[Row]] = defaultdict(list)
    for row in within(r["watch_history"], "watched_at", p):
        seen[month(row["watched_at"])].append(row)
    answer: Answer = []
    for first in months(p):
        viewers = distinct(seen[first], "user_id")
        a_day = Decimal(len({(row["user_id"], row["watched_at"].date()) for row in seen[first]}))
        a_day /= (next_month(first) - first).days
        if is_whole(first, p) and p["since"] <= midnight(first):
            answer.append((first, viewers, rounded(a_day), percent(a_day, viewers)))
        else:
            answer.append((first, viewers, None, None))
    return answer


def hours_watched_by_month(r: Rows, p: Parameters) -> Answer:
    minutes = {title["content_id"]: title["duration_minutes"] for title in r["content"]}
    seen: dict[date, list[Row]] = defaultdict(list)
    for row in within(r["watch_history"], "watched_at", p):
        seen[month(row["watched_at"])].append(row)
    answer: Answer = []
    for first in months(p):
        known = [row for row in seen[first] if minutes[row["content_id"]] is not None]
        hours = sum((row["progress"] * minutes[row["content_id"]] / 6000 for row in known), Decimal(0))
        each = rounded(hours / distinct(seen[first], "user_id")) if known else None
        answer.append((first, rounded(hours), each, len(seen[first]), len(seen[first]) - len(known)))
    return answer


def binges_by_month(r: Rows, p: Parameters) -> Answer:
    sittings: dict[date, list[tuple[int, bool]]] = defaultdict(list)
    for user, rows in by(within(r["watch_history"], "watched_at", p), "user_id").items():
        of_user: list[list[Row]] = []
        for row in sorted(rows, key=lambda row: row["watched_at"]):
            if not of_user or row["watched_at"] - of_user[-1][-1]["watched_at"] > timedelta(hours=4):
                of_user.append([])
            of_user[-1].append(row)
        for sitting in of_user:
            most = max(Counter(row["content_id"] for row in sitting).values())
            sittings[month(sitting[0]["watched_at"])].append((user, most >= 3))
    return [
        (first, len(found), sum(binge for _, binge in found), len({user for user, binge in found if binge}),
         percent(sum(binge for _, binge in found), len(found)))
        for first in months(p)
        for found in [sittings[first]]
    ]  # fmt: skip
