"""What a run shows while it goes on and at its end: a table for a person, as cockroach workload has it, or JSON."""

import json
import os
import sys
from typing import Any, Protocol

from simulation.traffic.checkers import Tallies
from simulation.traffic.measurements import PERCENTILES, Measurement, Measurements, Totals, in_all
from simulation.traffic.thresholds import Threshold
from toolkit.console import printable, say

EACH_SECOND = "_elapsed___errors__ops/sec(inst)___ops/sec(cum)__p50(ms)__p95(ms)__p99(ms)_pMax(ms)_retries__operation"
AT_THE_END = "_elapsed___errors_____ops(total)___ops/sec(cum)__p50(ms)__p95(ms)__p99(ms)_pMax(ms)_retries__operation"
HEADER_EVERY = 20  # times that the table is printed
JUDGED = ("attempted", "acknowledged", "uncertain", "recovered", "lost", "unexpected", "wrong", "not_judged")


class Display(Protocol):
    """Where a run shows what it measures and what it finds."""

    def note(self, text: str) -> None:
        """Tell the person something."""

    def second(self, latest: Measurements, seconds: float, totals: Totals) -> None:
        """Show what was measured in the latest second."""

    def end(self, measurements: Measurements, elapsed: float) -> None:
        """Show the totals."""

    def proof(self, tallies: Tallies, elapsed: float) -> None:
        """Show what the proof has found."""

    def threshold(self, threshold: Threshold, found: float | None, *, holds: bool) -> None:
        """Show whether something was reached that had to be."""


class Table:
    """For a person. On a terminal that is wide enough the table is refreshed in place."""

    def __init__(self) -> None:
        self._refreshes = sys.stdout.isatty() and os.get_terminal_size(sys.stdout.fileno()).columns >= len(EACH_SECOND)
        self._times = 0
        self._lines = 0

    def note(self, text: str) -> None:
        say(text)
        self._lines = 0  # the table is drawn below it

    def second(self, latest: Measurements, seconds: float, totals: Totals) -> None:
        lines = [EACH_SECOND] if self._refreshes or self._times % HEADER_EVERY == 0 else []
        self._times += 1
        for operation, measurement in sorted(totals.measurements.items()):
            now = latest.get(operation, Measurement())
            lines.append(
                f"{totals.elapsed:7.1f}s {measurement.errors:8} {now.ops / seconds:14.1f} "
                f"{measurement.ops / totals.elapsed:14.1f}{_latencies(now)} {measurement.retries:7}  {operation}"
            )
        if self._refreshes:
            back = f"\x1b[{self._lines}A" if self._lines else ""
            print(back + "\n".join(f"{line}\x1b[K" for line in lines), flush=True)
            self._lines = len(lines)
        else:
            print("\n".join(lines), flush=True)

    def end(self, measurements: Measurements, elapsed: float) -> None:
        print(f"\n{AT_THE_END}")
        for operation, measurement in [*sorted(measurements.items()), ("(all)", in_all(measurements.values()))]:
            print(
                f"{elapsed:7.1f}s {measurement.errors:8} {measurement.ops:14} {measurement.ops / (elapsed or 1):14.1f}"
                f"{_latencies(measurement)} {measurement.retries:7}  {operation}"
            )

    def proof(self, tallies: Tallies, elapsed: float) -> None:
        print(f"\n{'':10}" + "".join(f"{name.replace('_', ' '):>14}" for name in JUDGED))
        for name, tally in tallies.items():
            print(f"{name:10}" + "".join(f"{getattr(tally, judged):14,}" for judged in JUDGED))
        for name, tally in tallies.items():
            for example in tally.examples:
                print(f"  {name}: {printable(example)}")
        calls = sum(tally.attempted for tally in tallies.values())
        off = sum(not tally.is_clean for tally in tallies.values())
        result = "something is OFF" if off else "all is as it was confirmed"
        print(f"Proof: {calls:,} calls compared with the database in {elapsed:.1f} s: {result}")

    def threshold(self, threshold: Threshold, found: float | None, *, holds: bool) -> None:
        measured = "nothing was measured" if found is None else f"it is {found:,.4g}"
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {threshold.text} ({measured})")


class JSONLines:
    """For a program: one object a line, histograms encoded as HdrHistogram does (V2, compressed, base64)."""

    def __init__(self, run: str) -> None:
        self._run = run

    def note(self, text: str) -> None:
        say(text)

    def second(self, latest: Measurements, seconds: float, totals: Totals) -> None:
        for operation, measurement in sorted(latest.items()):
            self._print(
                "second", operation=operation, elapsed=totals.elapsed, seconds=seconds, **_figures(measurement, seconds)
            )

    def end(self, measurements: Measurements, elapsed: float) -> None:
        for operation, measurement in sorted(measurements.items()):
            self._print(
                "total", operation=operation, elapsed=elapsed, seconds=elapsed, **_figures(measurement, elapsed)
            )

    def proof(self, tallies: Tallies, elapsed: float) -> None:
        for name, tally in tallies.items():
            counts = {judged: getattr(tally, judged) for judged in JUDGED}
            self._print("proof", checker=name, elapsed=elapsed, **counts, examples=tally.examples)

    def threshold(self, threshold: Threshold, found: float | None, *, holds: bool) -> None:
        self._print("threshold", threshold=threshold.text, found=found, holds=holds)

    def _print(self, kind: str, **values: Any) -> None:
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}
        print(json.dumps({"kind": kind, "run": self._run, **rounded}), flush=True)


def _latencies(measurement: Measurement) -> str:
    latencies = map(measurement.percentile, PERCENTILES)
    return "".join(f" {'-' if latency is None else f'{latency:.1f}':>8}" for latency in latencies)


def _figures(measurement: Measurement, seconds: float) -> dict[str, Any]:
    counts = {name: getattr(measurement, name) for name in ("ops", "errors", "refused", "retries", "late")}
    latencies = {f"{name}_ms": measurement.percentile(name) for name in PERCENTILES}
    rate = measurement.ops / (seconds or 1)
    return {**counts, "ops_per_second": rate, **latencies, "latencies": measurement.latencies.encode().decode()}
