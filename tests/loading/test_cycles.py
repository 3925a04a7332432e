"""Tables that refer to each other, rows that do, and rows in cycles."""

import random
from pathlib import Path
from typing import Any

import pytest
from disturbed_loads import LARGE
from seeding import load, query, run, snapshot, write
from test_any_schema import on_cockroachdb

from toolkit.console import UserError

TABLES = ("teams", "players")


def make_teams(url: str, captain: str = "", constraint: str = "", player: str = "NOT NULL") -> str:
    """Make teams, which have a captain, and players, who have a team; captain and player: what else their columns are,
    constraint: what else the foreign key of the captain is.
    """
    query(url, f"CREATE TABLE teams (id INT8 NOT NULL PRIMARY KEY, captain_id INT8 {captain}, name TEXT)")
    query(url, f"CREATE TABLE players (id INT8 NOT NULL PRIMARY KEY, team_id INT8 {player}, name TEXT,"
               " CONSTRAINT players_team_fkey FOREIGN KEY (team_id) REFERENCES teams (id))")  # fmt: skip
    query(url, "ALTER TABLE teams ADD CONSTRAINT teams_captain_fkey"
               f" FOREIGN KEY (captain_id) REFERENCES players (id) {constraint}")  # fmt: skip
    return url


def counts(new: int = 0, changed: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"new": new, "changed": changed, "unchanged": unchanged}


def season(teams: int) -> dict[str, list[dict[str, Any]]]:
    """Return teams with two players each, of whom the first is the captain."""
    return {
        "teams": [{"id": number, "captain_id": 10 * number, "name": f"t{number}"} for number in range(1, teams + 1)],
        "players": [
            {"id": 10 * number + place, "team_id": number} for number in range(1, teams + 1) for place in range(2)
        ],
    }


def test_rows_that_are_in_no_cycle(url: str, tmp_path: Path) -> None:
    make_teams(url)
    content = {"teams": [{"id": 2}], "players": [{"id": 8, "team_id": 2}]}
    for what in ("new", "unchanged"):
        assert load(url, write(tmp_path, content)) == {table: counts(**{what: 1}) for table in TABLES}
    # A chain from table to table, in any order.
    teams = [{"id": number, "captain_id": 10 * (number - 1)} for number in range(11, 61)]
    teams.append({"id": 10, "captain_id": 8})
    players = [{"id": 10 * number, "team_id": number} for number in range(10, 61)]
    random.Random(3).shuffle(teams)
    random.Random(4).shuffle(players)
    assert load(url, write(tmp_path, {"players": players, "teams": teams})) == {
        table: counts(new=51) for table in TABLES
    }


@pytest.mark.parametrize("teams", [1, 3, 1_500])
def test_rows_in_cycles(url: str, tmp_path: Path, teams: int) -> None:
    make_teams(url)
    content = season(teams)
    file = write(tmp_path, content)
    assert load(url, file, dry_run=True) == {"teams": counts(new=teams), "players": counts(new=2 * teams)}
    assert query(url, "SELECT count(*) FROM players") == [(0,)]
    assert load(url, file) == {"teams": counts(new=teams), "players": counts(new=2 * teams)}
    assert query(url, "SELECT count(*) FROM teams WHERE captain_id = 10 * id AND name IS NOT NULL") == [(teams,)]
    assert load(url, file) == {"teams": counts(unchanged=teams), "players": counts(unchanged=2 * teams)}
    # New rows in cycles with rows that are there.
    content["teams"][0]["captain_id"] = 7
    content["players"].append({"id": 7, "team_id": 1})
    content["teams"].append({"id": 0, "captain_id": 5})
    content["players"].append({"id": 5, "team_id": 0})
    assert load(url, write(tmp_path, content)) == {
        "teams": counts(new=1, changed=1, unchanged=teams - 1),
        "players": counts(new=2, unchanged=2 * teams),
    }
    assert query(url, "SELECT id, captain_id, name FROM teams WHERE id < 2 ORDER BY id") == [(0, 5, None), (1, 7, "t1")]


def test_skip_leaves_alone_the_rows_of_a_cycle_that_are_there(url: str, tmp_path: Path) -> None:
    make_teams(url)
    load(url, write(tmp_path, season(1)))
    content = season(2)
    content["teams"][0]["captain_id"] = 11
    content["teams"][1]["captain_id"] = 21
    assert load(url, write(tmp_path, content), on_conflict="skip") == {
        "teams": {"new": 1, "left alone": 1},
        "players": {"new": 2, "left alone": 2},
    }
    assert query(url, "SELECT id, captain_id FROM teams ORDER BY id") == [(1, 10), (2, 21)]


