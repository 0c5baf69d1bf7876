"""Shopify keeps every promise of a connector, by pages and by bulk operations.

Beside the suite's own tests, which run here by both ways, these prove its points for Shopify.

==  ============================================================================================
 1  test_reading.py `test_check_tells_which_right_is_lacking`; test_auth.py, test_rights.py
 2  tests/service/test_golden_shop.py, every table and column
 3  tests/service/test_shopify_follow.py `test_duplicates_and_disorder...`
 4  tests/service/test_connector_killed.py; test_reading.py, exports that break off
 5  test_reading.py `test_a_change_while_paging_is_not_passed_over`
 6  the suite's own: nights of Amsterdam as UTC
 7  test_reading.py `test_a_basic_store_is_never_asked_for_more_than_it_gives`; test_client.py
 8  test_reading.py, faults that pass and faults that last; the list in emulators/shopify/faults.py
 9  test_webhooks.py; tests/service/test_shopify_hooks.py and test_shopify_follow.py, the replay too
10  tests/service/test_shop_check.py `test_lost_webhooks_are_made_good`
11  test_money.py: prices without tax, another currency; test_orders.py
12  test_orders.py `test_a_guest_is_named_by_his_address`; tests/service/test_identity.py
13  tests/service/test_shop_privacy.py; test_shopify_follow.py, merged, deleted and left
14  test_records.py `test_each_state_of_permission_is_one_of_the_four`
15  test_records.py `test_a_new_field_anywhere...`, `test_a_needed_field_that_lacks_is_named`
16  the suite's own; tests/service/test_shopify_tokens.py, in the database
==  ============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import pytest

from connectors.shopify.subscriptions import WANTED
from tests.connectors.contract import ConnectorContract, Hook, MakeConnector, Truth
from tests.connectors.shopify.conftest import NIGHTS, SAID, Connect
from tests.emulators.shopify import payloads
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.faults import KINDS
from tests.emulators.shopify.server import SCOPES, ShopifyEmulator
from tests.emulators.shopify.state import App
from tests.emulators.shopify.tables import kind_of, number_of

#: The app's, of the emulated store.
SECRET = App().client_secret
_STREAMS = {"Customer": "customers", "Product": "products", "Order": "orders"}
#: A topic nobody here listens to, in a store that has it.
_UNKNOWN = "COLLECTIONS_UPDATE"


class TestByPages(ConnectorContract):
    """A small shop."""

    together: ClassVar[Mapping[str, str]] = {"customers": "consent", "orders": "refunds"}

    @pytest.fixture(autouse=True)
    def _calm(self, shopify: ShopifyEmulator) -> Iterator[None]:
        """Leave no fault, right or record to the next test as this one made it."""
        shop = shopify.shop()
        tables = shop.customers, shop.orders, shop.products, shop.checkouts
        kept = [table.frozen() for table in tables]
        yield
        shop.customers, shop.orders, shop.products, shop.checkouts = (
            table.copied() for table in kept
        )
        shop.scopes = frozenset(SCOPES)
        shop.approvals.customer_data = True
        shopify.app.declared_topics.clear()
        shopify.faults.clear()
        shopify.hooks.waiting.clear()
        shopify.hooks.done.clear()

    @pytest.fixture
    def make(self, connect: Connect) -> MakeConnector:
        return partial(connect, secrets=[SECRET])

    @pytest.fixture
    def truth(self, shopify: ShopifyEmulator, connect: Connect, make: MakeConnector) -> Truth:
        shop = shopify.shop()
        told = [row for row in shop.customers.values() if row["defaultEmailAddress"]]
        return Truth(
            moments={str(number_of(key)): at for key, at in zip(shop.orders, NIGHTS, strict=False)},
            consent={
                row["defaultEmailAddress"]["emailAddress"]: {state}
                for row, state in zip(told, SAID.values(), strict=False)
            },
            time_zone="Europe/Amsterdam",
            unreadable=[
                partial(connect, token="shpat_of_somebody_else"),
                *(
                    partial(_broken, shopify, connect, kind)
                    for kind in ("firewall", "not_found", "payment_required", "locked", "security")
                ),
            ],
            lacking={
                "products": partial(_without, shopify, make, "read_products"),
                "orders": partial(_without, shopify, make, "read_orders"),
                "customers": partial(_unapproved, shopify, make),
            },
            faults={kind: partial(_struck, shopify, kind) for kind in KINDS if kind != "between"},
            touch=partial(_touch, shopify),
            hooks=_hooks(shopify),
            secrets=["shpat_", SECRET],
        )


def _broken(shopify: ShopifyEmulator, connect: Connect, kind: str) -> Any:
    """A connector to a store that answers nothing else any more."""
    shopify.faults.clear()
    shopify.faults.add(kind, times=None)
    return connect()


def _without(shopify: ShopifyEmulator, make: MakeConnector, scope: str) -> Any:
    """A connector whose merchant did not grant a scope."""
    shop = shopify.shop()
    shop.approvals.customer_data, shop.scopes = True, frozenset(SCOPES) - {scope}
    return make()


def _unapproved(shopify: ShopifyEmulator, make: MakeConnector) -> Any:
    """A connector whose app Shopify did not approve for customers' data."""
    shop = shopify.shop()
    shop.approvals.customer_data, shop.scopes = False, frozenset(SCOPES)
    return make()


