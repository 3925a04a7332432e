"""A profile: the figures of the simulated platform. profile.toml has the defaults, and says what each is."""

import json
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import tomli

from simulation.profile_figures import (
    WrongFigure,
    day_of_year,
    figure,
    json_object,
    number,
    prices,
    share,
    text,
    text_among,
    whole,
)
from toolkit.console import UserError
from toolkit.text_files import read_text

DEFAULTS = Path(__file__).with_name("profile.toml")

Section = TypeVar("Section")


@dataclass(frozen=True)
class TitleFigures:
    """How many titles there are, and how attention is divided among them."""

    count: int = figure(whole(0, 1_000_000))
    exponent: float = figure(number(0, 3))
    new: float = figure(share)
    half_life: float = figure(number(0.5, 3_650))
    lasting: float = figure(number(0.01, 1))
    quality: float = figure(number(0, 10))
    age: float = figure(number(0, 10))
    word_of_mouth: float = figure(share)
    home: float = figure(share)


@dataclass(frozen=True)
class ViewingFigures:
    """How much people watch, when, and how far."""

    per_user: float = figure(number(0, 100_000))
    per_session: float = figure(number(1, 20))
    weekend: float = figure(number(0.1, 10))
    evening: float = figure(share)
    early_quits: float = figure(share)
    later_quits: float = figure(share)
    rewatch: float = figure(share)
    honeymoon: float = figure(number(0, 10))
    winter: float = figure(number(0, 0.9))
    holidays: float = figure(number(0, 10))
    releases: float = figure(number(0, 10))


@dataclass(frozen=True)
class TasteFigures:
    """How much of what is watched is chosen by taste."""

    strength: float = figure(share)


@dataclass(frozen=True)
class ReviewFigures:
    """How many reviews are written."""

    per_user: float = figure(number(0, 1_000))
    with_words: float = figure(share)
    extremes: float = figure(share)


@dataclass(frozen=True)
class SubscriberFigures:
    """Who joins when, cancels, comes back and changes plans; when prices rise."""

    launch: float = figure(share)
    weekend: float = figure(number(0.1, 10))
    releases: float = figure(number(0, 10))
    noise: float = figure(share)
    churn: float = figure(share)
    comeback: float = figure(share)
    plan_changes: float = figure(share)
    trade_down: float = figure(share)
    plan_by_activity: float = figure(share)
    price_rise: float = figure(number(0.01, 1))


@dataclass(frozen=True)
class ChurnFigures:
    """Why people cancel."""

    first_months: float = figure(number(0, 100))
    inactivity: float = figure(number(0, 100))
    fading: float = figure(share)
    price: float = figure(number(0, 1_000))
    failure: float = figure(number(0, 1_000))
    title: float = figure(number(0, 100))


@dataclass(frozen=True)
class PaymentFigures:
    """How people pay, and who does not."""

    trials: float = figure(share)
    conversion: float = figure(share)
    unpaid: float = figure(share)
    failures: float = figure(share)
    method_changes: float = figure(share)


@dataclass(frozen=True)
class CampaignFigures:
    """Days of a year on which more people sign up. begins: month and day."""

    begins: tuple[int, int] = figure(day_of_year)
    days: int = figure(whole(1, 366))
    sign_ups: float = figure(number(0, 1_000))
    churn: float = figure(number(0, 100))


@dataclass(frozen=True)
class PlanFigures:
    """prices: of a month, in the order in which they come into force. features: a JSON object."""

    name: str = figure(text)
    share: float = figure(share)
    prices: tuple[Decimal, ...] = figure(prices)
    features: str = figure(json_object)


@dataclass(frozen=True)
class HitFigures:
    """A title that everybody talks about. day: counted from 1."""

    title: str = figure(text)
    day: int = figure(whole(1, 1_000_000))
    share: float = figure(number(0.001, 0.9))
    content_type: str = figure(text_among("movie", "series", "documentary", "other"), "series")
    genre: str = figure(text, "Drama")


@dataclass(frozen=True)
class Profile:
    """All figures; profile.toml says what each is."""

    titles: TitleFigures
    viewings: ViewingFigures
    tastes: TasteFigures
    reviews: ReviewFigures
    subscribers: SubscriberFigures
    churn: ChurnFigures
    payments: PaymentFigures
    campaigns: tuple[CampaignFigures, ...]
    plans: tuple[PlanFigures, ...]
    hits: tuple[HitFigures, ...]


# The sections of which there may be several.
LISTS: dict[str, Callable[..., Any]] = {"campaigns": CampaignFigures, "plans": PlanFigures, "hits": HitFigures}


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
        figures: dict[str, Any] = tomli.loads(read_text(file), parse_float=Decimal)
        return figures
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
    sections: dict[str, Any] = {}
    for field in fields(Profile):
        if field.name in LISTS:
            rows = _listed(figures, field.name, problems)
            kind = LISTS[field.name]
            sections[field.name] = tuple(_section(kind, row, f"{field.name}[{n}]", problems) for n, row in rows)
        else:
            sections[field.name] = _section(field.type, figures[field.name], field.name, problems)  # type: ignore[arg-type]
    if problems:
        return None
    profile = Profile(**sections)
    if profile.viewings.early_quits + profile.viewings.later_quits > 1:
        problems.append("viewings.early_quits and viewings.later_quits: together they are more than 1")
    if not sum(plan.share for plan in profile.plans):
        problems.append("plans: none has a share")
    if len({plan.name for plan in profile.plans}) < len(profile.plans):
        problems.append("plans: two have the same name")
    return profile


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
            try:
                taken[name] = field.metadata["parse"](values[name])
            except WrongFigure as expected:
                problems.append(f"{place}.{name}: expected {expected}, got {_shown(values[name])}")
        elif field.default is MISSING:
            problems.append(f"{place}.{name}: this figure is missing")
    return kind(**taken) if len(problems) == begun else None


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, default=str, ensure_ascii=False)
