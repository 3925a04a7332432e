"""Charts as SVG: columns, bars, lines and heat maps.

Each is drawn 400 units wide, about as wide as a telephone or a card of the page, so that its text has the size of the
page's. Colours are classes of page.css: main, tone-1 to tone-6,
tone-rest, up and down. Every mark has a <title>, its value in
words, which page.js shows under the pointer and to the keyboard.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reporting.markup import Markup, join, tag
from toolkit.console import clipped

WIDTH = 400
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 26, 22  # what is around a plot
HEIGHT = 240
LABEL = 12  # the height of a line of text


class Series(NamedTuple):
    """Values along an axis, one for each of its labels; None where there is none."""

    name: str
    tone: str
    values: Sequence[float | None]
    tips: Sequence[str]


class Bar(NamedTuple):
    """A line of bars(): parts are (tone, length), one after the other; negative lengths go to the left."""

    label: str
    parts: Sequence[tuple[str, float]]
    note: str
    tip: str


class Cell(NamedTuple):
    """A field of a heat map: row and column, how dark it is from 0 to 1, and what stands in it."""

    row: int
    column: int
    shade: float
    text: str
    tip: str


class Band(NamedTuple):
    """A stretch of the axis of lines() that is marked, between two places: its labels are at 0, 1, 2 and so on."""

    begin: float
    end: float
    tip: str


def columns(name: str, unit: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Draw columns, the series on top of each other, named beside the last column if there are several."""
    totals = [sum(one.values[i] or 0 for one in series) for i in range(len(labels))]
    right = WIDTH - (_name_width(series) if len(series) > 1 else RIGHT)
    y, axis = _value_axis(unit, [0, *totals], right)
    step = (right - LEFT) / max(len(labels), 1)
    width = min(step * 0.76, 48)
    marks, ends = [], []
    for i in range(len(labels)):
        below = 0.0
        for one in series:
            value = one.values[i] or 0
            if value:
                x, top = LEFT + step * (i + 0.5) - width / 2, y(below + value)
                marks.append(_box(x, top, width, y(below) - top, one.tone, one.tips[i]))
            if i == len(labels) - 1:
                ends.append((y(below + value / 2), one))
            below += value
    named = _names(right + 6, ends) if len(series) > 1 else Markup()
    return _svg(name, HEIGHT, axis, _time_axis(labels, step / 2, right), *marks, named)


def lines(
    name: str,
    unit: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    bands: Sequence[Band] = (),
    is_log: bool = False,
) -> Markup:
    """Draw a line for each series, named at its end if there are several. is_log: by the logarithms of the values."""
    known = [value for one in series for value in one.values if value is not None]
    right = WIDTH - (_name_width(series) if len(series) > 1 else RIGHT + 4)
    y, axis = _log_axis(unit, known, right) if is_log else _value_axis(unit, [0, *known], right)
    step = (right - LEFT) / max(len(labels) - 1, 1)
    marks, ends = [], []
    for band in bands:
        x, width = LEFT + step * band.begin, max(step * (band.end - band.begin), 2)
        marks.append(_box(x, TOP, width, HEIGHT - BOTTOM - TOP, "band", band.tip))
    for one in series:
        points = [(LEFT + step * i, y(value), i) for i, value in enumerate(one.values) if value is not None]
        for piece in _pieces(points):
            path = "M" + "L".join(f"{px:.1f},{py:.1f}" for px, py, _ in piece)
            marks.append(tag("path", d=path, class_=f"line {one.tone}"))
        # What is pointed at: a point for each value, which is seen when there are few.
        radius = 2.5 if len(labels) <= 40 else 0.8
        marks += [_dot(px, py, radius, one.tone, one.tips[i]) for px, py, i in points]
        if points:
            ends.append((points[-1][1], one))
    named = _names(right + 6, ends) if len(series) > 1 else Markup()
    return _svg(name, HEIGHT, axis, _time_axis(labels, 0, right), *marks, named)