def _struck(shopify: ShopifyEmulator, kind: str) -> None:
    shopify.faults.clear()
    shopify.faults.add(kind, first=2)


def _touch(shopify: ShopifyEmulator, stream: str) -> str | None:
    """Change the record that was read first or comes last, by its name or title."""
    kind = {stream: kind for kind, stream in _STREAMS.items()}.get(stream)
    table = shopify.shop().table(kind) if kind else None
    if table is None:
        return None
    key = next(reversed(list(table)))
    name = {"Customer": "firstName", "Order": "name", "Product": "title"}[kind_of(key)]
    table.put({**table[key], name: "Changed", "updatedAt": stamp(shopify.clock())})
    return str(number_of(key))


def _hooks(shopify: ShopifyEmulator) -> Mapping[str, list[Hook]]:
    """What the store sends when records change, go, and when it removes the app."""
    shop, acts = shopify.shop(), shopify.acts()
    # Not the first customer, whose permission is known to the truth.
    customer, product, order = (
        next(reversed(list(table))) for table in (shop.customers, shop.products, shop.orders)
    )
    copied = acts.copy(product)["id"]
    shopify.app.declared_topics |= {*WANTED, _UNKNOWN}
    shopify.app.compliance_url = "https://stipt.example/hooks/shopify"

    def told(*acts: Callable[[], object]) -> list[Hook]:
        shopify.hooks.waiting.clear()
        for act in acts:
            act()
        return [
            Hook(headers=one.headers, body=one.body, signed_by="X-Shopify-Hmac-Sha256")
            for one in shopify.hooks.waiting
        ]

    def fire(topic: str, body: Mapping[str, Any]) -> Callable[[], object]:
        return partial(shopify.hooks.fire, shop, topic, body)

    return {
        "changed": told(
            partial(acts.edit, customer, firstName="Robin"),
            partial(acts.consent, customer, "UNSUBSCRIBED"),
            partial(acts.tag, customer, add=["x"]),
            partial(acts.edit, product, title="Robe"),
            partial(acts.cancel, order),
            partial(acts.begin, customer, product),
        ),
        "deleted": told(
            partial(acts.delete, copied), partial(acts.delete, acts.begin(customer)["id"])
        ),
        "uninstalled": told(fire("APP_UNINSTALLED", payloads.shop(shop))),
        "unknown": told(fire(_UNKNOWN, {"id": 1})),
        "ping": told(fire("SHOP_UPDATE", payloads.shop(shop))),
    }


class TestByBulk(TestByPages):
    """The same shop, as if it were too large for pages."""

    @pytest.fixture
    def make(self, connect: Connect) -> MakeConnector:
        return partial(connect, few=0, page=8, secrets=[SECRET])
