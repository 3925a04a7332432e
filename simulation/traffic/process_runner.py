"""A run of the traffic in several processes, each with an interpreter of its own: `--processes N`.

Python runs one thread of a process at a time, which limits a process to some thousands of operations a second. This
process starts the others, adds up each second what they have measured, and gets their histories at the end, so that
there is one table and one proof.
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

from simulation.traffic.audience import Audience
from simulation.traffic.history import History
from simulation.traffic.measurements import Measurement, Measurements, add_measurements
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan
from simulation.traffic.recorder import AnyCallEnd, Totals
from simulation.traffic.run_ids import RunId
from simulation.traffic.runner import ProcessPart, Runner
from toolkit.console import UserError

GO, STOP = "go", "stop"  # messages to a process; it sends GO when it is ready
LONGEST_START = 60.0  # seconds
# What recv() raises if another thread closes the pipe meanwhile: its file descriptor is then None.
CLOSED = TypeError


@dataclass
class Report:
    """What a process has measured in a second.

    measured: encoded measurements, by operation. counts_from: see Runner; time.monotonic() is the same
    clock in all processes of a machine.
    """

    measured: dict[str, dict[str, Any]]
    call_ends: list[AnyCallEnd]
    silence: float
    is_warm_up: bool
    counts_from: float


@dataclass
class FinalReport:
    """The last message of a process. fault: why it ended early, or None."""

    report: Report
    histories: list[History]
    problems: Counter[str]
    refusals: Counter[str]
    cpu: float
    fault: str | None


@dataclass
class ChildProcess:
    """A process, and what it has reported. messages: those that were not looked at yet; None: the process is gone."""

    process: Any
    pipe: Connection
    messages: "queue.Queue[Any]" = field(default_factory=queue.Queue)
    measurements: Measurements = field(default_factory=dict)
    call_ends: list[AnyCallEnd] = field(default_factory=list)
    silence: float = 0.0
    end: FinalReport | None = None

    def take(self, measurements: Measurements) -> list[AnyCallEnd]:
        """Add what was measured since the last call to these, as a MeasurementSource does."""
        add_measurements(measurements, self.measurements)
        call_ends, self.measurements, self.call_ends = self.call_ends, {}, []
        return call_ends

    def listen(self) -> None:
        """Put the messages of the process into the queue. Runs in a thread, which no signal can interrupt."""
        with suppress(EOFError, OSError, CLOSED):
            while True:
                self.messages.put(self.pipe.recv())
        self.messages.put(None)


class ProcessRunner:
    """A run in several processes. It has the interface of Runner, which is a run in one."""

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
        """The seconds of CPU that this process has taken, and those of the others that have ended."""
        return time.process_time() + sum(end.cpu for end in self._ends)

    @property
    def _ends(self) -> list[FinalReport]:
        return [child.end for child in self._children if child.end]

    def silence(self) -> float:
        return max(child.silence for child in self._children)

    def run(self, every_second: Callable[[], object]) -> None:
        """Run as Runner.run() does. Raises UserError if a process ended early or was killed."""
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
                child.pipe.close()  # a process that still runs ends then
            for path in self._folder.iterdir():
                path.unlink()  # open files can still be read
            self._resources.close()
        for end in self._ends:
            if end.fault:
                raise UserError(end.fault)

    def _child(self, number: int) -> ChildProcess:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, *self._arguments, ProcessPart(number, self._folder))
        child = ChildProcess(context.Process(target=run_process, args=arguments, daemon=True), ours)
        child.process.start()
        theirs.close()
        threading.Thread(target=child.listen, daemon=True).start()
        return child

    def _start(self) -> None:
        """Wait until all processes are ready, and let them begin at the same time."""
        for child in self._children:
            if child.messages.get(timeout=LONGEST_START) != GO:
                raise UserError("a process of the run has ended before it began")
        for child in self._children:
            child.pipe.send(GO)

    def _follow(self, every_second: Callable[[], object]) -> None:
        """Add up the reports of the processes, second by second, until all have ended."""
        while len(self._ends) < len(self._children):
            messages = [(child, child.messages.get()) for child in self._children if not child.end]
            for child, message in messages:
                if message is None:
                    self.is_incomplete = True
                    raise UserError("a process of the run was killed")
                if isinstance(message, FinalReport):
                    child.end = message
            reports = [
                (child, message.report if isinstance(message, FinalReport) else message) for child, message in messages
            ]
            if self.is_warming_up and not all(report.is_warm_up for _, report in reports):
                self.is_warming_up = False
                self.totals.restart(min(report.counts_from for _, report in reports if not report.is_warm_up))
            for child, report in reports:
                child.silence = report.silence
                if report.is_warm_up == self.is_warming_up:
                    measured = {name: Measurement.decode(encoded) for name, encoded in report.measured.items()}
                    add_measurements(child.measurements, measured)
                    child.call_ends += report.call_ends
            if len(self._ends) < len(self._children):
                every_second()


def run_process(pipe: Connection, *arguments: Any) -> None:
    """Run a part of the traffic, and report each second what was measured: the main function of each process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent process says when to stop
    runner = Runner(*arguments)
    pipe.send(GO)
    if pipe.recv() != GO:
        return

    def listen() -> None:
        with suppress(EOFError, OSError, CLOSED):
            pipe.recv()
        runner.stop()

    threading.Thread(target=listen, daemon=True).start()
    fault = None
    with suppress(OSError):  # the parent process is gone
        try:
            runner.run(lambda: pipe.send(_report(runner)))
        except UserError as failure:
            fault = str(failure)
        pipe.send(FinalReport(_report(runner), runner.histories, runner.problems, runner.refusals, runner.cpu, fault))


def _report(runner: Runner) -> Report:
    measurements: Measurements = {}
    call_ends = runner.take(measurements)
    measured = {operation: measurement.encode() for operation, measurement in measurements.items()}
    return Report(measured, call_ends, runner.silence(), runner.is_warming_up, runner.counts_from)
