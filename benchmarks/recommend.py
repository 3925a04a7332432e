"""What recommend_content() is worth, and how long it takes, on generated years.

    python benchmarks/recommend.py [URL] [--users N] [--seeds 1,2,3]
    python benchmarks/recommend.py URL --loaded

Worth: the last month of a year is cut off. What is recommended from the rest is compared with what each user finished
in that month and had not watched before: the hit rate at 10 is the share of users for whom one of ten titles is among
these. The baseline is what most people watched in the 30 days before, without what the user has watched. With tastes
turned off in the generator the ratio of the two is little more than 1, for people's languages are left: so the figure
measures something.

Time: 200 users, the heaviest among them.

Both are measured on the finished year, and then on a running platform: a whole month's viewings are begun again within
an hour and are under way, each of the most popular titles has a fan who has finished it 60 times since, and there are
users who signed up a minute ago, of whom is counted who gets ten titles. Makes databases of its own and drops them.

--loaded: measures the time alone, in the database of URL as it is, and writes nothing: 500 users, half of them the
heaviest and half of them chance's; each is asked for twice in a row, for the first time may wait for the disk.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import quantiles
from typing import Any

import psycopg2
import psycopg2.extensions

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from services import FINISHED, recommend_content  # noqa: E402 - these lie beside this folder
from toolkit import local  # noqa: E402
from toolkit.database import Database  # noqa: E402

CUT, MONTH_BEFORE = "2025-12-01", "2025-11-01"  # of the year that simulate.py generates
AT = 10
SAMPLE = 1_000  # users of a year whose recommendations are compared
TIMED = 200
NEW_USERS = 50
FANS = 20  # titles that have one
TIMED_IN_LOADED = 500

USERS = """
    INSERT INTO users (user_id, name, email)
        SELECT -g, 'New', 'new' || g::TEXT || '@example.com' FROM generate_series(1, %(new)s + %(fans)s) AS n (g)"""
# A month's viewings in an hour: 720 times as fast.
RUNNING = """
    INSERT INTO watch_history (user_id, content_id, watched_at, progress)
        SELECT user_id, content_id, %(cut)s::TIMESTAMPTZ + (watched_at - %(before)s::TIMESTAMPTZ) / 720, progress / 2
        FROM watch_history WHERE watched_at >= %(before)s;
    INSERT INTO watch_history (user_id, content_id, watched_at, progress)
        SELECT -%(new)s - f.fan, f.content_id, %(cut)s::TIMESTAMPTZ + g * INTERVAL '1 minute', 100
        FROM unnest(%(popular)s::INT8[]) WITH ORDINALITY AS f (content_id, fan), generate_series(1, 60) AS n (g)"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure recommend_content() on generated years.")
    parser.add_argument("url", nargs="?", metavar="URL", help="the server (default: the local database)")
    parser.add_argument("--users", type=int, default=20_000, metavar="N", help="of each year (default: 20,000)")
    parser.add_argument("--seeds", default="1,2,3", help="of the years (default: 1,2,3)")
    parser.add_argument("--loaded", action="store_true", help="time it in the database of URL, which has users")
    options = parser.parse_args()
    server = options.url or local.url()
    if options.loaded:
        print(json.dumps(_time_loaded(server)))
        return
    results: dict[str, Any] = {}
    print(f"{'year':29} {'users':>6} {'popular':>8} {'recommended':>12} {'ratio':>6} {'p50':>8} {'p95':>8}  new users")
    for seed in options.seeds.split(","):
        for tastes in (True, False):
            year = f"seed {seed}" if tastes else f"seed {seed}, no tastes"
            for state, figures in _measure_year(server, options.users, seed, tastes).items():
                name = f"{year}, {state}"
                results[name] = figures
                users, popular, recommended, p50, p95, new = figures.values()
                print(
                    f"{name:29} {users:6} {popular:8.3f} {recommended:12.3f} {recommended / popular:6.2f}"
                    f" {p50:5.1f} ms {p95:5.1f} ms  {new:.0%} served",
                    flush=True,
                )
    print(json.dumps(results))


