"""python report.py, as a person runs it: what it writes, and what it says when it cannot."""

import os
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

from reporting.dashboard import ReportOptions, dashboard_page
from reporting.figures import Reader, read_snapshot
from toolkit.database import Database
from toolkit.queries import read_queries

QUERIES = read_queries(PROJECT / "queries.sql")


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


def test_a_period_of_ones_own(sample: str, tmp_path: Path) -> None:
    text = run_report(sample, tmp_path, "--since", "2024-03-01", "--until", "2024-05-01").read_text(encoding="utf-8")
    assert "1 March to 30 April 2024, against the 61 days before" in text
    assert "’2024-03-01 00:00Z" not in text
    assert "2024-05-01 00:00Z&#x27; /* :until */" in text


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
        assert "Since then" not in text
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


@pytest.mark.parametrize("since", ["0001-01-01", "2024-09-16"])
def test_periods_of_any_length(sample: str, tmp_path: Path, since: str) -> None:
    run_report(sample, tmp_path, "--since", since, "--until", "9999-12-31")


def test_an_empty_database(url: str, tmp_path: Path) -> None:
    run_script(url, "streaming_services.py", "--no-compare")
    assert "The database is empty" in run_report(url, tmp_path).read_text(encoding="utf-8")


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


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    said = run_script("postgresql://root@127.0.0.1:1/x", "report.py", "--out", str(tmp_path / "x.html"), status=1)
    assert said.startswith("error: ")
