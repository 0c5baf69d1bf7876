"""Who may see and do what: nobody without a log-in, nobody another merchant's things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlmodel import SQLModel, select

from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from tests.service.shop_rows import NOW, PASSWORD, Merchant, merchant
from tests.service.visitor import Visitor

#: Routes that show nothing of any account.
OPEN = {"static", "healthz", "session.login", "session.enter"}
#: Called by Mailchimp: a secret in the address and a signature, no log-in (test_hooks.py).
HOOKS = {"hooks.look", "hooks.look_for_batches", "hooks.receive", "hooks.receive_for_batches"}
#: Called by a browser that Shopify sends: a signature, no log-in (test_shopify_install.py).
SHOPIFY = {"shopify.enter", "shopify.callback", "shopify.bounce", "shopify.leave_frame"}
PREFERENCES = {"preferences.choose_language", "preferences.choose_theme"}


@pytest.fixture
def two(context: Context) -> tuple[Flask, Context, Merchant, Merchant]:
    """The pages on two merchants; ids of the second are larger than all of the first."""
    still = replace(context, clock=lambda: NOW)
    one = merchant(still)
    other = merchant(still, "boss@other.example", first_name="Grace", last_name="Hopper", people=5)
    return create_app(still), still, one, other


def values_of(known: Merchant) -> dict[str, list[object]]:
    """What stands in addresses, by the name in the route."""
    return {
        "person_id": [known.person_id],
        "plan_id": [known.plan_id, known.published_plan_id],
        "run_id": [known.run_id, known.waiting_run_id],
        "work_id": [known.dead_work_id],
        "product_id": [known.product_id],
        "key": ["due:suits:now", "stage:regular"],
        "need": ["suits"],
        "secret": ["nobody-knows"],
        "store_id": [known.store_id],
        "shop_id": [known.shop_id],
        "erasure_id": [known.erasure_id],
        "request_id": [known.request_id],
        "kind": ["due"],
        "draft_id": [known.draft_id],
        "own_id": [known.own_id],
        "rule_id": [known.rule_id],
        "campaign_id": [known.campaign_id],
    }


def addresses(app: Flask, known: Merchant) -> Iterator[tuple[str, str, str]]:
    """Yield endpoint, method and address of every route, filled with a merchant's ids."""
    values = values_of(known)
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if rule.endpoint == "static":
                continue
            unknown = rule.arguments - values.keys()
            assert not unknown, f"{rule.rule}: say in values_of what {unknown} is"
            longest = max((len(values[name]) for name in rule.arguments), default=1)
            for number in range(longest):
                filled = {n: values[n][min(number, len(values[n]) - 1)] for n in rule.arguments}
                built = app.url_map.bind("localhost").build(rule.endpoint, filled)
                for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                    yield rule.endpoint, method, built


