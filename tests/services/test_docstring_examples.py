"""Every service has a docstring with an example, and every example does what it says on the data of test_data.json."""

import doctest
import importlib
import inspect
import pkgutil
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from documents import PROJECT
from sample import CALLS, TABLES, execute
from seeding import load

import services
from toolkit.database import Database

FUNCTIONS = [name for name in services.__all__ if inspect.isfunction(getattr(services, name))]


def test_every_service_is_public_and_has_an_example() -> None:
    modules = [importlib.import_module(f"services.{module.name}") for module in pkgutil.iter_modules(services.__path__)]
    defined = {
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and hasattr(value, "__wrapped__")  # by the decorator of services
    }
    assert defined == set(FUNCTIONS) == set(CALLS)
    for name in FUNCTIONS:
        assert f"{name}(database" in "".join(example.source for example in _examples(name)), f"{name} has no example"


def test_the_examples(database: Database, url: str) -> None:
    runner = doctest.DocTestRunner(verbose=False)  # whatever pytest was told
    names: dict[str, Any] = {name: getattr(services, name) for name in services.__all__}
    names.update(database=database, Decimal=Decimal, UUID=UUID, datetime=datetime, timezone=timezone)
    for name in FUNCTIONS:
        execute(database, "; ".join(f"DELETE FROM {table}" for table in reversed(TABLES)))
        load(url, PROJECT / "test_data.json")
        text: list[str] = []
        runner.run(doctest.DocTest(_examples(name), dict(names), name, None, None, None), out=text.append)
        if text:
            pytest.fail("".join(text))


def _examples(name: str) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(getattr(services, name)) or "")
