"""One emulated Shopify for a file's tests, and connectors over it that never really wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from connectors.http import Http
from connectors.records import ConsentState
from connectors.shopify.client import Client
from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.tokens import FixedToken
from tests.emulators.shopify.clock import Clock, stamp
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator
from tests.emulators.shopify.state import Shop

#: Makes a connector; `few` records are read by pages, 0 has everything go by bulk operations.
Connect: TypeAlias = Callable[..., ShopifyConnector]


@pytest.fixture(scope="module")
def shopify() -> Iterator[ShopifyEmulator]:
    """A small golden shop, at a moment that only waiting moves."""
    clock = Clock(datetime(2026, 11, 1, 12, tzinfo=UTC))
    with ShopifyEmulator.serve(clock, customers=6, only_sold=True) as served:
        served.app.distribution = "custom"
        served.shop().plan = "enterprise"
        _thin(served.shop())
        _at_night(served.shop())
        _have_said(served.shop())
        _leave_carts(served)
        yield served


@pytest.fixture
def connect(shopify: ShopifyEmulator, tmp_path: Path) -> Connect:
    """Return what makes a connector on the golden shop."""
    token = shopify.install(expiring=False)["access_token"]

    def make(
        *,
        few: int = 10_000,
        token: str = token,
        reserve: float = 0.0,
        http: Http | None = None,
        **more: Any,
    ) -> ShopifyConnector:
        def sleep(seconds: float) -> None:
            shopify.clock.advance(seconds=seconds)

        client = Client(
            GOLDEN,
            FixedToken(token),
            url_template=shopify.url_template,
            http=http,
            reserve=reserve,
            sleep=sleep,
            clock=lambda: shopify.clock().timestamp(),
            jitter=lambda: 0.0,
        )
        streams = ("customers", "products", "orders", "carts")
        return ShopifyConnector(
            lambda: client,
            folder=tmp_path,
            few=dict.fromkeys(streams, few),
            now=shopify.clock,
            sleep=sleep,
            **more,
        )

    return make


#: Moments of nights on which the shop's clock moves, in Amsterdam; one hour is there twice.
NIGHTS = (
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
    datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
)
#: What Shopify says of e-mail -> what that is here.
SAID = {
    "SUBSCRIBED": ConsentState.CONFIRMED,
    "PENDING": ConsentState.CONSENTED,
    "UNSUBSCRIBED": ConsentState.DENIED,
    "NOT_SUBSCRIBED": ConsentState.UNKNOWN,
}


def _at_night(shop: Shop) -> None:
    """Place the first orders on such nights."""
    for key, at in zip(shop.orders, NIGHTS, strict=False):
        moment = {"createdAt": stamp(at), "processedAt": stamp(at)}
        shop.orders.put({**shop.orders[key], **moment})


def _have_said(shop: Shop) -> None:
    """Have the first customers with an address each say something else."""
    reachable = [key for key in shop.customers if shop.customers[key]["defaultEmailAddress"]]
    for key, state in zip(reachable, SAID, strict=False):
        row = shop.customers[key]
        said = {"marketingState": state, "marketingUpdatedAt": "2026-05-06T07:08:09Z"}
        shop.customers.put({**row, "defaultEmailAddress": {**row["defaultEmailAddress"], **said}})


def _leave_carts(shopify: ShopifyEmulator) -> None:
    """Have three checkouts begun, of which one became an order."""
    shop = shopify.shop()
    for nth, customer in enumerate(list(shop.customers)[:3]):
        begun = shopify.acts().begin(customer, *list(shop.products)[: 3 * nth + 1])
    tokens = {"cartToken": begun["cartToken"], "checkoutToken": begun["token"]}
    order = next(reversed(list(shop.orders)))
    shop.orders.put({**shop.orders[order], **tokens})
    shop.checkouts.put({**begun, "completedAt": begun["createdAt"]})


def _thin(shop: Shop) -> None:
    """Leave a few pages of each kind: every refund, and of the goods those that were bought."""
    plain = [row["id"] for row in shop.orders.values() if not row["refunds"]]
    for key in plain[25:]:
        shop.orders.remove(key)
    sold = {
        line["product"]["id"]
        for row in shop.orders.values()
        for line in row["lineItems"]
        if line["product"]
    }
    for key in [key for key in shop.products if key not in sold][3:]:
        shop.products.remove(key)
