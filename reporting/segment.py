"""Narrow queries to a part of the platform: a plan, a country, without the rows of simulated runs.

A WITH clause before the query defines tables of the same names with fewer rows. So the query itself stays as it is in
queries.sql, and the page shows exactly the SQL that was sent.
"""

import dataclasses
import re
from typing import NamedTuple

from toolkit.database import Cursor
from toolkit.queries import Query, parse_query

# A run's rows are found by the names of its plans, the addresses of its users, and the ends of its keys: see
# simulation/traffic/run_ids.py.
_RUN = re.compile(r", simulation ([0-9a-f]{12})").search


class Segment(NamedTuple):
    """A part of the platform. plan, country: None is all. runs: the ids of runs whose rows are left out."""

    plan: str | None = None
    country: str | None = None
    runs: tuple[str, ...] = ()

    def narrow(self, query: Query) -> Query:
        """Return the query for this part of the platform. It has the further parameters plan and country, if given."""
        tables = self._tables()
        if not tables:
            return query
        # With a period, only NOT MATERIALIZED lets the query use an index on the time. Without one the server decides:
        # with the hint CockroachDB v21.1 cannot plan days_of_data, which reads both ends of an index.
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
        """Return the segment as text; "" for all of the platform."""
        said = [f"plan {self.plan}"] if self.plan is not None else []
        said += [f"country {self.country}"] if self.country is not None else []
        return ", ".join(said)

    def _tables(self) -> dict[str, list[str]]:
        """Return table -> conditions. Conditions on other tables refer to the table users, which is narrowed first."""
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
    """Return the ids of the simulated runs whose rows are in the database.

    Unlike known_run_ids() of the simulation it reads plans only, and not all users: plans are removed last.
    """
    cursor.execute("SELECT name FROM subscriptions WHERE name LIKE '%, simulation %' ORDER BY name")
    found = (_RUN(name) for (name,) in cursor.fetchall())
    return tuple(dict.fromkeys(match[1] for match in found if match))
