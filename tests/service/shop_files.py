"""Exports as shops write them, for tests that read files: in our own formats (docs/import.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.records import ConsentEvent, ConsentState, Customer, Order, Product

_SHOP_ZONE = ZoneInfo("Europe/Amsterdam")
_STATES = {ConsentState.CONFIRMED: "subscribed", ConsentState.DENIED: "unsubscribed"}


def write_receipts(path: Path, orders: Iterable[Order]) -> None:
    """Write orders as receipt lines."""
    columns = (
        "receipt_id", "line_no", "customer_id", "card_no", "email", "purchased_at", "channel",
        "store", "product_id", "sku", "product_name", "category", "brand", "gender_target",
        "colour", "size", "quantity", "gross_amount", "tax_amount", "discount_amount",
        "discount_code", "currency", "is_subscription",
    )  # fmt: skip
    _write(path, columns, (row for order in orders for row in _receipt(order)))


def _receipt(order: Order) -> Iterator[Sequence[Any]]:
    moment = order.placed_at.astimezone(_SHOP_ZONE).isoformat()
    codes = ", ".join(discount.code for discount in order.discounts)
    for line in order.lines:
        category = " > ".join(line.category_path) or line.product_type
        yield (
            order.id, line.id, order.customer_id, order.card_no, order.email, moment,
            order.channel, order.store, line.product_id, line.sku, line.title, category,
            line.brand, line.gender_target, line.colour, line.size, line.quantity, line.total,
            line.tax, line.discount, codes, order.currency, "yes" if line.is_subscription else "",
        )  # fmt: skip


def write_customers(
    path: Path, customers: Iterable[Customer], said: Mapping[str, ConsentEvent]
) -> None:
    """Write customers, each with what he said last about mail, by his id."""
    columns = (
        "customer_id", "card_no", "email", "first_name", "middle_name", "last_name", "phone",
        "birth_date", "gender", "company", "role", "is_business", "postcode", "city", "country",
        "language", "created_at", "tags", "consent_email", "consent_at", "consent_source",
    )  # fmt: skip
    _write(path, columns, (_customer(one, said.get(one.id)) for one in customers))


def _customer(one: Customer, said: ConsentEvent | None) -> Sequence[Any]:
    created = one.created_at.isoformat() if one.created_at else None
    told = (_STATES[said.state], said.at and said.at.isoformat(), said.source) if said else ()
    return (
        one.id, one.card_no, one.email, one.first_name, one.middle_name, one.last_name, one.phone,
        one.birth_date, one.gender, one.company, one.role, "yes" if one.is_business else "",
        one.postcode, one.city, one.country, one.language, created, ", ".join(one.tags), *told,
    )  # fmt: skip


def write_products(path: Path, products: Iterable[Product]) -> None:
    """Write the catalogue, a row a variant."""
    columns = (
        "product_id", "sku", "name", "category_path", "brand", "gender_target", "tags",
        "url", "image_url", "status", "colour", "size", "price", "stock", "replacement_days",
    )  # fmt: skip
    _write(path, columns, (row for product in products for row in _variants(product)))


def _variants(product: Product) -> Iterator[Sequence[Any]]:
    path = " > ".join(product.category_path) or product.product_type
    head = (product.title, path, product.brand, product.gender_target)
    more = (", ".join(product.tags), product.url, product.image_url, product.status)
    for one in product.variants or (None,):
        its = (
            (None, None, product.price, None)
            if one is None
            else (one.colour, one.size, one.price, one.inventory_quantity)
        )
        sku = product.sku if one is None else one.sku
        yield (product.id, sku, *head, *more, *its, product.replacement_days)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
