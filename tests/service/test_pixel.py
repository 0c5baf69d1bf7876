"""Events of a web pixel: what is kept, what is refused, and that nobody is made a customer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import delete, select

from connectors.records import ConsentEvent, ConsentState
from connectors.shopify.browsing import KINDS
from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.privacy import erase
from integration.privacy.subject import of_address
from integration.tables import (
    Consent,
    Person,
    ShopifyStore,
    ShopifySwitch,
    SourceProfile,
    Touchpoint,
    Visitor,
    Work,
)
from integration.throttle import Throttle
from integration.views import pixel
from tests.conftest import on_both
from tests.service.browsing_shop import ADA, KEY, SHIRT, SUIT, BrowsingShop
from tests.service.records import NOON
from tests.service.test_work_letterbox import somebody_writes


@pytest.fixture
def shop(context: Context) -> BrowsingShop:
    """A store whose pixel is on."""
    return BrowsingShop(context)


@on_both
def test_a_view_is_kept_without_anybody_s_name_and_sent_twice_it_is_one(shop: BrowsingShop) -> None:
    assert shop.tell().status_code == 204
    assert shop.tell().status_code == 204
    assert shop.seen == [("product_view", SUIT, "Navy suit", None)]
    assert "browser-1" not in str([row.model_dump() for row in shop.rows(Touchpoint)])
    assert shop.rows(Visitor) == []
    assert shop.rows(Work) == [], "of nobody nothing is computed"


@pytest.mark.parametrize(
    ("event", "more", "kept"),
    [
        ("product_added_to_cart", {"product": SHIRT}, ("cart_add", SHIRT, "White shirt", None)),
        ("product_removed_from_cart", {}, ("cart_remove", SUIT, "Navy suit", None)),
        ("product_viewed", {"product": f"gid://shopify/Product/{SUIT}"},
         ("product_view", SUIT, "Navy suit", None)),
        pytest.param("search_submitted", {"search": "blue suit for Ada Vos"},
                     ("search", None, "suits", None), id="the words of a search are not kept"),
        ("checkout_started", {"checkout": "t0ken"}, ("checkout_start", None, None, None)),
        pytest.param("search_submitted", {"search": "ada@stipt-demo.shop"}, None,
                     id="a search for no goods is not kept"),
        pytest.param("checkout_completed", {"checkout": "t0ken"}, None,
                     id="the order itself tells of a purchase"),
        pytest.param("page_viewed", {}, None, id="nobody here listens to that"),
        pytest.param("product_viewed", {"product": "9999"}, None, id="a product of another shop"),
        pytest.param("product_viewed", {"customer": "9999"}, None, id="nobody becomes a customer"),
    ],
)  # fmt: skip
def test_each_event_is_kept_as_what_it_says_or_not_at_all(
    shop: BrowsingShop, event: str, more: dict[str, Any], kept: tuple[Any, ...] | None
) -> None:
    people = len(shop.rows(Person))
    assert shop.tell(event, **more).status_code == 204
    assert shop.seen == ([kept] if kept else [])
    assert len(shop.rows(Person)) == people
    assert shop.rows(Consent) == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        pytest.param({"analytics": False}, 403, id="not to be analysed"),
        pytest.param({"marketing": False}, 403, id="not for marketing"),
        pytest.param({"email": "ada@stipt-demo.shop"}, 400, id="a field that is not asked for"),
        pytest.param({"analytics": "yes"}, 400, id="a permission that is none"),
        pytest.param({"analytics": None}, 400, id="no permission told"),
        pytest.param({"id": None}, 400, id="without an id"),
        pytest.param({"id": "e 1"}, 400, id="an id that is none"),
        pytest.param({"at": "yesterday"}, 400, id="no moment"),
        pytest.param({"at": "2026-03-01T12:00:00"}, 400, id="a moment of no zone"),
        pytest.param({"product": None}, 400, id="a view of nothing"),
        pytest.param({"product": "1001; DROP TABLE"}, 400, id="a number that is none"),
        pytest.param({"search": "x" * 101}, 400, id="a search that is too long"),
        pytest.param({"checkout": "it's"}, 400, id="a token that could say more than a word"),
        pytest.param({"padding": "x" * 5000}, 413, id="too long"),
        pytest.param({"key": "another-key"}, 404, id="an unknown store"),
        pytest.param({"key": "x" * 200}, 404, id="a key that is too long"),
    ],
)
def test_what_is_refused_leaves_nothing_and_is_told_nothing(
    shop: BrowsingShop, changed: dict[str, Any], status: int
) -> None:
    answer = shop.tell(**changed)
    assert (answer.status_code, answer.data) == (status, b"")
    assert shop.seen == []
    assert shop.visitors == []


def test_it_is_off_unless_the_merchant_switched_it_on_and_shopify_lets_us_in(
    shop: BrowsingShop,
) -> None:
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        session.exec(select(ShopifyStore)).one().stopped = "uninstalled"
    assert shop.tell().status_code == 404
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        session.exec(select(ShopifyStore)).one().stopped = ""
        session.exec(select(ShopifySwitch)).one().on_since = None
    assert shop.tell().status_code == 404
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        session.exec(delete(ShopifySwitch))
    assert shop.tell().status_code == 404
    assert shop.seen == []


def test_a_page_of_no_origin_may_send_and_no_cookie_is_set(shop: BrowsingShop) -> None:
    asked = shop.client.options(
        f"/pixel/shopify/{KEY}",
        headers={"Origin": "null", "Access-Control-Request-Method": "POST"},
    )
    for answer in (asked, shop.tell(), shop.send(b"junk"), shop.tell(key="other")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert asked.status_code == 200
    assert shop.client.get(f"/pixel/shopify/{KEY}").status_code == 405


def test_moments_that_cannot_be_are_brought_near(shop: BrowsingShop) -> None:
    shop.tell(id="late", at=(shop.now + timedelta(days=900)).isoformat())
    shop.tell(id="early", at="0001-01-01T00:00:00+14:00")
    late, early = shop.rows(Touchpoint)
    assert late.at == shop.now
    assert early.at == shop.now - timedelta(days=1)


junk = st.one_of(
    st.binary(max_size=400),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
#: A message of the right form, of which some fields say anything.
bent = st.dictionaries(
    st.sampled_from(
        ("id", "event", "at", "client", "analytics", "product", "search", "customer", "checkout")
    ),
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.text()),
    min_size=1,
    max_size=3,
)


@given(body=junk)
@example(body=b"[" * 4000)
@example(body=b'{"id": "\\ud800"}')
@example(body=b"")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_junk_is_refused_and_nothing_of_it_stored(shop: BrowsingShop, body: bytes) -> None:
    assert shop.send(body).status_code == 400
    assert shop.seen == []
    assert shop.visitors == []


@given(event=st.sampled_from(sorted(KINDS)), changed=bent)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_bent_message_ends_in_an_answer_and_makes_nobody_a_customer(
    shop: BrowsingShop, event: str, changed: dict[str, Any]
) -> None:
    shop.pass_time(minutes=1)
    body = json.dumps({**shop.message(event), **changed}).encode()
    assert shop.send(body).status_code in (204, 400, 403)
    assert len(shop.rows(SourceProfile)) == 1
    assert {row.product_external_id for row in shop.rows(Touchpoint)} <= {None, SUIT}


# -- how often -------------------------------------------------------------------------------------


def test_one_browser_is_heard_so_often_a_minute_and_others_go_on(
    shop: BrowsingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel, "OF_CLIENT", 3)
    shop.client = create_app(shop.context).test_client()
    answers = [shop.tell(id=f"e{n}").status_code for n in range(5)]
    assert answers == [204, 204, 204, 429, 429]
    assert shop.tell(id="other", client="browser-2").status_code == 204
    shop.pass_time(minutes=1)
    assert shop.tell(id="later").status_code == 204
    assert len(shop.seen) == 5


@on_both
def test_a_store_is_heard_so_often_a_minute_whichever_process_hears_it(
    shop: BrowsingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel, "OF_STORE", 3)
    again = BrowsingShop.__new__(BrowsingShop)
    again.__dict__.update(shop.__dict__)
    again.client = create_app(shop.context).test_client()
    told = [
        one.tell(id=f"e{n}", client=f"browser-{n}").status_code
        for n, one in enumerate((shop, again, shop, again, shop))
    ]
    assert told == [204, 204, 204, 429, 429]
    shop.pass_time(minutes=1)
    assert shop.tell(id="later").status_code == 204
    assert len(shop.seen) == 4


def test_who_comes_under_many_names_fills_no_memory() -> None:
    throttle = Throttle(each=60, names=4)
    assert [throttle.lets(f"browser-{n}", NOON) for n in range(9)] == [True] * 4 + [False] * 5
    assert throttle.lets("browser-0", NOON), "who is known already goes on"
    assert throttle.lets("browser-8", NOON + timedelta(minutes=1))
    assert throttle.names == 1


def test_while_the_database_is_busy_an_event_is_lost_and_nobody_waits(shop: BrowsingShop) -> None:
    with somebody_writes(shop.context.engine):
        assert shop.tell().status_code == 503
    assert shop.seen == []


# -- whose it is -----------------------------------------------------------------------------------


def profile(shop: BrowsingShop) -> int:
    """Ada's profile."""
    (row,) = [row for row in shop.rows(SourceProfile) if row.external_id == ADA]
    return int(row.id)


