"""python report.py, as a person runs it: what it writes, and what it says when it cannot."""

import os
import re
import stat
import subprocess
import time
from contextlib import closing
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from reports import PROJECT, run_report, run_script
from terminal import Terminal

from reporting.cards import NOBODY_PAID, NOBODY_WATCHED
from reporting.dashboard import ReportOptions, dashboard_page
from reporting.query_results import Reader, read_snapshot
from toolkit.console import UserError
from toolkit.database import Database
from toolkit.queries import parse_query, read_queries

QUERIES = read_queries(PROJECT / "queries.sql")
SECONDS = {"quick": 0, "less_slow": 0.2, "slow": 0.5}


def execute(url: str, statement: str, *values: Any) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
    connection.close()


def test_it_is_one_small_file_that_names_its_period(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert len(text) < 1_000_000
    assert "1 January to 16 September 2024" in text
    assert "http://" not in text
    assert "https://" not in text


def test_what_is_the_same_each_month_is_said_once(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert '<p class="lead">0.0 % in each of 5 months.</p>' in text  # binges
    assert not re.search(r"<p class=.lead.>(\S+ %); \1", text)


def test_a_period_of_ones_own(sample: str, tmp_path: Path) -> None:
    text = run_report(sample, tmp_path, "--since", "2024-03-01", "--until", "2024-05-01").read_text(encoding="utf-8")
    assert "1 March to 30 April 2024, against the 61 days before" in text
    assert "’2024-03-01 00:00Z" not in text
    assert "2024-05-01 00:00Z&#x27; <i>/* :until */</i>" in text


def is_cockroachdb(url: str) -> bool:
    with closing(psycopg2.connect(url)) as connection:
        return connection.get_parameter_status("crdb_version") is not None


def test_as_of_a_time(sample: str, tmp_path: Path) -> None:
    """On CockroachDB the page is as it was then, and says so; PostgreSQL is told in words (docs/clusters.md)."""
    if is_cockroachdb(sample):
        time.sleep(1.5)
        execute(sample, "INSERT INTO subscriptions (name, price) VALUES ('Since then', 1)")
        text = run_report(sample, tmp_path, "--as-of=-1s").read_text(encoding="utf-8")
        execute(sample, "DELETE FROM subscriptions WHERE name = 'Since then'")
        assert "as of -1s" in text
        assert "<td>Since then" not in text
        argument, sentence = "--as-of=-1h", "error: as of -1h the tables were not all there yet: "
    else:
        argument, sentence = "--as-of=-4.8s", "error: as_of -4.8s is for CockroachDB: "
    out = tmp_path / "x.html"
    assert run_script(sample, "report.py", "--out", str(out), argument, status=1).startswith(sentence)
    assert not out.exists()


def test_a_period_without_data(sample: str, tmp_path: Path) -> None:
    said = run_script(sample, "report.py", "--out", str(tmp_path / "x.html"), "--since", "2030-01-01", status=1)
    assert "the data are from 9 January 2024 to 16 September 2024" in said
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("since", ["1900-01-01", "2024-09-16"])
def test_periods_of_any_length(sample: str, tmp_path: Path, since: str) -> None:
    run_report(sample, tmp_path, "--since", since, "--until", "9998-12-31")


def test_an_empty_database(url: str, tmp_path: Path) -> None:
    run_script(url, "streaming_services.py", "--no-compare")
    text = run_report(url, tmp_path).read_text(encoding="utf-8")
    assert "The database is empty" in text
    assert "<code>python insert_data.py</code>" in text


def test_a_part_of_the_platform(sample: str, tmp_path: Path) -> None:
    """Two of the sample's users have Premium. The SQL that is shown says what it is about."""
    text = run_report(sample, tmp_path, "--plan", "Premium", "--currency", "EUR").read_text(encoding="utf-8")
    assert "<p>Plan Premium, 1 January to 16 September 2024." in text
    assert "Amounts are in EUR." in text
    assert "&#x27;Premium&#x27; <i>/* :plan */</i>" in text
    assert re.search("<dt>users</dt><dd><b[^>]*>2</b>", text)
    said = run_script(sample, "report.py", "--out", str(tmp_path / "x.html"), "--plan", "Gold", status=1)
    assert "there is no plan Gold: there are " in said
    text = run_report(sample, tmp_path, "--country", "XX").read_text(encoding="utf-8")
    assert NOBODY_PAID in text
    assert NOBODY_WATCHED in text


def test_what_runs_have_written_is_left_out(url: str, tmp_path: Path) -> None:
    run_script(url, "streaming_services.py", "--no-compare")
    run_script(url, "insert_data.py", str(PROJECT / "test_data.json"))
    before = run_report(url, tmp_path).read_text(encoding="utf-8")
    run_script(url, "simulate.py", "run", "--duration", "2", "--concurrency", "2")
    after = run_report(url, tmp_path).read_text(encoding="utf-8")
    figures = re.compile("<dd><b[^>]*>(.*?)</b>")
    assert figures.findall(after) == figures.findall(before)
    assert len(figures.findall(after)) == 8
    assert "What 1 simulated run wrote is left out" in after
    assert not re.search("<td>[^<]*, simulation ", after)


@pytest.mark.parametrize("time", ["infinity", "-infinity", "0044-03-15 BC", "12000-01-01"])
def test_times_that_python_has_not(url: str, tmp_path: Path, time: str) -> None:
    run_script(url, "streaming_services.py", "--no-compare")
    run_script(url, "insert_data.py", str(PROJECT / "test_data.json"))
    execute(url, "INSERT INTO users (user_id, name, email, created_at) VALUES (99, 'Zoe', 'zoe@example.com', %s)", time)
    execute(url, "INSERT INTO watch_history (user_id, content_id, watched_at) VALUES (99, 1, %s)", time)
    payment = "(user_id, payer_id, subscription_id, amount, method, payment_date) VALUES (99, 99, 1, 5.99, 'card', %s)"
    execute(url, f"INSERT INTO payment_history {payment}", time)
    text = run_report(url, tmp_path, "--user", "99").read_text(encoding="utf-8")
    assert "Left out as mistakes: 3 rows with dates outside of 1900 to 9998." in text


def test_one_mistake_does_not_move_the_period(url: str, tmp_path: Path) -> None:
    run_script(url, "streaming_services.py", "--no-compare")
    run_script(url, "insert_data.py", str(PROJECT / "test_data.json"))
    execute(url, "UPDATE payment_history SET payment_date = '2062-01-01Z' WHERE payment_date > '2024-09-16Z'")
    text = run_report(url, tmp_path).read_text(encoding="utf-8")
    assert re.search(r"1 January to \d+ September 2024\. ", text)
    assert "Left out as mistakes: 1 row dated long after" in text


def test_users_alone(url: str, tmp_path: Path) -> None:
    """Who has signed up, and nothing else: every card says that there is nothing."""
    run_script(url, "streaming_services.py", "--no-compare")
    execute(url, "INSERT INTO users (user_id, name, email) VALUES (1, 'Ada', 'ada@example.com')")
    text = run_report(url, tmp_path, "--user", "1").read_text(encoding="utf-8")
    assert "Nobody paid." in text
    assert "Nobody watched anything." in text


def test_a_database_without_the_tables(url: str, tmp_path: Path) -> None:
    said = run_script(url, "report.py", "--out", str(tmp_path / "x.html"), status=1)
    assert "its tables are not those of schema.sql" in said
    assert "python streaming_services.py" in said


def test_a_database_of_another_schema(url: str, tmp_path: Path) -> None:
    execute(url, "CREATE TABLE users (id INT8 PRIMARY KEY)")
    said = run_script(url, "report.py", "--out", str(tmp_path / "x.html"), status=1)
    assert "its tables are not those of schema.sql" in said


def test_a_user_who_is_not_there(sample: str, tmp_path: Path) -> None:
    said = run_script(sample, "report.py", "--out", str(tmp_path / "x.html"), "--user", "77", status=1)
    assert "there is no user 77" in said


def test_a_folder_that_is_not_there(sample: str, tmp_path: Path) -> None:
    said = run_script(sample, "report.py", "--out", str(tmp_path / "no" / "x.html"), status=1)
    assert "cannot be written" in said


def test_a_pipe_stays_a_pipe(sample: str, tmp_path: Path) -> None:
    """A file in its place would be no harm here, but is one where the name is that of a device."""
    pipe = tmp_path / "page"
    os.mkfifo(pipe)
    copy = tmp_path / "copy"
    with copy.open("w") as output, subprocess.Popen(["cat", pipe], stdout=output):
        run_script(sample, "report.py", "--out", str(pipe))
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert copy.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_no_user_has_such_a_number(sample: str, tmp_path: Path) -> None:
    for number in (-1, 2**63, 10**30):
        said = run_script(sample, "report.py", "--out", str(tmp_path / "x.html"), f"--user={number}", status=1)
        assert f"there is no user {number}" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--since", "2024-02-01", "--until", "2024-02-01"],
        ["--run", "run.jsonl", "--user", "1"],
    ],
)
def test_wrong_usage(sample: str, arguments: list[str]) -> None:
    assert "usage: " in run_script(sample, "report.py", *arguments, status=2)


