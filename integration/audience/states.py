"""What Mailchimp says of members becomes rows: their state, their address, statements of consent.

One function for everything that reads members, so that a webhook, the nightly pull and a plan leave
the same rows behind. What is older than what stands here already changes nothing, so it does not
matter in which order answers come.

What Mailchimp says about permission is one-sided. An unsubscribe is the person's word and becomes
a denial in the ledger, once, at the moment it is first seen to have happened. A bounce ("cleaned")
is a fact about an address, not a wish, and is recorded as unknown. Being subscribed is no opt-in:
nobody knows here who put the address there. Only somebody who left and then opted in again at
Mailchimp, by a moment that is newer than his leaving, has said so himself; not whom we just added,
for that moment is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, or_, select, update

from connectors.records import ConsentState
from integration.audience import evidence, moves
from integration.audience.difference import CONTACT
from integration.db import add_new, upsert
from integration.mailchimp.answers import MemberInfo
from integration.mailchimp.client import subscriber_hash
from integration.privacy.erased import erased_among
from integration.privacy.welcome import welcome
from integration.store.common import parts
from integration.tables import Audience, Consent, Member, Plan, PlanChange, PushedValue
from integration.writeback import candidates as writeback

GONE = "gone"
#: Mailchimp erased the address and does not take it back: only its own form does.
FORGOTTEN = "forgotten"
_LEDGER = {"unsubscribed": ConsentState.DENIED, "cleaned": ConsentState.UNKNOWN}


def apply(
    session: Session,
    audience: Audience,
    found: Iterable[MemberInfo],
    received_at: datetime,
    *,
    whole: bool = False,
    left: Collection[str] = (),
) -> None:
    """Store what was read of members, and what it says about permission and addresses.

    `left` are addresses of which Mailchimp told just now that they unsubscribed.

    With `whole` everybody was read from `received_at` on, and what was read counts though we hold
    something newer: that is how rows that went wrong come right again. Only what happened while we
    read is left, as it came by a webhook.
    """
    assert audience.id is not None
    since = received_at if whole else None
    by_address = {info.email_key: info for info in found}
    welcome(session, audience, by_address, received_at)
    erased = erased_among(session, by_address)
    infos = [info for email_key, info in by_address.items() if email_key not in erased]
    moved = _moved(session, audience.id, infos, since)
    moves.move_all(session, audience.id, moved, received_at)
    for part in parts(infos):
        _apply(session, audience, part, moved, received_at, since, left)


def _moved(
    session: Session, audience_id: int, infos: Collection[MemberInfo], since: datetime | None
) -> dict[str, str]:
    """Return the contacts that have another address than here: new address to old.

    Of everybody that was read, before anything is moved: one may have got another's old address.
    """
    moved: dict[str, str] = {}
    for part in parts([info for info in infos if info.contact_id]):
        known = {row.contact_id: row for row in _known(session, audience_id, part).values()}
        for info in part:
            row = known.get(info.contact_id)
            if row and row.email_key != info.email_key and not _is_older(info, {}, known, since):
                moved[info.email_key] = row.email_key
    return moved


def _apply(
    session: Session,
    audience: Audience,
    infos: list[MemberInfo],
    moved: Mapping[str, str],
    received_at: datetime,
    since: datetime | None,
    left: Collection[str],
) -> None:
    known = _known(session, audience.id or 0, infos)
    by_contact = {row.contact_id: row for row in known.values() if row.contact_id}
    news = [info for info in infos if not _is_older(info, known, by_contact, since)]
    _record_statements(session, audience, known, moved, news, received_at, left)
    rows = [
        {
            "audience_id": audience.id,
            "email_key": info.email_key,
            "status": info.status,
            "language": info.language,
            "changed_at": info.changed_at,
            "contact_id": info.contact_id,
        }
        for info in news
    ]
    upsert(session, Member, rows, key=("audience_id", "email_key"))


def _known(session: Session, audience_id: int, infos: Collection[MemberInfo]) -> dict[str, Member]:
    """Return our rows of these addresses and contacts, by address."""
    query = select(Member).where(
        Member.audience_id == audience_id,
        or_(
            col(Member.email_key).in_([info.email_key for info in infos]),
            col(Member.contact_id).in_([info.contact_id for info in infos if info.contact_id]),
        ),
    )
    found = list(session.exec(query))
    for row in found:
        session.expunge(row)
    return {row.email_key: row for row in found}


def _is_older(
    info: MemberInfo,
    by_email: Mapping[str, Member],
    by_contact: Mapping[str, Member],
    since: datetime | None,
) -> bool:
    """Whether we know something newer: an answer that was on its way while another was stored.

    With `since` only what happened from then on is newer.
    """
    held = by_contact.get(info.contact_id) or by_email.get(info.email_key)
    if held is None or held.changed_at is None or info.changed_at is None:
        return False
    return info.changed_at < held.changed_at and (since is None or held.changed_at >= since)


def mark_gone(session: Session, audience_id: int, email_keys: Iterable[str]) -> None:
    """Note that addresses are not in the audience any more; nothing of ours is there either."""
    for part in parts(sorted(email_keys)):
        session.exec(
            update(Member)
            .where(col(Member.audience_id) == audience_id, col(Member.email_key).in_(part))
            .values(status=GONE)
        )
        session.exec(
            delete(PushedValue).where(
                col(PushedValue.audience_id) == audience_id, col(PushedValue.email_key).in_(part)
            )
        )


# -- the ledger ------------------------------------------------------------------------------------


def _record_statements(
    session: Session,
    audience: Audience,
    known: Mapping[str, Member],
    moved: Mapping[str, str],
    found: Collection[MemberInfo],
    received_at: datetime,
    left: Collection[str],
) -> None:
    """Add a row for each statement that was not heard before; `moved` is new address to old.

    Only a change counts: our own writes move `last_changed` of somebody who left long ago.
    """
    changed = [
        info
        for info in found
        if info.email_key in moved
        or info.email_key not in known
        or known[info.email_key].status != info.status
    ]
    said = _said(session, [info.email_key for info in changed])
    before = _said(session, [moved[info.email_key] for info in changed if info.email_key in moved])
    added = _on_their_way(session, audience, [info.email_key for info in changed])
    statements = [
        statement
        for info in changed
        if not (info.email_key in added and info.status == "subscribed")
        and (
            statement := _statement(
                audience,
                info,
                [
                    *said.get(info.email_key, ()),
                    *before.get(moved.get(info.email_key, ""), ()),
                ],
                received_at,
                was=known[info.email_key].status if info.email_key in known else "",
                is_told=info.email_key in left,
            )
        )
    ]
    _add(session, statements, received_at)


def note_left(
    session: Session, audience: Audience, email_key: str, at: datetime, received_at: datetime
) -> None:
    """Record that somebody left of whom nothing more can be read, unless it is known."""
    if erased_among(session, [email_key]):
        return
    said = _said(session, [email_key]).get(email_key, [])
    if any(row.state == ConsentState.DENIED and row.at and row.at >= at for row in said):
        return
    info = MemberInfo(email_key=email_key, status="unsubscribed", changed_at=at)
    row = _statement(audience, info, said, received_at, was="", is_told=True)
    assert row is not None
    _add(session, [row], received_at)


def _add(session: Session, statements: list[dict[str, Any]], received_at: datetime) -> None:
    """Write statements into the ledger, and down which shops are to be told of them."""
    # What was heard before, or is being written by a reading of the same moment, stands once.
    add_new(session, Consent, statements)
    if statements:
        writeback.note(session, received_at)


def _said(session: Session, email_keys: Collection[str]) -> dict[str, list[Consent]]:
    """Return what Mailchimp said about addresses before."""
    query = select(Consent).where(
        col(Consent.shop_id).is_(None),
        col(Consent.external_id).like("mailchimp:%"),
        col(Consent.email_key).in_(email_keys),
    )
    found: dict[str, list[Consent]] = {}
    for row in session.exec(query):
        found.setdefault(row.email_key or "", []).append(row)
    return found


def _on_their_way(
    session: Session, audience: Audience, email_keys: Collection[str]
) -> Collection[str]:
    """Return those of these addresses that we are adding: their opt-in there is our call."""
    query = (
        select(PlanChange.email_key)
        .join(Plan, col(Plan.id) == col(PlanChange.plan_id))
        .where(
            Plan.audience_id == audience.id,
            PlanChange.kind == CONTACT,
            PlanChange.status == "sent",
            col(PlanChange.email_key).in_(email_keys),
        )
    )
    return set(session.exec(query))


def _statement(
    audience: Audience,
    info: MemberInfo,
    said: Collection[Consent],
    received_at: datetime,
    *,
    was: str,
    is_told: bool,
) -> dict[str, Any] | None:
    """Return the row that a member's state adds to the ledger, None when it says nothing.

    `was` is the state that we held until now, and `is_told` says that Mailchimp told of the change.
    """
    state, at = _LEDGER.get(info.status), info.changed_at
    known = evidence.of_leaving(info, was, is_told=is_told)
    if state is None:
        if not _came_back(info, said):
            return None
        state, at = ConsentState.CONFIRMED, info.opted_at
        known = evidence.of_return(audience, was, said)
    moment = at.isoformat() if at else ""
    return {
        "account_id": audience.account_id,
        "external_id": f"mailchimp:{subscriber_hash(info.email_key)}:{info.status}:{moment}",
        "email_key": info.email_key,
        "channel": "email",
        "state": state.value,
        "at": at,
        "source": f"mailchimp: {info.status}",
        "evidence": known if state is not ConsentState.UNKNOWN else None,
        "received_at": received_at,
    }


def _came_back(info: MemberInfo, said: Collection[Consent]) -> bool:
    """Whether somebody who unsubscribed here opted in again since, through a form or a mail."""
    left = [row.at for row in said if row.state == ConsentState.DENIED]
    if info.status != "subscribed" or info.opted_at is None or not left:
        return False
    return all(at is not None and info.opted_at > at for at in left)
