"""A run of the traffic in several processes, each with an interpreter of its own: `--processes N`.

Python runs one thread of a process at a time, so one process ends at some thousands of operations a second. This one
starts the others, adds up what they measure each second, and gets their histories at the end: one table, one proof.
"""

import multiprocessing
import queue
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from simulation.traffic.audience import Audience
from simulation.traffic.history import History
from simulation.traffic.measurements import COUNTS, Measurement, Measurements, add
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan
from simulation.traffic.recorder import AnyAnswer, Totals
from simulation.traffic.run_ids import RunId
from simulation.traffic.runner import Part, Traffic
from toolkit.console import UserError

GO, STOP = "go", "stop"  # what a process is told
LONGEST_START = 60.0  # seconds
# What recv() raises where another thread closes the pipe while it reads: the number of the file is then None.
CLOSED = TypeError


@dataclass
class Report:
    """What a process has measured in a second.

    measured: by operation, the counts and the encoded latencies. counts_from: when the run began, or its warm-up ended,
    as time.monotonic() tells all processes of a machine alike.
    """

    measured: dict[str, tuple[list[int], bytes]]
    answers: list[AnyAnswer]
    silence: float
    is_warm_up: bool
    counts_from: float


@dataclass
class End:
    """What a process says when it has ended. fault: why, if it could not go on."""

    report: Report
    histories: list[History]
    problems: Counter[str]
    refusals: Counter[str]
    cpu: float
    fault: str | None


@dataclass
class Child:
    """A process, and what it has said. messages: None among them: it is gone."""

    process: Any
    pipe: Connection
    messages: "queue.Queue[Any]" = field(default_factory=queue.Queue)
    measurements: Measurements = field(default_factory=dict)
    answers: list[AnyAnswer] = field(default_factory=list)
    silence: float = 0.0
    end: End | None = None

    def take(self, measurements: Measurements) -> list[AnyAnswer]:
        """Add what was measured since the last time to these, as a Recording does."""
        add(measurements, self.measurements)
        answers, self.measurements, self.answers = self.answers, {}, []
        return answers

    def listen(self) -> None:
        """Put what the process says where it is looked for. In a thread, which no signal breaks off in the middle."""
        with suppress(EOFError, OSError, CLOSED):
            while True:
                self.messages.put(self.pipe.recv())
        self.messages.put(None)


class Processes:
    """A run in several processes, as Traffic is one in this process."""

    def __init__(self, url: str, run_id: RunId, audience: Audience, plans: list[Plan], options: Options) -> None:
        self._arguments = (url, run_id, audience, plans, options)
        self._options = options
        self._resources = ExitStack()
        self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="simulate-")))
        self._children = [self._child(number) for number in range(options.processes)]
        self.totals = Totals(self._children)
        self.is_warming_up = options.warm_up > 0
        self.is_incomplete = False  # whether a history is lost

    @property
    def histories(self) -> list[History]:
        return [history for end in self._ends for history in end.histories]

    @property
    def problems(self) -> Counter[str]:
        return sum((end.problems for end in self._ends), Counter())

    @property
    def refusals(self) -> Counter[str]:
        return sum((end.refusals for end in self._ends), Counter())

    @property
    def cpu(self) -> float:
        """How many seconds of CPU the processes have taken so far, as far as they have told."""
        return time.process_time() + sum(end.cpu for end in self._ends)

    @property
    def _ends(self) -> list[End]:
        return [child.end for child in self._children if child.end]

    def silence(self) -> float:
        return max(child.silence for child in self._children)

    def go(self, every_second: Callable[[], object]) -> None:
        """Run as Traffic.go() does. Raises UserError if a process could not go on or is gone."""
        try:
            self._start()
            self.totals.restart()
            try:
                self._follow(every_second)
            except KeyboardInterrupt:
                for child in self._children:
                    child.pipe.send(STOP)
                self._follow(every_second)
                raise
        finally:
            for child in self._children:
                child.pipe.close()  # whoever still runs ends then
            for path in self._folder.iterdir():
                path.unlink()  # what is open can still be read
            self._resources.close()
        for end in self._ends:
            if end.fault:
                raise UserError(end.fault)

    def _child(self, number: int) -> Child:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, *self._arguments, Part(number, self._folder))
        child = Child(context.Process(target=run_part, args=arguments, daemon=True), ours)
        child.process.start()
        theirs.close()
        threading.Thread(target=child.listen, daemon=True).start()
        return child

    def _start(self) -> None:
        """Let all begin at the same time."""
        for child in self._children:
            if child.messages.get(timeout=LONGEST_START) != GO:
                raise UserError("a process of the run has ended before it began")
        for child in self._children:
            child.pipe.send(GO)

    def _follow(self, every_second: Callable[[], object]) -> None:
        """Take what the processes say, second by second, until all have ended."""
        while len(self._ends) < len(self._children):
            said = [(child, child.messages.get()) for child in self._children if not child.end]
            for child, message in said:
                if message is None:
                    self.is_incomplete = True
                    raise UserError("a process of the run was killed")
                if isinstance(message, End):
                    child.end = message
            reports = [(child, one.report if isinstance(one, End) else one) for child, one in said]
            if self.is_warming_up and not all(report.is_warm_up for _, report in reports):
                self.is_warming_up = False
                self.totals.restart(min(report.counts_from for _, report in reports if not report.is_warm_up))
            for child, report in reports:
                child.silence = report.silence
                if report.is_warm_up == self.is_warming_up:
                    add(child.measurements, _decoded(report))
                    child.answers += report.answers
            if len(self._ends) < len(self._children):
                every_second()


def run_part(pipe: Connection, *arguments: Any) -> None:
    """Run a part of the traffic, and say each second what was measured: what each of the processes does."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)  # the process that has started this one says when it is to end
    traffic = Traffic(*arguments)
    pipe.send(GO)
    if pipe.recv() != GO:
        return

    def listen() -> None:
        with suppress(EOFError, OSError, CLOSED):
            pipe.recv()
        traffic.stop()

    threading.Thread(target=listen, daemon=True).start()
    fault = None
    with suppress(OSError):  # the process that has started this one is gone
        try:
            traffic.go(lambda: pipe.send(_report(traffic)))
        except UserError as failure:
            fault = str(failure)
        pipe.send(End(_report(traffic), traffic.histories, traffic.problems, traffic.refusals, traffic.cpu, fault))


def _report(traffic: Traffic) -> Report:
    measurements: Measurements = {}
    answers = traffic.take(measurements)
    measured = {
        operation: ([getattr(one, name) for name in COUNTS], one.latencies.encode())
        for operation, one in measurements.items()
    }
    return Report(measured, answers, traffic.silence(), traffic.is_warming_up, traffic.counts_from)


def _decoded(report: Report) -> Measurements:
    measurements = {}
    for operation, (counts, latencies) in report.measured.items():
        measurements[operation] = one = Measurement()
        one.latencies.add(HdrHistogram.decode(latencies))
        for name, count in zip(COUNTS, counts, strict=True):
            setattr(one, name, count)
    return measurements
