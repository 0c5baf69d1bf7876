"""Connecting Mailchimp on the pages: let in once, nothing silent, nothing left open."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from flask import Flask
from sqlmodel import select
from werkzeug.test import TestResponse

from integration.accounts import create_account
from integration.app import create_app
from integration.audience.connect import current_audience
from integration.context import Context, make_context
from integration.db import scoped, unscoped
from integration.mailchimp.client import Mailchimp
from integration.mailchimp.errors import Invalid, NoAudience, NotUnderstood
from integration.mailchimp.oauth import application, checked_place
from integration.sandbox.server import SandboxServer
from integration.settings import Settings
from integration.tables import Audience, Connecting, MailchimpHook, Shop, SourceProfile, Work
from integration.work.execute import run_until_idle
from integration.work.queue import defer
from tests.service.audience_shop import AudienceShop
from tests.service.consent_scan import forbidden_writes
from tests.service.shop_rows import PASSWORD
from tests.service.visitor import Visitor

MIA = "mia@stipt-demo.shop"
ADA = "ada@stipt-demo.shop"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@dataclass
class Site:
    """The pages of a merchant who has no Mailchimp yet."""

    app: Flask
    context: Context
    sandbox: SandboxServer
    account_id: int

    def visitor(self) -> Visitor:
        """A browser of the merchant's."""
        visitor = Visitor(self.app)
        visitor.log_in(MIA)
        return visitor

    def audience(self) -> Audience:
        """What is connected."""
        return current_audience(self.context, self.account_id)

    def is_connected(self) -> bool:
        """Whether anything is."""
        try:
            self.audience()
        except NoAudience:
            return False
        return True


@pytest.fixture
def site(settings: Settings, sandbox: SandboxServer) -> Iterator[Site]:
    at_sandbox = settings.model_copy(update={"mailchimp_url": sandbox.root})
    context = make_context(at_sandbox)
    with unscoped(context.engine) as session:
        account, _ = create_account(session, "Shop", MIA, PASSWORD)
        assert account.id is not None
        account_id = account.id
    yield Site(create_app(context), context, sandbox, account_id)
    context.engine.dispose()


def ask(visitor: Visitor) -> str:
    """Click "Connect Mailchimp"; return where the browser is sent."""
    visitor.get("/mailchimp")
    sent = visitor.post("/mailchimp/authorize")
    assert sent.status_code == 302
    return sent.headers["Location"]


def decide(address: str, answer: str = "approve") -> str:
    """Press a button at Mailchimp; return the path of ours that the browser comes back to."""
    page = requests.get(address)
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text)) | {"answer": answer}
    base = address.partition("/oauth2/")[0]
    sent = requests.post(f"{base}/oauth2/authorize", data=form, allow_redirects=False)
    back = sent.headers["Location"]
    assert back.startswith("http://127.0.0.1:8000/mailchimp/callback?")
    return back.removeprefix("http://127.0.0.1:8000")


def let_in(visitor: Visitor) -> None:
    """The whole way to the choice of audience."""
    back = visitor.get(decide(ask(visitor)))
    assert back.headers["Location"] == "/mailchimp/choose"


def choose(visitor: Visitor, list_id: str, language: str = "en") -> TestResponse:
    """Pick an audience."""
    visitor.get("/mailchimp/choose")
    return visitor.post("/mailchimp/choose", {"list_id": list_id, "language": language})


def connect(site: Site) -> Visitor:
    """A merchant who has connected the sandbox's audience."""
    visitor = site.visitor()
    let_in(visitor)
    choose(visitor, site.sandbox.list_id)
    return visitor


# -- the way in ------------------------------------------------------------------------------------


def test_a_merchant_connects_with_a_click_and_sees_what_is_in_the_audience(site: Site) -> None:
    site.sandbox.add_member(ADA, tags=["VIP"])
    site.sandbox.add_member("bob@stipt-demo.shop", "unsubscribed")
    site.sandbox.add_member("eve@stipt-demo.shop", "archived")
    visitor = connect(site)
    page = visitor.get("/mailchimp").text
    told = "Audience “Stipt demo”: 1 subscribed, 1 not subscribed, 1 tags, 4 of 30 fields in use."
    assert told in page
    assert "Only people who are already here" in page
    audience = site.audience()
    assert (audience.is_oauth, audience.server) == (True, "us1")
    assert audience.mailchimp_account == "5t1p75a4db0x"
    assert [r.method for r in site.sandbox.requests if r.method != "GET"] == []
    visitor.post("/language", {"language": "nl"})
    told = "Doelgroep “Stipt demo”: 1 aangemeld, 1 niet aangemeld, 1 tags, 4 van 30 velden in"
    assert told in visitor.get("/mailchimp").text


