"""The files of cockroachdb/: each says what it needs, does it twice over, and is undone by another.

docs/clusters.md shows their commands. What the tests' server cannot run is skipped with the reason: PostgreSQL knows
none of it, and REGIONAL BY ROW, row-level TTL and changefeeds need a later version or other builds than some have.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from documents import PROJECT, text_of
from seeding import load

from toolkit import schema
from toolkit.console import UserError
from toolkit.database import Cursor, Database, run_transaction
from toolkit.queries import read_queries
from toolkit.schema.sql_file import needed_version
from toolkit.sql_statements import split

FOLDER = PROJECT / "cockroachdb"
FILES = sorted(FOLDER.glob("*.sql"))
QUERIES = [file for file in FILES if file.name.startswith("queries")]
STEPS = [file for file in FILES if file not in QUERIES]
DONE = [file for file in STEPS if not file.stem.endswith("_undo")]
# What has to be done before some of them.
BEFORE = {"split_indexes.sql": "hash_sharded_indexes.sql", "regions_of_users.sql": "regions.sql"}
# It streams to the shell until somebody ends it, so it is not for a schema's transaction.
ENDLESS = FOLDER / "changefeed.sql"
# What CockroachDB says of statements that need its own parts, which are left out of builds of the open source alone.
OTHER_BUILD = "a CCL binary"
ADDRESS = "https://www.cockroachlabs.com/docs/stable/"


def undo(file: Path) -> Path:
    return file.with_stem(f"{file.stem}_undo")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_says_what_it_needs_and_what_it_does(file: Path) -> None:
    text = file.read_text()
    assert text.startswith("-- needs: CockroachDB v")
    assert needed_version(text)
    assert len(text.split("\n\n")[0].splitlines()) > 2
    assert all(len(line) <= 120 for line in text.splitlines())


@pytest.mark.parametrize("file", STEPS, ids=lambda file: file.name)
def test_it_says_how_it_is_run(file: Path) -> None:
    head = file.read_text().split("\n\n")[0]
    assert re.findall(r"\S+cockroachdb/\S+|cockroachdb/\S+", head) == [f"cockroachdb/{file.name}"]
    assert "May be run again" in " ".join(head.split("\n-- "))


@pytest.mark.parametrize("file", DONE, ids=lambda file: file.name)
def test_another_file_undoes_it(file: Path) -> None:
    text = file.read_text()
    assert undo(file).name in text
    assert ADDRESS in text
    assert undo(file).read_text().split("\n--\n")[1].startswith(f"-- Undoes {file.name}")


@pytest.mark.parametrize("file", STEPS, ids=lambda file: file.name)
def test_each_statement_is_one_of_ddl_or_settings(file: Path) -> None:
    statements = split(file.read_text())
    assert statements
    for statement in statements:
        assert not statement.transaction_control
        assert re.match(r"(ALTER|CANCEL|CREATE|DROP|EXPERIMENTAL CHANGEFEED|RESET|SET|UPDATE)\b", statement.bare)


def test_the_document_names_every_file() -> None:
    text = text_of("docs/clusters.md") + text_of("docs/queries.md")
    assert [file.name for file in FILES if f"cockroachdb/{file.name}" not in text] == []


def able(database: Database, file: Path) -> None:
    """Skip the test if the server is not one for a file."""
    try:
        run_transaction(database, schema.SchemaFile(file).check_server)
    except UserError as refusal:
        pytest.skip(str(refusal))


def apply(database: Database, file: Path, folder: Path) -> None:
    """Apply a file with the name of the scratch database in it; skip the test if the server's build cannot run it."""
    own = folder / file.name
    own.write_text(file.read_text().replace("DATABASE streaming", f"DATABASE {database.target.database}"))
    try:
        schema.apply(database, own)
    except UserError as refusal:
        if OTHER_BUILD in str(refusal):
            pytest.skip(str(refusal))
        raise


