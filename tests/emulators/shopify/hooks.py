"""Webhooks: signed, sent over HTTP, tried again on the clock, and everything that goes wrong there.

Sources: shopify.dev, "Troubleshooting webhooks"; changelog of 2024-09-10: eight retries within four
hours, then a subscription made through the API is deleted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import requests

from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.signing import webhook_signature
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.topics import PRIVACY, header_name

if TYPE_CHECKING:
    from tests.emulators.shopify.server import ShopifyEmulator

#: Brings one delivery; returns the status of the answer, 0 when there was none.
Transport: TypeAlias = Callable[[str, Mapping[str, str], bytes], int]

RETRIES = 8
#: Seconds to the first retry; each next wait is twice as long, all together four hours.
_FIRST_S = 56
#: Seconds to connect, and for the whole answer.
_TIMEOUT = (1, 5)
_TICK_S = 0.05


@dataclass(kw_only=True)
class Delivery:
    """One delivery: what was true when it was caused, however late it arrives."""

    shop: str
    #: As the header says it.
    topic: str
    url: str
    headers: dict[str, str]
    body: bytes
    due_at: datetime
    #: None for what the app's configuration declares.
    subscription: str | None = None
    attempts: int = 0
    #: Status of every attempt; 0: no answer.
    statuses: list[int] = field(default_factory=list)


def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Bring a delivery over HTTP; a redirect is not followed, and no success."""
    try:
        answer = requests.post(
            url, data=body, headers=dict(headers), timeout=_TIMEOUT, allow_redirects=False
        )
    except requests.RequestException:
        return 0
    return answer.status_code


