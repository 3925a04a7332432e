"""Random choices: of one from a list, and of one by weights."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")


def one_of(choices: Sequence[Choice], rng: Random) -> Choice:
    """Return one of the choices, each of which is equally likely."""
    return choices[int(rng.random() * len(choices))]


def weighted_choice(weights: Mapping[Choice, float], draw: float) -> Choice:
    """Return one of the choices, each as likely as its weight says. draw: a number from 0 to 1, but not 1."""
    ends = list(accumulate(weights.values()))
    draw *= ends[-1]
    return next(choice for choice, end in zip(weights, ends, strict=True) if draw < end)
