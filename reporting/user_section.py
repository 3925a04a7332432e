"""The section about one user."""

from collections.abc import Mapping, Sequence
from typing import Any

from reporting import charts
from reporting.cards import query_card
from reporting.charts import Bar, Series
from reporting.formatting import day, money, months, number, percent, plural
from reporting.markup import tag
from reporting.money_section import Tones
from reporting.page import Card, FigureSource, Section
from reporting.query_results import Reader
from services.recommendations import recommend_content
from toolkit.console import UserError, clipped
from toolkit.database import Database


def user_section(reader: Reader, database: Database, user_id: int, tones: Tones) -> Section:
    """Return the section about a user. Raises UserError if there is no such user."""
    account = reader.read("user_account", user_id=user_id)
    if not account.rows:
        raise UserError(f"there is no user {user_id}: `python dbshell.py --query users_and_plans` lists users")
    [user] = account.rows
    facts = {
        "plan": f"{user['plan']}, {money(user['price'])} a month" if user["plan"] else "none",
        "viewings": number(user["viewings"]),
        "finished": number(user["finished"]),
        "reviews": number(user["reviews"]),
        "paid in all": money(user["paid"]),
    }
    drawn = tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items()), class_="facts")
    about = query_card(account, "Account", f"{user['name']} signed up on {day(user['created_at'])}.", drawn)
    cards = [
        about,
        _history(reader, user_id),
        _payments(reader, user_id, tones),
        _recommended(recommend_content(database, user_id=user_id, limit=8), user_id),
    ]
    return Section(f"{user['name']}, user {user_id}", cards)


def _recommended(found: Sequence[Mapping[str, Any]], user_id: int) -> Card:
    """Return the card with the recommendations, which are read in a transaction of their own."""
    items = [tag("li", tag("b", clipped(row["title"])), tag("span", row["reason"])) for row in found]
    columns = ["title", "content_type", "genre", "release_year", "rating", "reason"]
    return Card(
        "recommend_content",
        "Recommended",
        "Not seen yet, the most promising first." if found else "They have seen everything.",
        tag("ol", *items, class_="found") if found else None,
        columns,
        [[row[name] for name in columns] for row in found],
        FigureSource(
            "recommend_content",
            "A service: import it from streaming_services.",
            f"recommend_content(database, user_id={user_id})",
        ),
    )


def _history(reader: Reader, user_id: int) -> Card:
    result = reader.read("user_history", user_id=user_id, limit=8)
    rows = [
        Bar(
            row["title"],
            [("main", float(row["progress"])), ("main faded", 100 - float(row["progress"]))],
            percent(row["progress"]),
            f"{row['title']} ({row['genre'] or 'no genre'})\n{day(row['watched_at'])}: {percent(row['progress'])}",
        )
        for row in result.rows
    ]
    title = "Latest viewings"
    lead = f"The latest on {day(result.rows[0]['watched_at'])}." if rows else "Nothing watched yet."
    return query_card(result, title, lead, charts.bars("% watched, the latest first", rows) if rows else None)


def _payments(reader: Reader, user_id: int, tones: Tones) -> Card:
    result = reader.read("user_payments", user_id=user_id, limit=24)
    rows: list[dict[str, Any]] = result.rows[::-1]
    series = [
        Series(
            plan,
            tones[plan],
            [float(row["amount"]) if row["plan"] == plan else 0 for row in rows],
            [f"{day(row['payment_date'])}: {money(row['amount'])}\n{plan}, by {row['method']}" for row in rows],
        )
        for plan in dict.fromkeys(row["plan"] for row in rows)
    ]
    labels = months([row["payment_date"] for row in rows])
    title = "Latest payments"
    drawn = charts.columns("paid", labels, series) if series else None
    lead = (
        f"{plural(len(rows), 'payment', 'payments')}; {money(rows[-1]['paid_so_far'])} in all."
        if rows
        else "Nothing paid yet."
    )
    return query_card(result, title, lead, drawn)
