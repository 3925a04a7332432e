"""The page of a year in a browser, as wide as a telephone, a tablet and a desk, by day, by night and on paper."""

import math
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from reports import PROJECT, run_report, run_script, show

from reporting.page import FigureSource, Tile, headline
from reporting.page import page as report_page

# What a reader would see at once. Each returns the faults that it finds, in words.
MEASURES = """
    const boxes = [...document.querySelectorAll(".tiles > div, article")];
    const texts = [...document.querySelectorAll("body *")].filter(one =>
        [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()) &&
        one.checkVisibility() && !["STYLE", "SCRIPT", "TITLE"].includes(one.tagName));
    const named = one => (one.closest("[id]") || one).id + ": " + one.textContent.slice(0, 40);
    const colour = text => text.match(/[\\d.]+/g).map(Number);
    const luminance = rgb => { const [r, g, b] = rgb.slice(0, 3).map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = one => { for (let at = one; at; at = at.parentElement) {
        const found = colour(getComputedStyle(at).backgroundColor);
        if (found.length < 4 || found[3] > 0) return found; }
        return [255, 255, 255]; };
"""
OUT_OF_ITS_CARD = """boxes.flatMap(box => [...box.querySelectorAll("*")].filter(one => {
    if (one.closest(".scroll, pre") || !one.checkVisibility()) return false;
    const inner = one.getBoundingClientRect(), outer = box.getBoundingClientRect();
    return inner.left < outer.left - 0.5 || inner.right > outer.right + 0.5 || inner.bottom > outer.bottom + 0.5;
}).map(named))"""
TOO_SMALL = """texts.filter(one => parseFloat(getComputedStyle(one).fontSize) < 11).map(named)"""
MEETING = """[...document.querySelectorAll("article")].flatMap(card => {
    const found = texts.filter(one => card.contains(one) && !one.closest("td, th, pre"));
    const places = found.map(one => one.getBoundingClientRect());
    return found.flatMap((one, i) => found.slice(i + 1).filter((other, j) => {
        const a = places[i], b = places[i + 1 + j];
        return !one.contains(other) && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 5;
    }).map(other => named(one) + " / " + named(other)));
})"""
PALE = """texts.map(one => {
    const style = getComputedStyle(one);
    const both = [luminance(colour(one.closest("svg") ? style.fill : style.color)), luminance(ground(one))];
    const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    return contrast < 4.5 ? named(one) + " " + contrast.toFixed(1) : "";
}).filter(Boolean)"""


def measure(page: Any, what: str) -> list[str]:
    return list(page.evaluate(f"() => {{ {MEASURES} return {what}; }}"))


