"""Which part of a platform the page is about: a plan's, a country's, and none of what simulated runs have written.

The tables are narrowed in front of a query, by tables of the same names in a WITH: so the query is that of queries.sql,
and what the page shows is what was sent.
"""

import dataclasses
import re
from typing import NamedTuple

from toolkit.database import Cursor
from toolkit.queries import Query, parse_query

# How the rows of a run can be told from others, see simulation/traffic/run_ids.py: by the name of its plans, the
# address of its users, and the end of its keys.
_RUN = re.compile(r", simulation ([0-9a-f]{12})").search


class Segment(NamedTuple):
    """plan, country: None is all. runs: the ids of the runs that are left out."""

    plan: str | None = None
    country: str | None = None
    runs: tuple[str, ...] = ()

    def narrow(self, query: Query) -> Query:
        """Return the query about this part of the platform; its parameters are plan, country, and its own."""
        tables = self._tables()
        if not tables:
            return query
        # A period that is given reaches the index of a table only so. Without one the servers know better: v21.1 of
        # CockroachDB cannot plan the two ends of an index that days_of_data reads.
        hint = "AS NOT MATERIALIZED" if "until" in query.defaults else "AS"
        narrowed = ", ".join(
            f"{table} {hint} (\n    SELECT * FROM {table} WHERE {' AND '.join(conditions)}\n)"  # noqa: S608
            for table, conditions in tables.items()
        )
        begin = f"WITH {narrowed}"
        text = query.text
        text = f"{begin}, {text[5:]}" if text.startswith("WITH ") else f"{begin}\n{text}"
        return dataclasses.replace(parse_query(query.name, text), description=query.description)

    @property
    def parameters(self) -> dict[str, str]:
        return {name: value for name, value in (("plan", self.plan), ("country", self.country)) if value is not None}

    def __str__(self) -> str:
        """Say what the page is about, if it is not all of the platform."""
        said = [f"plan {self.plan}"] if self.plan is not None else []
        said += [f"country {self.country}"] if self.country is not None else []
        return ", ".join(said)

    def _tables(self) -> dict[str, list[str]]:
        """Return the conditions by which each table is narrowed; later ones refer to the users that are left."""
        users, viewings, reviews, payments, plans = [], [], [], [], []
        if self.plan is not None:
            of_plan = "subscription_id IN (SELECT subscription_id FROM subscriptions WHERE name = '' /* :plan */)"
            users.append(of_plan)
            payments.append(of_plan)
        if self.country is not None:
            users.append("country = '' /* :country */")
            payments.append("payer_id IN (SELECT user_id FROM users)")
        if users:
            viewings.append("user_id IN (SELECT user_id FROM users)")
            reviews.append("user_id IN (SELECT user_id FROM users)")
        for run in self.runs:
            plans.append(f"name NOT LIKE '%, simulation {run}'")
            users.append(f"email NOT LIKE '%.{run}@%'")
            for table, key in ((viewings, "watch_id"), (reviews, "review_id"), (payments, "payment_id")):
                table.append(f"{key}::TEXT NOT LIKE '%-{run}'")
        found = {
            "subscriptions": plans,
            "users": users,
            "watch_history": viewings,
            "reviews": reviews,
            "payment_history": payments,
        }
        return {table: conditions for table, conditions in found.items() if conditions}


def runs_in(cursor: Cursor) -> tuple[str, ...]:
    """Return the ids of the simulated runs whose rows are in the database."""
    cursor.execute("SELECT name FROM subscriptions WHERE name LIKE '%, simulation %' ORDER BY name")
    found = (_RUN(name) for (name,) in cursor.fetchall())
    return tuple(dict.fromkeys(match[1] for match in found if match))
