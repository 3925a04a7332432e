"""Check the arguments of a service before anything is sent to the server."""

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

# The types for ratings and progress: everybody writes 8.5. Money must not be a float.
Number = Decimal | int | float

Service = TypeVar("Service", bound=Callable[..., Any])
Check = Callable[[str, Any], Any]  # name and value of an argument -> the value to be stored; or raises InvalidValue
Checks = dict[type, Check | None]  # each type that an argument may have -> the check of its values

# Arguments for DECIMAL columns -> the column's precision and scale. A server would silently round a value with more
# decimals, so the services refuse it.
DECIMALS = {"price": (10, 2), "rating": (3, 1), "progress": (5, 2)}


def service(function: Service) -> Service:
    """Decorate a function that programs call: check its arguments, and translate the server's errors.

    Each keyword argument is checked against its type annotation, and may be converted. The service raises InvalidValue
    for a wrong one, and errors of services.errors for what the server refuses.
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
                # For an argument that the function does not have, the call below raises TypeError.
                check = _check_of_subclass(name, value, checks[name]) if name in checks else None
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


def _check_of_subclass(name: str, value: Any, wanted: Checks) -> Check | None:
    """Return the check for a value of a subclass of a wanted type. Raises InvalidValue for any other value."""
    for kind, check in wanted.items():
        if isinstance(value, kind) and not isinstance(value, bool):  # bool is a subclass of int
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
    """Return the shortest decimal that is the float: what the caller has written, if that fits the column."""
    return _decimal(name, Decimal(float.__repr__(value)))


def _time(name: str, value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise InvalidValue(name, "must have a time zone: datetime(..., tzinfo=timezone.utc)")
    return value


def _as_stored(name: str, value: dict[Any, Any]) -> Document:
    """Return a dict as it would be read from a JSONB column, with Decimals for floats and lists for tuples.

    So it can be compared with a stored one. Raises InvalidValue if it is not JSON, or if no server can store it.
    """
    try:
        return Document(read_json(json_text(_json_part(value))))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValue(name, f"must be what JSON can say: {error}") from error


def _json_part(value: Any) -> Any:
    """Return a value with lists for tuples, because json_text() takes tuples for objects.

    Raises ValueError for text or a name that cannot be stored.
    """
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


# The checks of values by type, besides the type itself.
_CHECKS: dict[type, Check] = {
    int: _integer,
    str: _text,
    Decimal: _decimal,
    float: _float,
    datetime: _time,
    dict: _as_stored,
}
