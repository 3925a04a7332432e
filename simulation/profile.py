"""A profile: the figures of the simulated platform. profile.toml has the defaults, and says what each is."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import tomli

from toolkit.console import UserError

DEFAULTS = Path(__file__).with_name("profile.toml")

Section = TypeVar("Section")


@dataclass(frozen=True)
class Titles:
    """How many titles there are, and how attention is divided among them."""

    count: int
    exponent: float
    new: float
    half_life: float
    lasting: float


@dataclass(frozen=True)
class Viewings:
    """How much people watch, when, and how far."""

    per_user: float
    per_session: float
    weekend: float
    evening: float
    early_quits: float
    later_quits: float


@dataclass(frozen=True)
class Tastes:
    """How much of what is watched is chosen by taste."""

    strength: float


@dataclass(frozen=True)
class Reviews:
    """How many reviews are written."""

    per_user: float
    with_words: float


@dataclass(frozen=True)
class Subscribers:
    """Who joins when, cancels, comes back and changes plans; when prices rise."""

    launch: float
    churn: float
    comeback: float
    plan_changes: float
    price_rise: float


@dataclass(frozen=True)
class Plan:
    """prices: of a month, in the order in which they come into force. features: a JSON object."""

    name: str
    share: float
    prices: tuple[Decimal, ...]
    features: str


@dataclass(frozen=True)
class Hit:
    """A title that everybody talks about. day: counted from 1."""

    title: str
    day: int
    share: float
    content_type: str = "series"
    genre: str = "Drama"


@dataclass(frozen=True)
class Profile:
    """All figures; profile.toml says what each is."""

    titles: Titles
    viewings: Viewings
    tastes: Tastes
    reviews: Reviews
    subscribers: Subscribers
    plans: tuple[Plan, ...]
    hits: tuple[Hit, ...]


SHARE = (0, 1)
# The least and the greatest that a figure may be.
RANGES: dict[str, tuple[float, float]] = {
    "titles.count": (0, 10_000_000),
    "titles.exponent": (0, 3),
    "titles.new": SHARE,
    "titles.half_life": (0.5, 3_650),
    "titles.lasting": (0.01, 1),
    "viewings.per_user": (0, 100_000),
    "viewings.per_session": (1, 20),
    "viewings.weekend": (0.1, 10),
    "viewings.evening": SHARE,
    "viewings.early_quits": SHARE,
    "viewings.later_quits": SHARE,
    "tastes.strength": SHARE,
    "reviews.per_user": (0, 1_000),
    "reviews.with_words": SHARE,
    "subscribers.launch": SHARE,
    "subscribers.churn": SHARE,
    "subscribers.comeback": SHARE,
    "subscribers.plan_changes": SHARE,
    "subscribers.price_rise": (0.01, 1),
    "plans.share": SHARE,
    "hits.day": (1, 1_000_000),
    "hits.share": (0.001, 0.9),
}
TYPES = ("movie", "series", "documentary", "other")


def defaults() -> str:
    """Return the text of the default profile."""
    return DEFAULTS.read_text("utf-8")


def load(file: Path | None = None) -> Profile:
    """Return the default profile, with the figures of a file in their place.

    Raises UserError with all that is wrong.
    """
    figures = _parsed(DEFAULTS)
    if file:
        _replace(figures, _parsed(file), file)
    problems: list[str] = []
    profile = _profile(figures, problems)
    if profile is None or problems:
        raise UserError("\n  ".join([f"the profile {file} cannot be used:", *problems]))
    return profile


def _parsed(file: Path) -> dict[str, Any]:
    try:
        figures: dict[str, Any] = tomli.loads(file.read_text("utf-8"), parse_float=Decimal)
        return figures
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8") from error
    except tomli.TOMLDecodeError as error:
        raise UserError(f"{file} is not TOML: {error}") from error


def _replace(figures: dict[str, Any], others: dict[str, Any], file: Path) -> None:
    """Put the figures of a file into the place of the defaults. Lists are replaced whole."""
    unknown = []
    for section, values in others.items():
        if section == "hits" or (section in figures and not isinstance(values, dict)):
            figures[section] = values
        elif section not in figures or not isinstance(figures[section], dict):
            unknown.append(_unknown(section, [*figures, "hits"]))
        else:
            unknown += [
                _unknown(name, figures[section], f"{section}.") for name in values if name not in figures[section]
            ]
            figures[section] |= values
    if unknown:
        raise UserError("\n  ".join([f"the profile {file} cannot be used:", *unknown]))


def _unknown(name: str, known: Any, place: str = "") -> str:
    close = get_close_matches(name, known, 1)
    return f"{place}{name}: there is no such figure" + (f"; did you mean {place}{close[0]}?" if close else "")


def _profile(figures: dict[str, Any], problems: list[str]) -> Profile | None:
    plans = [
        _section(Plan, values, f"plans[{number}]", problems) for number, values in _listed(figures, "plans", problems)
    ]
    hits = [_section(Hit, values, f"hits[{number}]", problems) for number, values in _listed(figures, "hits", problems)]
    titles = _section(Titles, figures["titles"], "titles", problems)
    viewings = _section(Viewings, figures["viewings"], "viewings", problems)
    tastes = _section(Tastes, figures["tastes"], "tastes", problems)
    reviews = _section(Reviews, figures["reviews"], "reviews", problems)
    subscribers = _section(Subscribers, figures["subscribers"], "subscribers", problems)
    if not (titles and viewings and tastes and reviews and subscribers) or None in plans or None in hits:
        return None
    if viewings.early_quits + viewings.later_quits > 1:
        problems.append("viewings.early_quits and viewings.later_quits: together they are more than 1")
    known_plans = tuple(plan for plan in plans if plan)
    if not sum(plan.share for plan in known_plans):
        problems.append("plans: none has a share")
    if len({plan.name for plan in known_plans}) < len(known_plans):
        problems.append("plans: two have the same name")
    return Profile(titles, viewings, tastes, reviews, subscribers, known_plans, tuple(hit for hit in hits if hit))


def _listed(figures: dict[str, Any], name: str, problems: list[str]) -> list[tuple[int, Any]]:
    values = figures.get(name, [])
    if not isinstance(values, list):
        problems.append(f"{name}: expected tables that begin with [[{name}]]")
        return []
    return list(enumerate(values, 1))


def _section(kind: Callable[..., Section], values: Any, place: str, problems: list[str]) -> Section | None:
    """Return a section of the profile, or None and what is wrong with it."""
    if not isinstance(values, dict):
        problems.append(f"{place}: expected a table of figures, got {_shown(values)}")
        return None
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    begun = len(problems)
    problems += [_unknown(name, known, f"{place}.") for name in values if name not in known]
    taken = {}
    for name, field in known.items():
        if name in values:
            taken[name] = _figure(place, name, field.type, values[name], problems)
        elif not isinstance(field.default, str):
            problems.append(f"{place}.{name}: this figure is missing")
    return kind(**taken) if len(problems) == begun else None


def _figure(place: str, name: str, kind: Any, value: Any, problems: list[str]) -> Any:
    """Return a figure as its section holds it."""
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool) and Decimal(value).is_finite()
    if name == "prices":
        if not isinstance(value, list) or not value or not all(map(_is_price, value)):
            problems.append(f"{place}.{name}: expected a list of prices such as [4.99, 5.99], got {_shown(value)}")
            return ()
        return tuple(Decimal(price).quantize(Decimal("0.01")) for price in value)
    if name == "features":
        return _features(place, value, problems)
    if kind is str:
        allowed = TYPES if name == "content_type" else ()
        if (
            not isinstance(value, str)
            or not value.strip()
            or not value.isprintable()
            or (allowed and value not in allowed)
        ):
            what = f"one of {', '.join(allowed)}" if allowed else "a text"
            problems.append(f"{place}.{name}: expected {what}, got {_shown(value)}")
        return value
    least, greatest = RANGES[f"{place.partition('[')[0]}.{name}"]
    whole = kind is int
    if not number or not least <= value <= greatest or (whole and value != int(value)):
        what = "a whole number" if whole else "a number"
        problems.append(f"{place}.{name}: expected {what} from {least:,} to {greatest:,}, got {_shown(value)}")
        return 0
    return kind(value)


def _is_price(value: Any) -> bool:
    return (
        isinstance(value, (int, Decimal))
        and not isinstance(value, bool)
        and Decimal(value).is_finite()
        and 0 < value < 100_000_000
        and value * 100 == int(value * 100)
    )


def _features(place: str, value: Any, problems: list[str]) -> str:
    if isinstance(value, dict):
        try:
            return json.dumps(value, default=_as_number, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            pass
    problems.append(f"{place}.features: expected a table of texts, numbers and booleans, got {_shown(value)}")
    return ""


def _as_number(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, default=str, ensure_ascii=False)