def bars(name: str, unit: str, rows: Sequence[Bar]) -> Markup:
    """Draw a bar to the right for each row, below its label and beside its note; to both sides if some are negative."""
    longest = max((sum(abs(length) for _, length in row.parts) for row in rows), default=0) or 1
    both = any(length < 0 for row in rows for _, length in row.parts)
    zero, room = (WIDTH / 2, WIDTH / 2 - 46) if both else (0.0, WIDTH - 74.0)
    line = 30
    marks: list[Markup] = []
    for i, row in enumerate(rows):
        top = TOP + line * i
        marks.append(_text(0 if not both else zero, top + 10, clipped(row.label, 52), "middle" if both else "start"))
        x = zero
        for tone, length in row.parts:
            width = abs(length) / longest * room
            marks.append(_box(x - width if length < 0 else x, top + 15, width, 9, tone, row.tip))
            x += math.copysign(width, length)
        is_left = x < zero
        marks.append(_text(x + (-5 if is_left else 5), top + 23, row.note, "end" if is_left else "start", "strong"))
    return _svg(name, TOP + line * len(rows) + 4, _text(0, 10, unit, "start", "unit"), *marks)


def heat_map(
    name: str,
    unit: str,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Iterable[Cell],
    *,
    below: str = "",
    scale: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Draw fields in rows and columns, the darker the more. below: what the columns are. scale: shades, and what each
    stands for."""
    left = 34 if max(map(len, rows), default=0) <= 4 else 62
    width = (WIDTH - left) / max(len(columns), 1)
    height = 26 if len(rows) <= 8 else 19
    marks: list[Markup] = []
    for cell in cells:
        x, top = left + width * cell.column, TOP + height * cell.row
        box = tag("rect", _title(cell.tip), x=_n(x), y=_n(top), width=_n(width - 1), height=_n(height - 1), rx=2)
        strength = f"--shade:{0.06 + 0.94 * cell.shade:.2f}"
        shown = _text(
            x + width / 2, top + height / 2 + 4, cell.text, "middle", "dark" if cell.shade > 0.45 else "light"
        )
        marks.append(tag("g", box, shown if cell.text else "", class_="mark heat", style=strength))
    named = [_text(left - 6, TOP + height * (i + 0.5) + 4, row, "end") for i, row in enumerate(rows)]
    bottom = TOP + height * len(rows) + 14
    named += [_text(left + width * (i + 0.5), bottom, columns[i], "middle") for i in _roomy(columns, width)]
    named.append(_text(left, bottom + 16, below, "start", "unit"))
    for i, (shade, text) in enumerate(reversed(scale)):
        x, strength = WIDTH - 66 * (i + 1), f"--shade:{0.06 + 0.94 * shade:.2f}"
        box = tag("rect", x=x, y=_n(bottom + 7), width=11, height=11, rx=2)
        named.append(tag("g", box, _text(x + 15, bottom + 16, text, "start", "light"), class_="heat", style=strength))
    return _svg(name, bottom + (22 if below else 6), _text(0, 10, unit, "start", "unit"), *marks, *named)


def _svg(name: str, height: float, *children: Markup) -> Markup:
    # Focusable, so that page.js can lead the keyboard from value to value.
    return tag(
        "svg", *children, viewBox=f"0 0 {WIDTH} {_n(height)}", role="img", aria_label=name, tabindex=0, class_="chart"
    )


def _value_axis(unit: str, values: Sequence[float], right: float) -> tuple["_Scale", Markup]:
    ticks = _ticks(min(values), max(values), whole=all(isinstance(value, int) for value in values))
    y = _Scale(ticks[0], ticks[-1])
    grid = [_line(LEFT, y(tick), right, y(tick), "grid" if tick else "zero") for tick in ticks]
    labels = [_text(LEFT - 6, y(tick) + 4, _short(tick), "end") for tick in ticks]
    return y, join(*grid, *labels, _text(0, 10, unit, "start", "unit"))


def _log_axis(unit: str, values: Sequence[float], right: float) -> tuple["_Scale", Markup]:
    powers = [math.log10(value) for value in values if value > 0] or [0.0]
    low = math.floor(min(powers))
    y = _Scale(low, max(math.ceil(max(powers)), low + 1), is_log=True)
    grid, labels = [], []
    for power in range(low, int(y.high) + 1):
        grid.append(_line(LEFT, y(10.0**power), right, y(10.0**power), "grid"))
        labels.append(_text(LEFT - 6, y(10.0**power) + 4, _short(10.0**power), "end"))
    return y, join(*grid, *labels, _text(0, 10, f"{unit}, by their logarithms", "start", "unit"))


class _Scale(NamedTuple):
    """From a value to its height in the plot."""

    low: float
    high: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        value = value if not self.is_log else math.log10(value) if value > 0 else self.low
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - BOTTOM - TOP)


def _time_axis(labels: Sequence[str], indent: float, right: float) -> Markup:
    step = (right - LEFT - 2 * indent) / max(len(labels) - 1, 1)
    marks = []
    for i in _roomy(labels, step):
        x = LEFT + indent + step * i
        marks.append(_text(x, HEIGHT - 6, labels[i], "end" if x > WIDTH - 16 else "middle"))
    return join(*marks)


def _roomy(labels: Sequence[str], step: float) -> list[int]:
    """Return which of the labels, so many units apart, are written: as many as do not meet. Empty ones are none."""
    room = max(map(len, labels), default=0) * 6.2 + 6
    written: list[int] = []
    for i, label in enumerate(labels):
        if label and (not written or (i - written[-1]) * step >= room):
            written.append(i)
    return written


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return round values, about five, that reach from low to high; whole: they are whole numbers."""
    if high <= low:
        high = low + 1
    rough = max((high - low) / 4, 1 if whole else 0)
    power = 10.0 ** math.floor(math.log10(rough))
    steps = (1, 2, 5, 10) if whole and power < 10 else (1, 2, 2.5, 5, 10)
    step = next(power * factor for factor in steps if power * factor >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    return [step * i for i in range(first, math.ceil(high / step - 1e-9) + 1)]


def _name_width(series: Sequence[Series]) -> float:
    return 16 + min(max((len(one.name) for one in series), default=0), 16) * 6.4


def _names(x: float, ends: Sequence[tuple[float, Series]]) -> Markup:
    """Write the names of series beside where they end, moved apart where they would meet."""
    apart = LABEL + 2
    heights: list[float] = []
    downwards = sorted(ends, key=lambda end: end[0])
    for y, _ in downwards:
        heights.append(max(y, heights[-1] + apart) if heights else y)
    lowest = HEIGHT - BOTTOM - 4.0
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], lowest)
        lowest = heights[i] - apart
    return join(
        *(
            _text(x, y + 4, clipped(one.name, 16), "start", f"name {one.tone}")
            for y, (_, one) in zip(heights, downwards, strict=True)
        )
    )


