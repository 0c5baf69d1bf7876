"""Which products can be bought now."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session, col, select

from integration.store.common import parts
from integration.tables import Product, Variant


def offered(session: Session, shop_id: int, keys: Iterable[str]) -> set[str]:
    """Return those of these products of a source that can be bought.

    Shown in the shop, and not sold out in every variant; stock that is not counted is there.
    """
    found: set[str] = set()
    for part in parts(set(keys)):
        query = (
            select(Product.external_id, Variant.id, Variant.inventory_quantity)
            .join(Variant, col(Variant.product_id) == col(Product.id), isouter=True)
            .where(
                col(Product.shop_id) == shop_id,
                col(Product.external_id).in_(part),
                Product.status == "active",
            )
        )
        for key, variant, stock in session.exec(query):
            if variant is None or stock is None or stock > 0:
                found.add(key)
    return found
