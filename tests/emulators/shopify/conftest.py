"""One emulated Shopify for the tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest
import requests

from tests.emulators.shopify.clock import Clock
from tests.emulators.shopify.server import GOLDEN, ShopifyEmulator

#: Asks the Admin API: query text and variables to the answer.
Ask: TypeAlias = Callable[..., Any]


@pytest.fixture
def shopify() -> Iterator[ShopifyEmulator]:
    """A small golden shop, at a moment that only tests move."""
    clock = Clock(datetime(2026, 11, 1, 12, tzinfo=UTC))
    with ShopifyEmulator.serve(clock, customers=12, only_sold=True) as served:
        yield served


@pytest.fixture
def ask(shopify: ShopifyEmulator) -> Ask:
    """Ask the golden shop with a fresh token."""
    token = shopify.install()["access_token"]
    address = f"{shopify.url_template.format(shop=GOLDEN)}/admin/api/2026-10/graphql.json"

    def post(query: str, /, **variables: Any) -> Any:
        return requests.post(
            address,
            json={"query": query, "variables": variables},
            headers={"X-Shopify-Access-Token": token},
            timeout=10,
        )

    return post
