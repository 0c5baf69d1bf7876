"""The language of a contact in Mailchimp: given where it is blank, never changed where it is not.

A contact's language may be the person's own choice on a form, and nothing tells whose it was. So we
fill what is empty, change later only what we filled, and let go of it once somebody changed it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlmodel import Session, col, delete, select

from integration.audience import names
from integration.audience.difference import FIELD
from integration.audience.settled import STOPPED
from integration.store.common import parts
from integration.tables import Audience, Member, Plan, PlanChange, PushedValue, SourceProfile

#: Codes of Mailchimp that are a language of two letters (documentation, "Contact languages").
_KNOWN = frozenset(
    (
        "ar", "af", "be", "bg", "ca", "zh", "hr", "cs", "da", "nl", "en", "et", "fa", "fi", "fr",
        "el", "he", "hi", "hu", "is", "id", "ga", "it", "ja", "km", "ko", "lv", "lt", "mt", "ms",
        "mk", "no", "pl", "pt", "ro", "ru", "sr", "sk", "sl", "es", "sw", "sv", "ta", "th", "tr",
        "uk", "vi", "de",
    )
)  # fmt: skip


def code(text: str | None) -> str:
    """Return a shop's language as Mailchimp writes it; "" for one it does not know.

    Examples
    --------
    >>> code("nl_NL"), code("DE-at"), code("Klingon"), code(None)
    ('nl', 'de', '', '')
    """
    short = (text or "").replace("_", "-").partition("-")[0].strip().lower()
    return short if short in _KNOWN else ""


def of_people(session: Session, person_ids: Collection[int]) -> dict[int, str]:
    """Return the language of people who have one at a shop; the profile changed last decides."""
    found: dict[int, str] = {}
    for part in parts(sorted(set(person_ids))):
        query = (
            select(SourceProfile.person_id, SourceProfile.language)
            .where(col(SourceProfile.person_id).in_(part), col(SourceProfile.language).is_not(None))
            .order_by(col(SourceProfile.source_updated_at), col(SourceProfile.id))
        )
        for person_id, language in session.exec(query):
            if code(language):
                found[person_id] = code(language)
    return found


def wanted(session: Session, audience: Audience, people: Mapping[str, int]) -> dict[str, str]:
    """Return the language to give, by address: where there is none, or the one there is ours."""
    query = select(Member.email_key, Member.language).where(Member.audience_id == audience.id)
    held = dict(session.exec(query).all())
    ours = _given(session, audience)
    spoken = of_people(session, people.values())
    return {
        email_key: spoken[person_id]
        for email_key, person_id in people.items()
        if person_id in spoken and (not held.get(email_key) or email_key in ours)
    }


def let_go(session: Session, audience: Audience) -> None:
    """Forget the languages that somebody changed in Mailchimp since: they are not ours any more."""
    query = select(Member.email_key, Member.language).where(Member.audience_id == audience.id)
    held = dict(session.exec(query).all())
    given = _given(session, audience)
    changed = [key for key, value in given.items() if held.get(key, value) != value]
    for part in parts(changed):
        session.exec(
            delete(PushedValue).where(
                col(PushedValue.audience_id) == audience.id,
                col(PushedValue.kind) == FIELD,
                col(PushedValue.key) == names.LANGUAGE,
                col(PushedValue.email_key).in_(part),
            )
        )


def chosen_since(session: Session, audience: Audience) -> set[str]:
    """Return the addresses whose language is not one that we wrote: it is somebody's choice."""
    sent = (
        select(PlanChange.email_key, PlanChange.after)
        .join(Plan, col(Plan.id) == col(PlanChange.plan_id))
        .where(
            Plan.audience_id == audience.id,
            col(Plan.status).in_(STOPPED),
            PlanChange.kind == FIELD,
            PlanChange.key == names.LANGUAGE,
            PlanChange.status == "sent",
        )
    )
    ours = {*_given(session, audience).items(), *session.exec(sent).all()}
    query = select(Member.email_key, Member.language).where(Member.audience_id == audience.id)
    return {key for key, held in session.exec(query) if (key, held) not in ours}


def _given(session: Session, audience: Audience) -> dict[str, str]:
    query = select(PushedValue.email_key, PushedValue.value).where(
        PushedValue.audience_id == audience.id,
        PushedValue.kind == FIELD,
        PushedValue.key == names.LANGUAGE,
    )
    return dict(session.exec(query).all())
