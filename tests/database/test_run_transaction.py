"""The retrying transaction, with conflicts, errors and losses that really happen."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from relay import Moment, Relay
from sample import execute
from server_faults import cut_sessions, fail, sessions

from toolkit.database import (
    IDEMPOTENT,
    SINGLE_READ,
    AmbiguousCommit,
    Cursor,
    Database,
    DatabaseMissing,
    DatabaseUnreachable,
    RetriesExhausted,
    TransactionOptions,
    run_transaction,
)

Connect = Callable[..., Database]


@pytest.fixture(scope="module")
def accounts_url(module_url: str) -> str:
    with closing(psycopg2.connect(module_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE accounts (id INT8 PRIMARY KEY, balance INT8 NOT NULL CHECK (balance >= 0))")
    return module_url


@pytest.fixture
def url(accounts_url: str) -> str:
    """The URL of a database with a table of two accounts."""
    with closing(psycopg2.connect(accounts_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts")
        cursor.execute("INSERT INTO accounts VALUES (1, 100), (2, 100)")
    return accounts_url


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    """Makes Databases, by default of the scratch database; they are closed at the end."""
    with ExitStack() as stack:

        def make(to: str = url, **options: Any) -> Database:
            database = Database(to, **{"retry_for": 20, **options})
            stack.callback(database.close)
            return database

        yield make


def balances(database: Database) -> list[int]:
    return [balance for (balance,) in execute(database, "SELECT balance FROM accounts ORDER BY id")]


def deposit(cursor: Cursor) -> None:
    cursor.execute("UPDATE accounts SET balance = balance + 1 WHERE id = 1")


def open_account(cursor: Cursor) -> None:
    """Does no harm when it is repeated."""
    cursor.execute("INSERT INTO accounts VALUES (3, 50) ON CONFLICT (id) DO NOTHING")


class Failing:
    """Work that the server refuses the first times it runs."""

    def __init__(self, sqlstate: str, times: float, work: Callable[[Cursor], None] = deposit) -> None:
        self.sqlstate, self.times, self.work = sqlstate, times, work
        self.runs = 0

    def __call__(self, cursor: Cursor) -> str:
        self.runs += 1
        self.work(cursor)
        if self.runs <= self.times:
            fail(cursor, self.sqlstate)
        return f"run {self.runs}"


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def with_dead_host_first(url: str) -> str:
    parameters = psycopg2.extensions.parse_dsn(url)
    return psycopg2.extensions.make_dsn(
        url,
        host=f"127.0.0.1,{parameters.get('host', 'localhost')}",
        port=f"{unused_port()},{parameters.get('port', 5432)}",
        load_balance_hosts="disable",
    )


# Conflicts


def test_a_transaction_returns_what_its_work_returns(connect: Connect) -> None:
    database = connect()
    assert run_transaction(database, Failing("40001", 0)) == "run 1"
    assert balances(database) == [101, 100]
    assert database.retries == 0


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
@pytest.mark.parametrize("idempotent", [False, True])
def test_a_conflict_is_tried_again_whoever_says_what(connect: Connect, sqlstate: str, idempotent: bool) -> None:
    database = connect()
    assert run_transaction(database, Failing(sqlstate, 5), TransactionOptions(idempotent=idempotent)) == "run 6"
    assert balances(database) == [101, 100]
    assert database.retries == 5


def test_transactions_that_meet_are_as_if_one_came_after_the_other(connect: Connect) -> None:
    """Write skew, which only SERIALIZABLE prevents: each reads both accounts, and empties one if there is enough."""
    database = connect()
    have_read = threading.Barrier(2)

    def empty(account: int) -> None:
        runs = 0

        def work(cursor: Cursor) -> None:
            nonlocal runs
            runs += 1
            cursor.execute("SELECT sum(balance) FROM accounts")
            ((total,),) = cursor.fetchall()
            if runs == 1:
                have_read.wait(10)
            if total == 200:
                cursor.execute("UPDATE accounts SET balance = 0 WHERE id = %s", (account,))

        run_transaction(database, work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(empty, (1, 2)))
    assert sorted(balances(database)) == [0, 100]
    assert database.retries >= 1


def test_a_deadlock_is_resolved(connect: Connect) -> None:
    database = connect()
    have_first = threading.Barrier(2)

    def transfer(accounts: tuple[int, int]) -> None:
        runs = 0

        def work(cursor: Cursor) -> None:
            nonlocal runs
            runs += 1
            for position, (account, amount) in enumerate(zip(accounts, (-10, 10), strict=True)):
                cursor.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, account))
                if runs == 1 and position == 0:
                    have_first.wait(10)

        run_transaction(database, work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(transfer, ((1, 2), (2, 1))))
    assert balances(database) == [100, 100]
    assert database.retries >= 1


def test_threads_share_a_database_and_lose_no_update(connect: Connect, url: str) -> None:
    name = "shared by eight"
    database = connect(psycopg2.extensions.make_dsn(url, application_name=name), retry_for=60)

    def read_and_write(cursor: Cursor) -> None:
        cursor.execute("SELECT balance FROM accounts WHERE id = 1")
        ((balance,),) = cursor.fetchall()
        cursor.execute("UPDATE accounts SET balance = %s WHERE id = 1", (balance + 1,))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run_transaction(database, read_and_write), range(80)))
    assert balances(database) == [180, 100]
    assert database.retries > 0
    print(f"80 read-modify-writes of one row by 8 threads: {database.retries} retries")
    assert 1 <= len(sessions(url, name)) <= 8
    database.close()
    assert soon(lambda: not sessions(url, name))


# Lost connections


def test_a_connection_lost_before_commit_is_replaced(connect: Connect, url: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(url, application_name="unlucky"))
    runs = 0

    def work(cursor: Cursor) -> None:
        nonlocal runs
        runs += 1
        deposit(cursor)
        if runs <= 2:
            assert cut_sessions(url, "unlucky") == 1
            cursor.execute("SELECT 1")

    run_transaction(database, work)
    assert runs == 3
    assert balances(database) == [101, 100]
    assert database.retries == 2
    assert len(sessions(url, "unlucky")) == 1


def test_idle_connections_that_broke_meanwhile_are_replaced(connect: Connect, url: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(url, application_name="idle"))
    together = threading.Barrier(3)

    def work(cursor: Cursor) -> None:
        cursor.execute("SELECT 1")
        together.wait(10)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: run_transaction(database, work), range(3)))
    assert cut_sessions(url, "idle") == 3
    run_transaction(database, deposit)
    assert balances(database) == [101, 100]


def fill_pool(database: Database, connections: int) -> None:
    """Have so many connections lie idle in the pool."""
    with ExitStack() as stack:
        for _ in range(connections):
            stack.enter_context(database.connection())


@pytest.mark.parametrize("options", [TransactionOptions(), SINGLE_READ], ids=["statements", "one statement"])
def test_a_pool_that_has_gone_stale_costs_one_retry(
    connect: Connect, url: str, relay: Relay, options: TransactionOptions
) -> None:
    """A proxy that was restarted has ended all connections, and the server is up."""
    database = connect(psycopg2.extensions.make_dsn(relay.url, application_name="stale"))
    fill_pool(database, 60)
    assert len(sessions(url, "stale")) == 60
    relay.cut_all()
    begin = time.monotonic()
    run_transaction(database, balance, options)
    assert database.retries == 1
    assert time.monotonic() - begin < 5
    run_transaction(database, deposit)
    assert database.retries == 1
    assert balances(database) == [101, 100]


def test_a_stale_pool_of_several_threads_costs_each_one_retry(connect: Connect, relay: Relay) -> None:
    database = connect(relay.url)
    fill_pool(database, 60)
    relay.cut_all()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run_transaction(database, balance), range(8)))
    assert 1 <= database.retries <= 8


def test_connections_to_a_host_that_has_gone_cost_one_retry(connect: Connect, url: str, relay: Relay) -> None:
    with Relay(url) as other:
        ports = [psycopg2.extensions.parse_dsn(each.url)["port"] for each in (relay, other)]
        both = psycopg2.extensions.make_dsn(
            relay.url, host="127.0.0.1,127.0.0.1", port=",".join(map(str, ports)), load_balance_hosts="disable"
        )
        database = connect(both)
        fill_pool(database, 60)
        relay.close()
        run_transaction(database, deposit)
        assert database.retries == 1
        assert balances(database) == [101, 100]


def test_a_connection_is_lent_and_comes_back(connect: Connect) -> None:
    database = connect()
    with database.connection() as first:
        with pytest.raises(psycopg2.Error), database.connection() as second:
            second.cursor().execute("SELECT * FROM no_such_table")
        with database.connection() as third:
            assert third is second
    with database.connection() as fourth:
        assert fourth in (first, second)


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_lost_answer_to_commit_is_told_unless_work_is_repeatable(
    connect: Connect, relay: Relay, moment: Moment
) -> None:
    database = connect(relay.url)
    balances(database)
    relay.cut_at("COMMIT", moment)
    with pytest.raises(AmbiguousCommit, match="may have been committed or not") as caught:
        run_transaction(database, open_account)
    assert isinstance(caught.value.__cause__, psycopg2.Error)
    assert relay.cuts == 1
    assert database.retries == 0
    there = soon(lambda: len(balances(database)) == 3, seconds=1)
    assert there or moment != "after"
    assert not there or moment != "before"


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_repeatable_work_is_simply_done_again(connect: Connect, relay: Relay, moment: Moment) -> None:
    database = connect(relay.url)
    balances(database)
    relay.cut_at("COMMIT", moment, times=3)
    run_transaction(database, open_account, IDEMPOTENT)
    assert relay.cuts == 3
    assert balances(database) == [100, 100, 50]
    assert database.retries >= 3


def test_a_statement_of_unknown_fate_is_ambiguous(connect: Connect) -> None:
    database = connect()
    with pytest.raises(AmbiguousCommit):
        run_transaction(database, Failing("40003", 1, open_account))
    assert run_transaction(database, Failing("40003", 2, open_account), IDEMPOTENT) == "run 3"
    assert balances(database) == [100, 100, 50]


def test_a_connection_lost_in_a_statement_is_not_ambiguous(connect: Connect, relay: Relay) -> None:
    database = connect(relay.url)
    relay.cut_at("UPDATE", "after")
    run_transaction(database, deposit)
    assert relay.cuts == 1
    assert balances(database) == [101, 100]


def test_several_hosts_of_which_the_first_is_dead(connect: Connect, url: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(with_dead_host_first(url), application_name="of many"))
    run_transaction(database, deposit)
    assert cut_sessions(url, "of many") == 1
    run_transaction(database, deposit)
    assert balances(database) == [102, 100]


def test_a_lost_host_is_replaced_by_another(connect: Connect, url: str, relay: Relay) -> None:
    with Relay(url) as other:
        first, second = (psycopg2.extensions.parse_dsn(each.url) for each in (relay, other))
        both = psycopg2.extensions.make_dsn(
            relay.url,
            host="127.0.0.1,127.0.0.1",
            port=f"{first['port']},{second['port']}",
            load_balance_hosts="disable",
        )
        database = connect(both)
        run_transaction(database, deposit)
        relay.close()
        run_transaction(database, deposit)
        assert balances(database) == [102, 100]
        assert database.retries == 1


# The end of patience


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_trying_ends_in_time(connect: Connect, sqlstate: str) -> None:
    database = connect(retry_for=1)
    work = Failing(sqlstate, float("inf"))
    begin = time.monotonic()
    with pytest.raises(RetriesExhausted) as caught:
        run_transaction(database, work)
    assert 0.9 < time.monotonic() - begin < 5
    assert work.runs > 3
    assert f"given up after {work.runs} tries in 1 s" in str(caught.value)
    assert "Nothing of this transaction was committed" in str(caught.value)
    assert isinstance(caught.value.__cause__, psycopg2.Error)
    assert caught.value.__cause__.pgcode == sqlstate
    assert balances(database) == [100, 100]


def test_no_time_for_trying_is_one_try(connect: Connect) -> None:
    work = Failing("40001", float("inf"))
    with pytest.raises(RetriesExhausted, match="given up after 1 try in 0 s"):
        run_transaction(connect(retry_for=0), work)
    assert work.runs == 1


def test_pauses_grow(connect: Connect) -> None:
    """A second of conflicts is some ten tries, not hundreds."""
    work = Failing("40001", float("inf"))
    with pytest.raises(RetriesExhausted):
        run_transaction(connect(retry_for=1), work)
    assert work.runs < 40


def test_a_doubt_remains_a_doubt(connect: Connect, relay: Relay) -> None:
    """Whatever the last try failed of, an earlier one may have been committed."""
    balances(database := connect(relay.url, retry_for=1))
    relay.cut_at("COMMIT", "after")
    conflicts = Failing("40001", 0)

    def work(cursor: Cursor) -> None:
        conflicts.times = float("inf") if relay.cuts else 0
        conflicts(cursor)

    with pytest.raises(AmbiguousCommit):
        run_transaction(database, work, IDEMPOTENT)
    assert conflicts.runs > 2
    assert balances(database) == [101, 100]


def test_a_doubt_remains_when_the_server_has_gone(connect: Connect, relay: Relay) -> None:
    balances(database := connect(relay.url, retry_for=1))
    relay.cut_at("COMMIT", "after")

    def work(cursor: Cursor) -> None:
        deposit(cursor)
        relay.refuse()

    with pytest.raises(AmbiguousCommit):
        run_transaction(database, work, IDEMPOTENT)


def refused(cursor: Cursor) -> None:
    fail(cursor, "23505")


def deleted_meanwhile(_: Cursor) -> None:
    raise LookupError("somebody has deleted it meanwhile")


@pytest.mark.parametrize("second_try", [refused, deleted_meanwhile])
def test_whatever_ends_the_tries_after_a_doubtful_commit_leaves_the_doubt(
    connect: Connect, relay: Relay, second_try: Callable[[Cursor], None]
) -> None:
    """What was committed would else be told as an error, of which nothing is in the database."""
    balances(database := connect(relay.url))
    relay.cut_at("COMMIT", "after")

    def work(cursor: Cursor) -> None:
        (second_try if relay.cuts else deposit)(cursor)

    with pytest.raises(AmbiguousCommit, match=r"may have been committed or not.*(as asked|deleted it)") as caught:
        run_transaction(database, work, IDEMPOTENT)
    assert isinstance(caught.value.__cause__, (psycopg2.Error, LookupError))
    assert balances(database) == [101, 100]


def test_a_passing_error_is_told_by_the_caller(connect: Connect) -> None:
    database = connect()
    work = Failing("23505", 3)
    begin = time.monotonic()
    run_transaction(database, work, try_again=lambda error: error.pgcode == "23505")
    assert (work.runs, database.retries) == (4, 3)
    with pytest.raises(RetriesExhausted):
        run_transaction(connect(retry_for=0.3), Failing("23505", 10_000), try_again=lambda _: True)
    assert time.monotonic() - begin < 10


def test_a_refused_message_is_no_lost_connection(connect: Connect) -> None:
    database = connect()
    work = Failing("08P01", 1)
    with pytest.raises(psycopg2.Error) as caught:
        run_transaction(database, work, IDEMPOTENT)
    assert (caught.value.pgcode, work.runs, database.retries) == ("08P01", 1, 0)


def test_a_message_that_is_too_large_is_sent_once(connect: Connect) -> None:
    database = connect(retry_for=10)
    sent = []

    def work(cursor: Cursor) -> None:
        sent.append(1)
        cursor.execute("SELECT length(%s)", ("x" * 17_000_000,))

    if "CockroachDB" not in execute(database, "SELECT version()")[0][0]:
        pytest.skip("PostgreSQL takes a gigabyte")
    with pytest.raises(psycopg2.Error, match="maximum allowed message size"):
        run_transaction(database, work, IDEMPOTENT)
    assert len(sent) == 1


def test_a_server_that_was_there_is_waited_for_and_no_longer(connect: Connect, relay: Relay) -> None:
    balances(database := connect(relay.url, retry_for=1.5))
    relay.close()
    begin = time.monotonic()
    with pytest.raises(DatabaseUnreachable, match="no server answers at"):
        run_transaction(database, deposit)
    assert 1.4 < time.monotonic() - begin < 6


def test_a_first_connection_that_is_lost_at_once_is_replaced(connect: Connect, relay: Relay) -> None:
    database = connect(relay.url)
    relay.cut_at("set_config", "before", times=2)
    run_transaction(database, deposit)
    assert relay.cuts == 2
    assert balances(database) == [101, 100]


def test_a_server_that_was_there_and_comes_back(connect: Connect, url: str, relay: Relay) -> None:
    balances(database := connect(relay.url))
    relay.close()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run_transaction, database, deposit)
        time.sleep(1)
        assert not done.done()
        with Relay(url, port=relay.port):
            done.result(timeout=20)
            assert balances(database) == [101, 100]


def test_the_first_connection_is_not_waited_for_unless_asked(connect: Connect, url: str) -> None:
    port = unused_port()
    nowhere = psycopg2.extensions.make_dsn(url, host="127.0.0.1", port=port, sslmode="disable")
    begin = time.monotonic()
    with pytest.raises(DatabaseUnreachable):
        run_transaction(connect(nowhere, retry_for=60), deposit)
    assert time.monotonic() - begin < 10

    database = connect(nowhere, retry_for=0, wait=20)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run_transaction, database, deposit)
        time.sleep(1)
        assert not done.done()
        with Relay(url, port=port):
            done.result(timeout=20)
            assert balances(database) == [101, 100]


def test_waiting_for_the_first_connection_ends_in_time(connect: Connect, url: str) -> None:
    nowhere = psycopg2.extensions.make_dsn(url, host="127.0.0.1", port=unused_port(), sslmode="disable")
    begin = time.monotonic()
    with pytest.raises(DatabaseUnreachable):
        run_transaction(connect(nowhere, retry_for=0, wait=1), deposit)
    assert 0.9 < time.monotonic() - begin < 6


def test_a_database_that_is_not_there_is_not_waited_for(connect: Connect, url: str) -> None:
    missing = connect(psycopg2.extensions.make_dsn(url, dbname="nowhere_at_all"), wait=60)
    begin = time.monotonic()
    # Old versions of CockroachDB connect, and find out at the first statement that needs it.
    with pytest.raises((DatabaseMissing, psycopg2.Error)):
        run_transaction(missing, deposit)
    assert time.monotonic() - begin < 10


# What is not tried again


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("UPDATE accounts SET balance = -1", "23514"),
        ("INSERT INTO accounts VALUES (1, 1)", "23505"),
        ("SELECT * FROM no_such_table", "42P01"),
        ("SELEC", "42601"),
        ("SELECT 1 / (balance - balance) FROM accounts", "22012"),
    ],
)
def test_an_ordinary_error_comes_as_it_is(connect: Connect, url: str, statement: str, sqlstate: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(url, application_name="ordinary"))
    runs = 0

    def work(cursor: Cursor) -> None:
        nonlocal runs
        runs += 1
        deposit(cursor)
        cursor.execute(statement)

    for _ in range(5):
        with pytest.raises(psycopg2.Error) as caught:
            run_transaction(database, work, IDEMPOTENT)
        assert caught.value.pgcode == sqlstate
    assert runs == 5
    assert balances(database) == [100, 100]
    assert database.retries == 0
    assert len(sessions(url, "ordinary")) == 1


def test_an_error_of_the_work_itself_rolls_back(connect: Connect, url: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(url, application_name="own error"))

    def work(cursor: Cursor) -> None:
        deposit(cursor)
        raise LookupError("mine")

    for _ in range(3):
        with pytest.raises(LookupError, match="mine"):
            run_transaction(database, work)
    assert balances(database) == [100, 100]
    assert len(sessions(url, "own error")) == 1


def test_an_error_that_work_keeps_to_itself_is_no_success(connect: Connect) -> None:
    database = connect()

    def work(cursor: Cursor) -> None:
        deposit(cursor)
        with pytest.raises(psycopg2.Error):
            cursor.execute("SELECT * FROM no_such_table")

    with pytest.raises(RuntimeError, match="kept an error"):
        run_transaction(database, work)
    assert balances(database) == [100, 100]


def test_a_lost_connection_that_work_keeps_to_itself_is_no_success(connect: Connect, url: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(url, application_name="swallower"))

    def work(cursor: Cursor) -> None:
        deposit(cursor)
        cut_sessions(url, "swallower")
        with pytest.raises(psycopg2.Error):
            cursor.execute("SELECT 1")

    with pytest.raises(RuntimeError, match="kept an error"):
        run_transaction(database, work)
    assert balances(database) == [100, 100]


# Connections


def test_connections_are_used_again_and_not_leaked(connect: Connect, url: str) -> None:
    database = connect(psycopg2.extensions.make_dsn(url, application_name="frugal"))
    for _ in range(20):
        run_transaction(database, deposit)
        run_transaction(database, Failing("40001", 1))
    assert balances(database) == [140, 100]
    assert len(sessions(url, "frugal")) == 1
    database.close()
    assert soon(lambda: not sessions(url, "frugal"))
    run_transaction(database, deposit)  # close() is no farewell


def test_a_connection_is_as_the_scripts_expect_it(connect: Connect, url: str) -> None:
    """Whatever the user, the database, or the URL's options say."""
    options = r"-c timezone=America/New_York -c default_transaction_isolation=repeatable\ read"
    database = connect(psycopg2.extensions.make_dsn(url, options=options))
    assert execute(database, "SHOW timezone") == [("UTC",)]
    assert execute(database, "SHOW transaction_isolation") == [("serializable",)]
    assert execute(database, "SHOW application_name") == [(Path(sys.argv[0]).stem,)]
    named = connect(psycopg2.extensions.make_dsn(url, application_name="mine"))
    assert execute(named, "SHOW application_name") == [("mine",)]
    assert execute(database, "SELECT '日本語 🎬'") == [("日本語 🎬",)]


