"""Products and their variants to tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, delete

from connectors.records import Product
from integration.db import upsert
from integration.store.common import changed, content_hash, known, minor, parts
from integration.tables import Product as ProductRow
from integration.tables import Variant


def write_products(session: Session, shop_id: int, products: Sequence[Product]) -> int:
    """Store products; return how many changed."""
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
