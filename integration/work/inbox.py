"""Webhooks: kept as they came, once, together with the work they mean."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from integration.context import utc_now
from integration.tables import Audience, Inbox, Shop
from integration.work.queue import defer


def keep(
    session: Session,
    owner: Shop | Audience,
    topic: str,
    dedupe_key: str,
    headers: Mapping[str, str],
    body: bytes,
) -> int | None:
    """Keep a webhook and the work of applying it in the caller's transaction.

    It is about a shop, or Mailchimp's about an audience; each has a kind and a lane of its own.

    Returns the work's id, None for a delivery that is here already (platforms deliver twice): it
    needs an acknowledgement and nothing else. `headers` must be those that matter, without
    credentials.
    """
    assert owner.id is not None
    column, kind, lane = (
        ("shop_id", "apply_event", "import")
        if isinstance(owner, Shop)
        else ("audience_id", "mailchimp_event", "incoming")
    )
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(Inbox)
        .values(
            account_id=owner.account_id,
            topic=topic,
            dedupe_key=dedupe_key,
            headers=dict(headers),
            body=body,
            received_at=utc_now(),
            **{column: owner.id},
        )
        # Not a look before the insert: two copies may arrive at the same moment.
        .on_conflict_do_nothing(index_elements=[column, "dedupe_key"])
        .returning(Inbox.__table__.c.id)  # type: ignore[attr-defined]  # SQLModel adds it to tables
    )
    inbox_id = session.connection().execute(statement).scalar_one_or_none()
    if inbox_id is None:
        return None
    work = defer(
        session,
        account_id=owner.account_id,
        kind=kind,
        lane=f"account:{owner.account_id}:{lane}",
        payload={"inbox_id": inbox_id},
    )
    return work.id