def test_a_session_is_as_the_scripts_expect_it(connect: Connect, url: str) -> None:
    """Whatever the database or the user has as a default."""
    latin = connect(psycopg2.extensions.make_dsn(url, client_encoding="LATIN1"))
    assert execute(latin, "SELECT '日本語 🎬'") == [("日本語 🎬",)]
    if "CockroachDB" in execute(latin, "SELECT version()")[0][0]:
        pytest.skip("it knows no defaults of a database before v21.2")
    settings = {
        "array_nulls": "off",
        "datestyle": "German",
        "intervalstyle": "iso_8601",
        "standard_conforming_strings": "off",
        "extra_float_digits": "-3",
    }
    name = psycopg2.extensions.parse_dsn(url)["dbname"]
    for setting, value in settings.items():
        execute(latin, f"ALTER DATABASE {name} SET {setting} = '{value}'")
    try:
        database = connect()
        assert execute(database, "SELECT '{1,NULL}'::int8[]") == [([1, None],)]
        assert execute(database, "SELECT ARRAY['{NULL}']::text[] = '{\"{NULL}\"}'") == [(True,)]
        assert execute(database, "SELECT '{NULL}'::text[]") == [([None],)]
        found = execute(database, "SELECT (TIMESTAMPTZ '2024-03-01 00:00Z')::text, INTERVAL '1 day 02:00'::text")
        assert found == [("2024-03-01 00:00:00+00", "1 day 02:00:00")]
        assert execute(database, "SELECT '\\x41'::text, (0.1::float8 + 0.2::float8)::text") == [
            ("\\x41", "0.30000000000000004")
        ]
    finally:
        for setting in settings:
            execute(latin, f"ALTER DATABASE {name} RESET {setting}")


