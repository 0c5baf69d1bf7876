"""A Shopify store whose pixel is on, and a browser in it that tells what its user does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlmodel import col, select
from werkzeug.test import TestResponse

from connectors.records import Customer, Product
from integration.app import create_app
from integration.context import Context
from integration.db import scoped
from integration.shopify.switches import BROWSING
from integration.tables import (
    Shop,
    ShopifyPixel,
    ShopifyStore,
    ShopifySwitch,
    Touchpoint,
    Visitor,
)
from tests.service.records import NOON, store
from tests.service.web_shop import add_web_shop

KEY = "a-key-that-stands-in-every-page"
#: What the shop has: product and customer numbers.
SUIT, SHIRT, ADA = "1001", "1002", "501"


@dataclass
class BrowsingShop:
    """The store, at a moment that only the test moves."""

    given: Context
    now: datetime = NOON
    context: Context = field(init=False)
    shop: Shop = field(init=False)
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.context = replace(self.given, clock=lambda: self.now)
        self.shop = add_web_shop(self.context)
        self.client = create_app(self.context).test_client()
        self.store(
            Product(id=SUIT, title="Navy suit", product_type="Suits"),
            Product(id=SHIRT, title="White shirt", product_type="Shirts"),
            Customer(id=ADA, email="ada@stipt-demo.shop"),
        )
        self._switch_on()

    def _switch_on(self) -> None:
        mine: Any = {"account_id": self.shop.account_id, "shop_id": self.shop.id or 0}
        with scoped(self.context.engine, self.shop.account_id) as session:
            session.add(
                ShopifyStore(
                    **mine,
                    store_id="gid://shopify/Shop/1",
                    domain="dressed.myshopify.com",
                    way="fixed",
                    installed_at=NOON,
                )
            )
            session.add(ShopifySwitch(**mine, name=BROWSING, wanted_at=NOON, on_since=NOON))
            session.add(ShopifyPixel(**mine, key=KEY, remote_id="gid://1", switched_at=NOON))

    def store(self, *records: Any) -> None:
        """Have the shop tell something."""
        store(self.context.engine, self.shop.account_id, self.shop.id or 0, *records)

    def message(self, event: str = "product_viewed", **more: Any) -> dict[str, Any]:
        """What the pixel sends of an event."""
        said = {
            "id": "e1",
            "event": event,
            "at": self.now.isoformat(),
            "client": "browser-1",
            "analytics": True,
            "marketing": True,
            "product": SUIT if "product" in event else None,
            **more,
        }
        return {name: value for name, value in said.items() if value is not None}

    def tell(self, event: str = "product_viewed", *, key: str = KEY, **more: Any) -> TestResponse:
        """Have the browser tell of an event."""
        return self.send(json.dumps(self.message(event, **more)).encode(), key=key)

    def send(self, body: bytes, *, key: str = KEY) -> TestResponse:
        """Send something as `sendBeacon` does from a page of no origin."""
        return self.client.post(
            f"/pixel/shopify/{key}",
            data=body,
            headers={"Content-Type": "text/plain;charset=UTF-8", "Origin": "null"},
        )

    def pass_time(self, **given: float) -> None:
        """Let time pass."""
        self.now += timedelta(**given)

    def rows(self, table: type[Any]) -> list[Any]:
        """Rows of a table, of this account."""
        with scoped(self.context.engine, self.shop.account_id) as session:
            return list(session.exec(select(table).order_by(col(table.id))).all())

    @property
    def seen(self) -> list[tuple[str, str | None, str | None, int | None]]:
        """What was kept: kind, product, subject, profile."""
        return [
            (row.kind, row.product_external_id, row.subject, row.profile_id)
            for row in self.rows(Touchpoint)
        ]

    @property
    def visitors(self) -> list[Visitor]:
        """The browsers of which something is known."""
        return self.rows(Visitor)
