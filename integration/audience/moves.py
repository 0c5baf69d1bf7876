"""A contact got another address: rows of ours move along, and the person stays the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, select, update

from integration import identity
from integration.mailchimp.client import subscriber_hash
from integration.tables import Identity, Member, Plan, PlanChange, PushedValue, SourceProfile

#: Where a contact stands while the address it gets is still another's; no address looks like it.
_ASIDE = "moving aside"


def move_all(session: Session, audience_id: int, moved: Mapping[str, str], now: datetime) -> None:
    """Carry contacts over, new address to old, where one may get another's old address.

    Such an address makes nobody recognised by it: it was somebody else's until now.
    """
    left = dict(moved)
    while left:
        olds = set(left.values())
        free = next((new for new in left if new not in olds), None)
        if free is None:  # in a circle: one has to make room
            new, old = next(iter(left.items()))
            _carry(session, audience_id, old, _ASIDE)
            left[new] = _ASIDE
        else:
            _carry(session, audience_id, left.pop(free), free)
    for new, old in moved.items():
        if new not in moved.values():
            _recognise(session, old, new, now)


def _carry(session: Session, audience_id: int, old: str, new: str) -> None:
    """Change the address of a contact's rows.

    Row of the member, mirror, and changes of plans (so that they are settled and undone under the
    new address). What stood under the new address before is left over from a contact that is not
    there any more: Mailchimp has an address once.
    """
    for table in (Member, PushedValue):
        left_over = (col(table.audience_id) == audience_id) & (col(table.email_key) == new)
        session.exec(delete(table).where(left_over))
        session.exec(
            update(table)
            .where(col(table.audience_id) == audience_id, col(table.email_key) == old)
            .values(email_key=new)
        )
    _move_changes(session, audience_id, old, new)


def _move_changes(session: Session, audience_id: int, old: str, new: str) -> None:
    plans = select(Plan.id).where(Plan.audience_id == audience_id)
    other = aliased(PlanChange)
    is_taken = (
        select(other.id)
        .where(
            other.plan_id == col(PlanChange.plan_id),
            other.email_key == new,
            other.kind == col(PlanChange.kind),
            other.key == col(PlanChange.key),
        )
        .exists()
    )
    session.exec(
        update(PlanChange)
        .where(col(PlanChange.plan_id).in_(plans), col(PlanChange.email_key) == old, ~is_taken)
        .values(email_key=new)
        .execution_options(synchronize_session=False)
    )


def _recognise(session: Session, old: str, new: str, now: datetime) -> None:
    """Have the person of the old address recognised by the new one too.

    Not where the new one is somebody else's: it would make one person of the two, and nobody told
    us that they are.

    By a profile of its own: what a source tells about its customers replaces what it told before,
    and this was told by Mailchimp.
    """
    holders = _holders(session, old)
    people = {profile.person_id for profile in holders}
    if len(people) != 1:
        return  # nobody of ours, or nobody knows which of several
    if {profile.person_id for profile in _holders(session, new)} - people:
        return
    first = holders[0]
    external_id = f"mailchimp:{subscriber_hash(old)}:{subscriber_hash(new)}"
    known = select(SourceProfile).where(
        SourceProfile.shop_id == first.shop_id, SourceProfile.external_id == external_id
    )
    if session.exec(known).first() is not None:
        return
    profile = SourceProfile(
        account_id=first.account_id,
        shop_id=first.shop_id,
        external_id=external_id,
        person_id=first.person_id,
        email=new,
        first_name=first.first_name,
    )
    session.add(profile)
    session.flush()
    assert profile.id is not None
    for value in (old, new):
        session.add(
            Identity(account_id=first.account_id, profile_id=profile.id, kind="email", value=value)
        )
    session.flush()
    identity.link(session, [profile.id], now)


def _holders(session: Session, email_key: str) -> Sequence[SourceProfile]:
    return session.exec(
        select(SourceProfile)
        .join(Identity, col(Identity.profile_id) == col(SourceProfile.id))
        .where(Identity.kind == "email", Identity.value == email_key)
        .order_by(col(SourceProfile.id))
    ).all()
