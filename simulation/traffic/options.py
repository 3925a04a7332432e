"""The options of a run of the traffic."""

import math
from dataclasses import dataclass, field

from simulation.traffic.operations import MIX
from simulation.traffic.thresholds import Threshold
from toolkit.database.connection import SERIALIZABLE


@dataclass(frozen=True)
class Options:
    """The options of a run.

    duration: in seconds. warm_up: seconds before these, whose measurements do not count. concurrency: the number of
    workers. processes: among which the workers are divided. rate: operations that begin each second; None: each worker
    begins the next one when the last has ended. max_ops: after this many operations the run ends. mix: operations with
    their weights. clock: how many seconds pass for the viewers in one second. isolation: the level of all transactions.
    keeps_history: whether calls that write are logged; without that nothing can be verified. most_not_judged: see
    Verdict. thresholds: figures that the run has to reach.
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