def _pieces(points: Sequence[tuple[float, float, int]]) -> Iterable[list[tuple[float, float, int]]]:
    """Yield the runs of points that follow each other without a gap."""
    piece: list[tuple[float, float, int]] = []
    for point in points:
        if piece and point[2] != piece[-1][2] + 1:
            yield piece
            piece = []
        piece.append(point)
    if piece:
        yield piece


def _box(x: float, y: float, width: float, height: float, tone: str, tip: str) -> Markup:
    return tag(
        "rect", _title(tip), x=_n(x), y=_n(y), width=_n(width), height=_n(max(height, 0.5)), class_=f"mark {tone}", rx=1
    )


def _dot(x: float, y: float, radius: float, tone: str, tip: str) -> Markup:
    return tag("circle", _title(tip), cx=_n(x), cy=_n(y), r=_n(radius), class_=f"mark {tone}")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2), class_=kind)


def _text(x: float, y: float, text: str, anchor: str, kind: str | None = None) -> Markup:
    return tag("text", text, x=_n(x), y=_n(y), text_anchor=anchor, class_=kind)


def _title(text: str) -> Markup:
    return tag("title", text)


def _n(number: float) -> str:
    """Write a coordinate: a tenth of a unit is finer than a screen."""
    return f"{number:.1f}".removesuffix(".0")


def _short(value: float) -> str:
    """Write a value of an axis: 1,500 as 1.5k."""
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.6g}"
