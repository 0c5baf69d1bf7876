"""Webhooks: kept as they came, once, and the work of applying them.

Mailchimp's are few, and each has work of its own, written with it. A shop's come in bursts that
are about one record mostly: they wait in the inbox, and one piece of work takes all that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    or_,
    select,
)
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


def keep_of_shops(
    connection: Connection,
    owners: Select[tuple[int, int]],
    given: Mapping[str, Any],
    message: Message,
) -> list[tuple[int, int]]:
    """Keep a webhook for whom `owners` finds, in the caller's transaction and in one statement.

    Parameters
    ----------
    owners
        Selects accounts and shops; made once, as what it is put together to is kept.
    given
        The values of its parameters; and "told_at", where it did not come at this moment.

    Returns
    -------
    list of tuple
        Account and shop of whom it was new to; call `ask` for these after the commit.
    """
    told = {
        "told_topic": message.topic,
        "told_key": message.dedupe_key,
        "told_headers": dict(message.headers),
        "told_body": message.body,
        "told_at": utc_now(),
    }
    statement = _keeping_for(connection.dialect.name, owners)
    return [(row[0], row[1]) for row in connection.execute(statement, {**told, **given})]


def _keep(
    session: Session,
    owner: Mapping[str, int],
    topic: str,
    dedupe_key: str,
    headers: Mapping[str, str],
    body: bytes,
) -> int | None:
    values = {
        **owner,
        "topic": topic,
        "dedupe_key": dedupe_key,
        "headers": dict(headers),
        "body": body,
        "received_at": utc_now(),
    }
    column = "shop_id" if "shop_id" in owner else "audience_id"
    statement = _keeping(session.get_bind().dialect.name, column)
    found: int | None = session.connection().execute(statement, values).scalar_one_or_none()
    return found


#: Columns of the inbox by the parameter that fills each.
_TOLD = {
    "topic": "told_topic",
    "dedupe_key": "told_key",
    "headers": "told_headers",
    "body": "told_body",
    "received_at": "told_at",
}


@lru_cache
def _keeping(dialect: str, owner: str) -> Any:
    # Not a look before the insert: two copies may arrive at the same moment.
    new = _insert(dialect).on_conflict_do_nothing(index_elements=[owner, "dedupe_key"])
    return new.returning(_INBOX.c.id)


@lru_cache
def _keeping_for(dialect: str, owners: Select[tuple[int, int]]) -> Any:
    told = [bindparam(given, type_=_INBOX.c[name].type) for name, given in _TOLD.items()]
    new = _insert(dialect).from_select(
        ["account_id", "shop_id", *_TOLD], owners.add_columns(*told), include_defaults=False
    )
    new = new.on_conflict_do_nothing(index_elements=["shop_id", "dedupe_key"])
    return new.returning(_INBOX.c.account_id, _INBOX.c.shop_id)


def _insert(dialect: str) -> Any:
    return (postgresql.insert if dialect == "postgresql" else sqlite.insert)(_INBOX)


def is_asked(connection: Connection, shop_id: int, now: datetime) -> bool:
    """Tell whether a shop's waiting webhooks are to be applied already."""
    given = {"lane": _lane(shop_id), "given_up": now - _REST}
    return connection.execute(_IS_ASKED, given).first() is not None


def ask(session: Session, account_id: int, shop_id: int, now: datetime) -> int | None:
    """Write down that a shop's waiting webhooks are to be applied; None when that is so already.

    Belongs after the commit that kept them: work that is still queued then begins after it, and
    will see them. Work that runs may have looked before.
    """
    if is_asked(session.connection(), shop_id, now):
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
