"""What a run of the traffic is to be like."""

import math
from dataclasses import dataclass, field

from simulation.traffic.operations import MIX
from simulation.traffic.thresholds import Threshold
from toolkit.database.connection import SERIALIZABLE


@dataclass(frozen=True)
class Options:
    """What a run is to be like.

    duration: for how many seconds it goes on. warm_up: for how many it does so before, which do not count.
    concurrency: the number of workers. processes: among which they are divided. rate: operations a second that are due;
    None: each worker goes on when it is done. max_ops: after so many operations it ends. mix: operations with their
    weights. clock: how many seconds pass for the viewers in one. isolation: of all transactions. keeps_history: whether
    the calls that write are written down, without which nothing can be verified. most_not_judged: percent of the calls;
    with more of them not judged the proof has failed. thresholds: what the run has to reach.
    """

    duration: float = math.inf
    concurrency: int = 8
    processes: int = 1
    rate: float | None = None
    seed: int = 1
    max_ops: int | None = None
    mix: dict[str, float] = field(default_factory=lambda: MIX)
    clock: float = 60.0
    warm_up: float = 0.0
    most_not_judged: float = 5.0
    isolation: str = SERIALIZABLE
    keeps_history: bool = True
    as_json: bool = False
    thresholds: tuple[Threshold, ...] = ()
