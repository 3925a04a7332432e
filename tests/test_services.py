"""The services, feature by feature, with nobody in the way; and with values that cannot be."""

import inspect
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import GenericAlias
from typing import Any
from uuid import UUID, uuid4

import pytest
from sample import CALLS, OTHER_VIEWING, PAYMENT, TABLES, VIEWING, execute, fill

import records
import services
from services import (
    AlreadyExists,
    InvalidValue,
    NotFound,
    StillInUse,
    add_content,
    add_subscription,
    change_plan,
    content_rating,
    continue_watching,
    create_user,
    delete_user,
    find_content,
    get_content,
    get_subscription,
    get_user,
    get_user_by_email,
    list_payments,
    list_reviews,
    list_subscriptions,
    list_users,
    log_progress,
    process_payment,
    remove_content,
    remove_review,
    remove_subscription,
    revenue,
    review_content,
    start_watching,
    update_content,
    update_subscription,
    update_user,
    watch_history,
)
from toolkit.database import Database, catalog, run_transaction

UTC = timezone.utc
STRANGE_TEXTS = [
    "'; DROP TABLE users; --",
    "%s %(name)s %%",
    'a "quoted" \\ back\\slash',
    "日本語 🎬",
    "a\nb\tc",
    "_%\\",
]


@pytest.fixture
def db(database: Database) -> Database:
    """A database with the sample rows."""
    fill(database)
    return database


def all_pages(database: Database, name: str, **arguments: Any) -> list[list[dict[str, Any]]]:
    """Return the items of each page of a service, from the first to the last."""
    pages: list[list[dict[str, Any]]] = []
    after: dict[str, str] = {}
    while True:
        page = getattr(services, name)(database, **arguments, **after)
        pages.append(page["items"])
        if page["next"] is None:
            return pages
        after = {"after": page["next"]}


# Subscriptions


def test_plans_are_added_changed_and_removed(db: Database) -> None:
    features = {"quality": "4K", "price per screen": Decimal("1.10"), "streams": 6, "extras": [None, True, {"a": "ü"}]}
    plan = add_subscription(db, name="Family", price=20, features=features)
    assert plan == {
        "subscription_id": plan["subscription_id"],
        "name": "Family",
        "price": Decimal("20.00"),
        "features": features,
    }
    assert get_subscription(db, subscription_id=plan["subscription_id"]) == plan
    assert isinstance(plan["features"]["price per screen"], Decimal)
    key = plan["subscription_id"]
    assert update_subscription(db, subscription_id=key, price=Decimal("21.50")) == {**plan, "price": Decimal("21.50")}
    assert update_subscription(db, subscription_id=key, features={})["features"] == {}
    assert update_subscription(db, subscription_id=key)["price"] == Decimal("21.50")
    assert remove_subscription(db, subscription_id=key)["name"] == "Family"
    with pytest.raises(NotFound):
        get_subscription(db, subscription_id=key)


def test_a_plan_without_features_takes_the_default(db: Database) -> None:
    assert add_subscription(db, name="Bare", price=1)["features"] == {}


def test_plans_come_with_their_subscribers(db: Database) -> None:
    change_plan(db, user_id=2, subscription_id=1)
    assert [(plan["name"], plan["subscribers"]) for plan in list_subscriptions(db)] == [
        ("Free", 0),
        ("Basic", 2),
        ("Premium", 0),
    ]


def test_no_plans(database: Database) -> None:
    assert list_subscriptions(database) == []
    assert revenue(database, **CALLS["revenue"]) == []


def test_a_plan_in_use_says_by_how_many(db: Database) -> None:
    process_payment(db, user_id=1, method="card")
    with pytest.raises(StillInUse) as raised:
        remove_subscription(db, subscription_id=1)
    assert raised.value.uses == {"users": 1, "payment_history": 2}
    change_plan(db, user_id=1, subscription_id=None)
    with pytest.raises(StillInUse, match="payment_history = 2"):
        remove_subscription(db, subscription_id=1)
    assert get_subscription(db, subscription_id=1)["name"] == "Basic"


# Users