@pytest.mark.parametrize("file", [file for file in DONE if file != ENDLESS], ids=lambda file: file.name)
def test_it_is_done_twice_and_undone_twice(file: Path, database: Database, url: str, tmp_path: Path) -> None:
    able(database, file)
    load(url, PROJECT / "test_data.json")
    before = [FOLDER / BEFORE[file.name]] if file.name in BEFORE else []
    for each in [*before, file, file]:
        apply(database, each, tmp_path)
    load(url, PROJECT / "test_data.json")
    for each in [file, file, *before]:
        apply(database, undo(each), tmp_path)
    assert schema.compare(database, PROJECT / "schema.sql").differences == []


def test_drift_names_the_sharded_indexes(database: Database) -> None:
    file = FOLDER / "hash_sharded_indexes.sql"
    able(database, file)
    schema.apply(database, file)
    assert schema.compare(database, PROJECT / "schema.sql").differences == [
        f"{table}: sharding of index {index} is by hash, 8 buckets, schema.sql has none of that name"
        for table, index in [
            ("watch_history", "watch_history_watched_at_idx"),
            ("payment_history", "payment_history_payment_date_idx"),
            ("payment_history", "payment_history_subscription_id_idx"),
        ]
    ]


@pytest.mark.parametrize(
    ("others", "advice"), [("", ["_undo"]), ("DROP INDEX users_created_at_idx", ["_undo", "upgrade"])]
)
def test_the_check_does_not_advise_to_undo_it_by_upgrading(
    database: Database, url: str, others: str, advice: list[str]
) -> None:
    file = FOLDER / "hash_sharded_indexes.sql"
    able(database, file)
    schema.apply(database, file)
    if others:
        run_transaction(database, lambda cursor: cursor.execute(others))
    done = subprocess.run(
        [sys.executable, "streaming_services.py", "--check", "--url", url],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "?" in line]
    assert len(lines) == len(advice)
    assert all(word in line for word, line in zip(advice, lines, strict=True))


def test_sharded_indexes_are_written_and_read_in_eight_places(database: Database) -> None:
    """Before, all of an index on times is one range. (From v22.1 on sharding alone makes a range of each place.)"""
    able(database, FOLDER / "hash_sharded_indexes.sql")
    queries = read_queries(FOLDER / "queries.sql")

    def answer(name: str) -> list[tuple[object, ...]]:
        def ask(cursor: Cursor) -> list[tuple[object, ...]]:
            cursor.execute(*queries[name].bind({}))
            return cursor.fetchall()

        return run_transaction(database, ask)

    def places() -> set[str]:
        return set(re.findall(r"\[/(\d)/'2024-06-01", str(answer("plan_of_period"))))

    assert len(answer("ranges_of_writes")) == 1
    assert places() == set()
    for name in ("hash_sharded_indexes.sql", "split_indexes.sql"):
        schema.apply(database, FOLDER / name)
    assert len(answer("ranges_of_writes")) >= 8
    assert {"0", "1"} <= places()  # the plan leaves the others out: "(4 more)"


def test_schema_sql_leaves_sharded_indexes_alone(database: Database) -> None:
    file = FOLDER / "hash_sharded_indexes.sql"
    able(database, file)
    schema.apply(database, file)
    schema.apply(database, PROJECT / "schema.sql")
    assert len(schema.compare(database, PROJECT / "schema.sql").differences) == 3


def test_a_file_for_another_server_is_refused_in_one_sentence(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "later.sql"
    file.write_text("-- needs: CockroachDB v99.1\n\nALTER TABLE users ADD COLUMN later INT8;\n")
    message = r"later\.sql needs CockroachDB v99\.1 or newer, and this server is \S+( v?\d\S*)?: nothing was changed$"
    with pytest.raises(UserError, match=message):
        schema.apply(database, file)
    assert schema.compare(database, PROJECT / "schema.sql").differences == []


def test_versions_are_compared_as_numbers() -> None:
    assert needed_version("-- needs: CockroachDB v21.10\n") == (21, 10)
    assert needed_version("-- what it needs: CockroachDB v21.1\n") is None


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.name)
def test_its_statements_are_its_queries(file: Path) -> None:
    """So that `cockroach sql` runs all of them, and nothing else."""
    assert [statement.text for statement in split(file.read_text())] == [q.text for q in read_queries(file).values()]
