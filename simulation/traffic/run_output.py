"""What a run prints, each second and at its end: a table like that of `cockroach workload`, or JSON lines."""

import json
from typing import Any

from simulation.traffic.measurements import PERCENTILES, UNSTARTED, Measurement, Measurements, combined
from simulation.traffic.recorder import Silence, Totals
from simulation.traffic.thresholds import Threshold
from simulation.traffic.verdict import JUDGED, Verdict
from toolkit.console import printable, say
from toolkit.terminal import LiveLines

EACH_SECOND = "_elapsed___errors__ops/sec(inst)___ops/sec(cum)__p50(ms)__p95(ms)__p99(ms)_pMax(ms)_retries__operation"
AT_THE_END = (
    "_elapsed___errors_unstarted___ops(total)__ops/sec(cum)__p50(ms)__p95(ms)__p99(ms)_pMax(ms)_retries__operation"
)
IN_THE_TABLE = ("p50", "p95", "p99", "pMax")
HEADER_EVERY = 20  # times that the table is printed
NOTHING = "-"  # where nothing was measured


class RunOutput:
    """The output of a run. A format prints what it overrides, and leaves out the rest."""

    def note(self, text: str) -> None:
        """Print a remark for the person, on stderr."""
        say(text)

    def begin(self, metadata: dict[str, Any]) -> None:
        """Print what is run and where: see run_metadata()."""

    def second(self, latest: Measurements, seconds: float, totals: Totals, *, is_warm_up: bool) -> None:
        """Print the latest second, which was this many seconds long, and the totals."""

    def measured(self, kind: str, measurements: Measurements, seconds: float, elapsed: float) -> None:
        """Print what was measured in the given seconds before `elapsed`, if the format keeps single seconds."""

    def end(self, measurements: Measurements, elapsed: float, silences: list[Silence], /) -> None:
        """Print the totals, and when nobody had an answer."""

    def verdict(self, verdict: Verdict) -> None:
        """Print what the proof has found."""

    def no_proof(self, reason: str) -> None:
        """Print why there is no proof."""

    def threshold(self, threshold: Threshold, found: float | None, *, holds: bool) -> None:
        """Print whether a threshold holds. found: the figure; None: nothing was measured."""

    def client_line(self, line: dict[str, Any]) -> None:
        """Print a verdict, threshold or proof of one of several merged runs: a line of its JSON, its id as `client`."""


class TextTable(RunOutput):
    """For a person. On a terminal that is large enough, the table is redrawn in place."""

    def __init__(self) -> None:
        self._live_lines = LiveLines()
        self._times = 0
        self._is_warm_up = False

    def note(self, text: str) -> None:
        super().note(text)
        self._live_lines.leave()

    def second(self, latest: Measurements, seconds: float, totals: Totals, *, is_warm_up: bool) -> None:
        was_warm_up, self._is_warm_up = self._is_warm_up, is_warm_up
        if was_warm_up and not is_warm_up:
            self.note("the warm-up is over: what was measured until here does not count")
        lines = []
        for operation, measurement in sorted(totals.measurements.items()):
            if operation == UNSTARTED:
                continue
            now = latest.get(operation, Measurement())
            lines.append(
                f"{totals.elapsed:7.1f}s {measurement.errors:8} {_rate(now, seconds):>14} "
                f"{_rate(measurement, totals.elapsed):>14}{_latencies(now)} {measurement.retries:7}  {operation}"
            )
        if not self._live_lines.draw([EACH_SECOND, *lines]):
            print("\n".join([EACH_SECOND, *lines] if self._times % HEADER_EVERY == 0 else lines), flush=True)
            self._times += 1

    def end(self, measurements: Measurements, elapsed: float, _: list[Silence], /) -> None:
        print(f"\n{AT_THE_END}")
        for operation, measurement in [*sorted(measurements.items()), ("(all)", combined(measurements.values()))]:
            if operation == UNSTARTED:
                continue
            unstarted = f"{measurement.unstarted}" if operation == "(all)" else NOTHING
            print(
                f"{elapsed:7.1f}s {measurement.errors:8} {unstarted:>9} {measurement.ops:12} "
                f"{_rate(measurement, elapsed):>13}{_latencies(measurement)} {measurement.retries:7}  {operation}"
            )

    def verdict(self, verdict: Verdict) -> None:
        say(verdict.clock)
        print(f"\n{'':10}" + "".join(f"{name.replace('_', ' '):>14}" for name in JUDGED))
        for name, tally in verdict.tallies.items():
            print(f"{name:10}" + "".join(f"{getattr(tally, judged):14,}" for judged in JUDGED))
        for name, tally in verdict.tallies.items():
            for example in tally.examples:
                print(f"  {name}: {printable(example)}")
        print(f"Proof: {verdict.calls:,} calls compared with the database in {verdict.elapsed:.1f} s: {verdict.text}")

    def no_proof(self, reason: str) -> None:
        print(f"Proof: NOT MADE: {printable(reason)}")

    def threshold(self, threshold: Threshold, found: float | None, *, holds: bool) -> None:
        print(f"{_holds(holds=holds)}: {threshold.text} ({threshold.describe(found)})")

    def client_line(self, line: dict[str, Any]) -> None:
        if line["kind"] == "verdict":
            print(f"{line['client']}, proof: {line['calls']:,} calls compared: {printable(line['text'])}")
        elif line["kind"] == "threshold":
            print(f"{line['client']}, {_holds(holds=line['holds'])}: {line['threshold']} ({line['written']})")
        else:
            for example in line["examples"]:
                print(f"  {line['client']}, {line['checker']}: {printable(example)}")


