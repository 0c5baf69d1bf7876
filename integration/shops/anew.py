"""Having a shop read from its beginning again: it shows what it did not show before."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from integration.context import Context
from integration.db import scoped
from integration.pipeline import start_import
from integration.tables import ImportRun, Shop, SyncState
from integration.work.queue import Job, defer

KIND = "read_anew"


def start(session: Session, shop_id: int) -> None:
    """Write down that a shop is to be read anew, once no reading is under way any more."""
    account_id = session.info["account_id"]
    lane, payload = f"account:{account_id}:import", {"shop_id": shop_id}
    defer(session, account_id=account_id, kind=KIND, lane=lane, payload=payload)


def begin(context: Context, job: Job) -> None:
    """Begin anew with every stream of a shop."""
    with scoped(context.engine, job.account_id) as session:
        job.extend(session)
        shop = session.get(Shop, job.payload["shop_id"])
        if shop is not None and shop.disconnected_at is None:
            read_anew(session, context, shop)


def read_anew(
    session: Session, context: Context, shop: Shop, streams: Collection[str] | None = None
) -> None:
    """Forget how far a shop was read, and have it read; of `streams`, or of all.

    For work of the readings' lane: a reading under way would go on from where it is.
    """
    states = select(SyncState).where(SyncState.shop_id == shop.id)
    if streams is not None:
        states = states.where(col(SyncState.stream).in_(streams))
    for state in session.exec(states):
        state.cursor, state.complete = None, False
    waiting = select(ImportRun.id).where(
        ImportRun.shop_id == shop.id, ImportRun.status == "running"
    )
    if session.exec(waiting).first() is None:  # else one is to come, or an earlier try was killed
        start_import(session, context, shop, name=shop.name)
