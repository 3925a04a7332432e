"""How many operations a second the traffic makes, next to bare psycopg2 loops that send the same statements.

    python benchmarks/traffic.py [URL] [--threads N] [--ops N] [--rounds N]
    python benchmarks/traffic.py [URL] --against FOLDER

First the traffic is run once, and what its services send is written down: the statements and their parameters. Then the
traffic and the bare loops run in turn, with as many threads, each time on a fresh database of the benchmark's own with
the same rows. A bare loop sends what was written down, once, with BEGIN and COMMIT where the services have them, at the
same isolation; it fetches the rows, and does nothing with them or with errors. UUIDs it sends and gets as UUIDs, as the
services do. Histories are off. The server runs already (default: the local database). In turn with these the traffic
runs with its threads divided among two processes, which is what `simulate.py run --processes 2` does.

--against: in turn with the traffic of another checkout of this project, such as one of an older commit, each in a
process of its own; besides operations/s it tells the client's CPU time for each. The last line of the output is one
JSON object with the figures.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2
import psycopg2.extensions

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from services.rows import READ_UUID  # noqa: E402 - lies beside this folder
from simulation.traffic.audience import Audience  # noqa: E402
from simulation.traffic.measurements import combined  # noqa: E402
from simulation.traffic.options import Options  # noqa: E402
from simulation.traffic.plans import add_plans  # noqa: E402
from simulation.traffic.process_runner import ProcessRunner  # noqa: E402
from simulation.traffic.run_ids import new_run_id  # noqa: E402
from simulation.traffic.runner import Runner  # noqa: E402
from toolkit import local, schema  # noqa: E402
from toolkit.database import Database  # noqa: E402
from toolkit.database.connection import BEGIN, SET_SESSION, Connection, Cursor  # noqa: E402

Transaction = list[Any]  # statements with their parameters; BEGIN first if it has several

USERS, TITLES = 2_000, 500
PLATFORM = f"""
    INSERT INTO subscriptions (subscription_id, name, price) VALUES (1, 'Basic', 8.99);
    INSERT INTO users (user_id, name, email, subscription_id)
        SELECT g, 'user ' || g::TEXT, 'user' || g::TEXT || '@example.com', 1 FROM generate_series(1, {USERS}) AS n (g);
    INSERT INTO content (content_id, title, content_type, genre, release_year, rating)
        SELECT g, 'title ' || (g * 7919 % {TITLES})::TEXT, 'movie', 'genre ' || (g % 20)::TEXT, 1950 + g % 75,
               (g % 101)::DECIMAL / 10
        FROM generate_series(1, {TITLES}) AS n (g);
    INSERT INTO watch_history (user_id, content_id, watched_at, progress)
        SELECT 1 + g * 31 % {USERS}, 1 + g * 7919 % {TITLES}, now() - g * INTERVAL '1 minute', (g % 101)::DECIMAL
        FROM generate_series(1, 20000) AS n (g)"""


# What is run in each of two checkouts: it relies on nothing but _platform() and _run() of this file there.
MEASURE = """
import sys, time
sys.path[:0] = [sys.argv[1] + "/benchmarks", sys.argv[1]]
import traffic
threads, ops = int(sys.argv[3]), int(sys.argv[4])
with traffic._platform(sys.argv[2]) as url:
    traffic._run(url, threads, 1_000)
    begin = time.process_time()
    print(traffic._run(url, threads, ops), time.process_time() - begin)
"""


class RecordingDatabase(Database):
    """A Database that writes down what is sent: for each transaction that was committed its statements."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.transactions: list[Transaction] = []

    def getconn(self, backoff: Any = None) -> Connection:
        self.transactions.append([])
        return super().getconn(backoff)

    def count_retry(self) -> None:
        del self.transactions[-1]  # what has failed
        super().count_retry()

    def connect(self) -> Connection:
        connection = super().connect()
        connection.plain_cursor = self._recording(Cursor)(connection)
        connection.cursor_factory = self._recording(connection.cursor_factory)
        return connection

    def _recording(self, kind: Any) -> Any:
        """Return a kind of cursor that writes down what is sent."""
        transactions = self.transactions

        class Recorded(kind):  # type: ignore[misc]
            def execute(self, query: Any, values: Any = None) -> None:
                if self.connection.begins or transactions[-1][:1] == [BEGIN]:
                    transactions[-1] = transactions[-1] or [BEGIN]
                transactions[-1].append((query, values))
                super().execute(query, values)

        return Recorded