def test_a_dead_network_is_noticed_by_the_socket(connect: Connect, relay: Relay) -> None:
    connection = connect(relay.url).connect()
    with closing(connection), socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            silence = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
            idle, interval, count = (
                line.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert 5 <= silence <= 30
            assert 5 <= idle + interval * count <= 30


def test_the_url_has_the_last_word_on_the_network(connect: Connect, relay: Relay) -> None:
    database = connect(psycopg2.extensions.make_dsn(relay.url, tcp_user_timeout=7000, keepalives_idle=3))
    connection = database.connect()
    with closing(connection), socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 3


# Interrupted


@pytest.mark.parametrize("single_statement", [False, True])
def test_an_interrupt_ends_what_waits_for_a_lock(connect: Connect, url: str, single_statement: bool) -> None:
    database = connect()
    run_transaction(database, deposit, TransactionOptions(single_statement=single_statement))
    assert database.silence() == 0
    with ThreadPoolExecutor(2) as pool, closing(psycopg2.connect(url)) as holder, holder.cursor() as cursor:
        cursor.execute("UPDATE accounts SET balance = 7 WHERE id = 1")
        waiting = [
            pool.submit(run_transaction, database, deposit, TransactionOptions(single_statement=single_statement))
            for _ in range(2)
        ]
        time.sleep(1)
        assert database.silence() > 0.5
        begin = time.monotonic()
        database.interrupt()
        for transaction in waiting:
            with pytest.raises(KeyboardInterrupt):
                transaction.result(timeout=10)
        assert time.monotonic() - begin < 1
        holder.rollback()
    assert database.silence() == 0
    with pytest.raises(KeyboardInterrupt):
        run_transaction(database, deposit)
    # A statement that is a transaction by itself may be carried out although nobody waits for it any more.
    assert 101 <= balances(connect())[0] <= (103 if single_statement else 101)


def test_an_interrupt_ends_a_pause(connect: Connect) -> None:
    database = connect(retry_for=60)
    with ThreadPoolExecutor(8) as pool:
        conflicts = [pool.submit(run_transaction, database, Failing("40001", float("inf"), balance)) for _ in range(8)]
        time.sleep(2)  # the pauses are up to two seconds now
        begin = time.monotonic()
        database.interrupt()
        for transaction in conflicts:
            with pytest.raises(KeyboardInterrupt):
                transaction.result(timeout=10)
        assert time.monotonic() - begin < 0.5


def balance(cursor: Cursor) -> None:
    cursor.execute("SELECT balance FROM accounts")


def test_an_interrupt_ends_the_waiting_for_a_server(connect: Connect, relay: Relay) -> None:
    balances(database := connect(relay.url, retry_for=60))
    relay.close()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run_transaction, database, deposit)
        time.sleep(1)
        assert database.silence() > 0.5
        begin = time.monotonic()
        database.interrupt()
        with pytest.raises(KeyboardInterrupt):
            waiting.result(timeout=10)
        assert time.monotonic() - begin < 1


def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until the condition holds; return whether it does in the end."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return holds
