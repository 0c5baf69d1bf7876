"""Shops whose history was not read to its end, and is not being read any more."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from integration import history
from integration.tables import ImportRun, Shop, ShopifyStore, Work


@dataclass(frozen=True)
class Stalled:
    """A first reading that was given up, and why."""

    shop: Shop
    run: ImportRun
    error: str | None
    #: The work that was given up; None where the shop itself refused, and the reading is over.
    work: Work | None
    #: Whether nothing goes to Mailchimp before the rest is read.
    holds_back: bool


def stalled(session: Session) -> list[Stalled]:
    """Return the connected shops that only a click has read on.

    A shop that shut us out is not among them: its page says what to do, and that reads on too.
    """
    newest = select(func.max(ImportRun.id)).group_by(col(ImportRun.shop_id))
    whole = select(ImportRun.shop_id).where(ImportRun.status == "done")
    shut_out = select(ShopifyStore.shop_id).where(ShopifyStore.stopped != "")
    query = (
        select(ImportRun, Shop)
        .join(Shop, col(Shop.id) == col(ImportRun.shop_id))
        .where(col(ImportRun.id).in_(newest), col(ImportRun.status).in_(("running", "failed")))
        .where(col(ImportRun.shop_id).not_in(whole), col(ImportRun.shop_id).not_in(shut_out))
        # A file that cannot be read is said where it was uploaded, and holds nothing up.
        .where(col(Shop.disconnected_at).is_(None), Shop.platform != "files")
        .order_by(col(Shop.id))
    )
    found = session.exec(query).all()
    dead = _dead(session) if any(run.status == "running" for run, _ in found) else {}
    holds_back = bool(found) and history.is_partial(session)
    return [
        Stalled(shop, run, work.error if work else run.error, work, holds_back)
        for run, shop in found
        if (work := dead.get(run.id or 0)) is not None or run.status == "failed"
    ]


def _dead(session: Session) -> dict[int, Work]:
    """Return the readings that were given up, by run."""
    query = select(Work).where(Work.kind == "import", Work.status == "dead")
    return {work.payload.get("run_id", 0): work for work in session.exec(query)}
