"""How long things last here: learned, assumed or stated, and what could not be placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from integration.reading.names import Words
from integration.tables import Choice, DueDate, Product
from segmentation.fitted import AccountFit

#: Mean length of a month in days.
MONTH_DAYS = 30.4375
_UNPLACED = 60


@dataclass(frozen=True)
class Life:
    """One row of the table of product lives."""

    need: str
    name: str
    days: float
    basis: str
    gaps: int
    #: What the merchant said, in whole months; None when nothing.
    stated_months: int | None
    people: int
    #: Days that one holds and how many are in use, for goods owned in several pieces.
    lasts_days: float | None
    owned: float | None

    @property
    def months(self) -> float:
        """The life in months."""
        return self.days / MONTH_DAYS


def lives(session: Session, words: Words, fit: AccountFit | None) -> list[Life]:
    """Return every need of the shop, the one with most owners first."""
    if fit is None:
        return []
    stated = {choice.subject: int(choice.value) for choice in choices(session, "life")}
    counted = select(DueDate.need, func.count()).group_by(DueDate.need)
    owners = dict(session.exec(counted).all())
    found = [
        Life(
            need=life.need,
            name=words.need(life.need),
            days=life.life_days,
            basis=life.basis,
            gaps=life.gaps,
            stated_months=round(stated[life.need] / MONTH_DAYS) if life.need in stated else None,
            people=owners.get(life.need, 0),
            lasts_days=life.lasts_days,
            owned=life.owned,
        )
        for life in fit.lives()
    ]
    return sorted(found, key=lambda life: (-life.people, life.name))


def choices(session: Session, kind: str) -> Sequence[Choice]:
    """Return what the merchant decided about one kind of thing."""
    return session.exec(select(Choice).where(Choice.kind == kind)).all()


def unplaced(session: Session, fit: AccountFit | None) -> list[Product]:
    """Return products that could not be placed and that nobody corrected yet."""
    if fit is None:
        return []
    done = {choice.subject for choice in choices(session, "need")}
    ids = [key for key in fit.placement.get("unplaced", []) if str(key) not in done]
    wanted = select(Product).where(col(Product.id).in_(ids[:_UNPLACED]))
    return list(session.exec(wanted.order_by(col(Product.title))))