@pytest.fixture(scope="module")
def full_report(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that there is to draw: a year, long names of other scripts, and an unfinished month."""
    folder = tmp_path_factory.mktemp("full")
    run_script(module_url, "simulate.py", "generate", "--users", "300", "--out", str(folder / "year"))
    run_script(module_url, "streaming_services.py", "--no-compare")
    run_script(module_url, "insert_data.py", str(folder / "year"))
    return run_report(module_url, folder, "--user", "1001", "--until", "2025-12-10")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 800, 1280])
def test_it_fits_can_be_read_and_asks_for_nothing(chromium: Any, full_report: Path, width: int, scheme: str) -> None:
    shown = show(chromium, full_report, width=width, scheme=scheme)
    page = shown.page
    for are_open in (False, True):
        page.eval_on_selector_all("details", f"all => all.forEach(one => one.open = {str(are_open).lower()})")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for what in (OUT_OF_ITS_CARD, TOO_SMALL, PALE):
            assert measure(page, what) == []
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = false)")
    assert measure(page, MEETING) == []
    page.locator(".chart").first.hover()
    page.wait_for_timeout(100)
    assert shown.noise == []


def test_the_tests_of_looks_notice(chromium: Any, full_report: Path) -> None:
    page = show(chromium, full_report).page
    page.add_style_tag(
        content=".bars b { font-size: 10px; margin-right: -60px } .bars .label, .lead { color: #aaa }"
        " .bars .label { margin-bottom: -14px }"
    )
    for what in (OUT_OF_ITS_CARD, TOO_SMALL, PALE):
        assert measure(page, what)


def test_two_columns_fit_a_tablet_and_no_tile_is_alone(chromium: Any, full_report: Path) -> None:
    for width, columns, tiles in ((400, 1, 2), (720, 2, 4), (1280, 6, 4)):
        page = show(chromium, full_report, width=width).page
        for selector, expected in ((".cards", columns), (".tiles", tiles)):
            template = page.eval_on_selector(selector, "one => getComputedStyle(one).gridTemplateColumns")
            assert len(template.split()) == expected
        assert page.locator(".tiles > div").count() % tiles == 0


@pytest.mark.parametrize("width", [400, 800, 1280])
def test_no_row_of_cards_ends_before_the_others(chromium: Any, full_report: Path, width: int) -> None:
    page = show(chromium, full_report, width=width).page
    ends = page.eval_on_selector_all(
        ".cards", "all => all.map(one => [one, one.lastElementChild].map(it => it.getBoundingClientRect().right))"
    )
    assert len(ends) == 5
    assert all(abs(row - card) < 1 for row, card in ends)


def test_a_chart_with_room_names_more_of_its_axis(chromium: Any, full_report: Path) -> None:
    named = """() => [...document.querySelectorAll("#viewings_by_day .area text")]
        .filter(one => one.checkVisibility()).map(one => one.textContent)"""
    found = [show(chromium, full_report, width=width).page.evaluate(named) for width in (400, 1280)]
    assert len(found[0]) < len(found[1]) == 12


def test_a_long_figure_stays_in_one_line_of_its_tile(chromium: Any, tmp_path: Path) -> None:
    source = FigureSource("some_figures", "Some figures.", "SELECT 1")
    tiles = headline("The month", [Tile("revenue", "1,361,315,450.45", "", "even")] * 8, source)
    file = tmp_path / "page.html"
    file.write_text(report_page("Large", "", tiles, [], ""), encoding="utf-8")
    page = show(chromium, file, width=400).page
    assert measure(page, OUT_OF_ITS_CARD) == []
    heights = page.eval_on_selector_all(".tiles b", "all => all.map(one => one.offsetHeight)")
    assert max(heights) < 32


def test_an_open_table_leaves_its_neighbours_as_they_are(chromium: Any, full_report: Path) -> None:
    page = show(chromium, full_report, width=1280).page
    heights = "all => all.map(one => one.offsetHeight)"
    before = page.eval_on_selector_all("article", heights)
    page.locator("#price_rises details, #payment_methods details").first.evaluate("one => one.open = true")
    after = page.eval_on_selector_all("article", heights)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_months_that_are_not_over_are_marked(chromium: Any, full_report: Path) -> None:
    """The page ends on 9 December."""
    page = show(chromium, full_report).page
    assert page.locator("#subscribers_by_month .hatch").count() == 1
    assert "December 2025 (until the 9th): " in page.locator("#subscribers_by_month .mark").last.get_attribute(
        "data-tip"
    )
    assert "November 2025" in page.locator("#churn_by_month .lead").text_content()
    assert page.locator("#active_viewers_by_month .hollow").count() == 1
    assert "November 2025, against October" in page.locator(".headline h2").text_content()


def test_series_are_switched_and_tables_sorted(chromium: Any, full_report: Path) -> None:
    page = show(chromium, full_report).page
    card = page.locator("#revenue_by_month_and_plan")
    marks = card.locator('.mark[data-series="0"]')
    assert marks.count() > 3
    card.locator(".key").first.click()
    assert marks.first.is_hidden()
    assert card.locator('.mark[data-series="1"]').last.is_visible()
    card.locator(".key").first.press("Enter")
    assert marks.last.is_visible()
    table = page.locator("#popular_titles details").first
    table.evaluate("one => one.open = true")
    values = "all => all.map(one => Number(one.cells[4].textContent.replaceAll(',', '')))"
    for sign in (-1, 1):  # the most first
        table.locator("th").nth(4).click()
        found = table.locator("tbody tr").evaluate_all(values)
        assert found == sorted(found, reverse=sign < 0)


def test_what_is_said_of_a_picture_is_what_it_shows(chromium: Any, full_report: Path) -> None:
    page = show(chromium, full_report).page
    churn = page.locator("#churn_by_month .chart").get_attribute("aria-label")
    assert re.fullmatch(r"Churn by month: Between [\d.]+ and [\d.]+ %; [\d.]+ % in November 2025\.", churn)
    captions = page.eval_on_selector_all("caption", "all => all.map(one => one.textContent)")
    assert len(captions) >= 20
    links = page.eval_on_selector_all("nav a", "all => all.map(one => one.getAttribute('href'))")
    assert len(links) == 5
    assert all(page.locator(link).count() == 1 for link in links)


def distance(one: str, other: str) -> float:
    """Return how far two colours are from each other (CIE 1976) for somebody without the receptor for red."""

    def seen(colour: str) -> tuple[float, float, float]:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        # Machado, Oliveira and Fernandes (2009), severity 1.
        matrix = [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)]
        r, g, b = (max(0.0, sum(m * part for m, part in zip(row, linear, strict=True))) for row in matrix)
        x, y, z = (
            (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
        )
        x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
        return 116 * y - 16, 500 * (x - y), 200 * (y - z)

    return math.dist(seen(one), seen(other))


def test_colours_are_told_apart_without_red() -> None:
    style = (PROJECT / "reporting" / "page.css").read_text()
    names = ("main", "one", "two", "three", "four", "five", "six")
    for scheme in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = [re.search(rf"--{name}: (#\w+)", scheme)[1] for name in names]  # type: ignore[index]
        assert min(distance(*pair) for pair in combinations(colours, 2)) > 10


def test_on_paper_it_is_light_and_whole(chromium: Any, full_report: Path, tmp_path: Path) -> None:
    page = show(chromium, full_report, width=794, scheme="dark").page  # as wide as a sheet of A4
    page.emulate_media(media="print")
    for what in (OUT_OF_ITS_CARD, TOO_SMALL, PALE, MEETING):
        assert measure(page, what) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 248)"
    assert len(page.pdf(path=tmp_path / "report.pdf", format="A4")) > 10_000
