"""A run of the traffic: many workers, each in a thread with a connection of its own."""

import gc
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from simulation.traffic.audience import Audience
from simulation.traffic.history import History
from simulation.traffic.measurements import Measurements
from simulation.traffic.options import Options
from simulation.traffic.plans import Plan
from simulation.traffic.recorder import AnyCallEnd, Recorder, Totals
from simulation.traffic.run_ids import RunId
from simulation.traffic.worker import Assignment, RunContext, Worker
from toolkit.database import Database

RETRY_FOR = 20.0  # seconds for which an operation is tried again before it counts as an error
GRACE_PERIOD = 5.0  # seconds that the last operations have to end before they are interrupted
ABANDON_AFTER = 15.0  # seconds that an interrupted thread has to end before nobody waits for it any more


class ProcessPart(NamedTuple):
    """The part of a run in one process. number: of the process. folder: for histories that another process reads."""

    number: int
    folder: Path | None


ONLY_PROCESS = ProcessPart(0, None)


class Runner:
    """A run, or the part of it that is in one process: starts and stops the workers.

    totals: their measurements. is_warming_up: whether these do not count yet. counts_from: since when they count
    (time.monotonic()). is_incomplete: whether a history is lost, which cannot happen in one process. problems,
    refusals: see ServiceCalls.
    """

    is_incomplete = False

    def __init__(
        self,
        url: str,
        run_id: RunId,
        audience: Audience,
        plans: list[Plan],
        options: Options,
        part: ProcessPart = ONLY_PROCESS,
    ) -> None:
        self.plans = plans
        self._options = options = _divided(options)
        self._stop = threading.Event()
        self._numbers = itertools.count()
        began, at = time.monotonic(), time.time()
        context = RunContext(
            audience=audience,
            run_id=run_id,
            plans=plans,
            mix=options.mix,
            clock=lambda: at + (time.monotonic() - began) * options.clock,
            stop=self._stop,
        )
        numbers = range(part.number, options.concurrency, options.processes)
        self.workers = [
            Worker(
                Database(url, retry_for=RETRY_FOR, isolation=options.isolation),
                context,
                Assignment(
                    viewers=audience.users[number :: options.concurrency],
                    activities=audience.activities[number :: options.concurrency],
                    plans=plans[number :: options.concurrency],
                ),
                Random(f"{options.seed}/{number}"),
                History(part.folder and part.folder / str(number)) if options.keeps_history else None,
            )
            for number in numbers
        ]
        self._is_ending = False
        self.counts_from = began
        self.is_warming_up = options.warm_up > 0
        self._warm_up_steps = 0
        self._unstarted = Recorder()
        self._recorders = [*(worker.calls.recorder for worker in self.workers), self._unstarted]
        self.totals = Totals(self._recorders)
        self._faults: list[BaseException] = []
        self._all_ended = threading.Event()
        self._working = len(self.workers)  # how many of them
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]

    @property
    def histories(self) -> list[History]:
        return [worker.history for worker in self.workers if worker.history]

    @property
    def problems(self) -> Counter[str]:
        return sum((worker.calls.problems for worker in self.workers), Counter())

    @property
    def refusals(self) -> Counter[str]:
        return sum((worker.calls.refusals for worker in self.workers), Counter())

    @property
    def cpu(self) -> float:
        """How many seconds of CPU this process has taken so far."""
        return time.process_time()

    def take(self, measurements: Measurements) -> list[AnyCallEnd]:
        """Add what was measured since the last call to these: for another process, which has the totals."""
        return [call_end for recorder in self._recorders for call_end in recorder.take(measurements)]

    def silence(self) -> float:
        """Return for how many seconds the longest waiting worker has had no answer."""
        return max(worker.calls.database.silence() for worker in self.workers)

    def run(self, every_second: Callable[[], object]) -> None:
        """Run for the duration, or the number of operations, of the options; every_second() is called once a second.

        The caller has to take what was measured in the last second. When the workers have stopped, raises
        KeyboardInterrupt after Ctrl-C, and the first error that a worker could not handle.
        """
        gc.freeze()  # the garbage collector need not look at the audience, which stays as it is
        self._began = self.counts_from = time.monotonic()
        self.totals.restart()
        for thread in self._threads:
            thread.start()
        try:
            if self.is_warming_up and self._wait(self._options.warm_up, every_second):
                every_second()
                self._end_warm_up()
            self._wait(self._options.duration, every_second)
        finally:
            self._end(every_second)
        if self._faults:
            raise self._faults[0]

    def _end_warm_up(self) -> None:
        """Drop what was measured so far."""
        self.is_warming_up = False
        self.totals.restart()
        self.counts_from, self._warm_up_steps = time.monotonic(), self._steps()

    def _steps(self) -> int:
        return sum(worker.steps for worker in self.workers)

    def stop(self) -> None:
        """Make the run end within a second, in the regular way. May be called from any thread."""
        self._stop.set()

    def _wait(self, seconds: float, every_second: Callable[[], object]) -> bool:
        """Wait for this many seconds, or until stop() is called, or all workers have ended. Return False in the last
        case.

        every_second() is called once a second, but not at the end.
        """
        began = time.monotonic()
        for second in itertools.count(1):
            end = began + min(second, seconds)
            if self._all_ended.wait(max(0.0, end - time.monotonic())):
                return False
            if end >= began + seconds or (self._stop.is_set() and not self._is_ending):
                return True
            every_second()
        return False

    def _end(self, every_second: Callable[[], object]) -> None:
        """Stop the workers. Those that still wait for the server after GRACE_PERIOD are interrupted."""
        ended = time.monotonic()
        self._is_ending = True
        self._stop.set()
        self._wait(GRACE_PERIOD, every_second)
        for worker in self.workers if not self._all_ended.is_set() else ():
            worker.calls.database.interrupt()
        self._all_ended.wait(ABANDON_AFTER)
        if self._options.rate:
            due = int((ended - self.counts_from) * self._options.rate)
            if self._options.max_ops is not None:
                due = min(due, self._options.max_ops - self._warm_up_steps)
            self._unstarted.unstarted(max(0, due - self._steps() + self._warm_up_steps))

    def _work(self, worker: Worker) -> None:
        options = self._options
        try:
            for number in self._numbers:
                due = self._due(number, options.rate) if options.rate else None
                if self._stop.is_set() or (options.max_ops is not None and number >= options.max_ops):
                    break
                worker.step(due)
        except KeyboardInterrupt:
            pass  # by _end()
        except BaseException as fault:
            self._faults.append(fault)
            self._stop.set()
        finally:
            worker.calls.database.close()
            with self._lock:
                self._working -= 1
                if not self._working:
                    self._all_ended.set()

    def _due(self, number: int, rate: float) -> float:
        """Wait until an operation is due, and return that moment."""
        due = self._began + number / rate
        self._stop.wait(max(0.0, due - time.monotonic()))
        return due


def _divided(options: Options) -> Options:
    """Return the options for one of the processes: its part of the rate and of the number of operations."""
    return replace(
        options,
        rate=options.rate and options.rate / options.processes,
        max_ops=options.max_ops and -(-options.max_ops // options.processes),
    )