def _time_loaded(url: str) -> dict[str, float]:
    """Return how long calls take in a database that is there, for the first time and again."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.set_session(readonly=True, autocommit=True)
        cursor.execute("SELECT user_id FROM users ORDER BY user_id")
        users = [user for (user,) in cursor]
        cursor.execute(
            "SELECT user_id, count(*) FROM watch_history GROUP BY user_id ORDER BY 2 DESC, 1 LIMIT %s",
            (TIMED_IN_LOADED // 2,),
        )
        heaviest: dict[int, int] = dict(cursor.fetchall())
    left = sorted(set(users) - heaviest.keys())
    others = random.Random(1).sample(left, min(TIMED_IN_LOADED - len(heaviest), len(left)))
    results: dict[str, float] = {"users": len(users), "viewings_of_the_heaviest": max(heaviest.values())}
    with Database(url) as database:
        for name, timed in (("heaviest", list(heaviest)), ("others", others)):
            both = [(_seconds(database, user), _seconds(database, user)) for user in timed]
            for when, times in zip(("first", "again"), zip(*both, strict=True), strict=True):
                p50, p95 = _p50_and_p95(times)
                print(f"{len(timed)} {name}, {when}: p50 {p50:.1f} ms, p95 {p95:.1f} ms", flush=True)
                results |= {f"{name}_{when}_p50_ms": p50, f"{name}_{when}_p95_ms": p95}
    return results


def _measure_year(server: str, users: int, seed: str, tastes: bool) -> dict[str, dict[str, float]]:
    name = f"benchmark_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(server)) as admin, tempfile.TemporaryDirectory() as folder:
        admin.autocommit = True
        cursor = admin.cursor()
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            url = psycopg2.extensions.make_dsn(server, dbname=name)
            later = _load_until_the_cut(url, Path(folder), users, seed, tastes)
            return _compare(url, later)
        finally:
            cockroachdb = admin.get_parameter_status("crdb_version")
            cursor.execute(f"DROP DATABASE {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")


def _load_until_the_cut(url: str, folder: Path, users: int, seed: str, tastes: bool) -> dict[int, set[int]]:
    """Load a year without its last month; return what each user finished in that month: user_id -> content_ids."""
    profile, year = folder / "profile.toml", folder / "year"
    profile.write_text("" if tastes else "[tastes]\nstrength = 0.0\n")
    generate = ["generate", "--users", str(users), "--seed", seed, "--profile", str(profile), "--out", str(year)]
    _run("simulate.py", *generate)
    later: dict[int, set[int]] = defaultdict(set)
    viewings = year / "watch_history.jsonl"
    kept = []
    for line in viewings.open():
        row = json.loads(line)
        if row["watched_at"] < CUT:
            kept.append(line)
        elif row["progress"] >= FINISHED:
            later[row["user_id"]].add(row["content_id"])
    viewings.write_text("".join(kept))
    reviews = year / "reviews.jsonl"
    reviews.write_text("".join(line for line in reviews.open() if json.loads(line)["reviewed_at"] < CUT))
    _run("streaming_services.py", "--no-compare", "--url", url)
    _run("insert_data.py", str(year), "--url", url)
    return later


def _run(script: str, *arguments: str) -> None:
    subprocess.run([sys.executable, str(PROJECT / script), *arguments], check=True, stdout=subprocess.PIPE)


def _compare(url: str, later: dict[int, set[int]]) -> dict[str, dict[str, float]]:
    """Return what is measured on the finished year and on the running platform."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        analyze = "ANALYZE" if connection.get_parameter_status("crdb_version") is None else "SELECT 1"
        cursor.execute(analyze)
        cursor.execute("SELECT user_id, content_id, watched_at >= %s FROM watch_history", (MONTH_BEFORE,))
        seen: dict[int, set[int]] = defaultdict(set)
        viewings: Counter[int] = Counter()
        lately: Counter[int] = Counter()
        for user, title, is_late in cursor:
            seen[user].add(title)
            viewings[user] += 1
            lately[title] += is_late
        popular = [title for title, _ in lately.most_common()]
        wanted = {user: later[user] - seen[user] for user in sorted(later.keys() & seen.keys())}
        wanted = {user: titles for user, titles in wanted.items() if titles}
        chosen = {user: wanted[user] for user in random.Random(1).sample(sorted(wanted), min(SAMPLE, len(wanted)))}
        unseen = {user: [key for key in popular if key not in seen[user]][:AT] for user in chosen}
        baseline = sum(bool(titles & set(unseen[user])) for user, titles in chosen.items()) / len(chosen)
        heaviest = [user for user, _ in viewings.most_common(TIMED // 2)]
        values = {"new": NEW_USERS, "fans": FANS, "cut": CUT, "before": MONTH_BEFORE, "popular": popular[:FANS]}
        cursor.execute(USERS, values)
        finished = _measure(url, chosen, heaviest, baseline)
        cursor.execute(RUNNING, values)
        cursor.execute(analyze)
        return {"finished": finished, "running": _measure(url, chosen, heaviest, baseline)}


def _measure(url: str, wanted: dict[int, set[int]], heaviest: list[int], baseline: float) -> dict[str, float]:
    """Return worth and time. wanted: user_id -> content_ids, one of which is to be among the recommended."""
    with Database(url) as database:
        hits = sum(bool(titles & set(_recommended(database, user))) for user, titles in wanted.items())
        others = [user for user in wanted if user not in heaviest]
        times = [_seconds(database, user) for user in heaviest + others[: TIMED - len(heaviest)]]
        served = sum(len(_recommended(database, -number)) == AT for number in range(1, NEW_USERS + 1))
    p50, p95 = _p50_and_p95(times)
    return {
        "users": len(wanted),
        "popular": baseline,
        "recommended": hits / len(wanted),
        "p50_ms": p50,
        "p95_ms": p95,
        "new_users_served": served / NEW_USERS,
    }


def _recommended(database: Database, user: int) -> list[int]:
    return [row["content_id"] for row in recommend_content(database, user_id=user)]


def _p50_and_p95(seconds: Sequence[float]) -> tuple[float, float]:
    """Return them in milliseconds."""
    cuts = quantiles(seconds, n=20)
    return cuts[9] * 1e3, cuts[18] * 1e3


def _seconds(database: Database, user: int) -> float:
    begin = time.perf_counter()
    recommend_content(database, user_id=user)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