def test_the_token_is_encrypted_and_stands_in_no_log_line_page_or_address(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    visitor = site.visitor()
    address = ask(visitor)
    back = decide(address)
    pages = [visitor.get(back), visitor.get("/mailchimp/choose")]
    pages += [choose(visitor, site.sandbox.list_id)]
    pages += [visitor.get("/mailchimp"), visitor.get("/status")]
    (token,) = site.sandbox.state.grants.tokens
    assert site.context.vault.decrypt(site.audience().token) == token
    code = re.search(r"code=(\w+)", back)
    assert code is not None
    said = "\n".join(record.getMessage() for record in caplog.records)
    for secret in (token, "stipt-sandbox-secret"):
        assert secret not in said
        for page in pages:
            assert secret not in page.text
            assert secret not in str(page.headers)
    assert code[1] not in "".join(page.text for page in pages)
    with scoped(site.context.engine, site.account_id) as session:
        assert session.exec(select(Connecting)).all() == []
        stored = session.exec(select(Audience)).one()
        assert token not in stored.model_dump_json()


def test_who_refuses_is_told_so_and_nothing_is_connected(site: Site) -> None:
    visitor = site.visitor()
    visitor.get(decide(ask(visitor), "refuse"))
    assert "You did not let Stipt in." in visitor.get("/mailchimp").text
    assert not site.is_connected()


def test_an_answer_to_another_browsers_question_is_not_taken(site: Site) -> None:
    victim, other = site.visitor(), site.visitor()
    back = decide(ask(other))
    for path in (back, re.sub(r"state=\w+", "state=made-up", back), "/mailchimp/callback?code=x"):
        answer = victim.get(path)
        assert answer.headers["Location"] == "/mailchimp"
        assert "does not belong to this visit" in victim.get("/mailchimp").text
    assert site.sandbox.state.grants.tokens == {}
    assert victim.get("/mailchimp/choose").status_code == 302


def test_an_answer_is_good_once_even_for_a_browser_that_kept_its_cookie(site: Site) -> None:
    visitor = site.visitor()
    back = decide(ask(visitor))
    cookie = visitor.client.get_cookie("stipt_session")
    assert cookie is not None
    assert visitor.get(back).headers["Location"] == "/mailchimp/choose"
    visitor.client.set_cookie("stipt_session", cookie.value)
    assert visitor.get(back).headers["Location"] == "/mailchimp"
    assert len(site.sandbox.state.grants.tokens) == 1


def test_a_code_that_was_used_elsewhere_connects_nothing(site: Site) -> None:
    visitor = site.visitor()
    back = decide(ask(visitor))
    site.sandbox.state.grants.codes.clear()
    visitor.get(back)
    assert "Mailchimp did not let us in." in visitor.get("/mailchimp").text


def test_an_answer_that_comes_too_late_is_not_taken(site: Site) -> None:
    visitor = site.visitor()
    back = decide(ask(visitor))
    with scoped(site.context.engine, site.account_id) as session:
        session.exec(select(Connecting)).one().started_at -= timedelta(minutes=11)
    visitor.get(back)
    assert "came too" in visitor.get("/mailchimp").text


@pytest.mark.parametrize(
    ("real", "document"),
    [
        pytest.param(True, {"dc": "us6", "api_endpoint": "https://evil.example"}, id="elsewhere"),
        pytest.param(True, {"dc": "us6.evil", "api_endpoint": ""}, id="no data centre"),
        pytest.param(True, {"dc": "us6", "api_endpoint": "https://us7.api.mailchimp.com"}, id="7"),
        pytest.param(
            True, {"dc": "us6", "api_endpoint": "http://us6.api.mailchimp.com"}, id="http"
        ),
        pytest.param(True, {"dc": 6, "api_endpoint": None}, id="no text"),
        pytest.param(True, None, id="nothing"),
        pytest.param(False, {"dc": "us1", "api_endpoint": "http://127.0.0.1:1"}, id="other port"),
    ],
)
def test_a_place_that_is_not_mailchimps_own_is_refused(
    settings: Settings, real: bool, document: Any
) -> None:
    named = {"mailchimp_client_id": "1", "mailchimp_client_secret": settings.secret_key}
    url = {} if real else {"mailchimp_url": "http://127.0.0.1:8090/3.0"}
    app = application(settings.model_copy(update={**named, **url}), "https://stipt.example/x")
    assert app is not None
    with pytest.raises(NotUnderstood):
        checked_place(app, document)
    place = "https://us6.api.mailchimp.com" if real else "http://127.0.0.1:8090"
    assert checked_place(app, {"dc": "us6", "api_endpoint": place}) == "us6"


def test_an_api_key_works_too_and_is_never_shown_again(site: Site) -> None:
    visitor = site.visitor()
    visitor.get("/mailchimp")
    for wrong, told in (("nonsense-us6", "not an API key"), ("sandbox-wrong-us1", "not accept")):
        visitor.post("/mailchimp/key", {"key": wrong})
        page = visitor.get("/mailchimp").text
        assert told in page
        assert wrong not in page
    visitor.post("/mailchimp/key", {"key": site.sandbox.key})
    answer = choose(visitor, site.sandbox.list_id)
    assert answer.headers["Location"] == "/mailchimp"
    assert site.audience().is_oauth is False
    assert site.sandbox.key not in visitor.get("/mailchimp").text


# -- which audience --------------------------------------------------------------------------------


def test_an_access_that_cannot_be_read_any_more_says_to_connect_again(site: Site) -> None:
    visitor = site.visitor()
    let_in(visitor)
    visitor.get("/mailchimp/choose")
    with scoped(site.context.engine, site.account_id) as session:
        session.exec(select(Connecting)).one().token = "broken"
    picked = {"list_id": site.sandbox.list_id, "language": "en"}
    clicks: list[Callable[[], TestResponse]] = [
        lambda: visitor.get("/mailchimp/choose"),
        lambda: visitor.post("/mailchimp/choose", picked),
        lambda: visitor.post("/mailchimp/change", {"answer": "leave"}),
    ]
    for click in clicks:
        assert click().headers["Location"] == "/mailchimp"
        assert "cannot be used by this installation" in visitor.get("/mailchimp").text


def test_an_account_without_an_audience_is_told_what_to_do(site: Site) -> None:
    site.sandbox.state.audiences.clear()
    visitor = site.visitor()
    let_in(visitor)
    assert "has no audience. Make one in Mailchimp" in visitor.get("/mailchimp/choose").text


def test_several_audiences_are_listed_with_how_many_they_reach(site: Site) -> None:
    site.sandbox.add_member(ADA)
    site.sandbox.state.add_audience("Wholesale")
    visitor = site.visitor()
    let_in(visitor)
    page = visitor.get("/mailchimp/choose").text
    assert "Stipt demo · 1 subscribed" in page
    assert "Wholesale · 0 subscribed" in page
    assert choose(visitor, "made-up").status_code == 400


def pushed(site: Site) -> Visitor:
    """A connected merchant, with a tag and a field of ours on one contact."""
    site.sandbox.add_member(ADA, tags=["VIP"])
    visitor = connect(site)
    with scoped(site.context.engine, site.account_id) as session:
        shop = Shop(account_id=site.account_id, platform="demo", external_id="1", name="Shop",
                    created_at=site.context.clock())  # fmt: skip
        session.add(shop)
        session.flush()
        shop_id = shop.id or 0
    rows = AudienceShop(site.context, site.sandbox, site.account_id, shop_id)
    rows.person(ADA, ["stage:new"], stage="new")
    assert rows.push().outcome["failed"] == 0
    assert site.sandbox.tags(ADA) == {"VIP", "Stage: New"}
    return visitor


def test_another_audience_is_never_a_silent_switch(site: Site) -> None:
    visitor = pushed(site)
    other = site.sandbox.state.add_audience("Wholesale")
    before = site.sandbox.canonical()
    let_in(visitor)
    assert choose(visitor, other.id).headers["Location"] == "/mailchimp/change"
    page = visitor.get("/mailchimp/change").text
    assert "Move from “Stipt demo” to “Wholesale”?" in page
    assert "Stage: New" in page
    assert site.audience().list_id == site.sandbox.list_id
    visitor.post("/mailchimp/change", {"answer": "stay"})
    assert site.audience().list_id == site.sandbox.list_id
    assert site.sandbox.canonical() == before


def test_ours_can_be_left_in_the_old_audience_and_that_is_remembered(site: Site) -> None:
    visitor = pushed(site)
    other = site.sandbox.state.add_audience("Wholesale")
    before = site.sandbox.canonical()
    let_in(visitor)
    choose(visitor, other.id)
    visitor.get("/mailchimp/change")
    visitor.post("/mailchimp/change", {"answer": "leave"})
    assert site.audience().list_id == other.id
    assert site.sandbox.canonical() == before
    assert "Left in earlier audiences" in visitor.get("/mailchimp").text
    with scoped(site.context.engine, site.account_id) as session:
        tokens = {a.list_id: a.token for a in session.exec(select(Audience))}
    assert tokens[site.sandbox.list_id] == ""


def test_ours_can_be_taken_out_before_moving(site: Site) -> None:
    visitor = pushed(site)
    other = site.sandbox.state.add_audience("Wholesale")
    let_in(visitor)
    choose(visitor, other.id)
    visitor.get("/mailchimp/change")
    visitor.post("/mailchimp/change", {"answer": "take_out"})
    visitor.post("/mailchimp/change", {"answer": "take_out"})  # a second click
    run_until_idle(site.context)
    assert site.audience().list_id == other.id
    assert site.sandbox.tags(ADA) == {"VIP"}
    assert site.sandbox.merge_fields(ADA) == {}
    old = site.sandbox.audience
    assert [s.name for s in old.segments.values()] == ["VIP"]
    assert len(old.fields) == 4
    assert "Left in earlier audiences" not in visitor.get("/mailchimp").text
    assert forbidden_writes(site.sandbox.requests) == []


# -- the ways out ----------------------------------------------------------------------------------


def test_disconnecting_deletes_the_token_at_once_and_says_what_stays(site: Site) -> None:
    visitor = pushed(site)
    page = visitor.get("/mailchimp/disconnect").text
    assert "Stage: New" in page
    visitor.post("/mailchimp/disconnect", {"answer": "leave"})
    assert not site.is_connected()
    with scoped(site.context.engine, site.account_id) as session:
        stored = session.exec(select(Audience)).one()
    assert (stored.token, stored.keeps_in_step, stored.adds_contacts) == ("", False, False)
    assert "Left in earlier audiences" in visitor.get("/mailchimp").text
    # The same audience again goes on where it was: nothing is written a second time.
    connect(site)
    rows = AudienceShop(site.context, site.sandbox, site.account_id, 1)
    assert rows.plan().summary["members"] == 0


def test_ours_can_be_taken_out_before_disconnecting(site: Site) -> None:
    visitor = pushed(site)
    visitor.get("/mailchimp/disconnect")
    visitor.post("/mailchimp/disconnect", {"answer": "take_out"})
    run_until_idle(site.context)
    assert not site.is_connected()
    assert site.sandbox.tags(ADA) == {"VIP"}


@pytest.mark.parametrize("why", ["no key opens the token", "the sandbox was unset"])
def test_whose_access_cannot_be_used_any_more_disconnects_all_the_same(
    site: Site, why: str
) -> None:
    visitor = connect(site)
    with scoped(site.context.engine, site.account_id) as session:
        stored = session.exec(select(Audience)).one()
        session.add(
            MailchimpHook(
                account_id=site.account_id,
                audience_id=stored.id or 0,
                kind="audience",
                address_hash="x",
                remote_id="abc",
                created_at=site.context.clock(),
            )
        )
        if why == "no key opens the token":
            stored.token = "broken"
    if why == "the sandbox was unset":
        without = site.context.settings.model_copy(update={"mailchimp_url": None})
        object.__setattr__(site.context, "settings", without)
    visitor.get("/mailchimp/disconnect")
    answer = visitor.post("/mailchimp/disconnect", {"answer": "leave"})
    assert answer.headers["Location"] == "/mailchimp"
    assert not site.is_connected()


def test_taking_out_waits_its_turn_behind_other_work(site: Site) -> None:
    visitor = pushed(site)
    with scoped(site.context.engine, site.account_id) as session:
        lane = f"account:{site.account_id}:push"
        defer(session, account_id=site.account_id, kind="plan", lane=lane, payload={})
    visitor.post("/mailchimp/disconnect", {"answer": "take_out"})
    run_until_idle(site.context)
    assert not site.is_connected()
    assert site.sandbox.tags(ADA) == {"VIP"}


def test_what_mailchimp_refuses_to_take_out_keeps_the_connection_until_it_is_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = pushed(site)
    with scoped(site.context.engine, site.account_id) as session:
        # A language: no field of ours, which would be deleted as a whole.
        session.exec(select(Audience)).one().sets_language = True
        session.exec(select(SourceProfile)).one().language = "nl"
    AudienceShop(site.context, site.sandbox, site.account_id, 1).push()

    def refused(*_: object) -> None:
        raise Invalid("not now", status=400)

    with monkeypatch.context() as patch:
        patch.setattr(Mailchimp, "set_fields_now", refused)
        visitor.post("/mailchimp/disconnect", {"answer": "take_out"})
        run_until_idle(site.context)
    assert site.is_connected()
    assert "not everything is taken back" in visitor.get("/plan").text
    with scoped(site.context.engine, site.account_id) as session:
        work = session.exec(select(Work).where(Work.kind == "take_out")).one()
    visitor.post(f"/status/{work.id}/again")
    run_until_idle(site.context)
    assert not site.is_connected()
    member = site.sandbox.audience.find(ADA)
    assert member is not None
    assert member.language == ""


def test_a_choice_of_audience_does_not_grow_old_while_ours_is_taken_out(site: Site) -> None:
    visitor = pushed(site)
    other = site.sandbox.state.add_audience("Wholesale")
    let_in(visitor)
    choose(visitor, other.id)
    visitor.post("/mailchimp/change", {"answer": "take_out"})
    with scoped(site.context.engine, site.account_id) as session:
        session.exec(select(Connecting)).one().started_at -= timedelta(hours=2)
    run_until_idle(site.context)
    assert site.audience().list_id == other.id


def test_a_revoked_token_is_told_on_every_page_until_connected_again(site: Site) -> None:
    visitor = connect(site)
    requests.post(f"{site.sandbox.root}/applications/disconnect", data={"client_id": "stipt"})
    visitor.get("/mailchimp")
    visitor.post("/mailchimp/look")
    told = "Mailchimp no longer lets Stipt in."
    for path in ("/", "/people", "/plan", "/mailchimp"):
        assert told in visitor.get(path).text, path
    let_in(visitor)
    choose(visitor, site.sandbox.list_id)
    assert told not in visitor.get("/").text


def test_a_copy_asks_and_disconnects_without_a_call(site: Site) -> None:
    visitor = connect(site)
    with scoped(site.context.engine, site.account_id) as session:
        session.exec(select(Audience)).one().installation = "another"
    visitor.post("/mailchimp/look")
    page = visitor.get("/mailchimp").text
    assert "It was moved: go on here" in page
    asked = len(site.sandbox.requests)
    visitor.post("/mailchimp/answer", {"answer": "copied"})
    assert not site.is_connected()
    assert len(site.sandbox.requests) == asked
    assert all(site.sandbox.state.tokens.values()), "the other one goes on"


def test_orders_of_another_app_are_seen(site: Site) -> None:
    store = {"id": "woo1", "list_id": site.sandbox.list_id, "name": "Woo", "currency_code": "EUR",
             "platform": "WooCommerce"}  # fmt: skip
    made = requests.post(
        f"{site.sandbox.url}/ecommerce/stores", json=store, auth=("u", site.sandbox.key)
    )
    assert made.status_code == 200
    page = connect(site).get("/mailchimp").text
    assert "<strong>Woo</strong> (woocommerce)" in page
    assert "Our own shop data stays off" in page
