"""One emulated Shopify for a file's tests, and connectors over it that never really wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from connectors.shopify.client import Client
from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.tokens import FixedToken
from tests.emulators.shopify.clock import Clock
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
        yield served


@pytest.fixture
def connect(shopify: ShopifyEmulator, tmp_path: Path) -> Connect:
    """Return what makes a connector on the golden shop."""
    token = shopify.install(expiring=False)["access_token"]

    def make(*, few: int = 10_000, token: str = token, **more: Any) -> ShopifyConnector:
        def sleep(seconds: float) -> None:
            shopify.clock.advance(seconds=seconds)

        client = Client(
            GOLDEN,
            FixedToken(token),
            url_template=shopify.url_template,
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
