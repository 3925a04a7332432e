"""What every service does with its arguments: check them before anything is sent to the server."""

import functools
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeVar, cast, get_args

import psycopg2

from services.errors import InvalidValue, service_error
from services.rows import NOT_GIVEN, Document, read_json
from services.transactions import Queryable
from toolkit.exact_json import json_text, storable

# What ratings and progress may be given as: everybody writes 8.5. Money is no float.
Number = Decimal | int | float

Service = TypeVar("Service", bound=Callable[..., Any])
Check = Callable[[str, Any], Any]  # of an argument's name and value -> the value as it is stored
Checks = dict[type, Check | None]  # the types that an argument may have, and what is checked of a value of each

# Arguments that go to DECIMAL columns -> how many digits the column has, and how many of them after the point. The
# servers round a value with more decimals without a word, so the services refuse it before a server sees it.
DECIMALS = {"price": (10, 2), "rating": (3, 1), "progress": (5, 2)}


def service(function: Service) -> Service:
    """Make a function a service: the decorator of every function that programs call.

    Each keyword argument is checked against the type that the function's signature gives it, and the function gets the
    checked values. Raises InvalidValue for a wrong one; what the server refuses is raised as an error of services.
    """
    checks: dict[str, Checks] = {
        name: {kind: _CHECKS.get(kind) for kind in _types(annotation)}
        for name, annotation in function.__annotations__.items()
    }

    @functools.wraps(function)
    def call(database: Queryable, **arguments: Any) -> Any:
        given = {}
        for name, value in arguments.items():
            try:
                check = checks[name][type(value)]
            except KeyError:
                if value is NOT_GIVEN:
                    continue
                # An argument that the function does not have is for the function itself to refuse.
                check = _check_of_kind(name, value, checks[name]) if name in checks else None
            given[name] = check(name, value) if check else value
        try:
            return function(database, **given)
        except psycopg2.Error as error:
            refusal = service_error(database, error, given)
            if refusal is None:
                raise
            raise refusal from error

    return cast(Service, call)


def _types(annotation: Any) -> tuple[type, ...]:
    """Return the types that an annotation allows: of `dict[str, Any]` dict, of `Decimal | None` both."""
    if isinstance(annotation, UnionType):
        return tuple(kind for part in get_args(annotation) for kind in _types(part))
    return (cast(type, annotation.__origin__ if isinstance(annotation, GenericAlias) else annotation or NoneType),)


def _check_of_kind(name: str, value: Any, wanted: Checks) -> Check | None:
    """Return what is checked of a value whose type is derived from a wanted one. Raises InvalidValue if it is not."""
    for kind, check in wanted.items():
        if isinstance(value, kind) and not isinstance(value, bool):  # which Python takes for an int
            return check
    text = " | ".join("None" if kind is NoneType else kind.__name__ for kind in wanted)
    raise InvalidValue(name, f"must be {text}, not {type(value).__name__}")


def _text(name: str, text: str) -> str:
    with suppress(ValueError):
        if storable(text).strip():
            return text
    raise InvalidValue(name, "must be text that is not blank, with no NUL and no half of a surrogate pair")


def _integer(name: str, value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise InvalidValue(name, "must be an integer of 64 bits")
    if name in DECIMALS:
        _decimal(name, Decimal(value))
    return value


def _decimal(name: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        raise InvalidValue(name, f"must be a number, not {value}")
    if name in DECIMALS:
        digits, decimals = DECIMALS[name]
        if abs(value) >= 10 ** (digits - decimals) or value != round(value, decimals):
            raise InvalidValue(name, f"must fit DECIMAL({digits}, {decimals}), and {value} does not")
    return value


def _float(name: str, value: float) -> Decimal:
    """Return the decimal that a float shows as: what was written, if it has no more digits than the column."""
    return _decimal(name, Decimal(float.__repr__(value)))


def _moment(name: str, value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise InvalidValue(name, "must have a time zone: datetime(..., tzinfo=timezone.utc)")
    return value


def _as_stored(name: str, value: dict[Any, Any]) -> Document:
    """Return a dict as it comes back from a JSONB column: its floats are Decimals then, and its tuples lists.

    So it can be compared with what is stored. Raises InvalidValue if JSON cannot say it, or no server can store it.
    """
    try:
        return Document(read_json(json_text(_json_part(value))))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValue(name, f"must be what JSON can say: {error}") from error


def _json_part(value: Any) -> Any:
    """Return a value with lists for its tuples, which json_text() takes for objects. Raises ValueError for text that
    cannot be stored, also as a name."""
    if isinstance(value, dict):
        return {_json_name(name): _json_part(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_part(item) for item in value]
    return _json_name(value) if isinstance(value, str) else value


def _json_name(text: Any) -> str:
    with suppress(ValueError):
        if isinstance(text, str):
            return storable(text)
    raise ValueError(f"{text!r} is no text that can be stored")


# What is checked of values of these types, besides the type.
_CHECKS: dict[type, Check] = {
    int: _integer,
    str: _text,
    Decimal: _decimal,
    float: _float,
    datetime: _moment,
    dict: _as_stored,
}
