"""Products and their variants to tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, delete, select

from connectors.records import Product
from integration.db import upsert
from integration.store.common import changed, content_hash, gaps, known, minor, parts
from integration.tables import Product as ProductRow
from integration.tables import Variant

#: What a product that is only mentioned may add, the columns of one statement together.
_GAPS = (
    ("product_type", "category_path"),
    *((name,) for name in ("sku", "brand", "gender_target", "tags", "price_minor", "currency")),
)


def write_products(session: Session, shop_id: int, products: Sequence[Product]) -> int:
    """Store products; return how many changed."""
    told = _write_own(session, shop_id, [record for record in products if not record.partial])
    return told + _fill(session, shop_id, [record for record in products if record.partial])


def _write_own(session: Session, shop_id: int, products: Sequence[Product]) -> int:
    hashes = {record.id: content_hash(record) for record in products}
    news = changed(products, hashes, known(session, ProductRow, shop_id, hashes))
    upsert(
        session,
        ProductRow,
        [
            {**_columns(record), "shop_id": shop_id, "content_hash": hashes[record.id]}
            for record in news
        ],
        key=("shop_id", "external_id"),
    )
    _write_variants(session, shop_id, news)
    return len(news)


def _fill(session: Session, shop_id: int, products: Sequence[Product]) -> int:
    """Store what orders mention; a product's own record is added to, never overwritten."""
    mentioned = {record.id: _columns(record) for record in products}
    held: dict[str, ProductRow] = {}
    for part in parts(mentioned):
        rows = session.exec(
            select(ProductRow).where(
                col(ProductRow.shop_id) == shop_id, col(ProductRow.external_id).in_(part)
            )
        )
        held.update({row.external_id: row for row in rows})
    filled = 0
    for key, row in held.items():
        added = gaps(row, mentioned[key], _GAPS)
        filled += bool(added)
        for name, value in added.items():
            setattr(row, name, value)
    session.flush()
    # Without a hash: the product's own record, once it comes, differs from this.
    new = [
        {**columns, "shop_id": shop_id, "content_hash": ""}
        for key, columns in mentioned.items()
        if key not in held
    ]
    upsert(session, ProductRow, new, key=("shop_id", "external_id"))
    return filled + len(new)


def _columns(record: Product) -> dict[str, Any]:
    return {
        "external_id": record.id,
        "title": record.title,
        "sku": record.sku,
        "product_type": record.product_type or "",
        "category_path": " > ".join(record.category_path),
        "brand": record.brand or "",
        "tags": ", ".join(record.tags),
        "gender_target": record.gender_target or "",
        "price_minor": minor(record.price, record.currency or "EUR"),
        "currency": record.currency,
        "status": record.status,
        "url": record.url,
        "image_url": record.image_url,
        "replacement_days": record.replacement_days,
        "created_at": record.created_at,
        "source_updated_at": record.source_updated_at,
    }


def _write_variants(session: Session, shop_id: int, products: Sequence[Product]) -> None:
    held = known(session, ProductRow, shop_id, [record.id for record in products])
    for part in parts(row.id for row in held.values()):
        session.exec(delete(Variant).where(col(Variant.product_id).in_(part)))
    upsert(
        session,
        Variant,
        [
            {
                "product_id": held[product.id].id,
                "external_id": variant.id,
                "sku": variant.sku,
                "title": variant.title,
                "colour": variant.colour,
                "size": variant.size,
                "price_minor": minor(variant.price, product.currency or "EUR"),
                "inventory_quantity": variant.inventory_quantity,
            }
            for product in products
            for variant in product.variants
        ],
        key=("product_id", "external_id"),
    )
