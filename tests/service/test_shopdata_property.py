"""Whatever the history of edits and sendings: it ends as one sending of the final state does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import col, delete

from integration.sandbox.server import SandboxServer
from integration.sandbox.shops.store import Store, is_revenue
from integration.settings import Settings
from integration.shopdata import sender
from integration.tables import Refund
from tests import fresh_tables
from tests.service.store_shop import TODAY, StoreShop

PEOPLE = ("ada@stipt-demo.shop", "bob@stipt-demo.shop")
PRODUCTS, VARIANTS = ("suit", "tie", "the server/ü"), ("blue", "grey")

products = st.tuples(
    st.just("product"),
    st.sampled_from(PRODUCTS),
    st.sets(st.sampled_from(VARIANTS)),
    st.sampled_from(["Suit", "Größe"]),
    st.sampled_from([5_000, 19_950]),
)
orders = st.tuples(
    st.just("order"),
    st.sampled_from(["o1", "o2", "o/3"]),
    st.sampled_from(PEOPLE),
    st.lists(
        st.tuples(st.sampled_from(PRODUCTS), st.sampled_from([None, *VARIANTS])),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["paid", "paid", "open", "cancelled", "test"]),
    st.sampled_from([0, 30, 200]),
)
refunds = st.tuples(
    st.just("refund"), st.sampled_from(["o1", "o2"]), st.sampled_from([None, 2_000, 10_000])
)
carts = st.tuples(
    st.just("cart"),
    st.sampled_from(["k1", "k2"]),
    st.sampled_from(PEOPLE),
    st.lists(st.sampled_from(PRODUCTS), max_size=2),
    st.sampled_from([0, 20, 60]),
)
lost = st.tuples(st.just("drop"), st.sampled_from(PRODUCTS))
sent = st.tuples(st.just("send"))
histories = st.lists(st.one_of(products, orders, refunds, carts, lost, sent, sent), max_size=14)


def apply(shop: StoreShop, edit: tuple[Any, ...]) -> None:
    """Let an edit happen."""
    kind, *values = edit
    if kind == "product":
        key, variants, title, price = values
        shop.product(key, variants=sorted(variants), title=title, price_minor=price)
    elif kind == "order":
        key, email, lines, status, days = values
        at = TODAY - timedelta(days=days)
        shop.order(key, shop.people.profiles[email], *lines, at=at, status=status)
    elif kind == "refund":
        order, amount = values
        with shop.people.session() as session:
            session.exec(delete(Refund).where(col(Refund.external_id) == f"r-{order}"))
        shop.refund(f"r-{order}", order, amount)
    elif kind == "cart":
        key, email, wanted, days = values
        at = TODAY - timedelta(days=days, hours=-1)
        shop.cart(key, shop.people.profiles[email], *wanted, at=at)
    elif kind == "drop":
        shop.drop_product(values[0])


@contextmanager
def opened(settings: Settings) -> Iterator[StoreShop]:
    """A fresh shop with its store switched on."""
    with tempfile.TemporaryDirectory() as folder, SandboxServer() as sandbox:
        url = f"sqlite:///{Path(folder) / 'stipt.db'}"
        fresh_tables.lay(url)
        shop = StoreShop(settings.model_copy(update={"database_url": url}), sandbox)
        for email in PEOPLE:
            shop.buyer(email)
        shop.on()
        yield shop
        shop.close()


def counted(store: Store) -> dict[str, Any]:
    """What Mailchimp counts, offers and reminds of.

    Without what only a history leaves: cancelled orders, and what is no longer offered.
    """
    return {
        "orders": {k: v for k, v in store.orders.items() if is_revenue(v) or _waits(v)},
        "carts": {key: _timeless(cart) for key, cart in store.carts.items()},
        "customers": {key: row["email_address"] for key, row in store.customers.items()},
        "offered": {
            (key, variant["id"]): (row["title"], row["vendor"], _timeless(variant))
            for key, row in store.products.items()
            for variant in row["variants"].values()
            if variant["visibility"] == "visible"
        },
        "revenue": {email: store.totals_at(email) for email in PEOPLE},
    }


def _waits(order: dict[str, Any]) -> bool:
    return bool(order["financial_status"] == "pending")


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k not in ("created_at", "updated_at")}


@pytest.mark.parametrize("few", [0, 10], ids=["in batches", "call by call"])
@given(history=histories)
@hypothesis_settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_history_ends_in_the_state_of_one_sending(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, few: int, history: list[tuple[Any, ...]]
) -> None:
    monkeypatch.setattr(sender, "FEW", few)
    with opened(settings) as step, opened(settings) as once:
        for edit in history:
            if edit[0] == "send":
                step.send()
            else:
                apply(step, edit)
                apply(once, edit)
        step.send()
        once.send()
        assert counted(step.store) == counted(once.store)
        assert step.refused() == once.refused() == []
        assert step.send() == once.send() == 0
        assert not step.store.is_syncing
        statuses = {member.status for member in step.sandbox.audience.members.values()}
        assert statuses == {"subscribed"}