def test_a_user_comes_with_their_plan(db: Database) -> None:
    before = datetime.now(UTC) - timedelta(minutes=5)
    user = create_user(db, name="Cleo", email="cleo@example.com", subscription_id=2)
    assert user["created_at"] > before
    assert user["created_at"].utcoffset() == timedelta(0)
    assert (user["plan"], user["price"], user["features"]) == ("Premium", Decimal("15.99"), {"streams": 4})
    assert get_user(db, user_id=user["user_id"]) == get_user_by_email(db, email="cleo@example.com") == user
    alone = change_plan(db, user_id=user["user_id"], subscription_id=None)
    assert (alone["subscription_id"], alone["plan"], alone["price"], alone["features"]) == (None, None, None, None)
    assert update_user(db, user_id=user["user_id"], name="Cleopatra") == {**alone, "name": "Cleopatra"}


def test_a_deleted_user_leaves_payments_only(db: Database) -> None:
    delete_user(db, user_id=1)
    assert execute(db, "SELECT count(*) FROM watch_history") == [(0,)]
    assert execute(db, "SELECT count(*) FROM reviews") == [(0,)]
    assert execute(db, "SELECT user_id, amount FROM payment_history") == [(None, Decimal("8.99"))]


def test_pages_neither_miss_nor_repeat_a_user(db: Database) -> None:
    for number in range(10, 15):
        create_user(db, name="Same", email=f"{number}@example.com", user_id=number)
    first = list_users(db, limit=3)
    create_user(db, name="Early", email="early@example.com", user_id=-1)
    delete_user(db, user_id=first["items"][-1]["user_id"])
    rest = list_users(db, after=first["next"])
    assert [user["user_id"] for user in first["items"]] == [1, 2, 10]
    assert [user["user_id"] for user in rest["items"]] == [11, 12, 13, 14]
    assert [len(page) for page in all_pages(db, "list_users", limit=7)] == [7]
    assert [len(page) for page in all_pages(db, "list_users", limit=3)] == [3, 3, 1]


# Content


def test_content_is_found_by_all_conditions_together(db: Database) -> None:
    wanted = add_content(db, title="Night", content_type="movie", genre="drama", release_year=2019, rating=Decimal("6"))
    wanted_row = {name: wanted[name] for name in wanted if name != "content_id"}
    others: list[dict[str, Any]] = [
        {"content_type": "series"},
        {"genre": "crime"},
        {"release_year": 2018},
        {"rating": 5},
    ]
    for other in [*others, {"genre": None}, {"rating": None}]:  # each misses one condition
        add_content(db, **{**wanted_row, **other})
    found = find_content(
        db, title="Night", genre="drama", content_type="movie", release_year=2019, min_rating=Decimal("5.5")
    )
    assert [item["title"] for item in found["items"]] == ["Night", "Nightwatch"]
    assert wanted in found["items"]


