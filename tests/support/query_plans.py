"""What a server's plan says of a statement."""

import re

from sample import TABLES, execute

from toolkit.database import Database


def plan(database: Database, statement: str) -> str:
    """Return what EXPLAIN says, in the form of either server."""
    return "\n".join(" ".join(map(str, row)) for row in execute(database, f"EXPLAIN {statement}"))


def whole_tables(database: Database, statement: str) -> set[str]:
    """Return the large tables of which a statement may read all rows, for all that the plan says."""
    shown = plan(database, statement)
    found = re.findall(r"Seq Scan on (\w+)", shown)
    # An index that gives the order only, and each of its rows is looked at: there is no Index Cond before the Filter.
    found += re.findall(r"Index (?:Only )?Scan(?: Backward)? using \w+ on (\w+).*\n\s+Filter:", shown)
    # CockroachDB names the table, as table@index, before it says what it reads of it.
    found += re.findall(r"\b(\w+)@\w+(?:(?!@)[\s\S])*?FULL SCAN", shown)
    return set(found)


def gather_statistics(database: Database) -> None:
    connection = database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        for table in TABLES:
            if connection.get_parameter_status("crdb_version"):
                cursor.execute(f"CREATE STATISTICS sample FROM {table}")
            else:
                cursor.execute(f"VACUUM (ANALYZE) {table}")
    connection.close()
