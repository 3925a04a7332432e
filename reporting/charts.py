"""Charts as SVG and HTML whose text has the same size at every width.

Horizontal positions are percentages of the width; heights and text are in pixels. So a chart fills a telephone as well
as a card, without a script. Tones are colours, by their classes in page.css: main, tone-1 to tone-6, tone-rest, up and
down. Every mark has a title with its value in words (tip), which page.js shows for pointer and keyboard.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from reporting.markup import Markup, join, tag

HEIGHT = 216
TOP, BOTTOM = 10, 22  # pixels above and below a plot
NARROWEST = 270  # pixels: the width of a plot on a small telephone
WIDE = 600  # pixels: from this width on a plot has more labels; page.css has the same number


class Series(NamedTuple):
    """A series of values, one for each label of the axis; None: there is no value."""

    name: str
    tone: str
    values: Sequence[float | None]
    tips: Sequence[str]


class Bar(NamedTuple):
    """A row of bars(). parts: (tone, length), side by side; a negative length goes to the left. note: the value."""

    label: str
    parts: Sequence[tuple[str, float]]
    note: str
    tip: str


class Cell(NamedTuple):
    """A field of a heat map. row, column: from 0. shade: from 0 to 1. text: in the field."""

    row: int
    column: int
    shade: float
    text: str
    tip: str


class Band(NamedTuple):
    """A marked range of the axis of lines(). begin, end: positions, where the labels are at 0, 1, 2 and so on."""

    begin: float
    end: float
    tip: str


class Chart(NamedTuple):
    """A picture, and the legend with the names of its series."""

    picture: Markup
    legend: Markup = Markup()


SHADES = 6  # of a heat map, without the empty one


def columns(unit: str, labels: Sequence[str], series: Sequence[Series], *, unfinished: Collection[int] = ()) -> Chart:
    """Draw stacked columns, negative values below zero. unfinished: the indexes of columns that are hatched."""
    heights = [[(one_series.values[i] or 0) for one_series in series] for i in range(len(labels))]
    ends = [sum(max(value, 0) for value in of) for of in heights] + [
        sum(min(value, 0) for value in of) for of in heights
    ]
    y = _scale([0, *ends])
    step = 100 / max(len(labels), 1)
    width = min(step * 0.76, 14)
    marks = []
    for i in range(len(labels)):
        above = below = 0.0
        for place, one_series in enumerate(series):
            value = one_series.values[i] or 0
            if not value:
                continue
            begin = above if value > 0 else below
            top, bottom = y(max(begin, begin + value)), y(min(begin, begin + value))
            box = {"x": _percent(step * (i + 0.5) - width / 2), "width": _percent(width)}
            box |= {"y": _pixels(top), "height": _pixels(max(bottom - top, 0.5))}
            kind = f"mark {one_series.tone}"
            marks.append(tag("rect", tag("title", one_series.tips[i]), class_=kind, rx=1, data_series=place, **box))
            if i in unfinished:
                marks.append(tag("rect", class_="hatch", data_series=place, **box))
            above, below = (begin + value, below) if value > 0 else (above, begin + value)
    return Chart(_plot(unit, y, _axis(labels, step, step / 2), *marks), _legend(series))


def lines(
    unit: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unfinished: Collection[int] = (),
    bands: Sequence[Band] = (),
    is_log: bool = False,
) -> Chart:
    """Draw a line for each series.

    unfinished: the indexes of points that are hollow and not connected. is_log: with a logarithmic scale.
    """
    known = [value for one in series for value in one.values if value is not None]
    y = _log_scale(known) if is_log else _scale([0, *known])
    step = 100 / max(len(labels) - 1, 1)
    paths, marks = [], []
    for band in bands:
        box = {"x": _percent(step * band.begin), "width": _percent(max(step * (band.end - band.begin), 0.5))}
        box |= {"y": _pixels(TOP), "height": _pixels(HEIGHT - TOP - BOTTOM)}
        marks.append(tag("rect", tag("title", band.tip), class_="mark band", **box))
    for place, one_series in enumerate(series):
        points = [(i, y(value)) for i, value in enumerate(one_series.values) if value is not None]
        for piece in _unbroken([point for point in points if point[0] not in unfinished]):
            path = "M" + "L".join(f"{step * i * 10:.1f},{top:.1f}" for i, top in piece)
            paths.append(tag("path", d=path, class_=f"line {one_series.tone}", data_series=place))
        radius = 3 if len(labels) <= 40 else 1
        marks += [
            tag(
                "circle",
                tag("title", one_series.tips[i]),
                cx=_percent(step * i),
                cy=_pixels(top),
                r=radius,
                class_=f"mark {one_series.tone}" + (" hollow" if i in unfinished else ""),
                data_series=place,
            )
            for i, top in points
        ]
    # Paths cannot use percentages: they are drawn 1000 units wide and stretched, but not the thickness of the line.
    drawn = tag("svg", *paths, viewBox=f"0 0 1000 {HEIGHT}", preserveAspectRatio="none", width="100%", height=HEIGHT)
    unit = f"{unit}, by their logarithms" if is_log else unit
    return Chart(_plot(unit, y, _axis(labels, step, 0), drawn, *marks), _legend(series))


def bars(unit: str, rows: Sequence[Bar]) -> Chart:
    """Draw each row as a bar below its label and note; from a line in the middle, if some lengths are negative."""
    longest = max((sum(abs(length) for _, length in row.parts) for row in rows), default=0) or 1
    both = any(length < 0 for row in rows for _, length in row.parts)
    items = []
    for row in rows:
        parts = []
        for tone, length in row.parts:
            width = abs(length) / longest * (50 if both else 100)
            left = 50 - width if length < 0 else 50
            place = f"width:{_percent(width)}" + (f";margin-left:{_percent(left)}" if both else "")
            parts.append(tag("i", class_=tone, style=place))
        label, note = tag("span", row.label, class_="label"), tag("b", row.note)
        track = tag("span", *parts, class_="track both" if both else "track")
        items.append(tag("li", label, note, track, class_="mark", title=row.tip))
    return Chart(join(tag("p", unit, class_="unit"), tag("ol", *items, class_="bars", style=f"--rows:{len(rows)}")))


def heat_map(
    unit: str,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Iterable[Cell],
    *,
    below: str = "",
    scale: Sequence[tuple[float, str]] = (),
    marked: Mapping[int, str] | None = None,
    mark: str = "",
) -> Chart:
    """Draw a heat map.

    below: the title of the columns. scale: the legend, as pairs of shade and text. marked: column -> tooltip, for
    columns whose empty fields are marked. mark: the meaning of the marking, for the legend.
    """
    marked = marked or {}
    found = {(cell.row, cell.column): cell for cell in cells}
    fields = []
    for i, row in enumerate(rows):
        fields.append(tag("span", row, class_="row"))
        for j in range(len(columns)):
            cell = found.get((i, j))
            if cell is None and j in marked:
                fields.append(tag("i", class_="mark band", title=marked[j]))
            elif cell is None:
                fields.append(tag("i"))
            else:
                fields.append(tag("i", cell.text, class_=f"mark {_shade(cell.shade)}", title=cell.tip))
    fields.append(tag("span"))
    shown = _labels_that_fit(columns, (NARROWEST - 20) / max(len(columns), 1))
    fields += [
        tag("span", tag("span", label) if i in shown else "", class_="column") for i, label in enumerate(columns)
    ]
    grid = tag("div", *fields, class_="heat", style=f"--columns:{len(columns)}")
    parts = [tag("p", unit, class_="unit"), grid, tag("p", below, class_="unit below") if below else ""]
    legend = [tag("span", tag("i", class_=_shade(shade)), text) for shade, text in scale]
    if marked:
        legend.append(tag("span", tag("i", class_="band"), mark))
    return Chart(join(*parts), tag("p", *legend, class_="legend") if legend else Markup())


def _shade(part: float) -> str:
    return f"heat-{math.ceil(max(part, 0) * SHADES)}"


class _Scale(NamedTuple):
    """The scale of the vertical axis: converts a value to a position, in pixels from the top."""

    ticks: list[float]
    is_log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)


def _scale(values: Sequence[float]) -> _Scale:
    return _Scale(_ticks(min(values), max(values), whole=all(isinstance(value, int) for value in values)))


def _log_scale(values: Sequence[float]) -> _Scale:
    powers = [math.log10(value) for value in values if value > 0] or [0.0]
    low = math.floor(min(powers))
    return _Scale([10.0**power for power in range(low, max(math.ceil(max(powers)), low + 1) + 1)], is_log=True)


def _plot(unit: str, y: _Scale, *marks: Markup) -> Markup:
    labels = [_abbreviated(tick) for tick in y.ticks]
    left = 10 + 7 * max(map(len, labels))
    values = [
        tag("text", label, x=left - 6, y=_pixels(y(tick) + 4), text_anchor="end")
        for tick, label in zip(y.ticks, labels, strict=True)
    ]
    grid = [
        tag("line", x1=0, y1=_pixels(y(tick)), x2="100%", y2=_pixels(y(tick)), class_="grid" if tick else "zero")
        for tick in y.ticks
    ]
    axis = tag("svg", *values, width=left, height=HEIGHT, class_="axis")
    area = tag("svg", *grid, *marks, width="100%", height=HEIGHT, class_="area")
    return join(tag("p", unit, class_="unit"), tag("div", axis, area, class_="plot"))


def _axis(labels: Sequence[str], step: float, indent: float) -> Markup:
    marks = []
    narrow, wide = (set(_labels_that_fit(labels, step * width / 100)) for width in (NARROWEST, WIDE))
    for i in sorted(narrow | wide):
        x = indent + step * i
        anchor = "end" if x > 97 else "start" if x < 3 else "middle"
        only = None if i in narrow & wide else "of-wide" if i in wide else "of-narrow"
        marks.append(tag("text", labels[i], x=_percent(x), y=HEIGHT - 5, text_anchor=anchor, class_=only))
    return join(*marks)


def _legend(series: Sequence[Series]) -> Markup:
    """Return the legend if there are several series. page.js makes each name a switch for its series."""
    if len(series) < 2:
        return Markup()
    items = [
        tag("span", tag("i", class_=one_series.tone), one_series.name, class_="key", data_series=i)
        for i, one_series in enumerate(series)
    ]
    return tag("p", *items, class_="legend")


def _labels_that_fit(labels: Sequence[str], step: float) -> list[int]:
    """Return the indexes of the labels to write, step pixels apart, so that they do not overlap; no empty ones."""
    room = max(map(len, labels), default=0) * 7 + 8
    written: list[int] = []
    for i, label in enumerate(labels):
        if label and (not written or (i - written[-1]) * step >= room):
            written.append(i)
    return written


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return about five round values that cover low to high. whole: only integers."""
    if high <= low:
        high = low + 1
    rough = max((high - low) / 4, 1 if whole else 0)
    power = 10.0 ** math.floor(math.log10(rough))
    steps = (1, 2, 5, 10) if whole and power < 10 else (1, 2, 2.5, 5, 10)
    step = next(power * factor for factor in steps if power * factor >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    return [step * i for i in range(first, math.ceil(high / step - 1e-9) + 1)]


def _unbroken(points: Sequence[tuple[int, float]]) -> Iterable[list[tuple[int, float]]]:
    """Yield the sequences of points without a gap between them."""
    piece: list[tuple[int, float]] = []
    for point in points:
        if piece and point[0] != piece[-1][0] + 1:
            yield piece
            piece = []
        piece.append(point)
    if piece:
        yield piece


def _percent(number: float) -> str:
    return f"{number:.2f}%"


def _pixels(number: float) -> str:
    """Format a coordinate, to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")


def _abbreviated(value: float) -> str:
    """Format a value of an axis: 1,500 as 1.5k."""
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:.6g}"
