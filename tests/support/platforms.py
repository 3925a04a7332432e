"""A loaded platform: its rows in Python, and the questions that can be put to it in SQL."""

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from answers import Answer, Parameters
from documents import PROJECT
from platform_year import Rows

from toolkit.queries import Query


@dataclass
class Platform:
    """A database with the six tables, the same rows in Python, and the year that most of them are of."""

    connection: Any
    rows: Rows
    year: int
    users: list[int]
    titles: list[int]

    def answer(self, query: Query, parameters: Parameters) -> Answer:
        with self.connection.cursor() as cursor:
            cursor.execute("SET timezone TO 'UTC'")
            cursor.execute(*query.bind(parameters))
            return list(cursor.fetchall())

    def parameters(self, query: Query, **others: Any) -> Parameters:
        """Return all parameters of a query: these, as far as it has them, else its own, moved into the year."""
        found: Parameters = {**query.defaults, "user_id": self.users[0], "content_id": self.titles[0]}
        found |= {"genre": Counter(title["genre"] for title in self.rows["content"]).most_common(1)[0][0]}
        found |= others
        return {name: self._typed(found[name]) for name in query.defaults}

    def moment(self, text: str) -> datetime:
        """Return a time in UTC; where the text says 2024, the year of this platform is meant."""
        at = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)
        return at.replace(year=at.year - 2024 + self.year)

    def _typed(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return int(value)
        return self.moment(value) if isinstance(value, str) and value[:1].isdigit() else value


def chosen(rows: Rows, column: str) -> list[int]:
    """Return keys to ask for: of the most viewings, fewer and none, of the tied ones, and one that is not there."""
    count = Counter(row[column] for row in rows["watch_history"])
    seen = sorted(count, key=lambda key: (-count[key], key))
    table = "users" if column == "user_id" else "content"
    unseen = [row[column] for row in rows[table] if row[column] not in count]
    return [*seen[:: max(1, len(seen) // 4)], *unseen[:1], *({9009, 61} & set(seen)), 100_000]


def run(*command: str) -> None:
    subprocess.run([sys.executable, *command], cwd=PROJECT, check=True, capture_output=True)