def test_pages_of_titles_that_are_equal(db: Database) -> None:
    keys = {add_content(db, title="Same", content_type="movie")["content_id"] for _ in range(7)}
    pages = all_pages(db, "find_content", title="Same", limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert {item["content_id"] for page in pages for item in page} == keys


def test_pages_go_on_after_a_blank_title(db: Database) -> None:
    execute(db, "INSERT INTO content (title, content_type) VALUES ('', 'movie'), (' ', 'movie')")
    pages = all_pages(db, "find_content", limit=1)
    assert [item["title"] for page in pages for item in page] == ["", " ", "Night Train", "Nightwatch"]


def test_a_page_stays_where_it_was_when_titles_come(db: Database) -> None:
    first = find_content(db, limit=1)
    add_content(db, title="Aaa", content_type="movie")
    assert [item["title"] for item in find_content(db, after=first["next"])["items"]] == ["Nightwatch"]


def test_a_title_is_found_by_any_beginning(db: Database) -> None:
    titles = ["100% Wolf", "a_b", "back\\slash", *STRANGE_TEXTS, "100 Wolves", "acb", "backslash", "night", "NIGHT"]
    for title in titles:
        add_content(db, title=title, content_type="movie")
    everything = [*titles, "Night Train", "Nightwatch"]
    beginnings = {title[:length] for title in everything for length in range(1, len(title) + 1)}
    for beginning in [*beginnings, "nothing"]:
        found = [item["title"] for item in find_content(db, title=beginning)["items"]]
        assert sorted(found) == sorted(title for title in everything if title.startswith(beginning))


def test_content_is_changed_and_removed(db: Database) -> None:
    assert update_content(db, content_id=1, genre=None, rating=None, title="New") == {
        **get_content(db, content_id=1),
        "genre": None,
        "rating": None,
        "title": "New",
    }
    assert remove_content(db, content_id=1)["title"] == "New"
    assert execute(db, "SELECT count(*) FROM watch_history WHERE content_id = 1") == [(0,)]
    assert find_content(db, title="New") == {"items": [], "next": None}


# Watch history


def test_progress_never_goes_back(db: Database) -> None:
    logged = [log_progress(db, watch_id=VIEWING, progress=p)["progress"] for p in (40, Decimal("39.99"), 0, 100, 3)]
    assert logged == [40, 40, 40, 100, 100]


def test_history_is_newest_first_in_pages(db: Database) -> None:
    started = [start_watching(db, user_id=1, content_id=2)["watch_id"] for _ in range(3)]
    pages = all_pages(db, "watch_history", user_id=1, limit=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item["watch_id"] for page in pages for item in page] == [*reversed(started), OTHER_VIEWING, VIEWING]
    assert pages[2][0]["watched_at"] == datetime(2026, 1, 5, 20, tzinfo=UTC)


def test_pages_of_viewings_of_the_same_moment(db: Database) -> None:
    execute(
        db,
        "INSERT INTO watch_history (user_id, content_id, watched_at) "
        "SELECT 2, 1, '2026-01-01 00:00:00.123456+00' FROM generate_series(1, 7)",
    )
    pages = all_pages(db, "watch_history", user_id=2, limit=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert len({item["watch_id"] for page in pages for item in page}) == 7


def test_what_can_be_continued(db: Database) -> None:
    assert [item["watch_id"] for item in continue_watching(db, user_id=1)] == [VIEWING]
    again = start_watching(db, user_id=1, content_id=2)
    later = start_watching(db, user_id=1, content_id=1)
    assert continue_watching(db, user_id=1) == [later, again]
    assert continue_watching(db, user_id=1, limit=1) == [later]
    log_progress(db, watch_id=later["watch_id"], progress=100)
    assert continue_watching(db, user_id=1) == [again]


# Reviews


def test_a_review_again_replaces_the_first(db: Database) -> None:
    old = list_reviews(db, content_id=1)["items"][0]
    new = review_content(db, user_id=1, content_id=1, rating=Decimal("3.5"), review_text="Worse the second time.")
    assert new["review_id"] == old["review_id"]
    assert new["reviewed_at"] > old["reviewed_at"]
    assert list_reviews(db, content_id=1) == {"items": [new], "next": None}
    assert review_content(db, user_id=1, content_id=1, rating=4)["review_text"] is None


def test_reviews_of_a_title(db: Database) -> None:
    users = [create_user(db, name=f"u{n}", email=f"{n}@example.com")["user_id"] for n in range(4)]
    for number, user in enumerate(users):
        review_content(db, user_id=user, content_id=2, rating=number)
    pages = all_pages(db, "list_reviews", content_id=2, limit=3)
    assert [[review["user_id"] for review in page] for page in pages] == [users[:0:-1], users[:1]]
    rating = content_rating(db, content_id=2)
    assert (rating["average"], rating["reviews"]) == (Decimal("1.50"), 4)
    assert remove_review(db, user_id=users[0], content_id=2)["user_id"] == users[0]
    assert content_rating(db, content_id=2)["average"] == 2
    for user in users[1:]:
        remove_review(db, user_id=user, content_id=2)
    rating = content_rating(db, content_id=2)
    assert (rating["average"], rating["reviews"]) == (None, 0)


# Payments


def test_a_payment_is_of_the_price_of_now(db: Database) -> None:
    update_subscription(db, subscription_id=1, price=Decimal("9.49"))
    payment = process_payment(db, user_id=1, method="card")
    assert (payment["amount"], payment["subscription_id"], payment["plan"]) == (Decimal("9.49"), 1, "Basic")
    assert list_payments(db, user_id=1, limit=1)["items"] == [payment]
    assert [len(page) for page in all_pages(db, "list_payments", user_id=1, limit=1)] == [1, 1]


@pytest.mark.parametrize(
    "since", ["the price changed", "the plan became free", "the plan changed", "the plan was left"]
)
def test_a_payment_id_pays_once(db: Database, since: str) -> None:
    key = uuid4()
    first = process_payment(db, user_id=1, method="card", payment_id=key)
    if since == "the price changed":
        update_subscription(db, subscription_id=1, price=1)
    elif since == "the plan became free":
        update_subscription(db, subscription_id=1, price=0)
    else:
        change_plan(db, user_id=1, subscription_id=2 if since == "the plan changed" else None)
    assert process_payment(db, user_id=1, method="card", payment_id=key) == first
    assert execute(db, "SELECT count(*) FROM payment_history") == [(2,)]
    delete_user(db, user_id=1)
    assert process_payment(db, user_id=1, method="card", payment_id=key) == {**first, "user_id": None}


def test_a_payment_id_of_somebody_else(db: Database) -> None:
    change_plan(db, user_id=2, subscription_id=1)
    for user_id, method in ((2, "card"), (1, "paypal")):
        with pytest.raises(AlreadyExists) as raised:
            process_payment(db, payment_id=PAYMENT, user_id=user_id, method=method)
        assert raised.value.key == {"payment_id": PAYMENT}


def test_revenue_by_month_and_plan(db: Database) -> None:
    execute(
        db,
        """INSERT INTO payment_history (user_id, subscription_id, amount, method, payment_date) VALUES
           (NULL, 1, 1.01, 'card', '2026-01-31 23:59:59.999999+00'), (2, 2, 5.00, 'card', '2026-02-01 00:00:00+00'),
           (2, 2, 5.50, 'card', '2026-02-28 23:00:00-00:30'), (2, 2, 7.00, 'card', '2026-03-01 00:00:00+00')""",
    )
    rows = revenue(db, since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))
    assert [(str(r["month"]), r["plan"], r["payments"], r["revenue"]) for r in rows] == [
        ("2026-01-01", "Basic", 1, Decimal("1.01")),
        ("2026-02-01", "Basic", 1, Decimal("8.99")),
        ("2026-02-01", "Premium", 2, Decimal("10.50")),
    ]


# Keys of the caller's


@pytest.mark.parametrize(
    ("name", "key", "arguments", "other"),
    [
        ("add_subscription", {"subscription_id": 7}, {"name": "F", "price": 1, "features": {"a": 0.1}}, {"price": 2}),
        ("create_user", {"user_id": 7}, {"name": "F", "email": "f@x", "subscription_id": 1}, {"email": "g@x"}),
        ("add_content", {"content_id": 7}, {"title": "F", "content_type": "movie", "rating": 5}, {"title": "G"}),
        ("start_watching", {"watch_id": uuid4()}, {"user_id": 1, "content_id": 1}, {"user_id": 2}),
    ],
)
def test_the_same_call_again_does_nothing(
    db: Database, name: str, key: dict[str, Any], arguments: dict[str, Any], other: dict[str, Any]
) -> None:
    service = getattr(services, name)
    first = service(db, **key, **arguments)
    assert first.items() >= key.items()
    assert service(db, **key, **arguments) == first
    with pytest.raises(AlreadyExists) as raised:
        service(db, **key, **{**arguments, **other})
    assert raised.value.key == key


# Values that cannot be

WRONG_TYPES: list[Any] = [
    True,
    1.5,
    b"x",
    "7",
    7,
    Decimal(7),
    uuid4(),
    datetime.now(UTC),
    {"a": 1},
    [1],
    None,
    object(),
]
WRONG_VALUES: dict[type, list[Any]] = {
    str: ["", " \n", "a\0b", "\ud800"],
    int: [2**63, -(2**63) - 1],
    Decimal: [Decimal("NaN"), Decimal("Infinity"), Decimal("-sNaN")],
    datetime: [datetime(2026, 1, 1)],
    dict: [{"a": "\0"}, {"\ud800": 1}, {1: 1}, {"a": float("nan")}, {"a": Decimal("Infinity")}, {"a": {1, 2}}],
}


def parameters() -> list[Any]:
    return [
        pytest.param(name, parameter, id=f"{name}-{parameter.name}")
        for name in CALLS
        for parameter in inspect.signature(getattr(services, name)).parameters.values()
        if parameter.name != "database"
    ]


@pytest.fixture(scope="module")
def nowhere() -> Database:
    """A database that cannot be reached: what is refused is refused before anything is sent."""
    return Database("postgresql://127.0.0.1:1/none")


@pytest.mark.parametrize(("name", "parameter"), parameters())
def test_wrong_arguments_are_named(nowhere: Database, name: str, parameter: inspect.Parameter) -> None:
    wanted = parameter.annotation
    kind: Any = wanted.__origin__ if isinstance(wanted, GenericAlias) else wanted
    wrong = [value for value in WRONG_TYPES if value is True or not isinstance(value, kind)]
    for example, values in WRONG_VALUES.items():
        if example in (kind, *getattr(kind, "__args__", ())):
            wrong += values
    assert len(wrong) > 8
    for value in wrong:
        with pytest.raises(InvalidValue) as raised:
            getattr(services, name)(nowhere, **{**CALLS[name], parameter.name: value})
        assert raised.value.column == parameter.name
        assert str(raised.value).startswith(f"{parameter.name} must ")


RULES: list[tuple[str, dict[str, Any], str, str]] = [
    ("add_subscription", {"price": Decimal("9.999")}, "price", r"must fit DECIMAL\(10, 2\)"),
    ("add_subscription", {"price": Decimal("1E-99")}, "price", "must fit"),
    ("add_subscription", {"price": 10**8}, "price", "must fit"),
    ("add_subscription", {"price": Decimal("-0.01")}, "price", "subscriptions_price_not_negative.*price >= "),
    ("update_subscription", {"price": -1}, "price", "subscriptions_price_not_negative"),
    ("update_subscription", {"features": {"a": Decimal("1E+999999")}}, "features", "too large"),
    ("add_content", {"content_type": "podcast"}, "content_type", "content_type_known"),
    ("add_content", {"rating": Decimal("10.1")}, "rating", "content_rating_range"),
    ("add_content", {"rating": Decimal("7.55")}, "rating", r"must fit DECIMAL\(3, 1\)"),
    ("update_content", {"rating": -1}, "rating", "content_rating_range"),
    ("log_progress", {"progress": Decimal("100.01")}, "progress", "watch_history_progress_range"),
    ("log_progress", {"progress": 101}, "progress", "watch_history_progress_range"),
    ("log_progress", {"progress": -1}, "progress", "watch_history_progress_range"),
    ("log_progress", {"progress": Decimal("33.333")}, "progress", r"must fit DECIMAL\(5, 2\)"),
    ("review_content", {"rating": Decimal("10.1")}, "rating", "reviews_rating_range"),
    ("review_content", {"rating": Decimal("-0.1")}, "rating", "reviews_rating_range"),
    ("process_payment", {"user_id": 2}, "subscription_id", "user 2 has no plan to pay for"),
    ("list_users", {"limit": 0}, "limit", "1 to 1000"),
    ("continue_watching", {"limit": 1001}, "limit", "1 to 1000"),
    ("revenue", {"until": datetime(2026, 1, 1, tzinfo=UTC)}, "until", "later than since"),
    ("list_users", {"after": "7"}, "after", "`next`"),
    ("list_users", {"after": '["x"]'}, "after", "`next`"),
    ("list_users", {"after": "[1]"}, "after", "`next`"),
    ("find_content", {"after": '["A\\u0000", "7"]'}, "after", "`next`"),
    ("watch_history", {"after": '["7"]'}, "after", "`next`"),
    ("watch_history", {"after": '["2026-01-01", "7"]'}, "after", "`next`"),
    ("watch_history", {"after": "'; DROP TABLE users; --"}, "after", "`next`"),
]


def test_rules_are_named(db: Database) -> None:
    before = dump(db)
    for name, changes, column, rule in RULES:
        with pytest.raises(InvalidValue, match=rule) as raised:
            getattr(services, name)(db, **{**CALLS[name], **changes})
        assert raised.value.column == column
        assert dump(db) == before, name


def test_a_free_plan_cannot_be_paid(db: Database) -> None:
    change_plan(db, user_id=1, subscription_id=3)
    with pytest.raises(InvalidValue, match="payment_history_amount_positive") as raised:
        process_payment(db, user_id=1, method="card")
    assert raised.value.column == "amount"


UNKNOWN = UUID(int=5)


NOT_THERE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("get_subscription", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("update_subscription", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("remove_subscription", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("create_user", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("change_plan", {"subscription_id": 99}, "subscriptions", {"subscription_id": 99}),
    ("change_plan", {"user_id": 99}, "users", {"user_id": 99}),
    ("get_user", {"user_id": 99}, "users", {"user_id": 99}),
    ("get_user_by_email", {"email": "' OR 1=1 --"}, "users", {"email": "' OR 1=1 --"}),
    ("update_user", {"user_id": 99}, "users", {"user_id": 99}),
    ("delete_user", {"user_id": 99}, "users", {"user_id": 99}),
    ("get_content", {"content_id": -1}, "content", {"content_id": -1}),
    ("update_content", {"content_id": 99}, "content", {"content_id": 99}),
    ("remove_content", {"content_id": 99}, "content", {"content_id": 99}),
    ("start_watching", {"user_id": 99}, "users", {"user_id": 99}),
    ("start_watching", {"content_id": 99}, "content", {"content_id": 99}),
    ("log_progress", {"watch_id": UNKNOWN}, "watch_history", {"watch_id": UNKNOWN}),
    ("review_content", {"user_id": 99}, "users", {"user_id": 99}),
    ("review_content", {"content_id": 99}, "content", {"content_id": 99}),
    ("content_rating", {"content_id": 99}, "content", {"content_id": 99}),
    ("remove_review", {"user_id": 99}, "reviews", {"user_id": 99, "content_id": 1}),
    ("process_payment", {"user_id": 99}, "users", {"user_id": 99}),
]


def test_what_is_not_there_is_named(db: Database) -> None:
    before = dump(db)
    for name, changes, table, key in NOT_THERE:
        with pytest.raises(NotFound) as raised:
            getattr(services, name)(db, **{**CALLS[name], **changes})
        assert (raised.value.table, raised.value.key) == (table, key)
        assert dump(db) == before, name


THERE_ALREADY: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("add_subscription", {"name": "Basic"}, "subscriptions", {"name": "Basic"}),
    ("create_user", {"email": "ann@example.com"}, "users", {"email": "ann@example.com"}),
    ("create_user", {"user_id": 1}, "users", {"user_id": 1}),
    ("update_user", {"email": "ben@example.com"}, "users", {"email": "ben@example.com"}),
]


def test_what_is_there_already_is_named(db: Database) -> None:
    before = dump(db)
    for name, changes, table, key in THERE_ALREADY:
        with pytest.raises(AlreadyExists) as raised:
            getattr(services, name)(db, **{**CALLS[name], **changes})
        assert (raised.value.table, raised.value.key) == (table, key)
        assert dump(db) == before, name


def test_lists_of_nobody_are_empty(db: Database) -> None:
    nothing: dict[str, Any] = {"items": [], "next": None}
    assert watch_history(db, user_id=99) == list_payments(db, user_id=99) == list_reviews(db, content_id=99) == nothing
    assert continue_watching(db, user_id=99) == []


def test_strange_texts_are_kept_as_they_are(db: Database) -> None:
    for text in STRANGE_TEXTS:
        keep(db, text)


def keep(db: Database, text: str) -> None:
    """Give a text to each service that stores or looks for one, and find it again."""
    user = create_user(db, name=text, email=text)
    assert (user["name"], get_user_by_email(db, email=text)["name"]) == (text, text)
    assert update_user(db, user_id=1, name=text)["name"] == text
    assert review_content(db, user_id=1, content_id=1, rating=1, review_text=text)["review_text"] == text
    assert process_payment(db, user_id=1, method=text)["method"] == text
    assert add_subscription(db, name=text, price=1, features={text: text})["features"] == {text: text}
    item = add_content(db, title="x", content_type="movie", genre=text)
    assert find_content(db, genre=text)["items"] == [item]


def test_a_text_too_long_for_the_index(db: Database) -> None:
    title = "".join(chr(0x4E00 + number) for number in range(4000))
    try:
        assert add_content(db, title=title, content_type="movie")["title"] == title
    except InvalidValue as refused:  # PostgreSQL
        assert refused.column == "title"  # noqa: PT017
        assert "too large" in refused.rule  # noqa: PT017


def test_the_decimals_are_those_of_the_schema(database: Database) -> None:
    tables = run_transaction(database, catalog.read)
    sizes = {
        column.name: (column.precision, column.scale)
        for table in tables.values()
        for column in table.columns.values()
        if column.kind == "numeric" and column.name != "amount"  # which is never an argument
    }
    assert sizes == records.DECIMALS


def dump(database: Database) -> list[list[tuple[Any, ...]]]:
    """Return all rows of all tables."""
    return [sorted(execute(database, f"SELECT * FROM {table}"), key=repr) for table in TABLES]