def test_it_is_opened_in_the_browser(sample: str, tmp_path: Path) -> None:
    """BROWSER names one that notes what it is asked for."""
    noted = tmp_path / "noted"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho \"$1\" > '{noted}'\n")
    browser.chmod(0o755)
    out = tmp_path / "my report.html"
    run_script(sample, "report.py", "--out", str(out), "--open", BROWSER=f"{browser} %s")
    assert noted.read_text().strip() == out.as_uri()


def test_all_figures_are_of_one_moment(db: Database, url: str) -> None:
    """A viewing that is written between two queries is in none of them."""
    viewing = "INSERT INTO watch_history (user_id, content_id, watched_at, progress) VALUES (1, 1, %s, 100)"
    counts = []

    def work(reader: Reader) -> None:
        counts.append(reader.read("headline_figures", since="2026-01-01", until="2027-01-01").rows[3]["this_period"])
        execute(url, viewing, datetime(2026, 3, 1, tzinfo=timezone.utc))
        counts.append(reader.read("headline_figures", since="2026-01-01", until="2027-01-01").rows[3]["this_period"])
        with pytest.raises(psycopg2.Error):
            reader.cursor.execute(viewing, [datetime(2026, 3, 1, tzinfo=timezone.utc)])
        reader.cursor.connection.rollback()

    read_snapshot(db, QUERIES, work, lambda _: None)
    assert counts[0] == counts[1]