def test_every_route_asks_for_a_log_in(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    asked = 0
    for endpoint, method, path in addresses(app, one):
        if endpoint in OPEN | PREFERENCES | HOOKS | SHOPIFY:
            continue
        answer = visitor.get(path) if method == "GET" else visitor.post(path)
        assert answer.status_code == 302, (method, path)
        assert answer.headers["Location"].startswith("/login"), (method, path)
        asked += 1
    assert asked > 20


def test_no_route_shows_or_changes_anything_of_another_account(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, context, one, other = two
    before = everything(context, other.account_id)
    visitor = Visitor(app)
    visitor.log_in(one.email)
    for endpoint, method, path in addresses(app, other):
        if endpoint in {"preferences.leave", *OPEN, *HOOKS}:
            continue
        data = {
            "one": other.profile_ids[0],
            "other": other.profile_ids[1],
            "months": "9",
            "need": "suits",
            "q": "Grace",
            "date_order": "dmy",
            "language": "en",
        }
        answer = visitor.get(path) if method == "GET" else visitor.post(path, data)
        for secret in other.secrets:
            # What was searched for stands in the field again; nothing else may come back.
            assert secret not in answer.text, (method, path)
        ours = {name for name in ("key", "need", "kind") if f"<{name}>" in rule_of(app, endpoint)}
        if "<" in rule_of(app, endpoint) and not ours and "path:key" not in rule_of(app, endpoint):
            assert answer.status_code == 404, (method, path)
    assert everything(context, other.account_id) == before


def rule_of(app: Flask, endpoint: str) -> str:
    """Return an endpoint's route as written."""
    return " ".join(rule.rule for rule in app.url_map.iter_rules(endpoint))


def everything(context: Context, account_id: int) -> dict[str, list[str]]:
    """Every row of an account."""
    with scoped(context.engine, account_id) as session:
        return {
            table.__name__: sorted(row.model_dump_json() for row in session.exec(select(table)))
            for table in tables()
        }


def tables() -> list[type[SQLModel]]:
    """Every table of ours that belongs to accounts."""
    from integration import tables as module

    return [getattr(module, name) for name in module.__all__ if name not in ("Account", "Inbox")]


def test_every_form_without_its_token_is_refused(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, context, one, _ = two
    visitor = Visitor(app)
    visitor.log_in(one.email)
    before = everything(context, one.account_id)
    posts = [
        (path, end)
        for end, method, path in addresses(app, one)
        if method == "POST" and end not in HOOKS
    ]
    assert len(posts) > 10
    for path, _ in posts:
        answer = visitor.client.post(path, data={"months": "9", "language": "nl", "q": "Ada"})
        assert answer.status_code == 400, path
    assert everything(context, one.account_id) == before


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    wrong = visitor.post("/login", {"email": one.email, "password": "not the password"})
    unknown = visitor.post("/login", {"email": "who@nobody.example", "password": PASSWORD})
    said = [answer.text[answer.text.index("alert") :][:120] for answer in (wrong, unknown)]
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert said[0] == said[1]


def test_guessing_passwords_is_stopped_after_ten_tries_in_a_minute(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    codes = [
        visitor.post("/login", {"email": one.email, "password": "x"}).status_code for _ in range(11)
    ]
    assert codes == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/people", "/people"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_a_log_in_leads_only_to_pages_of_ours(
    two: tuple[Flask, Context, Merchant, Merchant], target: str, lands: str
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    data = {"email": one.email, "password": PASSWORD, "next": target}
    answer = visitor.post("/login", data)
    assert (answer.status_code, answer.headers["Location"]) == (302, lands)


def test_after_a_wrong_password_the_address_needs_no_typing_again(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    answer = visitor.post("/login", {"email": one.email, "password": "mistyped"})
    assert answer.status_code == 401
    assert f'value="{one.email}"' in answer.text
    assert "mistyped" not in answer.text


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, context, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    answer = visitor.post("/login", {"email": one.email, "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    for word, there in (("HttpOnly", True), ("SameSite=Lax", True), ("Secure", False)):
        assert (word in cookie) is there, word
    strict = replace(context, settings=context.settings.model_copy(update={"secure_cookies": True}))
    answer = create_app(strict).test_client().get("/login", base_url="https://localhost")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_after_logging_out_the_pages_are_closed(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.log_in(one.email)
    visitor.post("/logout")
    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize(
    ("shown", "leads_to"),
    [
        pytest.param("/people?page=2", "/people?page=2", id="what stands in the address is kept"),
        pytest.param("/mailchimp/campaigns/draft/preview", "/", id="only takes a form"),
        pytest.param("/privacy/forget", "/", id="only takes a form, too"),
        pytest.param("/no/such/page", "/", id="is not there"),
    ],
)
def test_choosing_a_language_leads_back_to_a_page_that_can_be_opened(
    two: tuple[Flask, Context, Merchant, Merchant], shown: str, leads_to: str
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.log_in(one.email)
    answer = visitor.post("/language", {"language": "nl", "next": shown})
    assert answer.headers["Location"] == leads_to


def test_language_and_theme_are_remembered_before_and_after_logging_in(
    two: tuple[Flask, Context, Merchant, Merchant],
) -> None:
    app, _, one, _ = two
    visitor = Visitor(app)
    visitor.get("/login")
    visitor.post("/language", {"language": "nl", "next": "/login"})
    visitor.post("/theme", {"theme": "dark", "next": "/login"})
    page = visitor.get("/login").text
    assert "Inloggen" in page
    assert 'data-bs-theme="dark"' in page
    visitor.log_in(one.email)
    assert "Overzicht" in visitor.get("/").text
    elsewhere = Visitor(app)
    elsewhere.log_in(one.email)
    assert "Overzicht" in elsewhere.get("/").text  # kept with the user, not with the browser
    elsewhere.post("/language", {"language": "en"})
    assert "Overview" in visitor.get("/").text
    assert visitor.post("/language", {"language": "xx"}).status_code == 400
