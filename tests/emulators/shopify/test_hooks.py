"""Webhooks of the emulator: signed, tried again, given up, and everything that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.emulators.shopify.conftest import Ask
from tests.emulators.shopify.server import ShopifyEmulator
from tests.emulators.shopify.signing import webhook_signature

_CREATE = "mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) { \
webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) { \
webhookSubscription { id uri } userErrors { field message } } }"
_URL = "http://127.0.0.1:9/hooks"


@dataclass
class Receiver:
    """Takes deliveries as our application would."""

    status: int = 200
    seen: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    def __call__(self, _url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.seen.append((dict(headers), body))
        return self.status

    @property
    def topics(self) -> list[str]:
        return [headers["X-Shopify-Topic"] for headers, _ in self.seen]


@pytest.fixture
def receiver(shopify: ShopifyEmulator) -> Receiver:
    """What every delivery comes to, without a network."""
    made = Receiver()
    shopify.hooks.transport = made
    return made


def _subscribe(ask: Ask, topic: str, uri: str = _URL) -> Any:
    answer = ask(_CREATE, topic=topic, sub={"uri": uri, "format": "JSON"})
    return answer.json()["data"]["webhookSubscriptionCreate"]


def _first(shopify: ShopifyEmulator) -> str:
    return next(iter(shopify.shop().customers))


def test_a_change_is_told_over_http_with_a_signature(shopify: ShopifyEmulator, ask: Ask) -> None:
    with _listening() as (url, bodies):
        _subscribe(ask, "CUSTOMERS_UPDATE", url)
        shopify.acts().edit(_first(shopify), firstName="Robin")
        assert shopify.hooks.deliver() == 1
    ((headers, body),) = bodies
    assert headers["X-Shopify-Hmac-Sha256"] == webhook_signature(body, shopify.client_secret)
    assert json.loads(body)["first_name"] == "Robin"
    assert "tags" not in json.loads(body)


class _listening:  # noqa: N801  (reads as a word)
    def __enter__(self) -> tuple[str, list[tuple[Any, bytes]]]:
        seen: list[tuple[Any, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                seen.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/", seen

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_eight_retries_within_four_hours_and_then_the_subscription_is_gone(
    shopify: ShopifyEmulator, ask: Ask, receiver: Receiver
) -> None:
    receiver.status = 503
    _subscribe(ask, "CUSTOMERS_UPDATE")
    shopify.acts().edit(_first(shopify), firstName="Robin")
    started = shopify.clock()
    while shopify.hooks.waiting:
        shopify.hooks.deliver()
        shopify.clock.advance(minutes=5)
    assert len(receiver.seen) == 9
    assert 3.5 < (shopify.clock() - started).total_seconds() / 3600 < 4.5
    assert shopify.shop().subscriptions == {}
    assert {body for _, body in receiver.seen} == {receiver.seen[0][1]}


@pytest.mark.parametrize(
    ("kind", "topics"),
    [
        ("drop", ["orders/updated"]),
        ("duplicate", ["customers/update", "customers/update", "orders/updated"]),
        ("delay", ["orders/updated", "customers/update"]),
        ("reorder", ["orders/updated", "customers/update"]),
    ],
)
def test_deliveries_go_astray_when_told_to(
    shopify: ShopifyEmulator, ask: Ask, receiver: Receiver, kind: str, topics: list[str]
) -> None:
    for topic in ("CUSTOMERS_UPDATE", "ORDERS_UPDATED"):
        _subscribe(ask, topic)
    shopify.hooks.switch(kind, topic="customers/update", seconds=60)
    shopify.acts().edit(_first(shopify), firstName="Robin")
    shopify.acts().edit(next(iter(shopify.shop().orders)), tags=["x"])
    shopify.hooks.deliver()
    shopify.clock.advance(minutes=2)
    shopify.hooks.deliver()
    assert receiver.topics == topics


@pytest.mark.parametrize("kind", ["wrong_signature", "tampered"])
def test_a_forged_delivery_does_not_match_its_signature(
    shopify: ShopifyEmulator, ask: Ask, receiver: Receiver, kind: str
) -> None:
    _subscribe(ask, "CUSTOMERS_UPDATE")
    shopify.hooks.switch(kind)
    shopify.acts().edit(_first(shopify), firstName="Robin")
    shopify.hooks.deliver()
    ((headers, body),) = receiver.seen
    assert headers["X-Shopify-Hmac-Sha256"] != webhook_signature(body, shopify.client_secret)


def test_one_address_is_taken_once_a_topic_and_closed_topics_are_refused(
    shopify: ShopifyEmulator, ask: Ask
) -> None:
    assert _subscribe(ask, "ORDERS_CREATE")["userErrors"] == []
    taken = _subscribe(ask, "ORDERS_CREATE")["userErrors"]
    assert taken[0]["message"] == "Address for this topic has already been taken"
    assert _subscribe(ask, "ORDERS_CREATE", "")["userErrors"][0]["message"] == (
        "Address can't be blank"
    )
    shopify.shop().approvals.customer_data = False
    assert "permission" in _subscribe(ask, "CUSTOMERS_CREATE")["userErrors"][0]["message"]


def test_a_subscription_that_is_not_there_cannot_be_deleted(ask: Ask) -> None:
    text = "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { userErrors { field message \
} } }"
    answer = ask(text, id="gid://shopify/WebhookSubscription/1").json()
    assert answer["data"]["webhookSubscriptionDelete"]["userErrors"] == [
        {"field": ["id"], "message": "Webhook subscription does not exist"}
    ]


def test_uninstalling_ends_tokens_and_is_followed_by_redaction_two_days_later(
    shopify: ShopifyEmulator, ask: Ask, receiver: Receiver
) -> None:
    shopify.app.compliance_url = _URL
    _subscribe(ask, "APP_UNINSTALLED")
    shopify.acts().uninstall()
    assert ask("{ shop { id } }").status_code == 401
    shopify.hooks.deliver()
    assert receiver.topics == ["app/uninstalled"]
    shopify.clock.advance(hours=49)
    shopify.hooks.deliver()
    assert receiver.topics == ["app/uninstalled", "shop/redact"]


def test_a_shop_that_came_back_is_not_redacted(
    shopify: ShopifyEmulator, receiver: Receiver
) -> None:
    shopify.app.compliance_url = _URL
    shopify.install()
    shopify.acts().uninstall()
    shopify.install()
    shopify.clock.advance(hours=49)
    shopify.hooks.deliver()
    assert receiver.topics == []


def test_a_customer_asks_what_is_held_and_is_forgotten_ten_days_later(
    shopify: ShopifyEmulator, receiver: Receiver
) -> None:
    shopify.app.compliance_url = _URL
    shopify.acts().request_data(_first(shopify))
    shopify.acts().redact(_first(shopify))
    shopify.hooks.deliver()
    assert receiver.topics == ["customers/data_request"]
    shopify.clock.advance(days=10, minutes=1)
    shopify.hooks.deliver()
    assert set(json.loads(receiver.seen[-1][1])) >= {"shop_id", "customer", "orders_to_redact"}


def test_acts_tell_what_happened(shopify: ShopifyEmulator, ask: Ask, receiver: Receiver) -> None:
    topics = (
        "ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_DELETE", "REFUNDS_CREATE",
        "CUSTOMERS_MERGE", "CUSTOMER_TAGS_ADDED", "CUSTOMERS_PURCHASING_SUMMARY",
        "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", "CHECKOUTS_UPDATE",
    )  # fmt: skip
    for topic in topics:
        _subscribe(ask, topic)
    act, shop = shopify.acts(), shopify.shop()
    bought = next(key for key in shop.orders if shop.orders[key]["customer"])
    made = act.order_again(bought)
    act.refund(made["id"])
    act.cancel(made["id"])
    act.delete(made["id"])
    kept, gone = list(shop.customers)[:2]
    act.tag(kept, add=["vip"])
    act.consent(kept, "UNSUBSCRIBED")
    act.merge(kept, gone)
    act.edit(next(iter(shop.checkouts)), note="x")
    shopify.hooks.deliver()
    assert receiver.topics == [
        "orders/create", "customers/purchasing_summary", "orders/updated", "refunds/create",
        "orders/updated", "orders/cancelled", "orders/delete", "customer.tags_added",
        "customers_email_marketing_consent/update", "customers/merge", "checkouts/update",
    ]  # fmt: skip
    assert "id" not in json.loads(receiver.seen[-1][1])


@pytest.fixture(autouse=True)
def nothing_hidden(shopify: ShopifyEmulator) -> Iterator[None]:
    """Every subscription of these tests uses the app's own scopes."""
    yield
    assert shopify.problems == []
