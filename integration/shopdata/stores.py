"""Which sources may have a store at Mailchimp, and what the merchant decided about each."""

from __future__ import annotations

from sqlmodel import Session, col, select, update

from integration.shopdata.ids import store_id
from integration.tables import Audience, Shop, ShopStore, Work
from integration.work.queue import defer

#: Kinds of work; all of them run in one lane, one after the other.
LOOK, PUSH, REMOVE = "shop_look", "shop_data", "shop_remove"


class CannotSwitch(ValueError):
    """What was asked of a store is not possible now; the text says why."""


def connected(session: Session) -> Audience | None:
    """Return the audience that is written to."""
    query = select(Audience).where(col(Audience.disconnected_at).is_(None))
    return session.exec(query.order_by(col(Audience.id).desc())).first()


def stores(
    session: Session, audience: Audience, *, keep: bool = False
) -> list[tuple[Shop, ShopStore]]:
    """Return every connected source with its store; a new source's is off, and stored to `keep`."""
    held = {
        row.shop_id: row
        for row in session.exec(select(ShopStore).where(ShopStore.audience_id == audience.id))
    }
    query = select(Shop).where(col(Shop.disconnected_at).is_(None)).order_by(col(Shop.id))
    found = []
    for shop in session.exec(query).all():
        row = held.get(shop.id or 0)
        if row is None:
            row = ShopStore(
                account_id=audience.account_id,
                audience_id=audience.id or 0,
                shop_id=shop.id or 0,
                store_id=store_id(shop.platform, shop.external_id, audience.list_id),
            )
            if keep:
                session.add(row)
                session.flush()
        found.append((shop, row))
    return found


def own_ids(session: Session, audience: Audience) -> set[str]:
    """Return the ids of our stores in an audience, also of those that are still to be made."""
    made = select(ShopStore.store_id).where(ShopStore.audience_id == audience.id)
    return {*session.exec(made), *(store.store_id for _, store in stores(session, audience))}


def switch_on(session: Session, store: ShopStore) -> None:
    """Let a source's purchases be sent from now on; what a preview showed.

    Raises
    ------
    CannotSwitch
    """
    if store.looked_at is None:
        raise CannotSwitch("look first what would be sent")
    store.is_on, store.error = True, ""
    if store.status in ("lost", "removed"):
        store.status, store.filled_at = "new", None
    start(session)


def switch_off(session: Session, store: ShopStore) -> None:
    """Send nothing more; what is at Mailchimp stays there.

    Where a run broke, or is under way, Mailchimp may still hold all automations: that is ended.
    """
    store.is_on = False
    if store.is_quiet or current_work(session) is not None:
        ask(session, PUSH)


def switch_all_off(session: Session, audience: Audience) -> None:
    """Send nothing more to an audience that is left."""
    stored = update(ShopStore).where(col(ShopStore.audience_id) == audience.id)
    session.exec(stored.values(is_on=False))


def start(session: Session) -> None:
    """Write down that what differs is to be sent, where a store is on or was left quiet."""
    audience = connected(session)
    if audience is None or audience.paused:
        return
    query = select(ShopStore.id).where(
        ShopStore.audience_id == audience.id, col(ShopStore.is_on) | col(ShopStore.is_quiet)
    )
    if session.exec(query.limit(1)).first() is not None:
        ask(session, PUSH)


def ask(session: Session, kind: str, store: int | None = None) -> None:
    """Write work of ours down, unless the same waits already."""
    payload = {} if store is None else {"store": store}
    waiting = select(Work).where(Work.kind == kind, Work.status == "queued")
    if any(row.payload == payload for row in session.exec(waiting)):
        return
    account_id = session.info["account_id"]
    lane = f"account:{account_id}:shop-data"
    defer(session, account_id=account_id, kind=kind, lane=lane, payload=payload)


def current_work(session: Session) -> Work | None:
    """Return the work about stores that runs or waits."""
    kinds = (LOOK, PUSH, REMOVE)
    query = select(Work).where(
        col(Work.kind).in_(kinds), col(Work.status).in_(("queued", "running"))
    )
    return session.exec(query.order_by(col(Work.id))).first()