@on_both
def test_who_is_logged_in_is_believed_where_he_is_a_customer(shop: BrowsingShop) -> None:
    shop.tell(customer=ADA)
    assert shop.seen == [("product_view", SUIT, "Navy suit", profile(shop))]
    shop.tell(id="e2", product=SHIRT)
    assert shop.seen[1][3] == profile(shop), "that browser is hers"
    shop.tell(id="e3", product=SHIRT, client="browser-2")
    assert shop.seen[2][3] is None
    assert [work.kind for work in shop.rows(Work)] == ["browsed"], "a burst is computed with once"


def opt_out(shop: BrowsingShop) -> None:
    """Ada does not want what she does to be handed on."""
    shop.store(
        ConsentEvent(
            id=f"data_sale:{ADA}",
            state=ConsentState.DENIED,
            at=None,
            source="Shopify",
            customer_id=ADA,
            channel="data_sale",
        )
    )


def test_of_whoever_opted_out_of_the_sale_of_data_nothing_is_kept(shop: BrowsingShop) -> None:
    opt_out(shop)
    assert shop.tell(customer=ADA).status_code == 204
    assert shop.seen == []
    assert shop.visitors == []


def test_of_whoever_was_erased_nothing_is_kept_and_nothing_stays(shop: BrowsingShop) -> None:
    shop.tell(customer=ADA)
    shop.tell("checkout_started", id="e2", checkout="t0ken")
    with scoped(shop.context.engine, shop.shop.account_id) as session:
        erase.start(session, shop.context, of_address(session, "ada@stipt-demo.shop"))
    assert shop.seen == []
    assert shop.visitors == []
    assert shop.tell(id="e3", customer=ADA).status_code == 204
    assert shop.tell("checkout_completed", id="e4", customer=ADA, checkout="t1").status_code == 204
    assert shop.seen == []
    assert shop.visitors == []
