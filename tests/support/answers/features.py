"""The answers about users, titles and plans, and what users may like."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from platform_year import Row, Rows

from answers.counting import Answer, Parameters, average, by, distinct, finished, latest, of, one, percent, rounded
from services import FINISHED


def users_and_plans(r: Rows, p: Parameters) -> Answer:
    plans = one(r["subscriptions"], "subscription_id")
    answer = []
    for user in sorted(r["users"], key=lambda row: row["user_id"])[: p["limit"]]:
        plan = plans.get(user["subscription_id"], {"name": None, "price": None})
        answer.append((user["user_id"], user["name"], user["email"], plan["name"], plan["price"]))
    return answer


def plans(r: Rows, _: Parameters) -> Answer:
    ordered = sorted(r["subscriptions"], key=lambda row: (row["price"], row["subscription_id"]))
    return [
        (row["subscription_id"], row["name"], row["price"], row["features"].get("quality"), row["features"]["streams"])
        for row in ordered
    ]


def find_content(r: Rows, p: Parameters) -> Answer:
    found = [row for row in of(r["content"], genre=p["genre"]) if row["rating"] and row["rating"] >= p["min_rating"]]
    found.sort(key=lambda row: (-row["rating"], row["content_id"]))
    columns = ("content_id", "title", "content_type", "release_year", "rating")
    return [tuple(row[column] for column in columns) for row in found[: p["limit"]]]


def reviews_of_title(r: Rows, p: Parameters) -> Answer:
    users = one(r["users"], "user_id")
    found = latest(of(r["reviews"], content_id=p["content_id"]), "reviewed_at", "review_id")[: p["limit"]]
    return [(x["reviewed_at"], users[x["user_id"]]["name"], x["rating"], x["review_text"]) for x in found]


def title_figures(r: Rows, p: Parameters) -> Answer:
    viewings = of(r["watch_history"], content_id=p["content_id"])
    reviews = of(r["reviews"], content_id=p["content_id"])
    users_rating = average(row["rating"] for row in reviews)
    seen = (len(viewings), distinct(viewings, "user_id"), finished(viewings), len(reviews), users_rating)
    return [(title["title"], *seen, title["rating"]) for title in of(r["content"], content_id=p["content_id"])]


def user_account(r: Rows, p: Parameters) -> Answer:
    plans = one(r["subscriptions"], "subscription_id")
    answer = []
    for user in of(r["users"], user_id=p["user_id"]):
        plan = plans.get(user["subscription_id"], {"name": None, "price": None})
        seen = of(r["watch_history"], user_id=p["user_id"])
        reviews = len(of(r["reviews"], user_id=p["user_id"]))
        paid = sum((row["amount"] for row in of(r["payment_history"], user_id=p["user_id"])), Decimal())
        account = (user["user_id"], user["name"], user["created_at"], plan["name"], plan["price"])
        answer.append((*account, len(seen), finished(seen), reviews, paid))
    return answer


def continue_watching(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    newest: dict[int, Row] = {}
    for row in latest(of(r["watch_history"], user_id=p["user_id"]), "watched_at", "watch_id"):
        newest.setdefault(row["content_id"], row)
    answer = []
    for row in newest.values():
        title, episode, begun = titles[row["content_id"]], row.get("episode"), row["progress"] < FINISHED
        if begun or (episode is not None and episode < (title.get("episodes") or 0)):
            following = episode if begun or episode is None else episode + 1
            answer.append((row["content_id"], title["title"], row["progress"], row["watched_at"], following))
    return answer[: p["limit"]]


def user_history(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    answer = []
    for row in latest(of(r["watch_history"], user_id=p["user_id"]), "watched_at", "watch_id")[: p["limit"]]:
        title = titles[row["content_id"]]
        answer.append(
            (row["watched_at"], row["content_id"], title["title"], row.get("episode"), title["genre"], row["progress"])
        )
    return answer


def user_payments(r: Rows, p: Parameters) -> Answer:
    plan = one(r["subscriptions"], "subscription_id")
    so_far, answer = Decimal(0), []
    for row in reversed(latest(of(r["payment_history"], user_id=p["user_id"]), "payment_date", "payment_id")):
        so_far += row["amount"]
        name = plan[row["subscription_id"]]["name"]
        answer.append((row["payment_date"], name, row["amount"], row["method"], so_far))
    return answer[::-1][: p["limit"]]


def viewing_sessions(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    sittings: list[list[Row]] = []
    for row in reversed(latest(of(r["watch_history"], user_id=p["user_id"]), "watched_at", "watch_id")):
        if not sittings or row["watched_at"] - sittings[-1][-1]["watched_at"] > timedelta(hours=4):
            sittings.append([])
        sittings[-1].append(row)
    return [
        (s[0]["watched_at"], s[-1]["watched_at"], len(s), ", ".join(titles[x["content_id"]]["title"] for x in s))
        for s in sittings[::-1][: p["limit"]]
    ]


def users_against_critics(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    found = []
    for title, reviews in by(r["reviews"], "content_id").items():
        critics = titles[title]["rating"]
        if critics is None or len(reviews) < p["min_reviews"]:
            continue
        exact = sum((x["rating"] for x in reviews), Decimal(0)) / len(reviews)
        row = (title, titles[title]["title"], critics, rounded(exact), len(reviews), rounded(exact - critics))
        found.append((abs(exact - critics), row))
    found.sort(key=lambda x: (-x[0], x[1][0]))
    return [row for _, row in found[: p["limit"]]]


def also_watched(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    viewings = latest(of(r["watch_history"], content_id=p["content_id"]), "watched_at", "watch_id")
    viewers = {row["user_id"] for row in viewings[: p["sample"]]}
    common = by((row for row in r["watch_history"] if row["user_id"] in viewers), "content_id")
    answer = [
        (title, titles[title]["title"], distinct(rows, "user_id"), percent(distinct(rows, "user_id"), len(viewers)))
        for title, rows in common.items()
        if title != p["content_id"]
    ]
    return sorted(answer, key=lambda x: (-x[2], x[0]))[: p["limit"]]


def unseen_in_favourite_genres(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    seen = of(r["watch_history"], user_id=p["user_id"])
    count = Counter(titles[x["content_id"]]["genre"] for x in seen if x["progress"] >= FINISHED)
    del count[None]
    favourites = sorted(count, key=lambda genre: (-count[genre], genre))[:3]
    unseen = [
        title
        for title in r["content"]
        if title["genre"] in favourites and title["content_id"] not in {x["content_id"] for x in seen}
    ]
    unseen.sort(key=lambda t: (-count[t["genre"]], t["genre"], -(t["rating"] or 0), t["content_id"]))
    return [(t["content_id"], t["title"], t["genre"], t["rating"], count[t["genre"]]) for t in unseen[: p["limit"]]]


def ratings_density(r: Rows, p: Parameters) -> Answer:
    titles = one(r["content"], "content_id")
    cells: dict[tuple[Decimal, Decimal], list[tuple[bool, int]]] = {}
    for title, reviews in by(r["reviews"], "content_id").items():
        critics = titles[title]["rating"]
        if critics is None or len(reviews) < p["min_reviews"]:
            continue
        users = sum((x["rating"] for x in reviews), Decimal(0)) / len(reviews)
        cell = (Decimal(int(critics * 2)) / 2, Decimal(int(users * 2)) / 2)
        cells.setdefault(cell, []).append((users > critics, len(reviews)))
    return [
        (*cell, len(found), sum(better for better, _ in found), sum(reviews for _, reviews in found))
        for cell, found in sorted(cells.items())
    ]
