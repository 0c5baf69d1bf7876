"""What products are called and where they are shown, of those that can still be bought.

Figures are of last night; what sold out or was taken off since is looked up when a plan is made, so
that nobody is sent after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, true
from sqlmodel import Session, col, or_, select

from integration.tables import Product, Variant


class Goods(NamedTuple):
    """A product as a mail can show it."""

    #: With the size, where it is one.
    title: str
    url: str
    #: Address of its picture.
    image: str


def in_stock() -> ColumnElement[bool]:
    """Tell which variants are not known to be sold out."""
    return or_(col(Variant.inventory_quantity).is_(None), col(Variant.inventory_quantity) > 0)


class Shelf:
    """What one account can sell at this moment; of `only` these products where they are few."""

    def __init__(self, session: Session, only: Collection[int] | None = None) -> None:
        products = session.exec(
            select(Product.id, Product.title, Product.url, Product.image_url).where(
                Product.status == "active", _among(col(Product.id), only)
            )
        )
        self._products = {
            key: Goods(title, url or "", image or "") for key, title, url, image in products
        }
        listed = _among(col(Variant.product_id), only)
        variants = session.exec(
            select(Variant.id, Variant.product_id, Variant.size).where(in_stock(), listed)
        ).all()
        self._sizes = {key: size or "" for key, _, size in variants}
        sold = set(session.exec(select(Variant.product_id).where(listed).distinct()))
        self._sold_out = sold - {product_id for _, product_id, _ in variants}

    def shown(self, offers: Iterable[Mapping[str, Any]]) -> list[Goods]:
        """Return those of `offers` that can be bought, best first and each title once.

        Web shop and till both list what both sell: of those the one that has a page is shown.
        """
        by_title: dict[str, Goods] = {}
        for goods in filter(None, map(self._find, offers)):
            known = by_title.get(goods.title)
            by_title[goods.title] = known if known and known.url else goods
        return list(by_title.values())

    def _find(self, offer: Mapping[str, Any]) -> Goods | None:
        goods = self._products.get(offer["product_id"])
        variant = offer.get("variant_id")
        if goods is None or offer["product_id"] in self._sold_out:
            return None
        if variant is None:
            return goods
        if variant not in self._sizes:
            return None
        return goods._replace(title=f"{goods.title} {self._sizes[variant]}".rstrip())


def _among(column: Any, only: Collection[int] | None) -> ColumnElement[bool]:
    among: ColumnElement[bool] = true() if only is None else column.in_(only)
    return among
