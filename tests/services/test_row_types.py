"""What the services return has the columns, and the values the types, that their signatures say."""

from datetime import date
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from sample import CALLS

import services
from toolkit.database import Database

HAVING_ROWS: dict[str, Any] = {"recommend_content": {"user_id": 2}}


def rows_of(annotation: Any, result: Any) -> tuple[Any, list[Any]]:
    """Return the type of a row, and the rows, of a service's result and the annotation of that."""
    if is_typeddict(annotation):
        return annotation, [result]
    [kind] = get_args(annotation)
    if get_origin(annotation) is dict:  # a page
        assert list(result) == ["items", "next"]
        return kind, result["items"]
    return kind, result


@pytest.mark.parametrize("name", CALLS)
def test_rows_are_what_the_signature_says(db: Database, name: str) -> None:
    service = getattr(services, name)
    kind, rows = rows_of(get_type_hints(service)["return"], service(db, **(CALLS | HAVING_ROWS)[name]))
    assert rows, name
    types = get_type_hints(kind)
    for row in rows:
        assert row.keys() == types.keys()
        for column, value in row.items():
            allowed = get_args(types[column]) if isinstance(types[column], UnionType) else (types[column],)
            kinds = tuple(get_origin(each) or each for each in allowed)
            assert isinstance(value, kinds), (column, value)
            assert date not in kinds or type(value) is date
