"""The page in a real browser: what is drawn, how it fits, and that it loads and runs nothing of others."""

import json
from pathlib import Path
from typing import Any

from reports import PROJECT, run_report, run_script, show

from reporting.formatting import cell, money, number, percent
from toolkit.database import READ_ONLY, Database, run_transaction
from toolkit.queries import read_queries

SCRIPT = "<script>alert(1)</script>"
QUERIES = read_queries(PROJECT / "queries.sql")

# What one mark of each picture says, for each row of its query: all of these.
MARKS: dict[str, Any] = {
    "recurring_revenue_by_month": lambda row: [f"{row['month']:%B %Y}: {money(row['recurring_revenue'])}"],
    "recurring_revenue_moves": lambda row: [f"{row['month']:%B %Y}", f"new {row['new']:+,.2f}"] if row["new"] else None,
    "revenue_per_subscriber": lambda row: [f"{row['month']:%B %Y}: {money(row['revenue_per_subscriber'] or 0)}"],
    "price_rises": lambda row: [row["plan"], f"{row['left']} left"],
    "net_additions_by_month": lambda row: row["left"] and [f"{row['joined']} joined, {row['left']} left"],
    "churn_by_tenure": lambda row: [f"month {row['month_of_subscription']}: {row['left']} of"],
    "churn_by_plan": lambda row: [f"{row['plan']}: {row['left']} of {row['subscriber_months']} months"],
    "plan_changes": lambda row: [f"{row['from_plan']} to {row['to_plan']}: {row['changes']} change"],
    "sign_ups_by_month": lambda row: row["activated_percent"] is not None and [f"of {row['sign_ups']} sign-up"],
    "countries": lambda row: [f"{row['country']}: {row['users']} users", money(row["revenue"])],
    "completion_by_title": lambda row: [f"{row['title']}: {row['viewings']} viewings"],
    "active_viewers_by_month": lambda row: [f"{row['month']:%B %Y}", f"{row['viewers']} viewer"],
    "stickiness_by_month": lambda row: row["stickiness_percent"] and [percent(row["stickiness_percent"])],
    "hours_watched_by_month": lambda row: [f"{row['month']:%B %Y}", f"{row['hours']:,} hours"],
    "binges_by_month": lambda row: (
        row["binge_percent"] is not None and [f"{row['binges']} of {row['sittings']} sitting"]
    ),
    "revenue_by_month_and_plan": lambda row: row["revenue"] and [row["plan"], money(row["revenue"])],
    "subscribers_by_plan": lambda row: [row["plan"], number(row["subscribers"]), money(row["a_month"])],
    "payment_methods": lambda row: [row["method"], number(row["payments"]), money(row["revenue"])],
    "subscribers_by_month": lambda row: [f"{row['month']:%B %Y}", f"{row['subscribers']} subscribers"],
    "churn_by_month": lambda row: row["churn_percent"] is not None and [f"{row['month']:%B %Y}", f"{row['left']} left"],
    "retention_cohorts": lambda row: [f"{row['cohort']:%B %Y}: {row['subscribers']}", f"{row['retained']} paid"],
    "popular_titles": lambda row: [row["title"], f"{row['viewers']} viewers", f"{row['viewings']} viewings"],
    "popular_titles_over_time": lambda row: [row["title"], f"{row['month']:%B %Y}", f": {row['viewings']} viewings"],
    "titles_rising_and_falling": lambda row: [row["title"], f"{row['this_period']} viewings"],
    "completion_by_genre": lambda row: [row["genre"], f"{row['viewings']} viewings"],
    "progress_histogram": lambda row: [f"{row['viewings']} viewing"],
    "ratings_density": lambda row: [f"critics {row['critics_from']}, users {row['users_from']}: {row['titles']} title"],
    "viewings_by_day": lambda row: [str(row["day"].day), f"{row['viewings']} viewing", str(row["seven_day_average"])],
    "busiest_hours": lambda row: [f"{row['hour']:02}:00", f"{row['viewings']} viewing"],
    "top_users": lambda row: [row["name"], f"{row['viewings']} viewings", f"{row['finished']} finished"],
    "user_history": lambda row: [row["title"], f"{row['watched_at']:%B %Y}"],
    "user_payments": lambda row: [row["plan"], money(row["amount"]), row["method"]],
}
FIRST_DRAWN = {"countries": 8}  # of many rows; the table has them all
NOT_DRAWN = {"user_account", "recommend_content"}  # they are words


