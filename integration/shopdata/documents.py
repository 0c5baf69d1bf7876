"""Rows of ours as the documents that Mailchimp takes. Nothing is read or sent here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from babel.numbers import get_currency_precision

from integration.shopdata.ids import remote_id
from integration.tables import Cart, Order, OrderLine, Product, Refund, Variant

Body = dict[str, Any]

#: What a product is filed under that the catalogue no longer has.
LOST = "deleted"
HIDDEN: Body = {"inventory_quantity": 0, "visibility": "hidden"}
#: Longest title that is sent; the specification names no limit, this is one that shows.
_TITLE = 250
#: Longest code that Mailchimp takes for a promotion.
_CODE = 50


def money(minor: int | Decimal, currency: str) -> int | float:
    """Return an amount as JSON's number, with the decimals of its currency.

    Examples
    --------
    >>> money(19950, "EUR"), money(500, "JPY"), money(1234, "KWD")
    (199.5, 500, 1.234)
    """
    digits = get_currency_precision(currency)
    return float(Decimal(minor).scaleb(-digits)) if digits else int(minor)


def product(row: Product, variants: Iterable[Variant]) -> Body:
    """Return a product of the catalogue with its variants.

    Mailchimp has no category: its conditions and follow-ups look at `vendor` and `type`.
    """
    category = row.category_path.rpartition(" > ")[2] or row.product_type
    shown = row.status == "active"
    body = {
        "id": remote_id(row.external_id),
        "title": _title(row.title),
        "type": row.product_type or category,
        "vendor": category or row.brand,
        "variants": [_variant(row, v, shown=shown) for v in variants] or [_only(row, shown=shown)],
    }
    links = {"url": row.url, "image_url": row.image_url}
    return body | {name: link for name, link in links.items() if _is_address(link)}


def _variant(product: Product, row: Variant, *, shown: bool) -> Body:
    words = " ".join(part for part in (row.colour, row.size) if part)
    price = row.price_minor if row.price_minor is not None else product.price_minor
    return {
        "id": remote_id(row.external_id),
        "title": _title(row.title or words or product.title),
        "sku": row.sku or "",
        **_offer(price, product.currency, row.inventory_quantity, shown=shown),
    }


def _only(row: Product, *, shown: bool) -> Body:
    """A product without variants is its own only one."""
    offer = _offer(row.price_minor, row.currency, None, shown=shown)
    key = remote_id(row.external_id)
    return {"id": key, "title": _title(row.title), "sku": row.sku or "", **offer}


def _offer(price: int | None, currency: str | None, stock: int | None, *, shown: bool) -> Body:
    # Not counted means there is some: Mailchimp recommends nothing of which there is none.
    counted = 1 if stock is None else max(0, stock)
    return {
        "price": money(price or 0, currency or "EUR"),
        "inventory_quantity": counted if shown else 0,
        "visibility": "visible" if shown else "hidden",
    }


def product_key(line: Mapping[str, Any]) -> tuple[str, str]:
    """Return the product and variant id that a line is about.

    A line of a source without a catalogue is about what it is called.
    """
    named = line.get("product_id")
    if named:
        return remote_id(named), remote_id(line.get("variant_id") or named)
    digest = hashlib.blake2b(_title(line["title"]).encode(), digest_size=10).hexdigest()
    return f"t-{digest}", f"t-{digest}"


def stub(line: Mapping[str, Any]) -> Body:
    """Return the product of a line that the catalogue does not have, with the line's words."""
    key, _ = product_key(line)
    group = line.get("product_type") or ""
    vendor = LOST if line.get("product_id") else group
    return {
        "id": key,
        "title": _title(line["title"]),
        "type": group,
        "vendor": vendor,
        "variants": [stub_variant(line)],
    }


def stub_variant(line: Mapping[str, Any]) -> Body:
    """Return the variant of a line that its product does not have: known, and not offered."""
    words = " ".join(part for part in (line.get("colour"), line.get("size")) if part)
    _, key = product_key(line)
    return {"id": key, "title": _title(words or line["title"]), "sku": "", "price": 0, **HIDDEN}


def of_line(row: OrderLine) -> dict[str, Any]:
    """Return what `product_key` and `stub` need of an order's line."""
    return {
        "product_id": row.product_external_id,
        "variant_id": row.variant_external_id,
        "title": row.title,
        "product_type": row.product_type or row.category_path.rpartition(" > ")[2],
        "colour": row.colour,
        "size": row.size,
    }


