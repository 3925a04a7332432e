"""What recommend_content() is worth, and how long it takes, on generated years.

    python benchmarks/recommend.py [URL] [--users N] [--seeds 1,2,3]

Worth: the last month of a year is cut off. What is recommended from the rest is compared with what each user finished
in that month and had not watched before: the hit rate at 10 is the share of users for whom one of ten titles is among
these. The baseline is what most people watched in the 30 days before, without what the user has watched. With tastes
turned off in the generator the ratio of the two is about 1, which shows that the figure measures something.

Time: 200 users, the heaviest among them, on the first of these years. Makes databases of its own and drops them.
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
from contextlib import closing
from pathlib import Path
from statistics import quantiles
from typing import Any

import psycopg2
import psycopg2.extensions

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from services import recommend_content  # noqa: E402 - these lie beside this folder
from toolkit import local  # noqa: E402
from toolkit.database import Database  # noqa: E402

CUT, MONTH_BEFORE = "2025-12-01", "2025-11-01"  # of the year that simulate.py generates
AT = 10
FINISHED = 90  # percent
SAMPLE = 1_000  # users of a year whose recommendations are compared
TIMED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure recommend_content() on generated years.")
    parser.add_argument("url", nargs="?", metavar="URL", help="the server (default: the local database)")
    parser.add_argument("--users", type=int, default=20_000, metavar="N", help="of each year (default: 20,000)")
    parser.add_argument("--seeds", default="1,2,3", help="of the years (default: 1,2,3)")
    options = parser.parse_args()
    server = options.url or local.url()
    results: dict[str, Any] = {}
    print(f"{'year':24} {'users':>6} {'popular':>8} {'recommended':>12} {'ratio':>6} {'p50':>8} {'p95':>8}")
    for seed in options.seeds.split(","):
        for tastes in (True, False):
            name = f"seed {seed}" if tastes else f"seed {seed}, no tastes"
            results[name] = _measure_year(server, options.users, seed, tastes)
            users, popular, recommended, p50, p95 = results[name].values()
            ratio = recommended / popular
            print(f"{name:24} {users:6} {popular:8.3f} {recommended:12.3f} {ratio:6.2f} {p50:5.1f} ms {p95:5.1f} ms")
    print(json.dumps(results))


def _measure_year(server: str, users: int, seed: str, tastes: bool) -> dict[str, float]:
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


def _compare(url: str, later: dict[int, set[int]]) -> dict[str, float]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.get_parameter_status("crdb_version") is None else "SELECT 1")
        connection.commit()
        cursor.execute("SELECT user_id, content_id, watched_at >= %s FROM watch_history", (MONTH_BEFORE,))
        seen: dict[int, set[int]] = defaultdict(set)
        viewings: Counter[int] = Counter()
        lately: Counter[int] = Counter()
        for user, title, is_late in cursor:
            seen[user].add(title)
            viewings[user] += 1
            lately[title] += is_late
    popular = [title for title, _ in lately.most_common()]
    wanted = {user: later[user] - seen[user] for user in sorted(later.keys() & seen.keys()) if later[user] - seen[user]}
    chosen = random.Random(1).sample(sorted(wanted), min(SAMPLE, len(wanted)))
    with closing(Database(url)) as database:
        hits = baseline = 0
        for user in chosen:
            unseen = [title for title in popular[: AT + len(seen[user])] if title not in seen[user]]
            baseline += bool(wanted[user] & set(unseen[:AT]))
            hits += bool(wanted[user] & {row["content_id"] for row in recommend_content(database, user_id=user)})
        heaviest = [user for user, _ in viewings.most_common(TIMED // 2)]
        times = [_seconds(database, user) * 1e3 for user in heaviest + chosen[: TIMED - len(heaviest)]]
    cuts = quantiles(times, n=20)
    return {
        "users": len(chosen),
        "popular": baseline / len(chosen),
        "recommended": hits / len(chosen),
        "p50_ms": cuts[9],
        "p95_ms": cuts[18],
    }


def _seconds(database: Database, user: int) -> float:
    begin = time.perf_counter()
    recommend_content(database, user_id=user)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