def main() -> None:
    arguments = _arguments()
    server = arguments.url or local.url()
    if arguments.against:
        _compare(server, arguments)
        return
    traffic: list[float] = []
    bare: list[float] = []
    processes: list[float] = []
    with _platform(server) as url:
        recorded, plans = _record(url, arguments.threads, arguments.ops)
    for number in range(arguments.rounds):
        with _platform(server) as url:
            traffic.append(_run(url, arguments.threads, arguments.ops))
        with _platform(server, plans) as url:
            bare.append(_replay(url, recorded))
        with _platform(server) as url:
            processes.append(_run_in_processes(url, arguments.threads, arguments.ops))
        print(
            f"{number + 1}: traffic {traffic[-1]:8,.0f} ops/s, bare {bare[-1]:8,.0f} ops/s, "
            f"traffic in two processes {processes[-1]:8,.0f} ops/s",
            flush=True,
        )
    ratio, brought = median(traffic) / median(bare), median(processes) / median(traffic)
    print(f"medians: traffic {median(traffic):,.0f}, bare {median(bare):,.0f} ops/s: {ratio:.0%}")
    print(f"two processes: {median(processes):,.0f} ops/s, {brought:.2f} times as many as one")
    figures = {"traffic": median(traffic), "bare": median(bare), "ratio": ratio, "two_processes": median(processes)}
    print(json.dumps({"threads": arguments.threads, **figures}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare the traffic with bare loops.")
    parser.add_argument("url", nargs="?", metavar="URL", help="the server (default: the local database)")
    parser.add_argument("--threads", type=int, default=8, metavar="N", help="default: 8")
    parser.add_argument("--ops", type=int, default=24_000, metavar="N", help="of each run (default: 24000)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of each kind, in turn (default: 5)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, whose traffic runs in turn")
    return parser.parse_args()


@contextmanager
def _platform(server: str, plans: list[Any] | None = None) -> Iterator[str]:
    """Make a database with users, titles and viewings, and with these plans; and drop it afterwards."""
    name = f"benchmark_{uuid.uuid4().hex}"
    url = psycopg2.extensions.make_dsn(server, dbname=name)
    with closing(psycopg2.connect(server)) as admin:
        admin.autocommit = True
        cockroachdb = admin.get_parameter_status("crdb_version")
        try:
            with closing(Database(url)) as database:
                schema.apply(database, PROJECT / "schema.sql")
                connection = database.connect()
                with connection.cursor() as cursor:
                    for statement in PLATFORM.split(";"):
                        cursor.execute(statement)
                    for table in ("users", "content", "watch_history"):
                        cursor.execute(
                            f"CREATE STATISTICS s FROM {table}" if cockroachdb else f"VACUUM (ANALYZE) {table}"
                        )
                    for plan in plans or []:
                        cursor.execute(
                            "INSERT INTO subscriptions (subscription_id, name, price) VALUES (%s, %s, %s)", plan
                        )
                connection.close()
            yield url
        finally:
            admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} {'CASCADE' if cockroachdb else 'WITH (FORCE)'}")


def _traffic(url: str, threads: int, ops: int) -> Runner:
    with closing(Database(url)) as database:
        audience, run_id = Audience(database), new_run_id()
        plans = add_plans(database, audience, run_id)
    options = Options(duration=600, concurrency=threads, clock=1.0, max_ops=ops, keeps_history=False)
    return Runner(url, run_id, audience, plans, options)


def _run(url: str, threads: int, ops: int) -> float:
    """Run the traffic, and return its operations a second."""
    traffic = _traffic(url, threads, ops)
    for worker in traffic.workers:  # the bare loops are connected, too, when their time begins
        worker.calls.database.putconn(worker.calls.database.connect())
    begin = time.perf_counter()
    traffic.run(traffic.totals.take)
    seconds = time.perf_counter() - begin
    traffic.totals.take()
    return combined(traffic.totals.measurements.values()).ops / seconds


def _run_in_processes(url: str, threads: int, ops: int) -> float:
    """Run the traffic in two processes, and return its operations a second."""
    with closing(Database(url)) as database:
        audience, run_id = Audience(database), new_run_id()
        plans = add_plans(database, audience, run_id)
    options = Options(duration=600, concurrency=threads, processes=2, clock=1.0, max_ops=ops, keeps_history=False)
    traffic = ProcessRunner(url, run_id, audience, plans, options)
    traffic.run(traffic.totals.take)
    traffic.totals.take()
    return combined(traffic.totals.measurements.values()).ops / traffic.totals.elapsed


def _compare(server: str, arguments: argparse.Namespace) -> None:
    """Let the traffic of two checkouts run in turn, and print what each takes."""
    rates: dict[Path, list[float]] = {PROJECT: [], arguments.against.resolve(): []}
    cpu: dict[Path, list[float]] = {folder: [] for folder in rates}
    for number in range(arguments.rounds):
        for folder in rates:
            command = [sys.executable, "-c", MEASURE, str(folder), server, str(arguments.threads), str(arguments.ops)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            rate, seconds = map(float, done.stdout.splitlines()[-1].split())
            rates[folder].append(rate)
            cpu[folder].append(seconds / arguments.ops * 1e6)
            print(f"{number + 1}: {folder} {rate:8,.0f} ops/s, {cpu[folder][-1]:6.0f} us CPU/op", flush=True)
    this, other = rates
    print(
        f"medians of this to the other: {median(rates[this]) / median(rates[other]):.3f} times the ops/s, "
        f"{median(cpu[this]) / median(cpu[other]):.3f} times the CPU"
    )
    print(
        json.dumps({str(folder): {"ops_s": median(rates[folder]), "cpu_us": median(cpu[folder])} for folder in rates})
    )


def _record(url: str, threads: int, ops: int) -> tuple[list[list[Transaction]], list[Any]]:
    """Run the traffic, and return for each thread what it has sent, and the plans that it has used."""
    traffic = _traffic(url, threads, ops)
    databases = [RecordingDatabase(url) for _ in traffic.workers]
    for worker, database in zip(traffic.workers, databases, strict=True):
        worker.calls.database = database
    traffic.run(lambda: None)
    plans = [(plan.subscription_id, f"plan {number}", 9) for number, plan in enumerate(traffic.plans)]
    return [[sent for sent in database.transactions if sent] for database in databases], plans


def _replay(url: str, recorded: list[list[Transaction]]) -> float:
    """Send what was recorded, each thread its own, and return the transactions a second that succeed."""
    connections = []
    for _ in recorded:
        connection = psycopg2.connect(url)
        psycopg2.extensions.register_type(READ_UUID, connection)
        connection.autocommit = True
        connection.cursor().execute(SET_SESSION)
        connections.append(connection)
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda *given: done.append(_send(*given)), args=given)
        for given in zip(connections, recorded, strict=True)
    ]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    for connection in connections:
        connection.close()
    return sum(done) / seconds


def _send(connection: Any, transactions: list[Transaction]) -> int:
    done = 0
    for transaction in transactions:
        try:
            with connection.cursor() as cursor:
                if transaction[0] == BEGIN:
                    (query, values), *rest = transaction[1:]
                    cursor.execute(BEGIN + query, values)
                    cursor.fetchall()
                    for query, values in rest:
                        cursor.execute(query, values)
                        cursor.fetchall()
                    cursor.execute("COMMIT")
                else:
                    query, values = transaction[0]
                    cursor.execute(query, values)
                    cursor.fetchall()
            done += 1
        except psycopg2.Error:
            if connection.get_transaction_status():
                connection.cursor().execute("ROLLBACK")
    return done


if __name__ == "__main__":
    main()
