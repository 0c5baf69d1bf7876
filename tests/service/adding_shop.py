"""A shop whose merchant chose to add contacts, and people with a recorded opt-in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import select

from integration.tables import Addition, Audience, Consent, Member, SourceProfile
from tests.service.audience_shop import NOW, AudienceShop


def choose(shop: AudienceShop, **choices: Any) -> None:
    """Set what the merchant chose about the audience."""
    audience = shop.audience
    with shop.session() as session:
        stored = session.get_one(Audience, audience.id)
        for name, value in choices.items():
            setattr(stored, name, value)


def opt_in(
    shop: AudienceShop,
    email: str,
    state: str = "confirmed",
    *,
    at: datetime | None = NOW,
    source: str = "checkout",
    about: str | None = None,
    received_at: datetime | None = None,
) -> None:
    """Record that somebody opted in; `about` is the address it was given for.

    It was received when it was said, and not before NOW, unless told otherwise.
    """
    with shop.session() as session:
        session.add(
            Consent(
                account_id=shop.account_id,
                shop_id=shop.shop_id,
                external_id=f"opt-in:{email}:{state}:{at}:{source}",
                profile_id=shop.profiles.get(email),
                email_key=about or email,
                state=state,
                at=at,
                source=source,
                evidence="box ticked",
                received_at=received_at or max(NOW, at or NOW),
            )
        )


def name_person(shop: AudienceShop, email: str, **values: Any) -> None:
    """Set names or the language of somebody at the shop."""
    with shop.session() as session:
        profile = session.get_one(SourceProfile, shop.profiles[email])
        for name, value in values.items():
            setattr(profile, name, value)


def status_of(shop: AudienceShop, email: str) -> str | None:
    """The status in the audience, None for nobody."""
    with shop.sandbox.state.lock:
        found = shop.sandbox.audience.find(email)
        return found.status if found is not None else None


def member_row(shop: AudienceShop, email: str) -> str | None:
    """What we hold of an address in the audience."""
    with shop.session() as session:
        return session.exec(select(Member.status).where(Member.email_key == email)).first()


def additions(shop: AudienceShop, plan_id: int | None) -> dict[str, Addition]:
    """What a plan adds, by address."""
    with shop.session() as session:
        rows = session.exec(select(Addition).where(Addition.plan_id == plan_id)).all()
        return {row.email_key: row for row in rows}