def order(
    row: Order, lines: Sequence[OrderLine], refunds: Sequence[Refund], customer: str
) -> Body | None:
    """Return an order after its refunds; None where nothing was bought (a return at the till)."""
    bought = [line for line in lines if line.quantity > 0]
    if not bought:
        return None
    currency = row.currency
    total, state = _standing(row, refunds)
    taken = sum(line.discount_minor for line in bought)
    body: Body = {
        "id": remote_id(row.external_id),
        "customer": {"id": customer},
        "currency_code": currency,
        "order_total": money(total, currency),
        "discount_total": money(taken, currency),
        "tax_total": money(row.tax_minor or 0, currency),
        "shipping_total": money(row.shipping_minor, currency),
        "financial_status": state,
        "processed_at_foreign": _moment(row.placed_at),
        "promos": _promos(row, taken),
        "lines": [_line(line, currency) for line in bought],
    }
    if state == "cancelled":
        body["cancelled_at_foreign"] = _moment(row.source_updated_at or row.placed_at)
    return body


def _promos(row: Order, taken: int) -> list[Body]:
    """Return the codes of an order, each with what it took off.

    Of which that is not known they share evenly what the others leave of the discount. What names
    an address is no code, and nobody's address travels so.
    """
    codes = [c for c in row.discounts if len(c["code"]) <= _CODE and "@" not in c["code"]]
    unknown = [code for code in codes if code["amount_minor"] is None]
    left = max(0, taken - sum(code["amount_minor"] or 0 for code in codes))
    shares = iter([(left + n) // len(unknown) for n in range(len(unknown))])
    return [
        {
            "code": code["code"],
            "amount_discounted": money(
                next(shares) if code["amount_minor"] is None else code["amount_minor"], row.currency
            ),
            # An amount is what we know; Mailchimp asks for one of the two.
            "type": code["kind"] or "fixed",
        }
        for code in codes
    ]


def _standing(row: Order, refunds: Sequence[Refund]) -> tuple[int, str]:
    """What is left of an order in money, and what Mailchimp calls its state."""
    if row.status == "cancelled":
        return 0, "cancelled"
    total = max(0, row.total_minor)
    back = sum(refunded(row, refund) or 0 for refund in refunds)
    left = max(0, total - back)
    if back and not left:
        return 0, "refunded"
    return left, "pending" if row.status == "open" else "paid"


def refunded(row: Order, refund: Refund) -> int | None:
    """Return what a refund took off an order, in minor units of the order's currency.

    One in the buyer's currency is converted as the order itself was; None: nobody knows the rate.
    """
    if refund.amount_minor is None:
        return max(0, row.total_minor)  # only the state is known: everything went back
    if refund.currency == row.currency:
        return refund.amount_minor
    if refund.currency == row.original_currency and row.original_total_minor:
        return round(Decimal(refund.amount_minor) * row.total_minor / row.original_total_minor)
    return None


def _line(row: OrderLine, currency: str) -> Body:
    product_id, variant_id = product_key(of_line(row))
    # Mailchimp counts whole units: a metre and a half is one piece at its whole price.
    units = int(row.quantity) if row.quantity == int(row.quantity) else 1
    gross = Decimal(row.total_minor + row.discount_minor) / units
    return {
        "id": remote_id(row.external_id),
        "product_id": product_id,
        "product_variant_id": variant_id,
        "quantity": units,
        "price": money(max(0, round(gross)), currency),
        "discount": money(row.discount_minor, currency),
    }


def cart(row: Cart, customer: str) -> Body | None:
    """Return a cart; None where there is nothing in it."""
    lines = [line for line in row.content.get("lines", []) if line["quantity"] > 0]
    if not lines:
        return None
    body: Body = {
        "id": remote_id(row.external_id),
        "customer": {"id": customer},
        "currency_code": row.currency,
        "order_total": money(row.total_minor, row.currency),
        "lines": [_cart_line(n, line, row.currency) for n, line in enumerate(lines, start=1)],
    }
    if _is_address(row.checkout_url):
        body["checkout_url"] = row.checkout_url
    return body


def _cart_line(number: int, line: Mapping[str, Any], currency: str) -> Body:
    product_id, variant_id = product_key(line)
    units = int(line["quantity"]) if line["quantity"] == int(line["quantity"]) else 1
    return {
        "id": str(number),
        "product_id": product_id,
        "product_variant_id": variant_id,
        "quantity": units,
        "price": money(round(Decimal(line.get("total_minor", 0)) / units), currency),
    }


def _title(text: str) -> str:
    return text.strip()[:_TITLE] or "-"


def _is_address(link: str | None) -> bool:
    return link is not None and urlsplit(link).scheme in ("http", "https")


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")