def test_rows_that_are_there_are_never_given_a_null(url: str, tmp_path: Path) -> None:
    make_teams(url)
    load(url, write(tmp_path, season(1)))
    query(url, "ALTER TABLE teams ADD CONSTRAINT teams_have_captains CHECK (captain_id IS NOT NULL)")
    content = season(1)
    content["teams"][0]["captain_id"] = 13
    content["players"].append({"id": 13, "team_id": 1})
    assert load(url, write(tmp_path, content)) == {"teams": counts(changed=1), "players": counts(new=1, unchanged=2)}
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, season(2)))
    (line,) = str(caught.value).splitlines()[1:]
    assert "table teams, row 2 (id 2), column captain_id: breaks teams_have_captains: " in line
    assert line.endswith(": rows that refer to each other in a cycle are begun with NULL there, and completed later")


def test_a_column_that_no_check_speaks_of_is_null_at_first(url: str, tmp_path: Path) -> None:
    make_teams(url, "CONSTRAINT teams_have_captains CHECK (captain_id IS NOT NULL)", player="")
    assert load(url, write(tmp_path, season(3))) == {"teams": counts(new=3), "players": counts(new=6)}
    assert query(url, "SELECT count(team_id) FROM players") == [(6,)]


def test_a_cycle_in_which_no_column_may_be_null(url: str, tmp_path: Path) -> None:
    make_teams(url, "NOT NULL")
    before = snapshot(url, TABLES)
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, season(2)))
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 problems in the fixtures. Nothing was written."
    assert "table teams, row 1 (id 1): refers to itself over 1 other rows of the load (" in lines[1]
    assert "teams_captain_fkey" in lines[1]
    assert "players_team_fkey" in lines[1]
    assert "let one of the columns teams.captain_id, players.team_id be NULL" in lines[1]
    assert snapshot(url, TABLES) == before


def test_cycles_under_constraints_that_can_wait(url: str, tmp_path: Path) -> None:
    if on_cockroachdb(url):
        pytest.skip("CockroachDB has no deferrable constraints")
    make_teams(url, "NOT NULL", "DEFERRABLE")
    for what in ("new", "unchanged"):
        assert load(url, write(tmp_path, season(1_200))) == {
            "teams": counts(**{what: 1_200}),
            "players": counts(**{what: 2_400}),
        }
    content = season(1_201)
    content["teams"][-1]["name"] = None
    query(url, "ALTER TABLE teams ADD CONSTRAINT teams_have_names CHECK (name IS NOT NULL)")
    with pytest.raises(UserError, match=r"table teams, row 1201 \(id 1201\), column name: breaks teams_have_names"):
        load(url, write(tmp_path, content))
    content["teams"][-1].update(name="last", captain_id=10)
    query(url, """CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
                  CREATE TRIGGER leave BEFORE INSERT ON players FOR EACH ROW EXECUTE FUNCTION leave()""")  # fmt: skip
    content["teams"][-1]["captain_id"] = 12_010
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, content))
    told = "table teams, row 1201 (id 1201), column captain_id: captain_id 12010 refers to no row of players"
    assert told in str(caught.value)


STAFF = "CREATE TABLE staff (id INT8 NOT NULL PRIMARY KEY, boss INT8 {} REFERENCES staff (id), name TEXT)"


@pytest.mark.parametrize("null", ["NULL", "NOT NULL"])
@pytest.mark.parametrize("length", [2, 4, 1_000, 2_500])
def test_cycles_in_one_table(url: str, tmp_path: Path, null: str, length: int) -> None:
    """If no column may be NULL, a cycle goes in one statement."""
    query(url, STAFF.format(null))
    rows = [{"id": n, "boss": n - n % length + (n + 1) % length, "name": "x" * 100} for n in range(5_000)]
    random.Random(7).shuffle(rows)
    for what in ("new", "unchanged"):
        assert load(url, write(tmp_path, {"staff": rows})) == {"staff": counts(**{what: 5_000})}
    assert query(url, "SELECT count(*) FROM staff WHERE boss <> id") == [(5_000,)]


def test_rows_in_a_cycle_that_do_not_give_the_same_columns(url: str, tmp_path: Path) -> None:
    query(url, STAFF.format(""))
    rows: list[dict[str, Any]] = [{"id": 1, "boss": 2}, {"id": 2, "boss": 1, "name": "b"}]
    assert load(url, write(tmp_path, {"staff": rows})) == {"staff": counts(new=2)}
    assert query(url, "SELECT id, boss, name FROM staff ORDER BY id") == [(1, 2, None), (2, 1, "b")]
    query(url, "DELETE FROM staff")
    query(url, "ALTER TABLE staff ALTER COLUMN boss SET NOT NULL")
    with pytest.raises(
        UserError, match=r"let one of the columns staff.boss be NULL, give the same columns in all these rows, or "
    ):
        load(url, write(tmp_path, {"staff": rows}))
    rows[0]["name"] = "a"
    assert load(url, write(tmp_path, {"staff": rows})) == {"staff": counts(new=2)}


