"""The order of the tables of a load: each after those to which it refers."""

from collections.abc import Sequence

from toolkit.console import UserError
from toolkit.database.tables import Constraint, Table
from toolkit.loading.check.strongly_connected_components import strongly_connected_components


def groups_in_order(tables: Sequence[Table]) -> list[list[Table]]:
    """Return the tables in groups, each after those it refers to: a table, or several that refer to each other."""
    numbers: dict[str, int] = {table.name: number for number, table in enumerate(tables)}
    parents = [[numbers[name] for name in referenced(table) & numbers.keys() - {table.name}] for table in tables]
    return [[tables[number] for number in sorted(group)] for group in strongly_connected_components(parents)]


def by_references(tables: Sequence[Table]) -> list[Table]:
    """Return the tables, each after those it refers to. Raises UserError if their foreign keys form a cycle."""
    groups = groups_in_order(tables)
    for group in groups:
        if len(group) > 1:
            raise UserError(_advice({table.name: table for table in group}))
    return [table for group in groups for table in group]


def _advice(cycle: dict[str, Table]) -> str:
    """Say how tables whose foreign keys form a cycle can be loaded, one at a time."""
    text = (
        f"the foreign keys of {', '.join(cycle)} form a cycle, and a load of more than 10,000 rows goes table by table"
    )
    waiting = dict(cycle)
    order: list[str] = []
    again: list[str] = []
    while waiting:
        # First those that refer to none of the others, then one whose references to them may be NULL.
        possible = [table for table in waiting.values() if _may_be_null(table, _open(table, waiting))]
        found = min(possible, key=lambda table: len(_open(table, waiting)), default=None)
        if found is None:
            return (
                f"{text}: load it in parts of at most 10,000 rows, with rows that refer to each other in the same part"
            )
        columns = [name for key in _open(found, waiting) for name in key.columns]
        order.append(found.name + (f" without {', '.join(columns)}" if columns else ""))
        again += [found.name] if columns else []
        del waiting[found.name]
    return f"{text}: load them one at a time: {', then '.join(order + [f'{name} as it is' for name in again])}"


def _open(table: Table, waiting: dict[str, Table]) -> list[Constraint]:
    """Return the foreign keys of a table to others that are waiting."""
    return [key for key in table.foreign_keys if key.referenced in waiting and key.referenced != table.name]


def _may_be_null(table: Table, keys: list[Constraint]) -> bool:
    return all(table.columns[name].nullable for key in keys for name in key.columns)


def referenced(table: Table) -> set[str]:
    """Return the names of the tables to which a table refers."""
    return {str(key.referenced) for key in table.foreign_keys}


def refers_to_itself(table: Table) -> bool:
    """Whether a foreign key of the table refers to the table itself."""
    return table.name in referenced(table)
