"""A shop that removed us: nothing more is asked of it, and what was read stays until it is told."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from integration.sources import forget_access
from integration.tables import ImportRun, Shop


def leave(session: Session, shop: Shop, now: datetime) -> None:
    """Disconnect a shop and end its readings; whatever waits finds that, and does nothing."""
    shop.disconnected_at = now
    forget_access(session, shop)
    runs = session.exec(
        select(ImportRun).where(ImportRun.shop_id == shop.id, ImportRun.status == "running")
    ).all()
    for run in runs:
        run.status, run.finished_at = "failed", now
        run.error = "the shop removed Stipt"
