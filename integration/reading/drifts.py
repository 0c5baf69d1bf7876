"""What the nightly comparison of each shop found and put right."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from integration.shops.check import STILL, Drift, last
from integration.tables import Shop


def reports(session: Session) -> list[tuple[str, Drift | None]]:
    """Return each shop that is compared, and what its last night found; None before the first."""
    compared = select(Shop).where(
        col(Shop.disconnected_at).is_(None), col(Shop.platform).not_in(STILL)
    )
    return [(shop.name, last(shop)) for shop in session.exec(compared.order_by(col(Shop.id)))]


def left(session: Session) -> list[tuple[str, datetime]]:
    """Return each shop that is not compared any more, as it removed us, and since when."""
    gone = select(Shop).where(col(Shop.disconnected_at).is_not(None)).order_by(col(Shop.id))
    return [
        (shop.name, shop.disconnected_at) for shop in session.exec(gone) if shop.disconnected_at
    ]
