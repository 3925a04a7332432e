"""Keys that can be written in several ways: the same value is the same row, whatever its text."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest
from disturbed_loads import LARGE
from seeding import load, query, run, write
from test_any_schema import on_cockroachdb

from toolkit.console import UserError

# A type as citext is, without the extension.
CASELESS = """
    CREATE TYPE caseless;
    CREATE FUNCTION caseless_in(cstring) RETURNS caseless AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
    CREATE FUNCTION caseless_out(caseless) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
    CREATE TYPE caseless (INPUT = caseless_in, OUTPUT = caseless_out, LIKE = text, CATEGORY = 'S');
    CREATE CAST (caseless AS text) WITHOUT FUNCTION AS IMPLICIT;
    CREATE CAST (text AS caseless) WITHOUT FUNCTION AS ASSIGNMENT;
    CREATE FUNCTION caseless_cmp(caseless, caseless) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT bttextcmp(lower($1::text), lower($2::text))';
    CREATE FUNCTION caseless_lt(caseless, caseless) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT caseless_cmp($1, $2) < 0';
    CREATE FUNCTION caseless_le(caseless, caseless) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT caseless_cmp($1, $2) <= 0';
    CREATE FUNCTION caseless_eq(caseless, caseless) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT caseless_cmp($1, $2) = 0';
    CREATE FUNCTION caseless_ne(caseless, caseless) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT caseless_cmp($1, $2) <> 0';
    CREATE FUNCTION caseless_ge(caseless, caseless) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT caseless_cmp($1, $2) >= 0';
    CREATE FUNCTION caseless_gt(caseless, caseless) RETURNS bool LANGUAGE sql IMMUTABLE STRICT
        AS 'SELECT caseless_cmp($1, $2) > 0';
    CREATE OPERATOR < (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_lt);
    CREATE OPERATOR <= (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_le);
    CREATE OPERATOR = (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_eq);
    CREATE OPERATOR <> (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_ne);
    CREATE OPERATOR >= (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_ge);
    CREATE OPERATOR > (LEFTARG = caseless, RIGHTARG = caseless, FUNCTION = caseless_gt);
    CREATE OPERATOR CLASS caseless_ops DEFAULT FOR TYPE caseless USING btree AS
        OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
        FUNCTION 1 caseless_cmp(caseless, caseless)"""

COLLATION = "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"

# A type, what has to be made for it, one value in two spellings, and another value.
KEYS: dict[str, tuple[str, str, Any, Any, Any]] = {
    "interval": ("INTERVAL", "", "1 month", "1 mon", "31 days"),
    "a month of days": ("INTERVAL", "", "1 month", "30 days", "31 days"),
    "timetz": ("TIMETZ", "", "10:00:00+00:00", "10:00+00", "11:00+01"),
    "inet": ("INET", "", "192.0.2.1", "192.0.2.1/32", "192.0.2.1/24"),
    "an array of decimals": ("DECIMAL[]", "", [1.0], [1.00], [1.01]),
    "an array of times": ("TIME[]", "", ["10:00"], ["10:00:00"], ["10:00:01"]),
    "cidr": ("CIDR", "", "10.0.0.0/8", "10/8", "10.0.0.0/9"),
    "macaddr": ("MACADDR", "", "08:00:2b:01:02:03", "08002B-010203", "08:00:2b:01:02:04"),
    "macaddr8": ("MACADDR8", "", "08:00:2b:01:02:03:04:05", "08002b0102030405", "08:00:2b:01:02:03:04:06"),
    "jsonb": ("JSONB", "", {"a": 1.0, "b": 2}, {"b": 2, "a": 1}, {"a": 1}),
    "money": ("MONEY", "", "1.5", "$1.50", "1.51"),
    "a range of integers": ("INT4RANGE", "", "[1,5)", "[1,4]", "[1,6)"),
    "a range of decimals": ("NUMRANGE", "", "[1.0,2.5)", "[1,2.50)", "[1,2.5]"),
    "citext": ("CITEXT", "CREATE EXTENSION citext", "Oslo", "OSLO", "Olso"),
    "a type like citext": ("caseless", CASELESS, "Oslo", "OSLO", "Olso"),
    "a collation": ("TEXT COLLATE ci", COLLATION, "Oslo", "OSLO", "Olso"),
    "bits": ("VARBIT", "", "101", "b101", "0101"),
    "a domain": ("network", "CREATE DOMAIN network AS CIDR", "10.0.0.0/8", "10/8", "10.0.0.0/9"),
    "a collated string": ("TEXT COLLATE en_u_ks_level2", "", "Oslo", "OSLO", "Olso"),
}  # fmt: skip


def text(value: Any) -> str:
    """Return a value as JSON; decimals with all their digits."""
    return json.dumps(value) if not isinstance(value, list) else f"[{', '.join(map(text, value))}]"


class Case(NamedTuple):
    """The URL of a database with tables whose keys are of a type; one value in two spellings, and another, as JSON."""

    url: str
    first: str
    second: str
    other: str


@pytest.fixture(params=KEYS)
def case(request: pytest.FixtureRequest, url: str) -> Case:
    if request.param == "a month of days" and on_cockroachdb(url):
        pytest.skip("CockroachDB says that they are equal, but takes them for different keys")
    column, prepare, *values = KEYS[request.param]
    try:
        for statement in [
            *filter(None, [prepare]),
            *(f"SELECT '{value}'::{column}" for value in values if isinstance(value, str)),
            f"CREATE TABLE parents (k {column} NOT NULL PRIMARY KEY, u {column} UNIQUE, name TEXT)",
            f"CREATE TABLE children (id INT8 NOT NULL PRIMARY KEY, parent {column} REFERENCES parents (k))",
            f"CREATE TABLE tree (k {column} NOT NULL PRIMARY KEY, above {column} REFERENCES tree (k), extra INT8)",
        ]:
            query(url, statement)
    except psycopg2.Error as error:
        pytest.skip(f"this server has no such key: {error}")
    return Case(url, *map(text, values))


def test_one_value_is_one_row(case: Case, tmp_path: Path) -> None:
    url, first, second, other = case
    content = f'{{"children": [{{"id": 1, "parent": {first}}}], "parents": [{{"k": {first}}}, {{"k": {other}}}]}}'
    for what in ("new", "unchanged"):
        counts = load(url, write(tmp_path, content))
        assert (counts["parents"][what], counts["children"][what]) == (2, 1)
    renamed = f'{{"parents": [{{"k": {second}, "name": "x"}}]}}'
    assert load(url, write(tmp_path, renamed)) == {"parents": {"new": 0, "changed": 1, "unchanged": 0}}
    assert query(url, "SELECT count(*) FROM parents, children WHERE k = parent AND name = 'x'") == [(1,)]
    child = f'{{"children": [{{"id": 2, "parent": {second}}}], "parents": [{{"k": {other}, "name": "y"}}]}}'
    assert load(url, write(tmp_path, child))["children"]["new"] == 1


def test_the_same_value_twice_is_told(case: Case, tmp_path: Path) -> None:
    url, first, second, other = case
    rows = f'{{"k": {other}}}, {{"k": {first}}}, {{"k": {second}, "name": "x"}}'
    for on_conflict in ("update", "skip"):
        with pytest.raises(UserError, match=r"table parents, row 3 \(k .*\), column k: k .* is in row 2 already$"):
            load(url, write(tmp_path, f'{{"parents": [{rows}]}}'), on_conflict=on_conflict)
    with pytest.raises(UserError, match=r"parents, line 3 \(k .*\), column k: k .* is in line 2 already$"):
        load(url, write(tmp_path, rows.replace("}, {", "}\n{"), "parents.jsonl"))
    rows = f'{{"k": {other}, "u": {first}}}, {{"k": {first}, "u": {second}}}'
    with pytest.raises(UserError, match=r"table parents, row 2 \(k .*\), column u: u .* is in row 1 already$"):
        load(url, write(tmp_path, f'{{"parents": [{rows}]}}'))
    assert query(url, "SELECT count(*) FROM parents") == [(0,)]


def test_a_reference_to_nothing_is_told(case: Case, tmp_path: Path) -> None:
    url, first, _, other = case
    rows = f'{{"id": 1, "parent": {first}}}, {{"id": 2, "parent": {other}}}'
    content = f'{{"children": [{rows}], "parents": [{{"k": {first}}}]}}'
    with pytest.raises(UserError) as caught:
        load(url, write(tmp_path, content))
    (line,) = str(caught.value).splitlines()[1:]
    assert "table children, row 2 (id 2), column parent: parent " in line
    assert "refers to no row of parents, in the load or in the database" in line


def test_parents_are_written_first(case: Case, tmp_path: Path) -> None:
    url, first, _, other = case
    rows = f'{{"k": {other}, "above": {first}}}, {{"k": {first}, "extra": 1}}'
    assert load(url, write(tmp_path, f'{{"tree": [{rows}]}}')) == {"tree": {"new": 2, "changed": 0, "unchanged": 0}}


def test_a_reference_in_another_spelling_is_refused(case: Case, tmp_path: Path) -> None:
    """Only the server knows that it is the same, and the order in which rows are written is found without asking it."""
    url, first, second, other = case
    content = f'{{"children": [{{"id": 1, "parent": {second}}}], "parents": [{{"k": {first}}}]}}'
    try:
        load(url, write(tmp_path, content))
    except UserError as error:
        (line,) = str(error).splitlines()[1:]
        assert "table children, row 1 (id 1), column parent: parent " in line
        assert line.endswith("; a row of the load is referred to in the spelling of its key")
        assert query(url, "SELECT count(*) FROM parents") == [(0,)]
        rows = f'{{"k": {other}, "above": {second}}}, {{"k": {first}, "extra": 1}}'
        with pytest.raises(UserError, match=r"table tree, row 1 .*, column above: above .* refers to no row of tree"):
            load(url, write(tmp_path, f'{{"tree": [{rows}]}}'))
    else:  # the loader itself knows that these are the same
        assert query(url, "SELECT count(*) FROM parents, children WHERE k = parent") == [(1,)]


def test_a_value_that_the_server_cannot_read_is_told(case: Case, tmp_path: Path) -> None:
    url, first, _, _ = case
    if not isinstance(json.loads(first), str) or "UTF" in first or json.loads(first).isalpha():
        pytest.skip("every text is one")
    rows = '{"k": "so many"}'
    content = f'{{"children": [{{"id": 1, "parent": {first}}}], "parents": [{{"k": {first}}}, {rows}]}}'
    with pytest.raises(UserError, match=r"table parents, row 2 .*column k: ") as caught:
        load(url, write(tmp_path, content))
    assert len(str(caught.value).splitlines()) == 2


def test_a_large_load(url: str, tmp_path: Path) -> None:
    query(url, "CREATE TABLE spans (k INTERVAL NOT NULL PRIMARY KEY, name TEXT)")
    lines = [{"k": f"{number} hours", "name": "first"} for number in range(LARGE)]
    file = write(
        tmp_path, "".join(f"{json.dumps(row)}\n" for row in [*lines, {"k": "0:00", "name": "last"}]), "spans.jsonl"
    )
    for _ in range(3):
        assert run(url, file).returncode == 0
        assert query(url, "SELECT name FROM spans WHERE k = '0 hours'") == [("last",)]
        assert query(url, "SELECT count(*) FROM spans") == [(LARGE,)]
    lines.insert(7, {"k": "00:02", "name": "2 minutes"})
    lines.insert(8, {"k": "1:00", "name": "again"})
    end = run(url, write(tmp_path, "".join(f"{json.dumps(row)}\n" for row in lines), "spans.jsonl"))
    assert end.returncode == 1
    assert 'line 9 (k "1:00"), column k: k "1:00" is in line 2 already' in end.stderr
