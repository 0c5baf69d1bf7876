"""What happens in a shop: customers, merchants and Shopify itself act, and webhooks tell of it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.records import Cart, OrderLine
from tests.emulators.shopify import payloads
from tests.emulators.shopify.clock import stamp
from tests.emulators.shopify.dialect import bag
from tests.emulators.shopify.render_goods import checkout, checkout_tokens
from tests.emulators.shopify.state import Shop
from tests.emulators.shopify.tables import Row, Table, kind_of, number_of

if TYPE_CHECKING:
    from tests.emulators.shopify.server import ShopifyEmulator

#: Type to the topics of a new, a changed and a deleted record.
_TOPICS = {
    "Customer": ("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_DELETE"),
    "Order": ("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_DELETE"),
    "Product": ("PRODUCTS_CREATE", "PRODUCTS_UPDATE", "PRODUCTS_DELETE"),
    "AbandonedCheckout": ("CHECKOUTS_CREATE", "CHECKOUTS_UPDATE", "CHECKOUTS_DELETE"),
}
REDACT_SHOP_AFTER = timedelta(hours=48)
REDACT_CUSTOMER_AFTER = timedelta(days=10)


class Acts:
    """Everything that can happen in one shop."""

    def __init__(self, shopify: ShopifyEmulator, shop: Shop) -> None:
        self._shopify = shopify
        self.shop = shop

    def _table(self, global_id: str) -> Table:
        table = self.shop.table(kind_of(global_id))
        assert table is not None, f"{global_id} has no table"
        return table

    def _fire(self, topic: str, body: dict[str, Any], **more: Any) -> None:
        self._shopify.hooks.fire(self.shop, topic, body, **more)

    def save(self, row: Row) -> Row:
        """Keep a record, new or changed, as of now; webhooks tell of it."""
        with self._shopify.lock:
            table = self._table(row["id"])
            new = row["id"] not in table
            row["updatedAt"] = stamp(self._shopify.clock())
            table.put(row)
        self._fire(_TOPICS[row["__typename"]][0 if new else 1], payloads.of(row))
        return row

    def edit(self, global_id: str, **fields: Any) -> Row:
        """Change fields of a record."""
        return self.save({**deepcopy(self._table(global_id)[global_id]), **fields})

    def copy(self, global_id: str, **fields: Any) -> Row:
        """Make a new record like another, with an id of its own and created now."""
        like = deepcopy(self._table(global_id)[global_id])
        like["id"] = self.shop.next_id(like["__typename"])
        if "legacyResourceId" in like:
            like["legacyResourceId"] = str(number_of(like["id"]))
        now = stamp(self._shopify.clock())
        like["createdAt"] = now
        if "processedAt" in like:
            like["processedAt"] = now
        if like["__typename"] == "AbandonedCheckout":
            like |= checkout_tokens(f"-token-{number_of(like['id'])}")
        for line in like.get("lineItems", ()):
            line["id"] = self.shop.next_id(kind_of(line["id"]))
        return self.save({**like, **fields})

    def order_again(self, global_id: str, **fields: Any) -> Row:
        """Place an order like another one; the customer's summary follows."""
        fields = {"refunds": [], "cancelledAt": None, "test": False, **fields}
        made = self.copy(global_id, **fields)
        made["name"] = f"#{made['legacyResourceId']}"
        if made["customer"] and made["customer"]["id"] in self.shop.customers:
            self._bought(made)
        return made

    def begin(self, customer: str, *products: str) -> Row:
        """Let a customer begin a checkout with one piece of each product."""
        goods = [self.shop.products[key] for key in products]
        lines = tuple(
            OrderLine(
                id=str(place),
                title=one["title"],
                quantity=Decimal(1),
                total=Decimal(one["variants"][0]["price"]),
                product_id=str(number_of(one["id"])),
                variant_id=str(number_of(one["variants"][0]["id"])),
            )
            for place, one in enumerate(goods, 1)
        )
        cart = Cart(
            id=str(number_of(self.shop.next_id("AbandonedCheckout"))),
            customer_id=str(number_of(customer)),
            currency=self.shop.currency,
            total=sum((line.total for line in lines), Decimal(0)),
            updated_at=self._shopify.clock(),
            lines=lines,
        )
        return self.save(checkout(cart))

    def complete(self, global_id: str, order: str) -> Row:
        """Let a checkout become an order like another one."""
        row = self.shop.checkouts[global_id]
        tokens = {"checkoutToken": row["token"], "cartToken": row["cartToken"]}
        made = self.order_again(order, **tokens)
        self.edit(global_id, completedAt=made["createdAt"])
        return made

    def _bought(self, order: Row) -> None:
        customer = self.shop.customers[order["customer"]["id"]]
        customer["numberOfOrders"] = str(int(customer["numberOfOrders"]) + 1)
        customer["lastOrder"] = {"id": order["id"]}
        body = {
            "customerId": customer["id"],
            "numberOfOrders": int(customer["numberOfOrders"]),
            "amountSpent": customer["amountSpent"],
            "lastOrderId": order["id"],
            "occurredAt": order["createdAt"],
        }
        self._fire("CUSTOMERS_PURCHASING_SUMMARY", body)

    def delete(self, global_id: str) -> None:
        """Delete a record for good."""
        with self._shopify.lock:
            row = self._table(global_id).remove(global_id)
        self._fire(_TOPICS[row["__typename"]][2], payloads.deleted(row))

    def cancel(self, global_id: str) -> None:
        """Cancel an order."""
        now = stamp(self._shopify.clock())
        row = self.edit(global_id, cancelledAt=now, cancelReason="CUSTOMER")
        self._fire("ORDERS_CANCELLED", payloads.of(row))

    def refund(self, global_id: str, line: int = 0) -> Row:
        """Take one piece of an order's line back and pay for it."""
        row = deepcopy(self.shop.orders[global_id])
        bought = row["lineItems"][line]
        currency, at = row["currencyCode"], stamp(self._shopify.clock())
        paid = Decimal(bought["discountedTotalSet"]["shopMoney"]["amount"])
        amount = (paid / bought["quantity"]).quantize(Decimal("0.01"))
        bought["currentQuantity"] -= 1
        key = self.shop.next_id("Refund")
        refund = {
            "__typename": "Refund",
            "id": key,
            "legacyResourceId": str(number_of(key)),
            "createdAt": at,
            "processedAt": at,
            "updatedAt": at,
            "note": None,
            "order": {"id": global_id},
            "totalRefundedSet": bag(amount, currency),
            "refundLineItems": [
                {
                    "__typename": "RefundLineItem",
                    "id": self.shop.next_id("RefundLineItem"),
                    "quantity": 1,
                    "restockType": "RETURN",
                    "restocked": True,
                    "lineItem": {"id": bought["id"]},
                    "priceSet": bag(amount, currency),
                    "subtotalSet": bag(amount, currency),
                    "totalTaxSet": bag(Decimal(0), currency),
                }
            ],
        }
        row["refunds"].append(refund)
        total = sum(
            (Decimal(one["totalRefundedSet"]["shopMoney"]["amount"]) for one in row["refunds"]),
            Decimal(0),
        )
        row["totalRefundedSet"] = bag(total, currency)
        whole = Decimal(row["totalPriceSet"]["shopMoney"]["amount"])
        row["currentTotalPriceSet"] = bag(whole - total, currency)
        row["displayFinancialStatus"] = "REFUNDED" if total >= whole else "PARTIALLY_REFUNDED"
        self.save(row)
        self._fire("REFUNDS_CREATE", payloads.refund(row, refund))
        return refund

    def consent(
        self, global_id: str, state: str, level: str = "SINGLE_OPT_IN", at: str | None = None
    ) -> None:
        """Let a customer state something about e-mail."""
        row = deepcopy(self.shop.customers[global_id])
        row["defaultEmailAddress"] |= {
            "marketingState": state,
            "marketingOptInLevel": level,
            "marketingUpdatedAt": at or stamp(self._shopify.clock()),
        }
        self.save(row)
        self._fire("CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", payloads.email_consent(row))

    def tag(self, global_id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add and remove a customer's tags."""
        added, removed = list(add), set(remove)
        tags = [tag for tag in self.shop.customers[global_id]["tags"] if tag not in removed]
        row = self.edit(global_id, tags=[*tags, *(tag for tag in added if tag not in tags)])
        for topic, names in (("ADDED", added), ("REMOVED", sorted(removed))):
            if names:
                body = {"customerId": row["id"], "tags": names, "occurredAt": row["updatedAt"]}
                self._fire(f"CUSTOMER_TAGS_{topic}", body)

    def merge(self, kept: str, gone: str) -> None:
        """Make two customers one: the orders of one become the other's."""
        with self._shopify.lock:
            for key in self.shop.orders:
                row = self.shop.orders[key]
                if row["customer"] == {"id": gone}:
                    self.shop.orders.put({**row, "customer": {"id": kept}})
            self.shop.customers.remove(gone)
        self.edit(kept)
        body: Row = {
            "admin_graphql_api_customer_kept_id": kept,
            "admin_graphql_api_customer_deleted_id": gone,
            "admin_graphql_api_job_id": None,
            "status": "completed",
            "errors": [],
        }
        self._fire("CUSTOMERS_MERGE", body)

    def request_data(self, global_id: str) -> None:
        """Let a customer ask what is held of him."""
        row = self.shop.customers[global_id]
        orders = [number_of(key) for key in self._orders_of(global_id)]
        more = {"orders_requested": orders, "data_request": {"id": number_of(global_id)}}
        self._fire("customers/data_request", payloads.privacy(self.shop, row, **more))

    def redact(self, global_id: str) -> None:
        """Let a customer be forgotten: Shopify tells us ten days later."""
        row = self.shop.customers[global_id]
        orders = [number_of(key) for key in self._orders_of(global_id)]
        body = payloads.privacy(self.shop, row, orders_to_redact=orders)
        self._fire("customers/redact", body, after=REDACT_CUSTOMER_AFTER)

    def _orders_of(self, customer: str) -> list[str]:
        orders = self.shop.orders
        return [key for key in orders if orders[key]["customer"] == {"id": customer}]

    def change_scopes(self, scopes: Iterable[str]) -> None:
        """Grant other scopes than before."""
        before, self.shop.scopes = self.shop.scopes or frozenset(), frozenset(scopes)
        body = {
            "id": self.shop.number,
            "previous": sorted(before),
            "current": sorted(self.shop.scopes),
            "updated_at": stamp(self._shopify.clock()),
        }
        self._fire("APP_SCOPES_UPDATE", body)

    def uninstall(self) -> None:
        """Remove our app: its tokens end at once, and shop/redact follows after 48 hours."""
        self._fire("APP_UNINSTALLED", payloads.shop(self.shop))
        self._shopify.tokens.revoke(self.shop.domain)
        self.shop.scopes = None
        self.shop.subscriptions.clear()
        self._fire("shop/redact", payloads.privacy(self.shop, None), after=REDACT_SHOP_AFTER)