def test_a_key_of_two_columns_that_others_refer_to_is_not_taken_apart(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE staff (id INT8 NOT NULL PRIMARY KEY, boss INT8 REFERENCES staff (id), a INT8, b INT8,"
               " UNIQUE (a, b), c INT8, d INT8, FOREIGN KEY (c, d) REFERENCES staff (a, b))")  # fmt: skip
    size = 3_000
    rows = [{"id": n, "boss": (n + 1) % size, "a": n, "b": -n} for n in range(size)]
    rows = [{**row, "c": rows[n - 2]["a"], "d": rows[n - 2]["b"]} for n, row in enumerate(rows)]
    random.Random(7).shuffle(rows)
    assert load(url, write(tmp_path, {"staff": rows})) == {"staff": counts(new=size)}
    assert load(url, write(tmp_path, {"staff": rows})) == {"staff": counts(unchanged=size)}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "CHECK": ({"age": -1}, "column age: breaks staff_age: "),
    "unreadable": ({"span": "a fortnite"}, "column span: the server says: "),
    "UNIQUE": ({"code": "taken"}, "column code: breaks staff_code_key: "),
    "two of them": ({"age": -1, "code": "taken"}, "column "),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("null", ["NULL", "NOT NULL"])
def test_a_bad_row_in_a_cycle_is_told(url: str, tmp_path: Path, name: str, null: str) -> None:
    query(url, f"CREATE TABLE staff (id INT8 NOT NULL PRIMARY KEY, boss INT8 {null} REFERENCES staff (id), age INT8,"
               " span INTERVAL, code TEXT, CONSTRAINT staff_age CHECK (age > 0),"
               " CONSTRAINT staff_code_key UNIQUE (code))")  # fmt: skip
    query(url, "INSERT INTO staff (id, boss, code) VALUES (77, 77, 'taken')")
    rows = [{"id": n, "boss": (n + 1) % 40, "age": 1, "span": "1 day", "code": f"c{n}"} for n in range(40)]
    rows[20] |= WRONG[name][0]
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, {"staff": rows}))
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == 1
    assert f"row 21 (id 20), {WRONG[name][1]}" in lines[0]
    assert query(url, "SELECT id FROM staff") == [(77,)]


def test_bad_rows_of_tables_in_a_cycle_are_told(url: str, tmp_path: Path) -> None:
    make_teams(url)
    query(url, "ALTER TABLE teams ADD CONSTRAINT teams_names CHECK (name <> 'bad')")
    content = season(5)
    content["teams"][3]["name"] = "bad"
    with pytest.raises(UserError, match=r"table teams, row 4 \(id 4\), column name: breaks teams_names: "):
        load(url, write(tmp_path, content))
    content = season(5)
    content["players"][3]["team_id"] = 99
    with pytest.raises(
        UserError, match=r"table players, row 4 \(id 21\), column team_id: team_id 99 refers to no row of teams"
    ):
        load(url, write(tmp_path, content))
    assert query(url, "SELECT count(*) FROM teams") == [(0,)]


def test_children_of_tables_in_a_cycle(url: str, tmp_path: Path) -> None:
    make_teams(url)
    query(url, "CREATE TABLE goals (id INT8 NOT NULL PRIMARY KEY, player_id INT8 NOT NULL REFERENCES players (id))")
    content = {"goals": [{"id": 1, "player_id": 10}], **season(1)}
    for what in ("new", "unchanged"):
        assert load(url, write(tmp_path, content))["goals"] == counts(**{what: 1})


def test_a_large_load_says_how_to_load_tables_in_a_cycle(url: str, tmp_path: Path) -> None:
    make_teams(url)
    content = season(LARGE // 2)
    end = run(url, write(tmp_path, content))
    assert end.returncode == 1
    cycle = "the foreign keys of teams, players form a cycle, and a load of more than 10,000 rows goes table by table"
    order = "first without teams.captain_id, and that table again at the end"
    assert end.stderr == f"error: {cycle}: load them one at a time, {order}\n"
    without = [{name: value for name, value in team.items() if name != "captain_id"} for team in content["teams"]]
    for part in ({"teams": without}, {"players": content["players"]}, {"teams": content["teams"]}):
        assert run(url, write(tmp_path, part)).returncode == 0
    assert query(url, "SELECT count(*) FROM teams WHERE captain_id = 10 * id") == [(LARGE // 2,)]


def test_a_large_load_of_tables_in_a_cycle_without_a_column_that_may_be_null(url: str, tmp_path: Path) -> None:
    make_teams(url, "NOT NULL")
    end = run(url, write(tmp_path, season(LARGE // 2)))
    assert end.returncode == 1
    assert "in parts of at most 10,000 rows, with rows that refer to each other in the same part" in end.stderr