def test_each_query_is_told_before_it_is_read(db: Database) -> None:
    told: list[str] = []
    dashboard_page(db, QUERIES, ReportOptions(since=date(2026, 1, 1)), told.append)
    assert len(told) >= 15
    assert set(told) <= set(QUERIES)


def test_a_query_that_takes_too_long_is_named(db: Database) -> None:
    def work(reader: Reader) -> None:
        reader.cursor.execute("SET statement_timeout = 200")
        reader.read("slow")

    with pytest.raises(UserError, match=r"^the query slow was stopped after 0\.\d s \(.*timeout.*\): allow it more"):
        read_snapshot(db, {"slow": parse_query("slow", "SELECT pg_sleep(9)")}, work, lambda _: None)


def test_the_page_says_when_it_was_read(report: Path) -> None:
    [footer] = re.findall("<footer><p>(.*?)</p>", report.read_text(encoding="utf-8"))
    assert re.search(r" on \d+ \w+ \d{4} at \d\d:\d\d UTC, in \d+\.\d s\.", footer)


def test_the_queries_that_took_longest_are_named(db: Database) -> None:
    queries = {name: parse_query(name, f"SELECT pg_sleep({seconds})") for name, seconds in SECONDS.items()}

    def work(reader: Reader) -> str:
        for name in queries:
            reader.read(name)
        return reader.slowest

    slowest = read_snapshot(db, queries, work, lambda _: None)
    assert re.fullmatch(r"slow 0\.\d s, less_slow 0\.\d s", slowest)


def test_a_month_that_is_not_over_is_told(sample: str, tmp_path: Path) -> None:
    text = run_report(sample, tmp_path, "--since", "2024-02-10", "--until", "2024-05-10").read_text(encoding="utf-8")
    assert " February 2024 (10 to 29) and May 2024 (until the 9th) are hatched or hollow, and in no average." in text
    text = run_report(sample, tmp_path, "--since", "2024-02-01", "--until", "2024-05-01").read_text(encoding="utf-8")
    assert "hatched or hollow" not in text


def test_the_query_that_runs_is_named_on_a_terminal(sample: str, tmp_path: Path) -> None:
    if is_cockroachdb(sample):
        pytest.skip("nothing holds up who reads the past")
    with closing(psycopg2.connect(sample)) as connection:
        connection.cursor().execute("LOCK TABLE watch_history")
        terminal = Terminal("report.py", "--out", str(tmp_path / "x.html"), "--url", sample)
        terminal.read_until("queries, now days_of_data")
    assert terminal.end() == 0


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    said = run_script("postgresql://root@127.0.0.1:1/x", "report.py", "--out", str(tmp_path / "x.html"), status=1)
    assert said.startswith("error: ")
