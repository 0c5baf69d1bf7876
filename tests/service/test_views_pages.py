"""Every page in both languages, full and empty, safe to show."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask, render_template_string
from sqlmodel import select

from integration.accounts import create_account
from integration.app import create_app
from integration.audience.wanted import wanted
from integration.context import Context
from integration.db import make_engine, scoped, unscoped
from integration.reading import reach
from integration.reading.overview import Size, due_rows
from integration.tables import Audience, Consent, ImportRun, Member, Order, PersonProfile, Work
from integration.views.status import kind_names
from integration.work.handlers import HANDLERS
from segmentation.duedates.needs import name_of
from segmentation.segments import catalogue
from tests.service.shop_rows import NOW, PASSWORD, Merchant, login_of, merchant
from tests.service.visitor import Visitor

LINKS = re.compile(r'(?:href|action|src|hx-get|formaction)="([^"]*)"')


@pytest.fixture
def shop(context: Context) -> tuple[Flask, Merchant]:
    """The pages on a merchant with everything."""
    still = replace(context, clock=lambda: NOW)
    return create_app(still), merchant(still)


def pages(known: Merchant) -> dict[str, str]:
    """Address of each page, and words that show it is the right one, in English."""
    return {
        "/": "Who is due when",
        "/segments/due:suits:now": "One clear proposal",
        "/segments/stage:lost": "Nobody is in this segment today.",
        "/people": "Ada0 Lovelace",
        f"/people/{known.person_id}": "These are two people",
        "/lives": "Mystery of Lovelace",
        "/next": "What do people buy next?",
        "/model": "What you get, and how much data it takes",
        "/groups": "Who buys the same?",
        "/monday": "No business customer is overdue.",
        "/imports": "How should the column “Datum” be read?",
        "/plan": "This is exactly what will change in Mailchimp.",
        f"/plan/{known.published_plan_id}": "Published in 5 seconds.",
        "/mailchimp/shop": "First see what would be sent",
        "/mailchimp/check": "Is Mailchimp in step?",
        "/mailchimp": "Connected since",
        "/mailchimp/choices": "Choices",
        "/mailchimp/flows": "Flow",
        "/mailchimp/campaigns": "waits for you",
        "/privacy": "Removed here:",
        "/status": "given up",
    }


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Go back and look whether it was done"), ("nl", "Ga terug")]
)
def test_what_nobody_foresaw_says_what_to_do_next(
    shop: tuple[Flask, Merchant], monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    app, _ = shop
    monkeypatch.setitem(app.view_functions, "session.login", lambda: 1 // 0)
    answer = app.test_client().get("/login", headers={"Accept-Language": language})
    assert (answer.status_code, words in answer.text) == (500, True)


def test_before_anything_was_read_shopify_is_offered_where_it_is_set_up(context: Context) -> None:
    with unscoped(context.engine) as session:
        create_account(session, "Lovelace", "ada@stipt-demo.shop", PASSWORD)
    for client_id in (None, "of-ours"):
        settings = context.settings.model_copy(update={"shopify_client_id": client_id})
        visitor = Visitor(create_app(replace(context, settings=settings)))
        visitor.log_in("ada@stipt-demo.shop")
        page = visitor.get("/").text
        assert "Upload a file" in page
        assert ('href="/shopify/stores"' in page) == (client_id is not None)
        assert ("You connect a Shopify store from Shopify" in page) == (client_id is not None)


def test_every_page_shows_what_it_is_for(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    for path, words in pages(known).items():
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        assert words in answer.text, path


def test_a_person_shows_what_is_expected_or_what_is_missing_to_say_it(
    shop: tuple[Flask, Merchant], context: Context
) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    refused = visitor.get(f"/people/{known.person_id}").text
    assert "Too few customers with a second purchase" in refused
    assert "we need 200." in refused
    with scoped(context.engine, known.account_id) as session:
        figures = session.exec(
            select(PersonProfile).where(PersonProfile.person_id == known.person_id)
        ).one()
        figures.p_alive, figures.expected_orders = 0.87, 3.2
        figures.expected_value, figures.value_low, figures.value_high = 31_000, 12_000, 54_000
        session.add(figures)
    told = visitor.get(f"/people/{known.person_id}").text
    assert "€310.00" in told
    assert "between €120.00 and €540.00" in told
    assert "3.2 days with a purchase; the chance that this is a customer still is 87%" in told
    with scoped(context.engine, known.account_id) as session:
        query = select(PersonProfile).where(PersonProfile.person_id == known.person_id)
        session.exec(query).one().p_alive = None
    once = visitor.get(f"/people/{known.person_id}").text
    assert "3.2 days with a purchase." in once
    assert "a customer still" not in once


def test_a_business_customer_of_whom_no_rhythm_is_told_has_a_page(
    shop: tuple[Flask, Merchant], context: Context
) -> None:
    app, known = shop
    with scoped(context.engine, known.account_id) as session:
        figures = session.exec(
            select(PersonProfile).where(PersonProfile.person_id == known.person_id)
        ).one()
        figures.is_wholesale, figures.expected_gap = True, None
        session.add(figures)
    visitor = Visitor(app)
    visitor.log_in(known.email)
    shown = visitor.get(f"/people/{known.person_id}")
    assert shown.status_code == 200
    assert "usual time between purchases" not in shown.text


def test_every_page_is_shown_on_postgresql_too(context: Context, postgres_url: str) -> None:
    other = replace(context, engine=make_engine(postgres_url), clock=lambda: NOW)
    try:
        known = merchant(other)
        visitor = Visitor(create_app(other))
        visitor.log_in(known.email)
        for path, words in pages(known).items():
            assert words in visitor.get(path).text, path
    finally:
        other.engine.dispose()


def test_every_page_is_dutch_for_a_dutch_reader(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    visitor.post("/language", {"language": "nl"})
    for path, english in pages(known).items():
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        assert '<html lang="nl"' in answer.text, path
        if not english.startswith(("Ada0", "Mystery")):
            assert english not in answer.text, path
    assert "Wie is wanneer ergens aan toe" in visitor.get("/").text


@pytest.mark.parametrize("language", ["en", "nl"])
def test_an_empty_account_sees_what_to_do_on_every_page(context: Context, language: str) -> None:
    app = create_app(context)
    login_of(context, "new@shop.example", language=language)
    visitor = Visitor(app)
    visitor.log_in("new@shop.example")
    for path in ("/", "/people", "/segments/stage:lost", "/lives", "/imports", "/plan", "/status"):
        assert visitor.get(path).status_code == 200, path
    text = visitor.get("/").text
    assert "stipt demo" in text
    assert "stipt import" in text


@pytest.mark.parametrize("part", ["campaigns", "choices", "check", "shop", "flows"])
def test_without_an_audience_every_page_of_mailchimp_leads_to_connecting(
    context: Context, part: str
) -> None:
    app = create_app(context)
    login_of(context, "new@shop.example")
    visitor = Visitor(app)
    visitor.log_in("new@shop.example")
    body = visitor.get(f"/mailchimp/{part}").text.split("</nav>")[-1]
    assert 'href="/mailchimp"' in body
    assert "Connect Mailchimp" in body


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("shop_look", "/mailchimp/shop"),
        ("check", "/mailchimp/check"),
        ("events", "/mailchimp/flows"),
        ("draft", "/mailchimp/campaigns"),
        ("take_out", "/mailchimp"),
    ],
)
def test_a_page_says_what_of_its_work_was_given_up_and_runs_it_again(
    shop: tuple[Flask, Merchant], context: Context, kind: str, path: str
) -> None:
    app, known = shop
    with scoped(context.engine, known.account_id) as session:
        lane = f"account:{known.account_id}:test"
        session.add(
            Work(
                account_id=known.account_id,
                kind=kind,
                lane=lane,
                status="dead",
                run_at=NOW,
                created_at=NOW,
                error="it rained",
            )
        )
    visitor = Visitor(app)
    visitor.log_in(known.email)
    page = visitor.get(path).text
    assert "it rained" in page
    assert "Run again" in page


def test_every_kind_of_work_has_a_name(shop: tuple[Flask, Merchant]) -> None:
    app, _ = shop
    with app.test_request_context():
        assert set(kind_names()) == set(HANDLERS)


def test_no_address_of_a_person_stands_in_any_link(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    for path in pages(known):
        for link in LINKS.findall(visitor.get(path).text):
            assert not re.search("@|%40", link), (path, link)
    found = visitor.post("/people", {"q": "ada1@lovelace.example"})
    assert "Ada1 Lovelace" in found.text
    assert "Ada0 Lovelace" not in found.text
    assert not [link for link in LINKS.findall(found.text) if "lovelace" in link.lower()]


def test_every_answer_carries_the_security_headers(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    paths = ["/login", "/nowhere", "/healthz", "/", "/static/theme.js"]
    visitor.log_in(known.email)
    paths += [*pages(known), "/segments/due:suits:now.csv", f"/people/{10**6}"]
    for path in paths:
        headers = visitor.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        if not path.startswith("/static"):
            assert headers["Cache-Control"] == "no-store", path


def test_only_scripts_of_ours_with_this_answers_nonce_can_run(
    shop: tuple[Flask, Merchant],
) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    nonces = set()
    for path in pages(known):
        answer = visitor.get(path)
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
        assert nonce is not None
        nonces.add(nonce[1])
        assert set(re.findall(r'<script[^>]* nonce="([^"]+)"', answer.text)) == {nonce[1]}
        assert answer.text.count("<script") == answer.text.count(f'nonce="{nonce[1]}"')
        assert not re.search(r"<[^>]+\s(on\w+|style)=", answer.text), path
        # A person may go to a campaign in Mailchimp; nothing is loaded from there.
        ours = answer.text.replace('<a href="https://us6.admin.mailchimp.com/', "")
        assert not re.search(r'(src|href)="(https?:)?//', ours), path
    assert len(nonces) == len(pages(known))


def test_the_overview_counts_people_and_those_in_the_audience(
    shop: tuple[Flask, Merchant],
) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    text = re.sub(r"\s+", " ", visitor.get("/").text)
    cell = re.search(r">([^<]+)<span[^>]*> Due: Suits – now</span></a> <small[^>]*>([^<]+)<", text)
    assert cell is not None
    assert cell.groups() == ("3", "1")


def test_what_was_read_is_what_is_stored_however_many_files_it_came_in(
    shop: tuple[Flask, Merchant],
) -> None:
    app, known = shop
    context: Context = app.extensions["stipt"]
    with scoped(context.engine, known.account_id) as session:
        orders = session.exec(select(Order).where(Order.shop_id == known.shop_id)).all()
        orders[0].profile_id = orders[1].profile_id = None
        for number in range(7):
            session.add(ImportRun(account_id=known.account_id, shop_id=known.shop_id,
                                  name=f"{number}.csv", status="done", started_at=NOW,
                                  counters={"orders read": 100, "lines": 100}))  # fmt: skip
    visitor = Visitor(app)
    visitor.log_in(known.email)
    text = re.sub(r"\s+", " ", visitor.get("/").text)
    assert "We read 3 orders and receipts with 3 lines. 2 lines had no customer" in text


def test_the_small_figure_counts_whom_a_plan_would_give_the_tag(
    shop: tuple[Flask, Merchant],
) -> None:
    app, known = shop
    context: Context = app.extensions["stipt"]
    at = NOW - timedelta(days=1)
    with scoped(context.engine, known.account_id) as session:
        audience = session.exec(select(Audience)).one()
        assert audience.id is not None
        for number, status in ((1, "unsubscribed"), (2, "subscribed")):
            email = f"ada{number}@lovelace.example"
            session.add(Member(account_id=known.account_id, audience_id=audience.id,
                               email_key=email, status=status))  # fmt: skip
        session.flush()
        assert reach.counts(session)["due:suits:now"] == 2
        session.add(Consent(account_id=known.account_id, external_id="no",
                            email_key="ada2@lovelace.example", state="denied", at=at,
                            source="shop", received_at=NOW))  # fmt: skip
        session.flush()
        assert reach.counts(session, "due:suits:now") == {"due:suits:now": 1}
        assert list(wanted(session, audience).people.values()) == [known.person_id]


def test_due_segments_are_a_row_a_need_with_the_most_urgent_first() -> None:
    known = {s.key: s for s in catalogue({need: name_of(need) for need in ("suits", "shirts")})}
    people = {
        "suits:now": 3,
        "suits:late": 90,
        "shirts:soon": 2,
        "shirts:now": 5,
        "anything:now": 4,
    }
    rows = due_rows([Size(known[f"due:{key}"], count, 0) for key, count in people.items()])
    shown = [(row.need, {state: size.people for state, size in row.states.items()}) for row in rows]
    assert shown == [
        ("anything", {"now": 4}),
        ("shirts", {"soon": 2, "now": 5}),
        ("suits", {"now": 3, "late": 90}),
    ]


def test_a_list_under_a_group_says_the_group_once(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    visitor.post("/language", {"language": "nl"})
    text = visitor.get("/").text
    assert '<h3 class="card-title" id="stage-title">Fase</h3>' in text
    assert "<li><span>Vast</span>" in text


def test_without_an_audience_nothing_is_counted_in_it(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    context: Context = app.extensions["stipt"]
    with scoped(context.engine, known.account_id) as session:
        session.exec(select(Audience)).one().disconnected_at = NOW
    visitor = Visitor(app)
    visitor.log_in(known.email)
    assert "st-inside" not in visitor.get("/").text


def test_a_business_customer_shows_what_the_company_orders_and_what_its_basket_lacks(
    shop: tuple[Flask, Merchant], context: Context
) -> None:
    app, known = shop
    tiles = {
        "key": "overdue", "need": "tiles", "last_on": "2025-12-19", "expected_on": "2026-01-23",
        "every": 35, "spread": 6, "orders": 7, "units": 24, "contacts": 2, "carries": False,
        "state": "overdue", "p_overdue": 0.97, "units_low": 18.2, "units_high": 31.0,
        "amount": 12_000.0,
    }  # fmt: skip
    whole = {**tiles, "need": "anything", "units": None, "units_low": None, "units_high": None,
             "state": "", "expected_on": "2026-03-30"}  # fmt: skip
    lacks = {"key": "lacks-missing", "need": "grout", "with": "", "orders": 9, "of": 10,
             "last_on": "2026-03-01"}  # fmt: skip
    with scoped(context.engine, known.account_id) as session:
        figures = session.exec(
            select(PersonProfile).where(PersonProfile.person_id == known.person_id)
        ).one()
        figures.trade = {"rhythms": [whole, tiles], "lacks": [lacks]}
    visitor = Visitor(app)
    visitor.log_in(known.email)
    text = visitor.get(f"/people/{known.person_id}").text
    for words in (
        "Tiles: usually every 5 weeks ± 6 days (7 orders), the last 19 Dec 2025;",
        "by now is 97%.",
        "Eight of ten orders are of 18 to 31 pieces.",
        "worth about €120.00.",
        "Another contact of the company carries the tag.",
        "Grout: in 9 of 10 orders, and not in the last, of 1 Mar 2026.",
    ):
        assert words in text, words
    assert text.index("Tiles: usually") < text.index("An order of anything:")
    visitor.post("/language", {"language": "nl"})
    text = visitor.get(f"/people/{known.person_id}").text
    assert "Grout: in 9 van 10 bestellingen, en niet in de laatste, van 1 mrt 2026." in text


def test_a_person_shows_every_source_and_the_sentence_of_every_tag(
    shop: tuple[Flask, Merchant],
) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    text = visitor.get(f"/people/{known.person_id}").text
    for words in (
        "Lovelace webshop",
        "Lovelace till",
        "suits here last 23 months (learned from 312); no suit since.",
        "Store receipt",
        "−€59.00",
        "Fitting room",
        "double opt-in form",
        "permission confirmed",
        "Chance of a purchase within 30 days: 20%.",
        "one thing at a time is told, and now that is Suits.",
        "Now in “Stage: Regular”.",
        "Zilte: 4 of 6 purchases whose brand is known; in this shop 12% are.",
    ):
        assert words in text, words
    visitor.post("/language", {"language": "nl"})
    text = visitor.get(f"/people/{known.person_id}").text
    assert (
        "de levensduur van pakken is hier 23 maanden (geleerd uit 312); sindsdien geen pak." in text
    )
    assert "Zit nu in “Fase: Vast”." in text
    assert "Meer gekocht dan door anderen" in text
    assert "€\xa0399,00" in text


def test_a_download_holds_everybody_and_no_formula(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    people = visitor.get("/segments/due:suits:now.csv")
    assert people.mimetype == "text/csv"
    assert people.text.count("@lovelace.example") == 3
    assert "attachment" in people.headers["Content-Disposition"]
    assert "'=31-02-2026" in visitor.get(f"/imports/{known.run_id}/rejects.csv").text
    changes = visitor.get(f"/plan/{known.published_plan_id}/changes.csv").text
    assert "the contact is in a compliance state" in changes


def test_pages_of_a_segment_hold_fifty_people_each(context: Context) -> None:
    still = replace(context, clock=lambda: NOW)
    known = merchant(still, people=53)
    visitor = Visitor(create_app(still))
    visitor.log_in(known.email)
    first, second = (
        set(re.findall(r"/people/(\d+)", visitor.get(f"/segments/due:suits:now?page={n}").text))
        for n in (1, 2)
    )
    assert (len(first), len(second), first & second) == (50, 3, set())
    found = visitor.post("/segments/due:suits:now", {"q": "Ada52"}).text
    assert "1 person found" in found
    assert "Ada52 Lovelace" in found


def test_a_page_after_the_last_one_leads_back(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    visitor = Visitor(app)
    visitor.log_in(known.email)
    text = visitor.get("/people?page=9999").text
    assert "No people yet." not in text
    assert "To the first page" in text


def test_where_somebody_gave_permission_is_said_in_dutch(shop: tuple[Flask, Merchant]) -> None:
    app, known = shop
    context: Context = app.extensions["stipt"]
    with scoped(context.engine, known.account_id) as session:
        for number, source in enumerate(("unsubscribe link", "Zomerfeest Ada")):
            session.add(Consent(account_id=known.account_id, external_id=f"s{number}",
                                email_key="ada0@lovelace.example", state="denied", at=NOW,
                                source=source, received_at=NOW))  # fmt: skip
    visitor = Visitor(app)
    visitor.log_in(known.email)
    visitor.post("/language", {"language": "nl"})
    text = visitor.get(f"/people/{known.person_id}").text
    assert "uitschrijflink" in text
    assert "unsubscribe link" not in text
    assert "Zomerfeest Ada" in text  # the merchant's own word


@pytest.mark.parametrize(
    ("language", "thousands", "decimals"),
    [("en", "€\xa01,150.00", "€\xa01.15"), ("nl", "€\xa01.150,00", "€\xa01,15")],
)
def test_the_answers_about_an_amount_cannot_be_mistaken(
    shop: tuple[Flask, Merchant], language: str, thousands: str, decimals: str
) -> None:
    app, known = shop
    context: Context = app.extensions["stipt"]
    question = {"option": "decimal", "column": "Totaal", "examples": ["1.150"],
                "choices": [[",", "1150"], [".", "1,150"]]}  # fmt: skip
    with scoped(context.engine, known.account_id) as session:
        session.get_one(ImportRun, known.waiting_run_id).error = json.dumps([question])
    visitor = Visitor(app)
    visitor.log_in(known.email)
    visitor.post("/language", {"language": language})
    text = visitor.get("/imports").text
    said = re.findall(r'value="([,.])" required><span class="form-check-label">([^<]*)<', text)
    assert said == [(",", thousands), (".", decimals)]


def test_health_needs_no_log_in_and_says_nothing_else(context: Context) -> None:
    answer = create_app(context).test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(("language", "told"), [("en", "8,898 people"), ("nl", "8.898 people")])
def test_a_number_in_a_sentence_has_the_separators_of_its_reader(
    context: Context, language: str, told: str
) -> None:
    app = create_app(context)
    with app.test_request_context("/", headers={"Accept-Language": language}):
        sentence = '{{ ngettext("%(num)s person", "%(num)s people", 8898) }}'
        assert render_template_string(sentence) == told
