"""Contacts that we hold and did not come across: looked for by their id before they are let go.

Two things hide a contact that is there. A page boundary moves while others change and skips him; or
the address under which we hold him is another's by now, and nothing was told yet of where he went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from integration.audience.states import FORGOTTEN, GONE
from integration.context import Context
from integration.db import scoped
from integration.mailchimp.answers import MemberInfo
from integration.mailchimp.client import Mailchimp
from integration.store.common import parts
from integration.tables import Audience, Member

#: So many are looked for one by one; where more are missing, everybody is read once more.
HANDFUL = 10


def complete(
    context: Context,
    audience: Audience,
    mailchimp: Mailchimp,
    read: Iterable[MemberInfo],
    everybody_since: datetime | None = None,
) -> list[MemberInfo]:
    """Return what was read, and the contacts that it should have held or that had to make room.

    Parameters
    ----------
    everybody_since
        When the reading began, if it was of everybody.

    Raises
    ------
    MailchimpError
    """
    seen = _Seen(read)
    looked_for: set[int] = set()
    while True:
        with scoped(context.engine, audience.account_id) as session:
            rows = _displaced(session, audience, seen)
            if everybody_since is not None:
                rows += _unread(session, audience, seen, everybody_since)
            lost = {row.id or 0: (row.contact_id, row.email_key) for row in rows}
        lost = {row_id: who for row_id, who in lost.items() if row_id not in looked_for}
        if not lost:
            return list(seen.by_address.values())
        looked_for |= lost.keys()
        is_few = len(lost) <= HANDFUL
        seen.add(_one_by_one(mailchimp, lost.values()) if is_few else mailchimp.members())


class _Seen:
    """What was read: a contact once, and an address once; what was read last counts.

    One that changes while we page comes twice, perhaps with two addresses, and two contacts may
    come with the same one.
    """

    def __init__(self, read: Iterable[MemberInfo]) -> None:
        self.by_address: dict[str, MemberInfo] = {}
        self._addresses: dict[str, str] = {}
        self.add(read)

    def add(self, read: Iterable[MemberInfo]) -> None:
        """Take up what was read by now."""
        for info in read:
            before = self._addresses.get(info.contact_id)
            if before is not None and self.by_address[before].contact_id == info.contact_id:
                del self.by_address[before]
            self.by_address[info.email_key] = info
            if info.contact_id:
                self._addresses[info.contact_id] = info.email_key

    def has(self, contact_id: str) -> bool:
        """Whether we know where a contact is."""
        address = self._addresses.get(contact_id)
        return address is not None and self.by_address[address].contact_id == contact_id


def _one_by_one(mailchimp: Mailchimp, lost: Iterable[tuple[str, str]]) -> Iterator[MemberInfo]:
    for contact_id, email_key in lost:
        info = mailchimp.contact(contact_id) if contact_id else mailchimp.member(email_key)
        if info is not None:
            yield info


def _displaced(session: Session, audience: Audience, seen: _Seen) -> list[Member]:
    """Our rows of contacts at whose address another one was read, while they were not."""
    found: list[Member] = []
    for part in parts(seen.by_address):
        query = _held(audience).where(col(Member.email_key).in_(part), Member.contact_id != "")
        found += [
            row
            for row in session.exec(query)
            if seen.by_address[row.email_key].contact_id and not seen.has(row.contact_id)
        ]
    return found


def _unread(session: Session, audience: Audience, seen: _Seen, began: datetime) -> list[Member]:
    """Our rows of contacts that were not among everybody."""
    # Not who came while we read: a webhook told of them.
    query = _held(audience).where(
        or_(col(Member.changed_at).is_(None), col(Member.changed_at) < began)
    )
    return [
        row
        for row in session.exec(query)
        if row.email_key not in seen.by_address and not seen.has(row.contact_id)
    ]


def _held(audience: Audience) -> SelectOfScalar[Member]:
    return select(Member).where(
        Member.audience_id == audience.id, col(Member.status).not_in((GONE, FORGOTTEN))
    )