def answer(url: str, statement: str) -> list[dict[str, Any]]:
    """Return the rows of a statement, as a reader has them who pastes it into a shell."""
    database = Database(url)

    def read(cursor: Any) -> list[dict[str, Any]]:
        cursor.execute(statement)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    try:
        return run_transaction(database, read, READ_ONLY)
    finally:
        database.close()


def test_every_picture_shows_the_figures_of_its_query(chromium: Any, report: Path, sample: str) -> None:
    """The SQL on the page is run as it stands there; the table and the marks say what it answers."""
    page = show(chromium, report).page
    keys = page.eval_on_selector_all("article", "articles => articles.map(article => article.id)")
    assert set(keys) == set(MARKS) | NOT_DRAWN
    for key in [key for key in keys if key != "recommend_content"]:
        statement = page.locator(f"#{key} pre code").text_content()
        name = page.locator(f"#{key} .source summary").text_content()
        assert name in QUERIES
        rows = answer(sample, statement)
        cells = page.eval_on_selector_all(
            f"#{key} tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        assert cells == [[cell(*field) for field in row.items()] for row in rows], key
        tips = page.eval_on_selector_all(f"#{key} .chart .mark", "marks => marks.map(mark => mark.dataset.tip)")
        for said in filter(None, map(MARKS.get(key, lambda _: None), rows[: FIRST_DRAWN.get(key)])):
            assert any(all(word in tip for word in said) for tip in tips), (key, said)
        if key in MARKS:
            assert bool(tips) or not rows, key


def test_the_headline_shows_the_figures_of_its_query(chromium: Any, report: Path, sample: str) -> None:
    page = show(chromium, report).page
    rows = answer(sample, page.locator("#headline_figures pre code").text_content())
    shown = page.eval_on_selector_all(".tiles b", "tiles => tiles.map(tile => tile.textContent)")
    assert shown == [(money if "revenue" in row["figure"] else number)(row["this_period"]) for row in rows]
    assert len(shown) == 8


def test_values_appear_under_the_pointer_and_at_the_keyboard(chromium: Any, report: Path) -> None:
    page = show(chromium, report).page
    tip = page.locator("#tip")
    assert tip.is_hidden()
    page.locator("#payment_methods .mark").first.hover()
    assert "card: 32 payments, 399.68" in tip.text_content()
    page.mouse.move(0, 0)
    assert tip.is_hidden()
    page.locator("#user_history details.source summary").focus()
    page.keyboard.press("Tab")  # to the next picture, of the payments
    assert "January 2024: 9.99" in tip.text_content()
    page.keyboard.press("ArrowRight")
    assert "February 2024: 9.99" in tip.text_content()
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_pictures_have_names_for_those_who_do_not_see_them(chromium: Any, report: Path) -> None:
    page = show(chromium, report).page
    names = page.eval_on_selector_all(".chart", "all => all.map(one => [one.getAttribute('role'), one.ariaLabel])")
    assert len(names) >= 20
    assert all(role == "img" and label for role, label in names)


def test_text_of_the_database_is_no_markup(chromium: Any, url: str, tmp_path: Path) -> None:
    data = json.loads((PROJECT / "test_data.json").read_text())
    for table, columns in {
        "content": ["title", "genre"],
        "users": ["name"],
        "subscriptions": ["name"],
        "payment_history": ["method"],
    }.items():
        for i, row in enumerate(data[table]):
            for column in columns:
                row[column] = f"{SCRIPT}\"'&amp; {i}"
    hostile = tmp_path / "hostile.json"
    hostile.write_text(json.dumps(data))
    run_script(url, "streaming_services.py", "--no-compare")
    run_script(url, "insert_data.py", str(hostile))
    file = run_report(url, tmp_path, "--user", "2")
    shown = show(chromium, file)
    shown.page.locator("#popular_titles .mark").first.hover()
    assert SCRIPT in shown.page.locator("#tip").text_content()
    assert f"{SCRIPT}\"'&amp; 0" in shown.page.locator("#popular_titles tbody").text_content()
    assert shown.page.locator("script").count() == 1
    assert shown.noise == []
    assert SCRIPT not in file.read_text(encoding="utf-8")
