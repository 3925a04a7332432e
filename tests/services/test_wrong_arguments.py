"""Arguments that cannot be are refused by name, before anything is sent to a server."""

import inspect
from datetime import datetime, timezone
from decimal import Decimal
from types import GenericAlias
from typing import Any
from uuid import uuid4

import pytest
from sample import CALLS

import services
from services import InvalidValue
from services.arguments import DECIMALS
from toolkit.database import Database, catalog, run_transaction

UTC = timezone.utc


WRONG_TYPES: list[Any] = [
    True,
    1.5,
    b"x",
    "7",
    7,
    Decimal(7),
    uuid4(),
    datetime.now(UTC),
    {"a": 1},
    [1],
    None,
    object(),
]
WRONG_VALUES: dict[type, list[Any]] = {
    str: ["", " \n", "a\0b", "\ud800"],
    int: [2**63, -(2**63) - 1],
    Decimal: [Decimal("NaN"), Decimal("Infinity"), Decimal("-sNaN")],
    datetime: [datetime(2026, 1, 1)],
    dict: [{"a": "\0"}, {"\ud800": 1}, {1: 1}, {"a": float("nan")}, {"a": Decimal("Infinity")}, {"a": {1, 2}}],
}


def parameters() -> list[Any]:
    return [
        pytest.param(name, parameter, id=f"{name}-{parameter.name}")
        for name in CALLS
        for parameter in inspect.signature(getattr(services, name)).parameters.values()
        if parameter.name != "database"
    ]


@pytest.fixture(scope="module")
def nowhere() -> Database:
    """A database that cannot be reached: what is refused is refused before anything is sent."""
    return Database("postgresql://127.0.0.1:1/none")


@pytest.mark.parametrize(("name", "parameter"), parameters())
def test_wrong_arguments_are_named(nowhere: Database, name: str, parameter: inspect.Parameter) -> None:
    wanted = parameter.annotation
    kind: Any = wanted.__origin__ if isinstance(wanted, GenericAlias) else wanted
    wrong = [value for value in WRONG_TYPES if value is True or not isinstance(value, kind)]
    for example, values in WRONG_VALUES.items():
        if example in (kind, *getattr(kind, "__args__", ())):
            wrong += values
    assert len(wrong) > 8
    for value in wrong:
        with pytest.raises(InvalidValue) as raised:
            getattr(services, name)(nowhere, **{**CALLS[name], parameter.name: value})
        assert raised.value.column == parameter.name
        assert str(raised.value).startswith(f"{parameter.name} must ")


def test_the_decimals_are_those_of_the_schema(database: Database) -> None:
    tables = run_transaction(database, catalog.read)
    sizes = {
        column.name: (column.precision, column.scale)
        for table in tables.values()
        for column in table.columns.values()
        if column.kind == "numeric" and column.name != "amount"  # which is never an argument
    }
    assert sizes == DECIMALS
