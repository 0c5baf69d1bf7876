"""The e-commerce calls we make: each once, sent at once or as an operation of a batch.

Paths and bodies are those of Mailchimp's "Ecommerce" reference; ids are ours (`shopdata.ids`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration.mailchimp.client import Mailchimp, operation
from integration.mailchimp.errors import Invalid, MailchimpError, NotFound

#: What we do with what: the official client's method, and the path below the store.
_CALLS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("PUT", "customer"): ("set_store_customer", "/customers/{}"),
    ("POST", "product"): ("add_store_product", "/products"),
    ("PATCH", "product"): ("update_store_product", "/products/{}"),
    ("PUT", "variant"): ("add_product_variant", "/products/{}/variants/{}"),
    ("PATCH", "variant"): ("update_product_variant", "/products/{}/variants/{}"),
    ("POST", "order"): ("add_store_order", "/orders"),
    ("PATCH", "order"): ("update_order", "/orders/{}"),
    ("DELETE", "order"): ("delete_order", "/orders/{}"),
    ("POST", "line"): ("add_order_line_item", "/orders/{}/lines"),
    ("PATCH", "line"): ("update_order_line_item", "/orders/{}/lines/{}"),
    ("DELETE", "line"): ("delete_order_line_item", "/orders/{}/lines/{}"),
    ("POST", "cart"): ("add_store_cart", "/carts"),
    ("DELETE", "cart"): ("delete_store_cart", "/carts/{}"),
}
#: How to read what a store holds: the official client's method and the name of its rows.
_READ = {
    "product": ("get_all_store_products", "products"),
    "customer": ("get_all_store_customers", "customers"),
    "order": ("get_store_orders", "orders"),
    "cart": ("get_store_carts", "carts"),
}


@dataclass(frozen=True, slots=True)
class Write:
    """One writing call; `ids` are those of its path."""

    method: str
    kind: str
    ids: tuple[str, ...]
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """Our store as Mailchimp describes it."""

    #: Whether it starts no automation.
    is_syncing: bool


class Ecommerce:
    """A store of ours in an account's e-commerce."""

    def __init__(self, mailchimp: Mailchimp, store_id: str) -> None:
        self.mailchimp, self.store_id = mailchimp, store_id
        self._calls = mailchimp.official.ecommerce

    def store(self) -> StoreInfo | None:
        """Return our store; None when there is none."""
        try:
            found = self.mailchimp.call(self._calls.get_store, self.store_id)
        except NotFound:
            return None
        return StoreInfo(is_syncing=bool(found.get("is_syncing")))

    def create(self, *, name: str, currency: str, platform: str) -> None:
        """Create our store for the client's audience; nothing starts until `set_syncing`."""
        body = {
            "id": self.store_id,
            "list_id": self.mailchimp.list_id,
            "name": name,
            "currency_code": currency,
            "platform": platform,
            "is_syncing": True,
        }
        self.mailchimp.call(self._calls.add_store, body)

    def set_syncing(self, is_syncing: bool) -> None:
        """Say whether what comes is history, for which Mailchimp starts no automation."""
        body = {"is_syncing": is_syncing}
        self.mailchimp.call(self._calls.update_store, self.store_id, body)

    def delete(self) -> None:
        """Delete our store and everything in it; nothing where there is none."""
        try:
            self.mailchimp.call(self._calls.delete_store, self.store_id)
        except NotFound:
            return

    def rows(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield what the store holds of a kind: product, customer, order or cart."""
        method, name = _READ[kind]

        def read(**query: Any) -> Any:
            return getattr(self._calls, method)(self.store_id, **query)

        return self.mailchimp.pages(read, name, None)

    def send(self, write: Write) -> None:
        """Make one writing call.

        Raises
        ------
        MailchimpError
        """
        method, _ = _CALLS[write.method, write.kind]
        body = () if write.body is None else (write.body,)
        self.mailchimp.call(getattr(self._calls, method), self.store_id, *write.ids, *body)

    def operation(self, write: Write, operation_id: str) -> dict[str, str]:
        """Return the same call as an operation of a batch."""
        _, pattern = _CALLS[write.method, write.kind]
        path = f"/ecommerce/stores/{self.store_id}{pattern.format(*write.ids)}"
        return operation(write.method, path, operation_id, write.body)


def is_there_already(error: MailchimpError) -> bool:
    """Tell whether a POST was refused because the id exists."""
    return isinstance(error, Invalid) and "already exists" in str(error)


def lacks_product(error: MailchimpError) -> bool:
    """Tell whether an order or cart was refused because of a product or variant."""
    return isinstance(error, Invalid) and "does not exist in the account" in str(error)
