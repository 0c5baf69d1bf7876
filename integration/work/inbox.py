"""Webhooks: kept as they came, once, and the work of applying them.

Mailchimp's are few, and each has work of its own, written with it. A shop's come in bursts that
are about one record mostly: they wait in the inbox, and one piece of work takes all that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete

from integration.context import Context, utc_now
from integration.db import unscoped
from integration.tables import Audience, Inbox, Work
from integration.work.queue import defer

_INBOX: Table = Inbox.__table__  # type: ignore[attr-defined]  # SQLModel adds it to tables
_WORK: Table = Work.__table__  # type: ignore[attr-defined]  # likewise

#: The work of applying a shop's webhooks.
KIND = "apply_event"
#: Work that was given up is not asked for again before this: it would end in the same way.
_REST = timedelta(hours=1)
#: Longer than a platform sends one again.
_KEPT = timedelta(days=7)


def keep(
    session: Session,
    audience: Audience,
    topic: str,
    dedupe_key: str,
    headers: Mapping[str, str],
    body: bytes,
) -> int | None:
    """Keep a webhook about an audience and the work of applying it, in the caller's transaction.

    Returns the work's id, None for a delivery that is here already (platforms deliver twice): it
    needs an acknowledgement and nothing else. `headers` must be those that matter, without
    credentials.
    """
    assert audience.id is not None
    owner = {"account_id": audience.account_id, "audience_id": audience.id}
    inbox_id = _keep(session, owner, topic, dedupe_key, headers, body)
    if inbox_id is None:
        return None
    work = defer(
        session,
        account_id=audience.account_id,
        kind="mailchimp_event",
        lane=f"account:{audience.account_id}:incoming",
        payload={"inbox_id": inbox_id},
    )
    return work.id


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook of a shop as it came; `headers` are those that matter, without credentials."""

    topic: str
    dedupe_key: str
    headers: Mapping[str, str]
    body: bytes


def keep_of_shop(session: Session, account_id: int, shop_id: int, message: Message) -> bool:
    """Keep a shop's webhook in the caller's transaction; False when it is here already.

    Call `ask` after the commit. Nothing is lost without it: see `ask_for_waiting`.
    """
    owner = {"account_id": account_id, "shop_id": shop_id}
    told = (message.topic, message.dedupe_key, message.headers, message.body)
    return _keep(session, owner, *told) is not None


def _keep(
    session: Session,
    owner: Mapping[str, int],
    topic: str,
    dedupe_key: str,
    headers: Mapping[str, str],
    body: bytes,
) -> int | None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    column = "shop_id" if "shop_id" in owner else "audience_id"
    statement = (
        insert(_INBOX)
        .values(
            topic=topic,
            dedupe_key=dedupe_key,
            headers=dict(headers),
            body=body,
            received_at=utc_now(),
            **owner,
        )
        # Not a look before the insert: two copies may arrive at the same moment.
        .on_conflict_do_nothing(index_elements=[column, "dedupe_key"])
        .returning(_INBOX.c.id)
    )
    found: int | None = session.connection().execute(statement).scalar_one_or_none()
    return found


def ask(session: Session, account_id: int, shop_id: int, now: datetime) -> int | None:
    """Write down that a shop's waiting webhooks are to be applied; None when that is so already.

    Belongs after the commit that kept them: work that is still queued then begins after it, and
    will see them. Work that runs may have looked before.
    """
    given = {"lane": _lane(shop_id), "given_up": now - _REST}
    if session.connection().execute(_IS_ASKED, given).first() is not None:
        return None
    work = defer(
        session,
        account_id=account_id,
        kind=KIND,
        lane=_lane(shop_id),
        payload={"shop_id": shop_id},
    )
    return work.id


def ask_for_waiting(context: Context) -> None:
    """Ask for the shops whose webhooks wait and whose work a kill or an end of ours prevented."""
    waiting = (
        select(_INBOX.c.account_id, _INBOX.c.shop_id)
        .where(_INBOX.c.shop_id.is_not(None), _INBOX.c.applied_at.is_(None))
        .distinct()
    )
    with unscoped(context.engine) as session:
        found = session.connection().execute(waiting).all()
    for account_id, shop_id in found:
        with unscoped(context.engine) as session:
            if not _is_running(session, shop_id):
                ask(session, account_id, shop_id, context.clock())


def forget_old(session: Session, now: datetime) -> None:
    """Drop an account's applied webhooks of shops that nobody will send again."""
    old = (col(Inbox.applied_at) < now - _KEPT, col(Inbox.shop_id).is_not(None))
    session.exec(delete(Inbox).where(*old))


def _lane(shop_id: int) -> str:
    return f"shop:{shop_id}:events"


def _is_running(session: Session, shop_id: int) -> bool:
    running = exists().where(_WORK.c.lane == _lane(shop_id), _WORK.c.status == "running")
    return bool(session.connection().execute(select(running)).scalar_one())


def _asked() -> ColumnElement[bool]:
    moment: Any = bindparam("given_up", type_=_WORK.c.finished_at.type)
    return and_(
        _WORK.c.lane == bindparam("lane"),
        or_(
            _WORK.c.status.in_(("queued", "resting")),
            and_(_WORK.c.status == "dead", _WORK.c.finished_at > moment),
        ),
    )


#: Put together once: it is asked for each webhook.
_IS_ASKED = select(_WORK.c.id).where(_asked()).limit(1)
