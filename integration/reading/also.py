"""What others bought as well: of one person, of the shop, and why there is nothing for the rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from integration.goods import Goods, Shelf
from integration.tables import PersonProfile, Product
from segmentation.picks.also import AlsoBought

#: Pairs of products that the page shows.
_PAIRS = 10


@dataclass(frozen=True)
class Beside:
    """A product that others bought, and what they bought it with."""

    goods: Goods
    after: str
    #: People who bought it, of those who bought the other.
    people: int
    of: int


@dataclass(frozen=True)
class Pair:
    """Two products that go together, with the evidence."""

    after: str
    then: str
    people: int
    of: int
    lift: float
    low: float
    high: float


@dataclass(frozen=True)
class Coverage:
    """For how many consumers there is something, and why not for the rest."""

    people: int
    shown: int
    #: Too few bought what they bought last; nothing is left that they lack and can have.
    few: int
    left: int

    @property
    def share(self) -> float:
        """Share of people with something to show."""
        return self.shown / self.people if self.people else 0.0


def block(session: Session, figures: PersonProfile | None) -> tuple[list[Beside], str]:
    """Return what is shown to a person, best first, and why nothing is; see `also_bought`."""
    found = figures.also if figures else {}
    rows = found.get("shown", [])
    shelf = Shelf(session, {row["product_id"] for row in rows})
    titles = _titles(session, {row["after"] for row in rows})
    shown = [
        Beside(goods, titles[row["after"]], row["people"], row["of"])
        for row in rows
        for goods in shelf.shown([row])
        if row["after"] in titles
    ]
    return shown, "" if shown else found.get("why", "") or ("left" if rows else "")


def coverage(session: Session) -> Coverage:
    """Count consumers by what was computed for them; those of an older version are not there."""
    why = col(PersonProfile.also)["why"].as_string()
    rows = session.exec(
        select(why, func.count())
        .where(col(PersonProfile.is_wholesale).is_(False), why.is_not(None))
        .group_by(why)
    )
    counts = dict(rows.all())
    few, left = counts.get("few", 0), counts.get("left", 0)
    return Coverage(sum(counts.values()), counts.get("", 0), few, left)


def pairs(session: Session, model: AlsoBought) -> list[Pair]:
    """Return the pairs that most people bought, by titles; not those whose products are gone."""
    best = model.rules_.sort_values(
        ["people", "after", "product_id"], ascending=[False, True, True]
    )
    best = best.head(_PAIRS)
    titles = _titles(session, {*best["after"].tolist(), *best["product_id"].tolist()})
    return [
        Pair(titles[after], titles[then], people, of, lift, low, high)
        for after, then, people, of, lift, low, high in best.itertuples(index=False)
        if after in titles and then in titles
    ]


def _titles(session: Session, products: Collection[int]) -> dict[int, str]:
    query = select(Product.id, Product.title).where(col(Product.id).in_(products))
    return {key: title for key, title in session.exec(query) if key is not None}