class Hooks:
    """The postman of all shops, and what may happen to him."""

    def __init__(self, shopify: ShopifyEmulator) -> None:
        self._shopify = shopify
        self._lock = threading.RLock()
        self._number = 0
        self._switches: list[tuple[str, str, int, float]] = []
        #: Tests put an application's test client here.
        self.transport: Transport = post
        self.waiting: list[Delivery] = []
        #: Delivered or given up.
        self.done: list[Delivery] = []
        #: A retry gets a webhook id of its own; documents disagree on that.
        self.new_id_on_retry = False

    def switch(self, kind: str, *, topic: str = "", times: int = 1, seconds: float = 0.0) -> None:
        """Let something happen to the next deliveries of a topic (empty: of any).

        `kind`: "drop", "duplicate", "delay" (by `seconds`), "wrong_signature", "tampered",
        "reorder" (it waits until another one was brought).
        """
        kinds = ("drop", "duplicate", "delay", "wrong_signature", "tampered", "reorder")
        if kind not in kinds:
            raise ValueError(f"kind must be one of {', '.join(kinds)}")
        with self._lock:
            self._switches += [(kind, topic, place, seconds) for place in range(times)]

    def fire(
        self,
        shop: Shop,
        topic: str,
        body: Mapping[str, Any],
        *,
        event: str | None = None,
        after: timedelta = timedelta(),
    ) -> None:
        """Cause the deliveries of one event: to every subscription, and to what is declared."""
        name = topic if topic in PRIVACY else header_name(topic)
        targets: list[tuple[str, str | None, str, str | None]] = [
            (row["uri"], key, row["apiVersion"]["handle"], row["name"])
            for key, row in shop.subscriptions.items()
            if row["topic"] == topic
        ]
        app = self._shopify.app
        if app.compliance_url and (topic in PRIVACY or topic in app.declared_topics):
            targets.append((app.compliance_url, None, "2026-10", None))
        event = event or self._next("event")
        for url, subscription, version, label in targets:
            made = self._made(shop, name, url, body, version, event)
            if label:
                made.headers["X-Shopify-Name"] = label
            made.subscription, made.due_at = subscription, made.due_at + after
            self._enqueue(made)

    def _made(
        self, shop: Shop, name: str, url: str, body: Mapping[str, Any], version: str, event: str
    ) -> Delivery:
        now = self._shopify.clock()
        data = json.dumps(body, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": name,
            "X-Shopify-Hmac-Sha256": webhook_signature(data, self._shopify.client_secret),
            "X-Shopify-Shop-Domain": shop.domain,
            "X-Shopify-API-Version": version,
            "X-Shopify-Webhook-Id": self._next("webhook"),
            "X-Shopify-Event-Id": event,
            "X-Shopify-Triggered-At": stamp(now),
        }
        return Delivery(
            shop=shop.domain, topic=name, url=url, headers=headers, body=data, due_at=now
        )

    def _next(self, what: str) -> str:
        with self._lock:
            self._number += 1
            return f"{what}-{self._number}"

    def _enqueue(self, delivery: Delivery) -> None:
        with self._lock:
            kind, seconds = self._struck(delivery.topic)
            if kind == "drop":
                return
            if kind == "duplicate":
                again = replace(delivery, headers=dict(delivery.headers), statuses=[])
                self.waiting.append(again)
            if kind == "delay":
                delivery.due_at += timedelta(seconds=seconds)
            if kind == "wrong_signature":
                wrong = webhook_signature(delivery.body, "not the secret")
                delivery.headers["X-Shopify-Hmac-Sha256"] = wrong
            if kind == "tampered":
                delivery.body = delivery.body.replace(b"1", b"2", 1)
            if kind == "reorder":
                delivery.due_at += timedelta(seconds=1)
            self.waiting.append(delivery)

    def _struck(self, topic: str) -> tuple[str, float]:
        for switch in self._switches:
            if switch[1] in ("", topic):
                self._switches.remove(switch)
                return switch[0], switch[3]
        return "", 0.0

    def replay(self, delivery: Delivery, **headers: str) -> None:
        """Bring a delivery again that somebody caught; only its body is signed.

        `headers` are put in the place of its own: `Topic`, `Shop_Domain`, `Webhook_Id`.
        """
        changed = {f"X-Shopify-{name.replace('_', '-')}": text for name, text in headers.items()}
        self.transport(delivery.url, {**delivery.headers, **changed}, delivery.body)

    def deliver(self) -> int:
        """Bring everything that is due by the clock, in the order in which it became due.

        Returns how many deliveries were tried.
        """
        tried = 0
        while True:
            with self._lock:
                now = self._shopify.clock()
                due = [one for one in self.waiting if one.due_at <= now]
                if not due:
                    return tried
                delivery = min(due, key=lambda one: one.due_at)
                self.waiting.remove(delivery)
            self._bring(delivery)
            tried += 1

    def _bring(self, delivery: Delivery) -> None:
        if self._is_outdated(delivery):
            return
        delivery.attempts += 1
        if self.new_id_on_retry and delivery.attempts > 1:
            delivery.headers["X-Shopify-Webhook-Id"] = self._next("webhook")
        status = self.transport(delivery.url, delivery.headers, delivery.body)
        delivery.statuses.append(status)
        if 200 <= status < 300:
            self.done.append(delivery)
            return
        if delivery.attempts > RETRIES:
            self.done.append(delivery)
            # What the app's configuration declares is never deleted.
            if delivery.subscription is not None:
                shop = self._shopify.shops[delivery.shop]
                shop.subscriptions.pop(delivery.subscription, None)
            return
        wait = _FIRST_S * 2 ** (delivery.attempts - 1)
        delivery.due_at = self._shopify.clock() + timedelta(seconds=wait)
        with self._lock:
            self.waiting.append(delivery)

    def _is_outdated(self, delivery: Delivery) -> bool:
        """A shop that came back within 48 hours is not redacted."""
        shop = self._shopify.shops[delivery.shop]
        return delivery.topic == "shop/redact" and shop.scopes is not None

    def work(self, stop: threading.Event) -> None:
        """Bring what is due again and again until told to stop: a postman's thread."""
        while not stop.wait(_TICK_S):
            self.deliver()