class JSONLines(RunOutput):
    """For a program: one JSON object a line, with encoded measurements.

    run_file.py reads it.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def begin(self, metadata: dict[str, Any]) -> None:
        self._print("run", **metadata)

    def second(self, latest: Measurements, seconds: float, totals: Totals, *, is_warm_up: bool) -> None:
        self.measured("warm-up" if is_warm_up else "second", latest, seconds, totals.elapsed)

    def end(self, measurements: Measurements, elapsed: float, silences: list[Silence], /) -> None:
        self.measured("total", measurements, elapsed, elapsed)
        for silence in silences:
            self._print("silence", begin=silence.begin, end=silence.end)
        self._print("end", elapsed=elapsed)

    def verdict(self, verdict: Verdict) -> None:
        for name, tally in verdict.tallies.items():
            counts = {judged: getattr(tally, judged) for judged in JUDGED}
            self._print("proof", checker=name, elapsed=verdict.elapsed, **counts, examples=tally.examples)
        self._print("verdict", verdict=verdict.kind, text=verdict.text, calls=verdict.calls, clock=verdict.clock)

    def no_proof(self, reason: str) -> None:
        self._print("verdict", verdict="not made", text=f"NOT MADE: {reason}", calls=0, clock="")

    def threshold(self, threshold: Threshold, found: float | None, *, holds: bool) -> None:
        self._print("threshold", threshold=threshold.text, found=found, written=threshold.describe(found), holds=holds)

    def client_line(self, line: dict[str, Any]) -> None:
        self._print(**{**line, "run": self._run_id})

    def measured(self, kind: str, measurements: Measurements, seconds: float, elapsed: float) -> None:
        for operation, measurement in sorted(measurements.items()):
            self._print(kind, operation=operation, elapsed=elapsed, seconds=seconds, **_figures(measurement, seconds))

    def _print(self, kind: str, **values: Any) -> None:
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}
        print(json.dumps({"kind": kind, "run": self._run_id, **rounded}), flush=True)


def _holds(*, holds: bool) -> str:
    return "holds" if holds else "DOES NOT HOLD"


def _rate(measurement: Measurement, seconds: float) -> str:
    rate = measurement.rate(seconds)
    return NOTHING if rate is None else f"{rate:.1f}"


def _latencies(measurement: Measurement) -> str:
    latencies = map(measurement.percentile, IN_THE_TABLE)
    return "".join(f" {NOTHING if latency is None else f'{latency:.1f}':>8}" for latency in latencies)


def _figures(measurement: Measurement, seconds: float) -> dict[str, Any]:
    encoded = measurement.encode()
    histogram = encoded.pop("latencies")  # the longest value comes last
    percentiles = {f"{name}_ms": measurement.percentile(name) for name in PERCENTILES}
    return {**encoded, "ops_per_second": measurement.rate(seconds), **percentiles, "latencies": histogram}
