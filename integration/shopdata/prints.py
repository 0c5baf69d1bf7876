"""Fingerprints: equal for what we would send and for the same thing as Mailchimp shows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: What counts, by kind. An order's lines have prints of their own; its customer cannot change.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "customer": ("email_address",),
    "product": ("title", "type", "vendor", "url", "image_url"),
    "variant": ("title", "sku", "price", "inventory_quantity", "visibility"),
    "order": (
        "currency_code",
        "order_total",
        "discount_total",
        "tax_total",
        "shipping_total",
        "financial_status",
        "processed_at_foreign",
        "cancelled_at_foreign",
    ),
    "line": ("product_id", "product_variant_id", "quantity", "price", "discount"),
    "cart": ("currency_code", "order_total", "checkout_url"),
    "cart line": ("product_id", "product_variant_id", "quantity", "price"),
}


def fingerprint(kind: str, body: Mapping[str, Any]) -> str:
    """Return a short text that says whether two documents of a kind mean the same.

    Examples
    --------
    >>> ours = {"id": "1", "product_id": "p", "product_variant_id": "v", "quantity": 1, "price": 5}
    >>> theirs = {**ours, "price": 5.0, "discount": 0, "product_title": "Suit"}
    >>> fingerprint("line", ours) == fingerprint("line", theirs)
    True
    """
    values = [_plain(name, body.get(name)) for name in _FIELDS[kind]]
    if kind == "cart":
        lines = {row["id"]: fingerprint("cart line", row) for row in body.get("lines") or []}
        values.append(sorted(lines.items()))
    # Only where there are any: all other orders keep the prints that they have.
    if promos := body.get("promos"):
        values.append(sorted(_promo(row) for row in promos))
    text = json.dumps(values, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


def line_prints(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprints of an order's lines by their ids."""
    return {row["id"]: fingerprint("line", row) for row in body.get("lines") or []}


def _promo(row: Mapping[str, Any]) -> list[str]:
    amount = float(row.get("amount_discounted") or 0)
    return [str(row.get("code")), str(row.get("type")), str(amount)]


def _plain(name: str, value: Any) -> Any:
    if value in (None, "", 0):
        return ""  # Mailchimp shows 0 or "" for what was never sent
    if isinstance(value, int | float):
        return float(value)
    if name.endswith("_foreign"):
        moment = datetime.fromisoformat(value)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).isoformat(timespec="seconds")
    return value.lower() if name == "email_address" else value
